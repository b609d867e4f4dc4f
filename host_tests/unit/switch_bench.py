"""The machine of the phase switch on a charge point made of switches: what the EVSE, the meter and the pilot say is set by the test."""
from clock import elapsed_ms
from coil import Coil, Turn
from cp_relay import CpRelay
from guard import Guard, highest_ca
from phases import CLOSING, COASTING, DWELLING, OPENING, PULSING, REST, STOPPING, TRANSITIONS, Phases
from points import P_CURRENT_CA, P_PHASES_IN_USE, P_PLUGGED, Image
from safety import FACT_COUNT

STEP_MS = 100
MASK = 0x3FFFFFFF
WAY = [
    (REST, STOPPING),
    (STOPPING, COASTING),
    (COASTING, OPENING),
    (OPENING, PULSING),
    (PULSING, DWELLING),
    (DWELLING, CLOSING),
    (CLOSING, REST),
]


class Pilot:
    starts_open = False

    def __init__(self):
        self.is_open = False

    def open(self):
        self.is_open = True

    def close(self):
        self.is_open = False


class CoilPort:
    """`log` holds what it was set to; `on` is what is energised now."""

    def __init__(self, rests_at=None, pulse_ms=1000):
        self.rests_at = rests_at
        self.pulse_ms = pulse_ms
        self.on = None
        self.log = []

    def set(self, phases):
        self.on = phases
        self.log.append(phases)


class Evse:
    def __init__(self):
        self.zero = True
        self.vehicle_state = 2
        self.status = 0
        self.pilot_open = False

    def zero_read(self):
        return self.zero


class Meter:
    accepted = True
    lost = False


class Point:
    """As a ChargePoint, to the machine and to commands."""

    def __init__(self, meter, relay):
        self.evse = Evse()
        self.meter = Meter() if meter else None
        self.image = Image()
        self.guard = Guard(0)
        self.relay = relay
        self.facts = [0] * FACT_COUNT
        self.coil = None
        self.standing = None
        self.fresh = True
        self.fault = False

    def faulty(self):
        return self.fault

    def meter_fresh(self, now_ms):
        return self.fresh

    def warn(self, text):
        self.standing = text


class Box:
    """A charge point at 16 A on three phases whose EVSE obeys at once and whose car lets go at once, unless a test says otherwise.

    Every change of state is noted in `seen` and checked against the table. `reads`: the meter tells something in every step.
    """

    def __init__(self, coils=True, meter=True, kept=3, cold=True, boot="stored", cool_down_s=300, saved=0, rests_at=None, turn=None, start_ms=MASK - 60000):
        self.now_ms = start_ms
        self.pilot = Pilot()
        self.port = CoilPort(rests_at)
        self.point = Point(meter, CpRelay(self.pilot, saved, start_ms))
        self.point.image.value[P_PLUGGED] = 1
        if coils:
            self.point.coil = Coil(self.port, turn or Turn(), cool_down_s * 1000)
            self.point.coil.restore(kept, cold, start_ms)
        self.machine = Phases(self.point, start_ms)
        self.machine.start(boot, cold)
        self.coil = self.point.coil
        self.evse = self.point.evse
        self.reads = meter
        self.settles = True  # the EVSE is believed again what it says of the car
        self.keeps = True
        self.sees_car = True
        self.obeys = True
        self.current_ca = 1600
        self.draws_on = False
        self.charging = True  # while nothing else holds
        self.seen = []
        self.longest_ms = 0
        self._since_ms = None
        self._watch()

    def _watch(self):
        enter = self.machine._enter

        def noting(state, now_ms):
            assert (self.machine.state, state) in TRANSITIONS, f"{self.machine.state} to {state}"
            self.seen.append((self.machine.state, state))
            enter(state, now_ms)

        self.machine._enter = noting

    def step(self):
        """One step as charge_point does it: relay, machine; then the world follows."""
        self.now_ms = (self.now_ms + STEP_MS) & MASK
        point, machine = self.point, self.machine
        stopped = machine.reason() != 0 or not self.charging
        if stopped and self.obeys:
            self.evse.zero = True
        elif not stopped:
            self.evse.zero = False
        self._car(stopped)
        calm = self.evse.zero and highest_ca(point.image.value) < 100
        point.relay.step(self.now_ms, stopped and not self.evse.zero, calm, point.guard.latched & 6 != 0)
        self.evse.pilot_open = point.relay.is_open() or not self.settles
        if self.sees_car:
            self.evse.vehicle_state = 1 if self.pilot.is_open else self.evse.vehicle_state if self.evse.vehicle_state != 1 else 2
        machine.step(self.now_ms)
        if self.coil is not None and self.keeps:
            self.coil.noted = True
        self._time_coil()

    def _car(self, stopped):
        value = self.point.image.value
        flows = not stopped or self.draws_on
        value[P_CURRENT_CA] = self.current_ca if flows else 0
        if self.sees_car and not self.pilot.is_open:
            self.evse.vehicle_state = 3 if flows else 2
        if self.reads:
            self.point.image.meter.mark(self.now_ms)

    def _time_coil(self):
        if self.port.on is None or self.port.rests_at is not None:
            self._since_ms = None
        elif self._since_ms is None:
            self._since_ms = self.now_ms
        else:
            self.longest_ms = max(self.longest_ms, elapsed_ms(self.now_ms, self._since_ms))

    def run(self, ms):
        for _ in range(ms // STEP_MS):
            self.step()
        return self

    def until(self, state, limit_ms=60000):
        """Runs until the machine is in that state; returns the ms it took."""
        for n in range(limit_ms // STEP_MS):
            if self.machine.state == state:
                return n * STEP_MS
            self.step()
        raise AssertionError(f"state {self.machine.state} after {limit_ms} ms, not {state}")

    def phases_in_use(self):
        return self.point.image.value[P_PHASES_IN_USE]


def started(box, phases_to_use=1):
    """The box with a trigger that was taken."""
    assert box.machine.switch_to(phases_to_use) is None
    return box


def lose_zero(box):
    box.obeys = False
    box.evse.zero = False


def weld(box):
    box.point.guard.latched = 2


def trip(box):
    box.point.guard.latched = 1
