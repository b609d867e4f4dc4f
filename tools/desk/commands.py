"""What one can do to the desk, and what it tells about itself: the verbs of the control port and of the keys."""

from host_tests.fakes import meters
from tools.desk import process, rules, tags
from tools.desk.controller import MODES
from tools.desk.line import FAULTS, monotonic_ms


class Commands:
    """The verbs of the control port, on a Desk that may still be starting."""

    def __init__(self, desk):
        self._desk = desk
        self._verbs = {
            "plug": self._plug,
            "unplug": self._plug,
            "car": self._car,
            "bus": self._bus,
            "relay": self._relay,
            "evse": self._evse,
            "meter": self._meter,
            "controller": self._controller,
            "weld": self._weld,
            "phases": self._phases,
            "switch": self._switch,
            "interrupt": self._interrupt,
            "tag": self._tag,
            "restart": self._restart,
            "crash": self._crash,
            "console": self._console,
            "events": self._events,
            "state": self._state,
        }

    def do(self, command):
        """Carry out one command of the control port and return what to answer. Raises ValueError with a sentence."""
        verb = command.get("do")
        if not isinstance(verb, str) or verb not in self._verbs:
            raise ValueError('unknown "do": use one of ' + ", ".join(self._verbs))
        return self._verbs[verb](command)

    def state(self):
        """What `{"do":"state"}` answers, without "ok"."""
        return self._state({})

    def _point(self, command):
        if self._desk.site is None:
            raise ValueError("there is no simulated box: the desk drives the real one on %s" % self._desk.options.serial)
        index = command.get("cp", 0)
        if not rules.is_whole(index) or not 0 <= index < len(self._desk.site.charge_points):
            raise ValueError('"cp" must be a whole number from 0 to %d' % (len(self._desk.site.charge_points) - 1))
        return self._desk.site.charge_points[index]

    def _plug(self, command):
        point = self._point(command)
        with self._desk.lock:
            if command["do"] == "plug":
                point.car.plug()
            else:
                point.car.unplug()
        return {}

    def _car(self, command):
        car = self._point(command).car
        changes = rules.changes(command, rules.CAR, "a car")
        if "ramp_down_s" in changes:
            changes["ramp_down_ms"] = int(changes.pop("ramp_down_s") * 1000)
        return self._change(car, changes)

    def _evse(self, command):
        return self._change(self._point(command).evse, rules.changes(command, rules.EVSE, "an EVSE"))

    def _meter(self, command):
        """Another meter takes its place, or its terminals are wrong."""
        point = self._point(command)
        if point.meter is None:
            raise ValueError("this charge point has no meter: leave out --meter none")
        found = rules.changes(command, rules.METER, "a meter")
        if "type" in found:
            unit = point.meter.unit
            with self._desk.lock:
                point.meter = meters.build(found.pop("type"), command.get("cp", 0))
                point.meter.unit = unit
        return self._change(point.meter, found)

    def _controller(self, command):
        """The stand-in: how it leads, how often, and with how much."""
        controller = self._desk.controller
        if controller is None:
            raise ValueError("there is no controller of ours: leave out --no-controller")
        found = rules.changes(command, rules.CONTROLLER, "the controller")
        if "mode" in found:
            found["mode"] = MODES[rules.CONTROLLER_MODES.index(found["mode"])]
        self._change(controller, found)
        controller.speak_now()
        return {}

    def _weld(self, command):
        return self._change(self._point(command), rules.changes(command, rules.CONTACTOR, "a contactor"))

    def _change(self, model, changes):
        with self._desk.lock:
            for key, value in changes.items():
                setattr(model, key, value)
        return {}

    def _relay(self, command):
        self._point(command)
        self._desk.relays.stick(command.get("cp", 0), command.get("stuck"))
        return {}

    def _phases(self, command):
        """The phase relay sticks, or somebody has moved it by hand."""
        found = rules.changes(command, rules.PHASE_RELAY, "a phase relay")
        names = {"stuck": "phases_stuck", "at": "phases"}
        return self._change(self._point(command), {names[key]: value for key, value in found.items()})

    def _switch(self, command):
        return self._ask("switch", command, rules.SWITCH, "phases")

    def _interrupt(self, command):
        return self._ask("interrupt", command, rules.INTERRUPT, "seconds")

    def _ask(self, what, command, known, key):
        """By the stand-in controller, over MQTT."""
        found = rules.changes(command, known, "a trigger")
        if key not in found:
            raise ValueError('"%s" must be %s' % (key, known[key][1]))
        if self._desk.controller is None:
            raise ValueError("there is no controller of ours that could ask")
        self._point(command)
        getattr(self._desk.controller, what)(command.get("cp", 0), found[key])
        return {}

    def _tag(self, command):
        """A tag is held to the reader, half a second if not told otherwise."""
        if self._desk.reader is None:
            raise ValueError('the gateway has no reader here: "rfid": {"reader": "rdm6300"} in its config.json gives it one')
        self._desk.reader.hold(command.get("id"), command.get("seconds", tags.HOLD_S))
        return {}

    def _bus(self, command):
        fault = command.get("fault", "none")
        device = command.get("device", "all")
        if fault not in FAULTS:
            raise ValueError('"fault" must be one of ' + ", ".join(FAULTS))
        if device not in ("evse", "meter", "all"):
            raise ValueError('"device" must be evse, meter or all')
        self._point(command)
        if not isinstance(command.get("echo", False), bool):
            raise ValueError('"echo" must be true or false')
        self._desk.line.echoes = command.get("echo", False)
        self._desk.line.set_fault(fault, device, command.get("cp"))
        return {}

    def _restart(self, command):
        what = command.get("what")
        if what == "gateway":
            self._desk.gateway.reset()
        elif what == "evse":
            point = self._point(command)
            with self._desk.lock:
                point.evse.power_cycle(monotonic_ms())
        else:
            raise ValueError('"what" must be gateway or evse')
        return {}

    def _crash(self, command):
        self._desk.gateway.crash(command.get("how"))
        return {}

    def _console(self, command):
        line = command.get("line")
        if not isinstance(line, str) or not line.isprintable():
            raise ValueError('"line" must be one line of text')
        self._desk.gateway.type_line(line)
        return {}

    def _events(self, _command):
        """What the gateway has told of its ring of events, in words, the oldest first."""
        return {"events": [{"n": n, "ms": at_ms, "text": words} for n, at_ms, words in self._desk.events()]}

    def _state(self, _command):
        desk = self._desk
        with desk.lock:
            points = [] if desk.site is None else [self._point_state(i) for i in range(len(desk.site.charge_points))]
        return {
            "gateway": desk.gateway.state if desk.gateway else process.STOPPED,
            "cp": points,
            "firmware": desk.gateway.report if desk.gateway else None,
            "restarts": desk.gateway.restarts if desk.gateway else 0,
            "watchdog_resets": desk.gateway.watchdog_resets if desk.gateway else 0,
            "line": dict(desk.line.counters) if desk.line else None,
            "mqtt": desk.mqtt_address,
            "modbus": desk.modbus_address,
            "page": desk.page_address,
            "controller": _controller_state(desk.controller),
        }

    def _point_state(self, index):
        point = self._desk.site.charge_points[index]
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
            "relays": {
                "cp_open": point.cp_open,
                "stuck": self._desk.relays.stuck(index),
                "phases": point.phases,
                "phases_stuck": point.phases_stuck,
                "coils": sorted(point.coils),
            },
            "bus": self._desk.line.faults(index),
            "leader": self._leader(index),
        }

    def _leader(self, index):
        """Who leads, as the firmware says: mqtt, modbus or none."""
        report = self._desk.gateway.report if self._desk.gateway else None
        return report["cp"][index]["leader"] if report else "none"


def _controller_state(controller):
    if controller is None:
        return None
    return {"mode": controller.mode, "current_a": controller.current_a, "connected": controller.connected}
