"""What has happened lately: a ring of the last EVENTS events, in memory that is there from the boot on.

An event is (when, kind, a, b), see the K_... below; for text see event_text. What changes is found by looking: decisions in
every step, the rest every 100 ms, so that no machine has to tell.
"""

from array import array

from micropython import const

from clock import TICKS_MASK, elapsed_ms
from points import P_SET_CURRENT_CA

EVENTS = const(64)
_COUNT_MASK = const(0xFFFFFF)
_AGE_MAX_MS = const(1036800000)  # 12 days: no event grows older, as the clock wraps soon after

# Kinds, each with what a and b are. These numbers never change their meaning.
K_START = const(0)  # reset cause as the chip counts it, 0
K_DECISION = const(1)  # reason << 8 | charge point, limit in 0.01 A
K_SET_POINT = const(2)  # door << 8 | charge point, 0.01 A
K_HEARTBEAT = const(3)  # door, 0: alive, else the reason
K_EVSE = const(4)  # charge point, state
K_REGISTER = const(5)  # charge point, register 1000 as read
K_FOREIGN = const(6)  # charge point, how often a value was not ours
K_PILOT = const(7)  # charge point, state of the CP relay
K_METER = const(8)  # charge point, 1: lost
K_ONLINE = const(9)  # 0, 1: somebody is connected over MQTT, or we are
K_CLEARED = const(10)  # somebody acted at the box
K_PHASES = const(11)  # charge point, state of the phase switch

_NOTHING = const(-2)  # seen yet


class Events:
    """`count` is how many there were in all (24 bits); event number n is at n % EVENTS, the newest is count - 1."""

    def __init__(self, points, doors):
        self.now_ms = 0  # the owner sets it
        self.count = 0
        self.at_ms = array("i", [0] * EVENTS)
        self.kind = bytearray(EVENTS)
        self.a = array("h", [0] * EVENTS)
        self.b = array("i", [0] * EVENTS)
        self.watches = [Watch(self, i) for i in range(points)]
        self._heard = array("h", [_NOTHING] * doors)
        self._online = False
        self._aged = 0

    def note(self, kind, a, b):
        """Takes the place of the oldest."""
        i = self.count % EVENTS
        self.at_ms[i] = self.now_ms
        self.kind[i] = kind
        self.a[i] = a
        self.b[i] = b
        self.count = (self.count + 1) & _COUNT_MASK

    def look(self, online):
        """Now and then: whether anybody is connected; and one event after the other is kept from looking young again."""
        self._aged = (self._aged + 1) % EVENTS
        if elapsed_ms(self.now_ms, self.at_ms[self._aged]) > _AGE_MAX_MS:
            self.at_ms[self._aged] = (self.now_ms - _AGE_MAX_MS) & TICKS_MASK
        if online != self._online:
            self._online = online
            self.note(K_ONLINE, 0, 1 if online else 0)

    def hear(self, door, reason):
        """Now and then: whom we hear."""
        if reason != self._heard[door]:
            self._heard[door] = reason
            self.note(K_HEARTBEAT, door, reason)


class Watch:
    """What one charge point was like at the last look."""

    def __init__(self, events, cp):
        self._events = events
        self._cp = cp
        self._reason = self._limit_ca = self._set_ca = self._pilot = _NOTHING
        self._evse = self._lost = self._foreign = 0
        self._raw = -1

    def decide(self, point):
        """In every step."""
        if self._reason != point.reason or self._limit_ca != point.limit_ca:
            self._reason = point.reason
            self._limit_ca = point.limit_ca
            self._events.note(K_DECISION, self._reason << 8 | self._cp, self._limit_ca)

    def look(self, point):
        """Now and then."""
        self._look_at(point.evse)
        if self._pilot != point.relay.state:
            self._pilot = point.relay.state
            self._events.note(K_PILOT, self._cp, self._pilot)
        if point.meter is not None and self._lost != point.meter.lost:
            self._lost = point.meter.lost
            self._events.note(K_METER, self._cp, 1 if self._lost else 0)
        if self._set_ca != point.image.value[P_SET_CURRENT_CA] and point.wish.door >= 0:
            self._set_ca = point.image.value[P_SET_CURRENT_CA]
            self._events.note(K_SET_POINT, point.wish.door << 8 | self._cp, self._set_ca)

    def _look_at(self, evse):
        if self._evse != evse.state:
            self._evse = evse.state
            self._events.note(K_EVSE, self._cp, self._evse)
        if self._raw != evse.raw:
            self._raw = evse.raw
            self._events.note(K_REGISTER, self._cp, self._raw)
        if self._foreign != evse.foreign_values:
            self._foreign = evse.foreign_values
            self._events.note(K_FOREIGN, self._cp, self._foreign)
