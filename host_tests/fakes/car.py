"""A car as the wallbox sees it: plug, pilot state and current per phase.

Plain Python that also runs on MicroPython. Currents are in 0.01 A (`_ca`), times in ms on a 30-bit clock.
"""

MASK_MS = (1 << 30) - 1

STATE_A = 1  # no car
STATE_B = 2  # car present, does not want energy now
STATE_C = 3  # car closes its contactor and draws

WAKE_MS = 1000  # from the first usable pilot to state C
RAMP_UP_CA_PER_S = 800


def elapsed_ms(now_ms, then_ms):
    """Milliseconds from `then_ms` to `now_ms` on the 30-bit clock of the project."""
    return (now_ms - then_ms) & MASK_MS


class Car:
    """A car that follows the pilot, or does not.

            plug                pilot >= min_a for 1 s
    state A -----> state B ------------------------------> state C
       ^              ^   pilot off and current ramped down   |
       | unplug       +---------------------------------------+

    `max_a`        what its charger can draw per phase
    `phases`       1 or 3
    `ramp_down_ms` how long a reduction takes (1000..5000 on real cars)
    `min_a`        below this pilot it does not charge (6; Zoe-like cars 8)
    `stubborn`     never follows a reduction, not even to 0; only a lost pilot or an open contactor stops it
    `asleep`       stays in state B until the pilot was interrupted or the plug was pulled
    """

    def __init__(self, max_a=16, phases=3, ramp_down_ms=3000, min_a=6, stubborn=False, asleep=False):
        self.max_a = max_a
        self.phases = phases
        self.ramp_down_ms = ramp_down_ms
        self.min_a = min_a
        self.stubborn = stubborn
        self.asleep = asleep
        self.plugged = False
        self.state = STATE_A
        self.current_ca = [0, 0, 0]
        self._level_ca = 0  # what one active phase draws
        self._target_ca = 0
        self._ramp_from_ca = 0
        self._ramp_from_ms = 0
        self._offered_since_ms = None

    def plug(self):
        """Put the plug in."""
        self.plugged = True

    def unplug(self):
        """Pull the plug: the pilot is gone and so is the current."""
        self.plugged = False

    def step(self, now_ms, pilot_ca, supplied_phases=3):
        """Let time pass.

        `pilot_ca` is the signalled current, 0 for a pilot without pulses, None for no pilot at all (relay open, EVSE without power);
        `supplied_phases` is 0 while the contactor is open, else the phases behind it.
        """
        if not self.plugged or pilot_ca is None:
            self._lose_pilot(supplied_phases)
        else:
            self._follow(now_ms, pilot_ca, supplied_phases)
        active = min(self.phases, supplied_phases)
        for phase in range(3):
            self.current_ca[phase] = self._level_ca if phase < active else 0

    def _lose_pilot(self, supplied_phases):
        self.state = STATE_B if self.plugged else STATE_A
        self.asleep = False
        self._offered_since_ms = None
        if self.plugged and self.stubborn and supplied_phases:
            return  # behind a welded contactor even this does not stop it
        self._level_ca = 0
        self._target_ca = 0

    def _follow(self, now_ms, pilot_ca, supplied_phases):
        if self.state == STATE_A:
            self.state = STATE_B
        wanted_ca = min(pilot_ca, int(self.max_a * 100))
        if wanted_ca < self.min_a * 100 or self.asleep:
            wanted_ca = 0
        if self.stubborn and self.state == STATE_C:
            wanted_ca = max(wanted_ca, self._target_ca)
        self._choose_state(now_ms, wanted_ca)
        if supplied_phases == 0:
            self._level_ca = 0
        if self.state != STATE_C or supplied_phases == 0:
            wanted_ca = 0
        self._ramp(now_ms, wanted_ca)

    def _choose_state(self, now_ms, wanted_ca):
        if wanted_ca == 0:
            self._offered_since_ms = None
            if self._level_ca == 0:
                self.state = STATE_B
            return
        if self._offered_since_ms is None:
            self._offered_since_ms = now_ms
        if elapsed_ms(now_ms, self._offered_since_ms) >= WAKE_MS:
            self.state = STATE_C

    def _ramp(self, now_ms, wanted_ca):
        if wanted_ca != self._target_ca:
            self._target_ca = wanted_ca
            self._ramp_from_ca = self._level_ca
            self._ramp_from_ms = now_ms
        passed_ms = elapsed_ms(now_ms, self._ramp_from_ms)
        if self._level_ca < wanted_ca:
            self._level_ca = min(wanted_ca, self._ramp_from_ca + RAMP_UP_CA_PER_S * passed_ms // 1000)
        elif self._level_ca > wanted_ca:
            self._level_ca = wanted_ca
            if passed_ms < self.ramp_down_ms:
                self._level_ca += (self._ramp_from_ca - wanted_ca) * (self.ramp_down_ms - passed_ms) // self.ramp_down_ms
