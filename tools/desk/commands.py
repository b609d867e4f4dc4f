"""What one can do to the desk, and what it tells about itself: the verbs of the control port and of the keys."""

from tools.desk import process
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
            "restart": self._restart,
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
        if not _is_whole(index) or not 0 <= index < len(self._desk.site.charge_points):
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
        point = self._point(command)
        changes = {}
        for key, value in command.items():
            if key not in ("do", "cp"):
                changes[key] = _car_value(key, value)
        with self._desk.lock:
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
            "relays": {"cp_open": point.cp_open, "phases": point.phases},
            "bus": self._desk.line.faults(index),
        }


def _controller_state(controller):
    if controller is None:
        return None
    return {"mode": controller.mode, "current_a": controller.current_a, "connected": controller.connected}


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
