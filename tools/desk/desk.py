"""The desk itself: builds line, broker, gateway, controller and control port, and takes them down again."""

import json
import os
import shutil
import tempfile
import threading
import time

from host_tests.fakes.car import Car
from host_tests.fakes.evse import EvseDin
from host_tests.fakes import meters
from host_tests.fakes.site import ChargePoint, Site
from host_tests.stubs.cpython import install
from tools import mpy
from tools.desk import boards, broker, process, tags
from tools.desk.commands import Commands
from tools.desk.control import ControlPort
from tools.desk.controller import Controller
from tools.desk.line import Line
from tools.desk.settings import DEFAULT_HTTP_PORT, ELSEWHERE, ON_THE_BOX, Trouble, busy_sentence, choose_port, gateway_config

PROGRESS_S = 1.0
_RUNTIMES = {
    "micropython": "MicroPython with as many heap blocks as an ESP32 has (%d)" % process.HEAP_BLOCKS,
    "cpython": "CPython",
}
RAMP_DOWN_MS = 1000  # the quickest of real cars, so that what one sees is the time the gateway takes
SIMULATED_BAUD = 9600  # an EVSE-DIN knows no other


class Stopped(Exception):
    """The user wants to leave while the desk is being built."""


class Desk:
    """`start`, look at it and command it through `commands`, `stop`. `wanted` is an Event that is set when the desk shall end.

    `say` takes one line of text. `start` raises Trouble or Stopped; `stop` is harmless at any point and is always needed.
    """

    def __init__(self, options, wanted, say):
        self.options = options
        self.wanted = wanted
        self.say = say
        self.started_s = time.monotonic()
        self.config, self._broker_place = gateway_config(options)
        self.lock = threading.RLock()
        self.site = None
        self.line = None
        self.relays = None
        self.reader = None
        self.gateway = None
        self.controller = None
        self.broker = None
        self.commands = Commands(self)
        self._control = None
        self._work_dir = None
        self._told_broker = False

    def start(self):
        self._pause(0)
        self._work_dir = tempfile.mkdtemp(prefix="ladepunkt-desk-")
        self._start_control()
        self._choose_modbus_port()
        self._choose_page_port()
        self._start_broker()
        self._start_line()
        self._start_gateway()
        self._start_controller()
        self._control.start()
        self.started_s = time.monotonic()
        self.say("doctor   " + self._doctor_command())
        self.say('control  127.0.0.1:%d takes one JSON object per line, for example {"do":"state"}' % self._control.port)

    def stop(self):
        """Take everything down, in the order that lets the firmware say goodbye."""
        for part in (self._control, self.controller, self.gateway, self.reader, self.line, self.broker):
            if part is not None:
                part.stop()
        if self._work_dir is not None:
            shutil.rmtree(self._work_dir, ignore_errors=True)

    def look(self):
        """To be called about once per second: says what has broken down meanwhile."""
        if self.broker is not None and not self.broker.running() and not self._told_broker:
            self._told_broker = True
            self.say("broker   %s has ended: nobody leads now. Start the desk again, or use --mqtt." % self.broker.name)

    def events(self):
        """[(number, ms, words)] of the events that the gateway has reported, the oldest first."""
        install.install()
        import event_text

        rows = list(self.gateway.events) if self.gateway else []
        return [(n, at_ms, event_text.text(kind, a, b)) for n, at_ms, kind, a, b in rows]

    @property
    def mqtt_address(self):
        mqtt = self.config["mqtt"]
        return "%s:%d" % (mqtt.get("host") or "127.0.0.1", mqtt["port"])

    @property
    def modbus_address(self):
        """None where it is switched off."""
        modbus = self.config["modbus"]
        return "127.0.0.1:%d" % modbus["port"] if modbus["enabled"] else None

    @property
    def page_address(self):
        """None where it is switched off."""
        page = self.config["page"]
        return "http://127.0.0.1:%d/" % page["port"] if page["enabled"] else None

    def _doctor_command(self):
        ports = (self.config["mqtt"] if self._broker_place == ON_THE_BOX else {}, self.config["modbus"], self.config["page"])
        shown = [part.get("port", 0) if part.get("enabled", True) else 0 for part in ports]
        return "make doctor HOST=127.0.0.1 MQTT_PORT=%d MODBUS_PORT=%d HTTP_PORT=%d says what is wrong with the box" % tuple(shown)

    def _start_control(self):
        port = self.options.control_port
        try:
            self._control = ControlPort(port, self.commands.do)
        except OSError as error:
            raise Trouble(busy_sentence(port, "--control-port")) from error

    def _choose_modbus_port(self):
        modbus = self.config["modbus"]
        if modbus["enabled"]:
            modbus["port"] = choose_port(modbus["port"], "--modbus-port")

    def _choose_page_port(self):
        """A port that was asked for, or the usual one, or any: nobody shall have to care about the page."""
        page = self.config["page"]
        if not page["enabled"]:
            return
        if self.options.http_port is not None:
            page["port"] = choose_port(self.options.http_port, "--http-port")
            return
        try:
            page["port"] = choose_port(DEFAULT_HTTP_PORT, "--http-port")
        except Trouble:
            page["port"] = choose_port(0, "--http-port")

    def _start_broker(self):
        mqtt = self.config["mqtt"]
        if self._broker_place == ELSEWHERE:
            self.say("broker   using %s" % self.mqtt_address)
            if not broker.accepts((mqtt["host"], mqtt["port"]), limit_s=2):
                self.say("broker   nobody answers there yet; the gateway keeps trying. Check the address if this stays.")
            return
        other_way = ", or use the broker that runs there with --mqtt 127.0.0.1:%d" % mqtt["port"]
        mqtt["port"] = choose_port(mqtt["port"], "--broker-port", other_way)
        if self._broker_place == ON_THE_BOX:
            self.say("broker   on the box itself, at %s; watch openWB/# there" % self.mqtt_address)
            return
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
            raise Trouble("The simulated box speaks 9600 baud and the configuration says %s: remove bus.baud." % baud)
        self.site = Site([self._charge_point(i, entry) for i, entry in enumerate(self.config["charge_points"])])
        self.line = Line(self.site, self.lock, SIMULATED_BAUD)
        self.line.start()
        names = ["EVSE %d (firmware %d)" % (point.evse.unit, point.evse.firmware) for point in self.site.charge_points]
        names += ["meter %d" % point.meter.unit for point in self.site.charge_points if point.meter is not None]
        self.say("line     9600 8N1 on %s: %s" % (self.line.path, ", ".join(names)))

    def _charge_point(self, index, entry):
        meter = entry.get("meter") or {}
        kind = meter.get("type", "none")
        if kind == "auto":
            kind = self.options.meter or "sdm630"
        if kind != "none" and kind not in meters.METERS:
            raise Trouble('The desk has no model of the meter "%s": configure one of %s, or none.' % (kind, ", ".join(meters.METERS)))
        model = None if kind == "none" else meters.build(kind, index)
        if model is not None and meter.get("unit"):
            model.unit = meter["unit"]
        return ChargePoint(EvseDin(entry["evse"], self.options.evse_firmware), model, Car(ramp_down_ms=RAMP_DOWN_MS))

    def _check_serial(self, path):
        try:
            os.close(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
        except OSError as error:
            raise Trouble(
                "%s can not be opened (%s): check the path given to --serial, and that you may open it (group dialout)."
                % (path, error.strerror)
            ) from error

    def _start_gateway(self):
        board = self._board()
        runtime = self._choose_runtime()
        compiled_dir = os.path.join(self._work_dir, "mpy")
        if runtime == "micropython":
            try:
                mpy.build(compiled_dir, extra=[process.RUN_FIRMWARE, process.RECORD], public=True)
            except mpy.CompileError as error:
                raise Trouble(str(error), status=1) from error
        self._pause(0)
        command, environment = process.firmware_command(runtime, compiled_dir)
        environment["LADEPUNKT_UART%d" % board["rs485"][0]["uart"]] = self.options.serial or self.line.path
        if self.reader is not None:
            environment["LADEPUNKT_UART%d" % board["rfid"]["uart"]] = self.reader.path
        environment["LADEPUNKT_UMQTT"] = process.UMQTT
        if self.options.record:
            environment["LADEPUNKT_RECORD"] = self._recording()
        self.gateway = process.Gateway(command, environment, self._work_dir, board["watchdog_s"], self._firmware_says, self.relays)
        self.gateway.start()
        if self.modbus_address:
            self.say("modbus   on the box, too, at %s, unit %d: evcc and others may lead there" % (self.modbus_address, self.config["modbus"].get("unit", 1)))
        if self.page_address:
            self.say("page     the box shows itself at " + self.page_address)
        self.say("gateway  the firmware runs on " + _RUNTIMES[runtime])
        self._wait_for(self._gateway_decided, board["watchdog_s"], "gateway  waiting for its first report")
        if self.gateway.report is None:
            raise Trouble("The gateway did not get as far as its first report: its last words are above.", status=1)

    def _board(self):
        """The gateway's board, with its relays in place, and both of its files."""
        board = boards.read(self.options.board)
        said = boards.fit(board, self.config)
        if (self.config.get("rfid") or {}).get("reader") == "rdm6300":
            said += tags.fit(board)
            self.reader = tags.TagReader()
        for sentence in said:
            self.say("board    " + sentence)
        self.relays = boards.Relays(board, self.site, self.lock)
        for name, content in (("config.json", self.config), ("board.json", board)):
            with open(os.path.join(self._work_dir, name), "w", encoding="utf-8") as file:
                json.dump(content, file)
        relays = len(board.get("cp_relays", []))
        self.say("board    %s, %s" % (board["board"], "%d CP relays" % relays if relays else "without a CP relay: no second way to stop"))
        return board

    def _recording(self):
        """The absolute path of an empty file; the firmware appends a life after each start. Raises Trouble."""
        path = os.path.abspath(self.options.record)
        try:
            open(path, "w", encoding="utf-8").close()
        except OSError as error:
            raise Trouble("%s can not be written (%s): check the path given to --record." % (path, error.strerror)) from error
        self.say("record   %s: play it again with make replay FILE=%s" % (path, path))
        return path

    def _gateway_decided(self):
        return self.gateway.report is not None or self.gateway.state in (process.RESTARTING, process.HOLDING)

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
        self.controller = Controller(self.config["mqtt"], self.mqtt_address, len(self.config["charge_points"]))
        self.controller.start()
        self.say("leader   a stand-in controller sends heartbeat and %d A every 5 s" % self.controller.current_a)
