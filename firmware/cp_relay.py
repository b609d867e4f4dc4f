"""The second stop: the relay that opens the control pilot when a reduction to 0 A is not read back.

It may open under load: losing the pilot is how a car is told to stop. When it may close again is decided here, too.
"""

from micropython import const

from clock import Hold, Latch
from faults import NOT_CONFIRMED_MS
from safety import R_CP_LATCHED, R_CP_OPEN, R_EVSE_STARTING, R_NO_SECOND_STOP

CLOSED = const(0)
OPEN = const(1)
LATCHED = const(2)
STARTING = const(3)
ABSENT = const(4)
CLOSING = const(5)
HELD = const(6)
TRANSITIONS = (
    (CLOSED, OPEN),
    (CLOSED, LATCHED),
    (CLOSED, HELD),
    (HELD, CLOSING),
    (HELD, OPEN),
    (HELD, LATCHED),
    (OPEN, CLOSING),
    (LATCHED, OPEN),
    (STARTING, CLOSING),
    (STARTING, OPEN),
    (STARTING, LATCHED),
    (CLOSING, CLOSED),
    (CLOSING, OPEN),
    (CLOSING, LATCHED),
)

CALM_MS = const(5000)  # 0 A read back and less than 1 A measured for that long
OPEN_MIN_MS = const(10000)
SETTLE_MS = const(1000)  # from the closed pilot to the first current
CLOSINGS_MAX = const(3)
CLOSINGS_MS = const(3600000)

# The byte that survives a reset; the floor knows the first bit and restores the relay before the first frame on the bus.
_SAVED_OPEN = const(0x80)
_SAVED_LATCHED = const(0x40)
_SAVED_HELD = const(0x20)
_SAVED_CLOSINGS = const(0x03)


def after_power_loss(saved):
    """The byte without what a loss of power has ended: a pilot that was open for no fault."""
    return saved & _SAVED_CLOSINGS if saved & _SAVED_HELD else saved


class CpRelay:
    """
    CLOSED --0 A not read back for 3 s, or a fault--> OPEN --calm for 5 s, open for 10 s--> CLOSING --1 s--> CLOSED
    CLOSED --the same, after three closings within the hour--> LATCHED --local action--> OPEN
    STARTING --0 A read back--> CLOSING   (wiring that is open without power)   ABSENT: the board has no such relay
    STARTING and CLOSING open again for the same reasons as CLOSED.
    CLOSED --`wanted_open`, 0 A read back, less than 1 A--> HELD --not wanted any more, 0 A read back--> CLOSING
    A fault takes HELD over: OPEN or LATCHED. What was HELD is none of the three closings.
    """

    def __init__(self, port, saved, now_ms):
        """port: open(), close(), starts_open; or None. `saved`: the byte of an earlier life, 0 for none."""
        self.wanted_open = 0  # the R_... of who wants the pilot open for a while; see phases
        self.saved = saved  # to be kept over a reset, see Memory
        self._port = port
        self._late = Hold()
        self._calm = Hold()
        self._open = Hold()
        self._settled = Hold()
        self._closings = (Latch(), Latch(), Latch())  # in a ring
        self._oldest = 0
        self._left = CLOSINGS_MAX
        self._held_for = R_EVSE_STARTING  # why it is HELD, or was before CLOSING
        self._unproven = False  # ABSENT: a 0 A that was not read back in time
        self.state = ABSENT
        if port is not None:
            self._restore(saved, now_ms)

    def _restore(self, saved, now_ms):
        self.state = CLOSED
        if self._port.starts_open:
            self.state = STARTING
        for _ in range(saved & _SAVED_CLOSINGS):  # when they were is not known any more: now is the worst case
            self._note_closing(now_ms)
        if saved & _SAVED_OPEN:
            self.state = LATCHED if saved & _SAVED_LATCHED else HELD if saved & _SAVED_HELD else OPEN
            self._port.open()

    def _enter(self, state):
        self.state = state
        self._save()

    def reason(self):
        """0 while the pilot is closed and can be opened, else the R_... that forbids charging."""
        if self.state == CLOSED:
            return 0
        if self.state == ABSENT:
            return R_NO_SECOND_STOP if self._unproven else 0
        if self.state == HELD or self.state == CLOSING:
            return self._held_for
        if self.state == STARTING:
            return R_EVSE_STARTING
        return R_CP_LATCHED if self.state == LATCHED else R_CP_OPEN

    def is_open(self):
        return self.state == OPEN or self.state == LATCHED or self.state == STARTING or self.state == HELD

    def by_fault(self):
        """True while the pilot is open and whoever wants it open, or closed, has no say."""
        return self.state == OPEN or self.state == LATCHED

    def step(self, now_ms, unconfirmed, calm, fault):
        """
        `unconfirmed`: 0 A is wanted and not read back. `calm`: 0 A was read back and less than 1 A flows.
        `fault`: something else asks for an open pilot.
        """
        self._late.check(unconfirmed, now_ms, NOT_CONFIRMED_MS)
        self._calm.check(calm and not fault, now_ms, CALM_MS)
        self._open.check(self.state == OPEN, now_ms, OPEN_MIN_MS)
        self._settled.check(self.state == CLOSING, now_ms, SETTLE_MS)
        self._age_closings(now_ms)
        if self.state == ABSENT:
            self._unproven = self._late.long or fault
        elif self.by_fault():
            self._end_fault(now_ms)
        elif self._late.long or fault:
            self._held_for = R_EVSE_STARTING
            self._port.open()
            self._enter(LATCHED if self._left == 0 else OPEN)
        elif self.state == CLOSING:
            if self._settled.long:
                self._held_for = R_EVSE_STARTING
                self._enter(CLOSED)
        elif self.state == CLOSED:
            self._begin_hold(calm)
        elif not unconfirmed and not (self.state == HELD and self.wanted_open):
            self._close()

    def _begin_hold(self, calm):
        if self.wanted_open and calm:
            self._held_for = self.wanted_open
            self._port.open()
            self._enter(HELD)

    def _end_fault(self, now_ms):
        """Who wants it open keeps it open, too."""
        if self.state == OPEN and self._open.long and self._calm.long and not self.wanted_open:
            self._note_closing(now_ms)
            self._close()

    def _close(self):
        self._port.close()
        self._enter(CLOSING)

    def _note_closing(self, now_ms):
        self._closings[self._oldest].mark(now_ms)
        self._oldest = (self._oldest + 1) % CLOSINGS_MAX

    def _age_closings(self, now_ms):
        """How often it may close again within the hour."""
        self._left = 0
        for i in range(CLOSINGS_MAX):
            if self._closings[i].check(now_ms, CLOSINGS_MS):
                self._left += 1

    def clear(self):
        """A local action: a latched relay may close again by the usual rule, and the count starts anew."""
        for closing in self._closings:
            closing.expired = True
        self._left = CLOSINGS_MAX
        if self.state == LATCHED:
            self._enter(OPEN)
        self._save()

    def _save(self):
        saved = 0
        for closing in self._closings:
            if not closing.expired:
                saved += 1
        if self.by_fault() or self.state == HELD:
            saved |= _SAVED_OPEN
        if self.state == HELD:
            saved |= _SAVED_HELD
        if self.state == LATCHED:
            saved |= _SAVED_LATCHED
        self.saved = saved
