"""Phase switch and CP interruption of one charge point: one machine, as they share the pilot and must never overlap.

No coil moves before 0 A was read back, the car draws nothing, and the pilot is open and seen to be open.
"""

from micropython import const

import cp_relay
from clock import Hold, Latch, elapsed_ms
from faults import PHASES_MS, STOP_MS
from points import P_PHASES_IN_USE, P_PLUGGED
from safety import F_EVSE, F_MAINTENANCE, F_METER, R_INTERRUPTING, R_NOT_SWITCHED, R_PHASES, R_SWITCHING
from stillness import Stillness

REST = const(0)
STOPPING = const(1)
COASTING = const(2)
OPENING = const(3)
PULSING = const(4)
DWELLING = const(5)
INTERRUPTED = const(6)
CLOSING = const(7)
FAILED = const(8)
TRANSITIONS = (
    (REST, STOPPING),
    (STOPPING, COASTING),
    (STOPPING, FAILED),
    (COASTING, OPENING),
    (COASTING, FAILED),
    (OPENING, PULSING),
    (OPENING, INTERRUPTED),
    (OPENING, DWELLING),
    (PULSING, DWELLING),
    (INTERRUPTED, CLOSING),
    (DWELLING, CLOSING),
    (CLOSING, REST),
    (CLOSING, FAILED),
    (FAILED, REST),
)

SURE_MS = const(500)  # longer than any write that was on the line when 0 A began to be wanted
COAST_MS = const(13000)  # for the car to leave state C as well
OPEN_MS = const(10000)  # from the wish for an open pilot: if no coil has moved by then, none will
DWELL_MS = const(5000)
FAILED_MS = const(30000)
DISTANCE_MS = const(30000)  # from the end of one interruption, or switch, to the next interruption
INTERRUPTIONS = const(5)  # while a car is plugged in: some fall asleep for good

NO_TARGET = b"phases_to_use is not set: trigger ignored"
SAME = b"switched to that a moment ago: trigger ignored"
HELD_OPEN = b"a fault has to be cleared first: ignored"
BUSY = b"CP interruption during a switch or another one: ignored"
TOO_SOON = b"CP interruption less than 30 s after the last one: ignored"
TOO_OFTEN = b"five CP interruptions since the car was plugged in: ignored"
NOBODY = b"no car: CP interruption ignored"
DROPS = b"the phase relay drops at every reset"


class Phases:
    """
    REST --trigger, cooled down--> STOPPING --0 A read back--> COASTING --the car draws nothing--> OPENING --pilot open 1 s-->
    PULSING --pulse over--> DWELLING --5 s--> CLOSING --pilot closed, EVSE sees the car again--> REST
    OPENING --pilot open, for an interruption--> INTERRUPTED --its seconds--> CLOSING
    STOPPING, COASTING --in vain--> FAILED --30 s at 0 A--> REST      OPENING, PULSING --unsafe--> DWELLING ... CLOSING --> FAILED
    A restart in the middle begins in DWELLING. Every coil is off in every state but PULSING; 0 A in every state but REST.
    """

    def __init__(self, point, now_ms):
        """point: the ChargePoint; without a coil it is on a board that interrupts the pilot only."""
        self.state = REST
        self.coil = point.coil
        self.mismatch = False  # more phases draw current than were switched on
        self.interruptions = 0  # since the car was plugged in
        self._point = point
        self._wanted = 0  # phases of the newest trigger that was not begun yet
        self._target = 0  # phases of the switch that runs, 0: an interruption
        self._seconds = 0  # of the interruption that is wanted or runs
        self._patient = False  # the wish to switch is our own, at boot: it waits for the meter, too
        self._failed = False
        self._since_ms = now_ms
        self._closed = Latch()
        self._wrong = Hold()
        self._still = Stillness(point)

    def start(self, boot, cold):
        """At boot. boot: "one" switches to one phase after a loss of power (`cold`), and where nobody knows the position."""
        if self._point.relay.state == cp_relay.HELD:
            self._point.relay.wanted_open = R_SWITCHING
            self.state = DWELLING
        if self.coil is None:
            return
        if self.coil.held:
            self._point.warn(DROPS)
        self._tell_position()
        fine = self.coil.position == 1 if self.coil.held else self.coil.position and not cold
        if boot == "one" and not fine:
            self._wanted = 1
            self._patient = True

    def _enter(self, state, now_ms):
        if self.coil is not None and state != PULSING:
            self.coil.end()
        self.state = state
        self._since_ms = now_ms

    # --- what others ask ---

    def reason(self):
        """0, else the R_... that forbids charging. A trigger counts from the step on in which it arrives."""
        if self.state == FAILED:
            return R_NOT_SWITCHED
        if self._seconds:
            return R_INTERRUPTING
        if self.state != REST or self._due():
            return R_SWITCHING
        return R_PHASES if self.mismatch else 0

    def waits(self):
        """True while a trigger waits for the cool-down; the car may charge meanwhile."""
        return self._wanted != 0 and not self.coil.cooled

    def unknown(self):
        """True while nobody knows how many phases are switched on: three have to be assumed."""
        return self.coil is not None and not self.coil.position

    def clear(self):
        """A local action."""
        self.mismatch = False

    # --- wishes ---

    def switch_to(self, phases):
        """A trigger. Returns what to tell about it, or None."""
        if phases is None:
            return NO_TARGET
        if self._point.relay.by_fault() or self._point.guard.latched:
            return HELD_OPEN
        idle = self.state == REST or self.state == FAILED
        if idle and phases == self.coil.position and not self.coil.cooled:
            self._wanted = 0
            return SAME
        self._wanted = phases
        self._patient = False
        return None

    def interrupt(self, seconds):
        """A CP interruption of 1..30 s. Returns what to tell about it, or None."""
        if not self._point.image.value[P_PLUGGED]:
            return NOBODY
        if self._point.relay.by_fault():
            return HELD_OPEN
        if self.state != REST or self._due() or self._seconds:
            return BUSY
        if not self._closed.expired:
            return TOO_SOON
        if self.interruptions >= INTERRUPTIONS:
            return TOO_OFTEN
        self.interruptions += 1
        self._seconds = seconds
        return None

    # --- the machine ---

    def step(self, now_ms):
        """Ten times per second, between the inputs and the decision."""
        self._age(now_ms)
        passed_ms = elapsed_ms(now_ms, self._since_ms)
        if self.state == REST:
            self._rest(now_ms)
        elif self.state == STOPPING:
            self._stop(passed_ms, now_ms)
        elif self.state == COASTING:
            self._coast(passed_ms, now_ms)
        elif self.state == OPENING:
            self._open(passed_ms, now_ms)
        elif self.state == PULSING:
            self._pulse(passed_ms, now_ms)
        elif self.state == DWELLING:
            self._end(passed_ms >= DWELL_MS, now_ms)
        elif self.state == INTERRUPTED:
            self._end(passed_ms >= self._seconds * 1000, now_ms)
        elif self.state == CLOSING:
            self._close(now_ms)
        elif passed_ms >= FAILED_MS and (self._point.evse.zero_read() or self._point.relay.is_open()):
            self._enter(REST, now_ms)

    def _age(self, now_ms):
        if self.coil is not None:
            self.coil.step(now_ms)
            self._verify(now_ms)
        self._closed.check(now_ms, DISTANCE_MS)
        self._still.step(now_ms)
        if not self._point.image.value[P_PLUGGED]:
            self.interruptions = 0

    def _due(self):
        return self._wanted != 0 and self.coil.cooled

    def _rest(self, now_ms):
        facts = self._point.facts
        if self._point.relay.state != cp_relay.CLOSED or self._point.guard.latched or facts[F_EVSE] or facts[F_MAINTENANCE]:
            return
        if self._due() and not self._seconds:
            if self._patient and facts[F_METER]:
                return
            self._target = self._wanted
            self._wanted = 0
        elif not self._seconds:
            return
        self._failed = False
        self._enter(STOPPING, now_ms)

    def _fail(self, now_ms):
        self._failed = True
        self._enter(DWELLING, now_ms)

    def _stop(self, passed_ms, now_ms):
        if passed_ms >= SURE_MS and self._point.evse.zero_read():
            self._still.begin(now_ms)
            self._enter(COASTING, now_ms)
        elif passed_ms >= STOP_MS:
            self._give_up(now_ms)

    def _coast(self, passed_ms, now_ms):
        quiet = self._still.quiet(passed_ms)
        if not self._point.evse.zero_read() or passed_ms >= (COAST_MS if quiet else STOP_MS):
            self._give_up(now_ms)
        elif quiet and self._still.stopped():
            if self._still.safe(now_ms) and self._still.released():
                self._ask_to_open(now_ms)
            else:
                self._give_up(now_ms)

    def _ask_to_open(self, now_ms):
        self._point.relay.wanted_open = self.reason()
        if self._target:
            self.coil.doubt()
        self._enter(OPENING, now_ms)

    def _open(self, passed_ms, now_ms):
        if not self._still.safe(now_ms) or passed_ms >= OPEN_MS:
            if self._target:
                self.coil.spare()
            self._fail(now_ms)
        elif self._seconds:
            if self._point.relay.state == cp_relay.HELD:
                self._enter(INTERRUPTED, now_ms)
        elif self._still.parted() and self.coil.noted and self.coil.begin(self._target, now_ms):
            self._enter(PULSING, now_ms)

    def _pulse(self, passed_ms, now_ms):
        if passed_ms >= self.coil.pulse_ms:
            self.mismatch = False
            self.coil.settle(self._target)
            self._enter(DWELLING, now_ms)
        elif not self._still.safe(now_ms) or self._point.relay.state != cp_relay.HELD:
            self._fail(now_ms)

    def _end(self, over, now_ms):
        if over:
            self._point.relay.wanted_open = 0
            self._enter(CLOSING, now_ms)

    def _close(self, now_ms):
        """Until the EVSE has seen the car again. A fault that has taken the pilot over goes on without us."""
        relay = self._point.relay
        if relay.by_fault() or relay.state == cp_relay.CLOSED and not self._point.evse.pilot_open:
            self._closed.mark(now_ms)
            self._tell_position()
            self._finish(now_ms)

    def _give_up(self, now_ms):
        self._failed = True
        self._finish(now_ms)

    def _finish(self, now_ms):
        """What was asked for again in the meantime has been done, or tried."""
        if self._target and (self._wanted == self._target or self._wanted == self.coil.position):
            self._wanted = 0
        self._target = self._seconds = 0
        self._enter(FAILED if self._failed else REST, now_ms)

    # --- the position ---

    def _tell_position(self):
        if self.coil is not None and self.coil.position:
            self._point.image.value[P_PHASES_IN_USE] = self.coil.position

    def _verify(self, now_ms):
        """More phases than one in use behind a switch to one: it did not come true, or a kept position was wrong."""
        point = self._point
        measured = self.state == REST and point.meter is not None and point.meter_fresh(now_ms)
        wrong = measured and self.coil.position == 1 and point.image.value[P_PHASES_IN_USE] > 1
        if self._wrong.check(wrong, now_ms, PHASES_MS):
            self.mismatch = self.coil.proven
            self.coil.forget()
