"""The desk itself: builds line, broker, gateway, controller and control port, and takes them down again."""

import json
import os
import shutil
import tempfile
import threading
import time

from host_tests.fakes.car import Car
from host_tests.fakes.evse import EvseDin
from host_tests.fakes.site import METERS, ChargePoint, Site
from tools import mpy
from tools.desk import broker, process
from tools.desk.control import ControlPort
from tools.desk.controller import Controller
from tools.desk.line import FAULTS, Line, monotonic_ms
from tools.desk.settings import Trouble, busy_sentence, choose_port, gateway_config

BOARD = os.path.join(process.ROOT, "boards", "esp32_generic", "board.json")
PROGRESS_S = 1.0
_RUNTIMES = {
    "micropython": "MicroPython with as many heap blocks as an ESP32 has (%d)" % process.HEAP_BLOCKS,
    "cpython": "CPython",
}
SIMULATED_BAUD = 9600  # an EVSE-DIN knows no other


class Stopped(Exception):
    """The user wants to leave while the desk is being built."""


class Desk:
    """`start`, look at it with `state` and `do`, `stop`. `wanted` is an Event that is set when the desk shall end.

    `say` takes one line of text. `start` raises Trouble or Stopped; `stop` is harmless at any point and is always needed.
    """

    def __init__(self, options, wanted, say):
        self.options = options
        self.wanted = wanted
        self.say = say
        self.started_s = time.monotonic()
        self.config, self._needs_broker = gateway_config(options)
        self.lock = threading.RLock()
        self.site = None
        self.line = None
        self.gateway = None
        self.controller = None
        self.broker = None
        self._control = None
        self._work_dir = None

    def start(self):
        self._pause(0)
        self._work_dir = tempfile.mkdtemp(prefix="ladepunkt-desk-")
        self._start_control()
        self._start_broker()
        self._start_line()
        self._start_gateway()
        self._start_controller()
        self._control.start()
        self.started_s = time.monotonic()
        self.say("control  127.0.0.1:%d takes one JSON object per line, for example %s" % (self._control.port, '{"do":"state"}'))

    def stop(self):
        """Take everything down, in the order that lets the firmware say goodbye."""
        for part in (self._control, self.controller, self.gateway, self.line, self.broker):
            if part is not None:
                part.stop()
        if self._work_dir is not None:
            shutil.rmtree(self._work_dir, ignore_errors=True)

    @property
    def mqtt_address(self):
        return "%s:%d" % (self.config["mqtt"]["host"], self.config["mqtt"]["port"])

    def _start_control(self):
        port = self.options.control_port
        try:
            self._control = ControlPort(port, self.do)
        except OSError as error:
            raise Trouble(busy_sentence(port, "--control-port")) from error

    def _start_broker(self):
        mqtt = self.config["mqtt"]
        if not self._needs_broker:
            self.say("broker   using %s" % self.mqtt_address)
            if not broker.accepts((mqtt["host"], mqtt["port"]), limit_s=2):
                self.say("broker   nobody answers at %s yet; the gateway keeps trying. Check the address if this stays." % self.mqtt_address)
            return
        mqtt["port"] = choose_port(mqtt["port"], "--broker-port", ", or use the broker that runs there with --mqtt 127.0.0.1:%d" % mqtt["port"])
        self.broker = broker.Broker(mqtt["port"], self._work_dir, broker.find_mosquitto())
        self.broker.start()
        try:
            self._wait_for(self.broker.ready, broker.START_LIMIT_S, "broker   waiting for %s" % self.broker.name)
        except RuntimeError as error:
            raise Trouble("%s. Use another broker with --mqtt HOST:PORT." % error, status=1) from error
        hint = "" if self.broker.name == "Mosquitto" else " (Mosquitto is not installed)"
        self.say("broker   %s%s at %s; watch openWB/# there" % (self.broker.name, hint, self.mqtt_address))

    def _wait_for(self, condition, limit_s, text):
        """Poll a condition; the text is shown when it takes longer than a second. Raises Stopped or Trouble."""
        started_s = time.monotonic()
        shown = False
        while not condition():
            passed_s = time.monotonic() - started_s
            if passed_s > limit_s:
                raise Trouble("%s took longer than %d s. Try again on a less busy machine." % (text, limit_s), status=1)
            if passed_s > PROGRESS_S and not shown:
                self.say(text + " ...")
                shown = True
            self._pause(0.02)

    def _pause(self, seconds):
        if self.wanted.wait(seconds):
            raise Stopped

    def _start_line(self):
        if self.options.serial:
            self._check_serial(self.options.serial)
            self.say("line     %s, a real one: no simulated box" % self.options.serial)
            return
        baud = self.config.get("bus", {}).get("baud", SIMULATED_BAUD)
        if baud != SIMULATED_BAUD:
            raise Trouble("The simulated box speaks %d baud and the configuration says %s: remove bus.baud there." % (SIMULATED_BAUD, baud))
        self.site = Site([self._charge_point(entry) for entry in self.config["charge_points"]])
        self.line = Line(self.site, self.lock, SIMULATED_BAUD)
        self.line.start()
        names = ["EVSE %d (firmware %d)" % (point.evse.unit, point.evse.firmware) for point in self.site.charge_points]
        names += ["meter %d" % point.meter.unit for point in self.site.charge_points if point.meter is not None]
        self.say("line     9600 8N1 on %s: %s" % (self.line.path, ", ".join(names)))

    def _charge_point(self, entry):
        meter = entry.get("meter") or {}
        kind = meter.get("type", "none")
        if kind != "none" and kind not in METERS:
            raise Trouble('The desk has no model of the meter "%s": use sdm630, sdm72 or none in the configuration.' % kind)
        model = None if kind == "none" else METERS[kind](meter.get("unit", 105))
        return ChargePoint(EvseDin(entry["evse"], self.options.evse_firmware), model, Car())

    def _check_serial(self, path):
        try:
            os.close(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
        except OSError as error:
            raise Trouble(
                "%s can not be opened (%s): check the path given to --serial and your membership in the group of the device."
                % (path, error.strerror)
            ) from error

    def _start_gateway(self):
        runtime = self._choose_runtime()
        with open(BOARD, encoding="utf-8") as file:
            board = json.load(file)
        for name, content in (("config.json", self.config), ("board.json", board)):
            with open(os.path.join(self._work_dir, name), "w", encoding="utf-8") as file:
                json.dump(content, file)
        compiled_dir = os.path.join(self._work_dir, "mpy")
        if runtime == "micropython":
            try:
                mpy.build(compiled_dir, extra=[process.RUN_FIRMWARE])
            except mpy.CompileError as error:
                raise Trouble(str(error), status=1) from error
        self._pause(0)
        command, environment = process.firmware_command(runtime, compiled_dir)
        environment["LADEPUNKT_UART%d" % board["rs485"][0]["uart"]] = self.options.serial or self.line.path
        environment["LADEPUNKT_UMQTT"] = process.UMQTT
        self.gateway = process.Gateway(command, environment, self._work_dir, board["watchdog_s"], self._firmware_says)
        self.gateway.start()
        self.say("gateway  the firmware runs on " + _RUNTIMES[runtime])
        self._wait_for(self._gateway_decided, board["watchdog_s"], "gateway  waiting for its first report")
        if self.gateway.report is None:
            raise Trouble("The gateway ended before its first report: its last words are above.", status=1)

    def _gateway_decided(self):
        return self.gateway.report is not None or self.gateway.state == process.RESTARTING

    def _firmware_says(self, text):
        self.say("gateway  " + text)

    def _choose_runtime(self):
        if self.options.runtime == "cpython":
            return "cpython"
        if process.find_micropython() is not None:
            return "micropython"
        if self.options.runtime == "micropython":
            raise Trouble("There is no MicroPython package for this machine: use --runtime cpython.")
        self.say("gateway  there is no MicroPython package for this machine: CPython runs the firmware")
        return "cpython"

    def _start_controller(self):
        if self.options.no_controller:
            self.say("leader   no stand-in controller: publish to openWB/set/internal_chargepoint/... yourself")
            return
        self.controller = Controller(self.config["mqtt"], len(self.config["charge_points"]))
        self.controller.start()
        self.say("leader   a stand-in controller sends heartbeat and %d A every 5 s" % self.controller.current_a)

    # What the control port and the keys can do

    def do(self, command):
        """Carry out one command of the control port and return what to answer. Raises ValueError with a sentence."""
        verbs = {"plug": self._plug, "unplug": self._plug, "car": self._car, "bus": self._bus, "restart": self._restart, "state": self._state}
        verb = command.get("do")
        if not isinstance(verb, str) or verb not in verbs:
            raise ValueError('unknown "do": use one of ' + ", ".join(verbs))
        return verbs[verb](command)

    def state(self):
        """What `{"do":"state"}` answers, without "ok"."""
        return self._state({})

    def _point(self, command):
        if self.site is None:
            raise ValueError("there is no simulated box: the desk drives the real one on %s" % self.options.serial)
        index = command.get("cp", 0)
        if not _is_whole(index) or not 0 <= index < len(self.site.charge_points):
            raise ValueError('"cp" must be a whole number from 0 to %d' % (len(self.site.charge_points) - 1))
        return self.site.charge_points[index]

    def _plug(self, command):
        point = self._point(command)
        with self.lock:
            point.car.plug() if command["do"] == "plug" else point.car.unplug()
        return {}

    def _car(self, command):
        point = self._point(command)
        changes = {}
        for key, value in command.items():
            if key not in ("do", "cp"):
                changes[key] = _car_value(key, value)
        with self.lock:
            if "ramp_down_s" in changes:
                point.car.ramp_down_ms = int(changes.pop("ramp_down_s") * 1000)
            for key, value in changes.items():
                setattr(point.car, key, value)
        return {}

    def _bus(self, command):
        fault = command.get("fault")
        device = command.get("device", "all")
        if fault not in FAULTS:
            raise ValueError('"fault" must be one of ' + ", ".join(FAULTS))
        if device not in ("evse", "meter", "all"):
            raise ValueError('"device" must be evse, meter or all')
        self._point(command)
        self.line.set_fault(fault, device, command.get("cp"))
        return {}

    def _restart(self, command):
        what = command.get("what")
        if what == "gateway":
            self.gateway.reset()
        elif what == "evse":
            point = self._point(command)
            with self.lock:
                point.evse.power_cycle(monotonic_ms())
        else:
            raise ValueError('"what" must be gateway or evse')
        return {}

    def _state(self, _command):
        answer = {"gateway": self.gateway.state if self.gateway else process.STOPPED}
        with self.lock:
            answer["cp"] = [] if self.site is None else [self._point_state(index) for index in range(len(self.site.charge_points))]
        answer["firmware"] = self.gateway.report if self.gateway else None
        answer["restarts"] = self.gateway.restarts if self.gateway else 0
        answer["watchdog_resets"] = self.gateway.watchdog_resets if self.gateway else 0
        answer["line"] = dict(self.line.counters) if self.line else None
        answer["mqtt"] = self.mqtt_address
        answer["controller"] = None
        if self.controller is not None:
            answer["controller"] = {"mode": self.controller.mode, "current_a": self.controller.current_a, "connected": self.controller.connected}
        return answer

    def _point_state(self, index):
        point = self.site.charge_points[index]
        evse, car, meter = point.evse, point.car, point.meter
        return {
            "evse": {
                "set_current_raw": evse.set_current_raw,
                "state": evse.state,
                "precise": evse.precise,
                "eeprom_writes": evse.eeprom_writes,
                "writes": evse.writes,
                "powered": evse.powered,
                "signalled_a": (evse.signalled_ca or 0) / 100,
                "relay_on": evse.relay_on,
            },
            "car": {
                "plugged": car.plugged,
                "current_a": [current_ca / 100 for current_ca in car.current_ca],
                "max_a": car.max_a,
                "phases": car.phases,
                "stubborn": car.stubborn,
                "asleep": car.asleep,
            },
            "meter": None if meter is None else {"power_w": meter.power_w, "imported_wh": meter.imported_wh},
            "relays": {"cp_open": point.cp_open, "phases": point.phases},
            "bus": self.line.faults(index),
        }


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _is_between(value, lowest, highest):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and lowest <= value <= highest


_CAR_RULES = {
    "max_a": (lambda v: _is_between(v, 0, 80), "a number from 0 to 80"),
    "min_a": (lambda v: _is_between(v, 6, 16), "a number from 6 to 16"),
    "phases": (lambda v: _is_whole(v) and v in (1, 3), "1 or 3"),
    "ramp_down_s": (lambda v: _is_between(v, 1, 5), "a number from 1 to 5"),
    "stubborn": (lambda v: isinstance(v, bool), "true or false"),
    "asleep": (lambda v: isinstance(v, bool), "true or false"),
}


def _car_value(key, value):
    if key not in _CAR_RULES:
        raise ValueError('a car has no "%s": use %s' % (key, ", ".join(_CAR_RULES)))
    accepts_value, expected = _CAR_RULES[key]
    if not accepts_value(value):
        raise ValueError('"%s" must be %s' % (key, expected))
    return value
