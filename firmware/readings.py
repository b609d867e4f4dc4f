"""What follows from a meter's raw readings: totals, signs, phases in use; and what is left when the meter is lost."""

from micropython import const

from points import (
    P_CURRENT_CA,
    P_FREQUENCY_CHZ,
    P_IMPORTED_WH,
    P_PHASES_IN_USE,
    P_POWER_CW,
    P_POWER_FACTOR_C,
    P_POWER_L_CW,
    P_VOLTAGE_CV,
)

IN_USE_CA = const(300)  # openWB's threshold for a phase in use
STANDBY_CW = const(1000)  # below 10 W a total is published as 0
FREQUENCY_MAX_CHZ = const(10000)  # Eastron lots that report ten times the frequency


def derive(value):
    """Fills in what follows from the readings in `value`, the list of an Image."""
    if value[P_FREQUENCY_CHZ] is not None and value[P_FREQUENCY_CHZ] > FREQUENCY_MAX_CHZ:
        value[P_FREQUENCY_CHZ] //= 10
    total_cw = 0
    phases = 0
    for i in range(3):
        total_cw += _phase_cw(value, i)
        if value[P_CURRENT_CA + i] is not None and abs(value[P_CURRENT_CA + i]) > IN_USE_CA:
            phases += 1
    value[P_POWER_CW] = total_cw if total_cw >= STANDBY_CW else 0
    if phases:
        value[P_PHASES_IN_USE] = phases


def _phase_cw(value, i):
    """One phase's power, 0 while unknown; gives the current of a delivering phase its sign."""
    power_cw = value[P_POWER_L_CW + i]
    current_ca = value[P_CURRENT_CA + i]
    if power_cw is None:
        return 0
    if power_cw < 0 and current_ca is not None and current_ca > 0:
        value[P_CURRENT_CA + i] = -current_ca
    return power_cw


def forget(value):
    """A lost meter leaves no old numbers: 0 where a primary needs one, else unknown. Energies stay."""
    for i in range(3):
        value[P_VOLTAGE_CV + i] = None
        value[P_CURRENT_CA + i] = 0
        value[P_POWER_L_CW + i] = None
        value[P_POWER_FACTOR_C + i] = None
    value[P_FREQUENCY_CHZ] = None
    value[P_POWER_CW] = 0


def start_without_meter(value, phases):
    """No meter by design: zeros instead of unknown, so that every reader has numbers. At boot."""
    for i in range(P_VOLTAGE_CV, P_POWER_CW + 1):
        value[i] = 0
    value[P_IMPORTED_WH] = 0
    value[P_PHASES_IN_USE] = phases
