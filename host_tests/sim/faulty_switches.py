"""Firmwares with one fault each, for `mutants`: a phase relay moves when it must not, or for too long.

As in `faulty_charging`: each function breaks the firmware of this process, and `patch` mends it.
"""

from clock import elapsed_ms
from coil import Coil
from cp_relay import CLOSED, CLOSING, HELD, CpRelay
from phases import DWELLING, PULSING, Phases
from stillness import Stillness

import cp_relay
import failsafe
import stillness

# --- coil_at_zero ---


def coil_with_the_pilot_closed(patch):
    """The pilot counts as open without having been opened."""

    def begin_hold(self, calm):
        if self.wanted_open and calm:
            self._held_for = self.wanted_open
            self._enter(HELD)

    patch.setattr(CpRelay, "_begin_hold", begin_hold)
    patch.setattr(Stillness, "parted", lambda self: self._point.relay.state == HELD)


def coil_without_waiting_for_the_car(patch):
    """Nobody waits until the car has left state C."""
    patch.setattr(Stillness, "stopped", lambda self: True)
    patch.setattr(Stillness, "released", lambda self: True)


def coil_right_after_the_pilot_opened(patch):
    """A coil moves as soon as the pilot is open."""
    patch.setattr(stillness, "AHEAD_MS", 0)


# --- one_coil ---


def turns_are_not_taken(patch):
    """A charge point does not ask whether the coil of another one is on."""
    begin = Coil.begin

    def rude(self, phases, now_ms):
        self._turn.owner = None
        return begin(self, phases, now_ms)

    patch.setattr(Coil, "begin", rude)


def both_coils_of_a_pair(patch):
    """The floor switches both coils of a pair on."""
    coil = failsafe.coil

    def twice(i, phases, *keys):
        coil(i, phases, *keys)
        if phases:
            coil(i, 4 - phases, ("one_pin",) if phases == 3 else ("three_pin",))

    patch.setattr(failsafe, "coil", twice)


def turn_given_back_after_100_ms(patch):
    """The turn of a coil is over 100 ms after it was switched on."""
    step = Coil.step

    def hasty(self, now_ms):
        step(self, now_ms)
        if self.is_on and elapsed_ms(now_ms, self._since_ms) >= 100:
            self._turn.owner = None

    patch.setattr(Coil, "step", hasty)


# --- coil_cool_down ---


def cool_down_ignored(patch):
    """A phase relay may always move again."""
    step = Coil.step

    def eager(self, now_ms):
        step(self, now_ms)
        self.cooled = True

    patch.setattr(Coil, "step", eager)


def cool_down_forgotten_with_a_reset(patch):
    """After any reset a phase relay may move at once."""
    restore = Coil.restore
    patch.setattr(Coil, "restore", lambda self, kept, cold, now_ms: restore(self, kept, True, now_ms))


def cool_down_of_half_the_time(patch):
    """The cool-down lasts half as long as configured."""
    init = Coil.__init__
    patch.setattr(Coil, "__init__", lambda self, port, turn, cool_down_ms: init(self, port, turn, cool_down_ms // 2))


# --- coil_pulse ---


def pulse_never_ends(patch):
    """Nobody ends a pulse, and there is no maximum."""
    step = Coil.step

    def patient(self, now_ms):
        self._since_ms = now_ms
        step(self, now_ms)

    patch.setattr(Coil, "step", patient)
    patch.setattr(Phases, "_pulse", lambda self, passed_ms, now_ms: None)


def coil_on_until_the_pilot_closes(patch):
    """A coil is switched off when the pilot is closed, and has no maximum."""
    end = Coil.end
    enter = Phases._enter

    def lazy(self, state, now_ms):
        keeps = self.state == PULSING and state == DWELLING
        if keeps:
            patch.setattr(Coil, "end", lambda coil: None)
        enter(self, state, now_ms)
        patch.setattr(Coil, "end", end if not keeps else lambda coil: None)

    patch.setattr(Phases, "_enter", lazy)


def pulse_five_times_as_long(patch):
    """A pulse is five times as long as configured."""
    init = Coil.__init__

    def long(self, *arguments):
        init(self, *arguments)
        self.pulse_ms *= 5

    patch.setattr(Coil, "__init__", long)


# --- no_current_switching ---


def set_point_counts_while_a_coil_is_on(patch):
    """The set point counts while a coil is on."""
    reason = Phases.reason
    patch.setattr(Phases, "reason", lambda self: 0 if self.state == PULSING else reason(self))
    _held_says_nothing(patch)


def set_point_counts_as_soon_as_the_pilot_closes(patch):
    """The set point counts while the pilot is being closed again."""
    reason = Phases.reason
    patch.setattr(Phases, "reason", lambda self: 0 if self._point.relay.state == CLOSING else reason(self))
    _held_says_nothing(patch)


def _held_says_nothing(patch):
    said = CpRelay.reason
    patch.setattr(CpRelay, "reason", lambda self: 0 if self.state == HELD or self.state == CLOSING else said(self))


def current_right_after_the_pilot_closed(patch):
    """The switch is over, and the pilot as good as before, at the moment in which it is closed."""
    patch.setattr(cp_relay, "SETTLE_MS", 0)

    def close(self, now_ms):
        if self._point.relay.by_fault() or self._point.relay.state == CLOSED:
            self._closed.mark(now_ms)
            self._tell_position()
            self._finish(now_ms)

    patch.setattr(Phases, "_close", close)


