"""Whether a charge point stands still: the conditions under which its pilot may be opened on purpose, and a phase coil may move."""

from micropython import const

import cp_relay
from clock import Hold
from guard import IDLE_CA, highest_ca

READINGS = const(2)  # in a row below 1 A
BLIND_MS = const(3000)  # ... or this where there is no meter
LEFT_C_MS = const(3000)  # since the car has left state C
AHEAD_MS = const(1000)  # the pilot is open for that long before a coil moves
NO_CAR = const(1)  # register 1002
STATE_C = const(3)
STATE_D = const(4)
RELAY_ON = const(1)  # register 1007


class Stillness:
    """Of one charge point. step() ten times per second; the answers are as of then."""

    def __init__(self, point):
        self._point = point
        self._left_c = Hold()
        self._ahead = Hold()
        self._low = 0
        self._seen_ms = 0

    def step(self, now_ms):
        point = self._point
        state = point.evse.vehicle_state
        self._left_c.check(state != STATE_C and state != STATE_D, now_ms, LEFT_C_MS)
        self._ahead.check(point.relay.state == cp_relay.HELD and state == NO_CAR, now_ms, AHEAD_MS)
        if point.image.meter.at_ms != self._seen_ms:
            self._seen_ms = point.image.meter.at_ms
            self._low = min(self._low + 1, READINGS) if highest_ca(point.image.value) < IDLE_CA else 0

    def begin(self, now_ms):
        """What was seen before counts no more: a car may have been in state C between two looks at it."""
        self._low = 0
        self._left_c.check(False, now_ms, LEFT_C_MS)

    def quiet(self, passed_ms):
        """True when nothing flows. `passed_ms`: since begin(), for a box without a meter."""
        return self._low == READINGS or self._point.meter is None and passed_ms >= BLIND_MS

    def stopped(self):
        """True when the car has left state C for long enough."""
        return self._left_c.long

    def released(self):
        """False while the EVSE says that its contactor is to be closed; older firmware can not tell."""
        return not self._point.evse.status & RELAY_ON

    def parted(self):
        """True when the pilot is open for long enough, and the EVSE has seen no car for as long: it is really open."""
        return self._ahead.long

    def safe(self, now_ms):
        """True while nothing speaks against going on: 0 A is set for sure, nothing flows, the pilot is open for no fault."""
        point = self._point
        if not point.evse.zero_read() or point.faulty() or point.guard.latched or point.relay.by_fault():
            return False
        return point.meter is None or point.meter_fresh(now_ms) and highest_ca(point.image.value) < IDLE_CA
