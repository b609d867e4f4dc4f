"""The phase relay of a charge point: where it stands, when it may move again, and its coils, which are never on for long.

It does not know why it moves, nor whether that is safe: see phases.
"""

from micropython import const

from clock import Latch, elapsed_ms

GRACE_MS = const(500)  # beyond the pulse: the maximum, whatever the machine that asked for the pulse believes
UNKNOWN = const(0)  # a position; else 1 or 3


class Turn:
    """Whose coil is on: one of all charge points."""

    def __init__(self):
        self.owner = None


class Coil:
    """
    A bistable pair gets a pulse; a held output keeps what it was told, and its turn lasts as long as a pulse.

    `position`: phases that are switched on. `noted`: the keeper's answer that it is kept now.
    `proven`: the position is of this life. `cooled`: it may move again.
    """

    def __init__(self, port, turn, cool_down_ms):
        """port: set(phases or None), pulse_ms, and rests_at: the phases of a held output at rest, None for a pair."""
        self.pulse_ms = port.pulse_ms
        self.held = port.rests_at is not None
        self.position = port.rests_at or UNKNOWN
        self.noted = False
        self.proven = self.held
        self.cooled = True
        self.is_on = False
        self.overruns = 0  # pulses that only the maximum has ended
        self._port = port
        self._turn = turn
        self._cool_down_ms = cool_down_ms
        self._moved = Latch()
        self._before = self.position
        self._since_ms = 0

    def restore(self, kept, cold, now_ms):
        """At boot: the position of an earlier life, unless a reset moves it. cold: that life ended by a loss of power."""
        if not self.held and (kept == 1 or kept == 3):
            self.position = kept
        if not cold:
            self._moved.mark(now_ms)  # when that was is not known any more: now is the worst case
            self.cooled = False

    def forget(self):
        """Nobody knows where it stands."""
        self._note(UNKNOWN)

    def doubt(self):
        """It is about to move: whoever starts in the middle shall find no position."""
        self._before = self.position
        self.forget()

    def spare(self):
        """It has not moved after all."""
        self._note(self._before)

    def _note(self, position):
        self.position = position
        self.noted = False

    def begin(self, phases, now_ms):
        """Switches towards 1 or 3 phases. False while the coil of somebody is on."""
        if self._turn.owner is not None:
            return False
        self._turn.owner = self
        self._moved.mark(now_ms)
        self.cooled = False
        self._since_ms = now_ms
        self.is_on = True
        self._port.set(phases)
        return True

    def settle(self, phases):
        """The pulse was as long as it had to be."""
        self.proven = True
        self._note(phases)

    def end(self):
        if not self.is_on:
            return
        if not self.held:
            self._port.set(None)
        self.is_on = False
        self._turn.owner = None

    def step(self, now_ms):
        """Ten times per second: the maximum, and the cool-down."""
        self.cooled = self._moved.check(now_ms, self._cool_down_ms)
        if self.is_on and elapsed_ms(now_ms, self._since_ms) >= self.pulse_ms + GRACE_MS:
            self.overruns = (self.overruns + 1) & 0xFFFFFF
            self.end()
