"""Watches what flows: more current than signalled, current at 0 A, a pilot that does not open, voltages that can not be; and
whether the EVSE does what it is told.

Works on what EVSE and meter have told; says what it found, and keeps the latched ones until a local action.
"""

from micropython import const

from clock import Hold, Latch
from faults import (
    AFTER_REDUCTION_MS,
    CP_STUCK_MS,
    DEFIED_MS,
    OBEYED_MS,
    OVER_CURRENT_MS,
    VOLTAGE_CALM_MS,
    VOLTAGE_MS,
    WELD_MS,
)
from points import P_CURRENT_CA, P_VOLTAGE_CV
from safety import R_CP_STUCK, R_EVSE_DEFIES, R_OVER_CURRENT, R_RCD, R_VOLTAGE, R_WELD
from station import OK

IDLE_CA = const(100)  # less than this is no charging
OVER_CA = const(100)  # above the signalled current, or a tenth of it where that is more
CLEARING_MS = const(3000)
PWM_RUNNING = const(2)  # register 1006
VOLTAGE_HIGH_CV = const(28000)
VOLTAGE_LOW_CV = const(15000)  # of L1 only: the others are off while one phase is in use

# Latched faults, one bit each; these numbers are kept in flash and never change their meaning.
_RCD = const(1)
_WELD = const(2)
_CP_STUCK = const(4)
_OVER_CURRENT = const(8)
LATCHED_ALL = const(15)
OPENS_CP = const(6)  # weld and stuck relay: whatever still helps


class Guard:
    """One charge point. `latched` holds its latched faults and survives a reset (see Memory)."""

    def __init__(self, latched):
        self.latched = latched & LATCHED_ALL
        self._over = Hold()
        self._weld = Hold()
        self._stuck = Hold()
        self._implausible = Hold()
        self._plausible = Hold()
        self._bad_voltage = False
        self.signals = False  # the EVSE lets its car charge with more than 1000 says
        self._defied = Hold()
        self._obeyed = Hold()
        self._defiant = False
        self._reduced = Latch()  # since when the signalled current is lower
        self._signalled_ca = 0
        self._allowed_ca = 0  # without its tolerance
        self._cleared = Latch()

    def reason(self):
        """0 when nothing is wrong, else the most serious R_..."""
        if not self.latched:
            if self._defiant:
                return R_EVSE_DEFIES
            return R_VOLTAGE if self._bad_voltage else 0
        if self.latched & _RCD:
            return R_RCD
        if self.latched & _WELD:
            return R_WELD
        return R_CP_STUCK if self.latched & _CP_STUCK else R_OVER_CURRENT

    def clear(self, now_ms):
        """A local action: what still lasts is found again. The EVSE is given a moment to clear its RCD error."""
        self.latched = 0
        self._defiant = False
        self._cleared.mark(now_ms)

    def watch_evse(self, now_ms, rcd, car_seen):
        """`rcd`: the EVSE says that the RCD has tripped. `car_seen`: it sees a car although the pilot is open."""
        if self._cleared.check(now_ms, CLEARING_MS) and rcd:
            self.latched |= _RCD
        if self._stuck.check(car_seen, now_ms, CP_STUCK_MS):
            self.latched |= _CP_STUCK

    def watch_orders(self, now_ms, evse):
        """Silence is no disobedience: it has a fault of its own. 1001 follows 1000 with a delay, may be rounded, and counts against the
        EVSE only while 1006 says so, too; once it did, it has to fall. Who answers nothing but exceptions is not believed what it told
        before."""
        above = evse.signalled_ca() > evse.set_current_ca() + OVER_CA
        refuses = evse.defies or evse.station.last_result > OK
        wrong = refuses or above and evse.controller == PWM_RUNNING
        if self._defied.check(wrong and not evse.heard.expired, now_ms, DEFIED_MS):
            self._defiant = True
        if self._obeyed.check(not refuses and not above, now_ms, OBEYED_MS):
            self._defiant = False
        self.signals = self._defiant and above

    def watch_current(self, now_ms, flows_ca, signalled_ca, at_zero):
        """`flows_ca`: the highest current of the three phases. `at_zero`: 0 A is set and was read back."""
        self._allow(now_ms, signalled_ca)
        above_ca = max(OVER_CA, self._allowed_ca // 10)
        self._over.check(signalled_ca > 0 and flows_ca > self._allowed_ca + above_ca, now_ms, OVER_CURRENT_MS)
        if self._over.long:
            self.latched |= _OVER_CURRENT
        if self._weld.check(at_zero and flows_ca >= IDLE_CA, now_ms, WELD_MS):
            self.latched |= _WELD

    def _allow(self, now_ms, signalled_ca):
        """What was signalled before a reduction may flow for a while. A further one meanwhile adds no time: else who goes down
        step by step would never see a car that takes no notice."""
        if not self._reduced.check(now_ms, AFTER_REDUCTION_MS):
            self._allowed_ca = max(self._allowed_ca, signalled_ca)
        elif signalled_ca < self._signalled_ca:
            self._reduced.mark(now_ms)
            self._allowed_ca = self._signalled_ca
        else:
            self._allowed_ca = signalled_ca
        self._signalled_ca = signalled_ca

    def watch_voltage(self, now_ms, bad, known):
        """`bad`: see implausible(). `known`: the readings are new ones; others do not show that all is well again."""
        if self._implausible.check(bad, now_ms, VOLTAGE_MS):
            self._bad_voltage = True
        if self._plausible.check(known and not bad, now_ms, VOLTAGE_CALM_MS):
            self._bad_voltage = False


def highest_ca(value):
    """The highest current of the three phases, without sign; 0 where none is known."""
    highest = 0
    for i in range(P_CURRENT_CA, P_CURRENT_CA + 3):
        if value[i] is not None:
            highest = max(highest, abs(value[i]))
    return highest


def implausible(value):
    """True for a voltage that no house has: above 280 V, or L1 below 150 V. Unknown ones are none."""
    low_cv = value[P_VOLTAGE_CV]
    if low_cv is not None and low_cv < VOLTAGE_LOW_CV:
        return True
    for i in range(P_VOLTAGE_CV, P_VOLTAGE_CV + 3):
        if value[i] is not None and value[i] > VOLTAGE_HIGH_CV:
            return True
    return False
