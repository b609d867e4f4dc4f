"""The faults of a charge point: one row each, read at boot. What is latched stays until somebody acts at the box itself.

The English text is the reason's own (safety.REASONS). docs/safety.md is written from this table and shows the triggers.
"""

from micropython import const

from safety import (
    R_CP_LATCHED,
    R_CP_OPEN,
    R_CP_STUCK,
    R_EVSE_DEFIES,
    R_EVSE_FAULT,
    R_EVSE_OLD,
    R_EVSE_SILENT,
    R_METER_LOST,
    R_METER_VOLTAGE,
    R_NO_SECOND_STOP,
    R_NOT_SWITCHED,
    R_OVER_CURRENT,
    R_PHASES,
    R_RCD,
    R_VOLTAGE,
    R_WELD,
    REASONS,
)

# How long it must last. Standards: IEC 61851-1 gives a car 5 s to follow a reduction and 3 s to stop.
EVSE_SILENT_MS = const(1000)
METER_LOST_MS = const(10000)
VOLTAGE_MS = const(5000)
VOLTAGE_CALM_MS = const(60000)  # plausible for that long again: no contactor that flutters with a loose terminal
NOT_CONFIRMED_MS = const(3000)
CP_STUCK_MS = const(5000)
WELD_MS = const(10000)
OVER_CURRENT_MS = const(6000)
AFTER_REDUCTION_MS = const(5000)
STOP_MS = const(10000)  # so long a phase switch waits for 0 A, and then for the car
PHASES_MS = const(5000)
DEFIED_MS = const(10000)
OBEYED_MS = const(60000)  # for that long again: no contactor that flutters with such an EVSE

ZERO = const(0)  # action: 0 A
OPEN_CP = const(1)  # action: 0 A and the control pilot open
LOST_CURRENT = const(2)  # action: meter.lost_current_ca, 0 A by default

BY_ITSELF = const(0)  # cleared when the trigger is gone
BY_CALM = const(1)  # cleared by the rule for closing the control pilot, see cp_relay
BY_HAND = const(2)  # latched: cleared by the button, held 5 s, or on the console; never by MQTT or Modbus
BY_SWITCH = const(3)  # cleared by the next phase switch that is carried out, or by hand

# Columns of a row.
REASON = const(0)
AFTER_MS = const(1)
ACTION = const(2)
CLEARED = const(3)
GERMAN = const(4)  # for openWB's user; JSON text

# The most serious first: of several it is the one that is shown.
FAULTS = (
    (R_RCD, 0, ZERO, BY_HAND, b"Der FI hat ausgel\xc3\xb6st: nach der Ursache suchen, dann an der Box quittieren."),
    (R_WELD, WELD_MS, OPEN_CP, BY_HAND, b"Strom flie\xc3\x9ft, obwohl 0 A gesetzt sind: Sch\xc3\xbctz pr\xc3\xbcfen, dann an der Box quittieren."),
    (R_CP_STUCK, CP_STUCK_MS, OPEN_CP, BY_HAND, b"Das CP-Relais \xc3\xb6ffnet nicht: pr\xc3\xbcfen, dann an der Box quittieren."),
    (R_OVER_CURRENT, OVER_CURRENT_MS, ZERO, BY_HAND, b"Das Auto zieht mehr Strom als erlaubt: pr\xc3\xbcfen, dann an der Box quittieren."),
    (R_CP_LATCHED, 0, OPEN_CP, BY_HAND, b"0 A wurden wiederholt nicht best\xc3\xa4tigt, CP bleibt offen: an der Box quittieren."),
    (R_PHASES, PHASES_MS, ZERO, BY_SWITCH, b"Es flie\xc3\x9ft Strom auf mehr Phasen, als geschaltet sind: Phasenrelais pr\xc3\xbcfen."),
    (R_EVSE_SILENT, EVSE_SILENT_MS, ZERO, BY_ITSELF, b"Die EVSE antwortet nicht: Verdrahtung A/B/GND und Modbus-Adresse pr\xc3\xbcfen."),
    (R_EVSE_OLD, 0, ZERO, BY_ITSELF, b"Die Firmware der EVSE ist \xc3\xa4lter als 8 (Register 1005): EVSE tauschen."),
    (R_EVSE_FAULT, 0, ZERO, BY_ITSELF, b"Die EVSE meldet einen Fehler (Register 1002 oder 1007)."),
    (R_NO_SECOND_STOP, NOT_CONFIRMED_MS, ZERO, BY_ITSELF, b"0 A werden nicht best\xc3\xa4tigt, und kein Relais kann CP trennen: Auto ausstecken."),
    (R_EVSE_DEFIES, DEFIED_MS, ZERO, BY_ITSELF, b"Die EVSE befolgt ihre Vorgabe nicht: steht ihr Register 2003 auf 0 (Analogeingang)?"),
    (R_CP_OPEN, NOT_CONFIRMED_MS, OPEN_CP, BY_CALM, b"0 A wurden nicht best\xc3\xa4tigt, CP ist getrennt: EVSE und Verdrahtung pr\xc3\xbcfen."),
    (R_NOT_SWITCHED, STOP_MS, ZERO, BY_ITSELF, b"Umschaltung abgebrochen: die Ladung konnte nicht gestoppt werden."),
    (R_METER_LOST, METER_LOST_MS, LOST_CURRENT, BY_ITSELF, b"Der Z\xc3\xa4hler antwortet nicht: Verdrahtung A/B und Modbus-Adresse pr\xc3\xbcfen."),
    (R_METER_VOLTAGE, 0, ZERO, BY_ITSELF, b"Der Z\xc3\xa4hler zeigt weniger als 200 V auf L1."),
    (R_VOLTAGE, VOLTAGE_MS, ZERO, BY_ITSELF, b"Der Z\xc3\xa4hler zeigt eine unm\xc3\xb6gliche Spannung: Anschl\xc3\xbcsse pr\xc3\xbcfen."),
)  # fmt: skip

NO_FAULT = b"Kein Fehler."
NO_FAULT_EN = b"no fault"
EVSE_DISABLED = b"Die EVSE ist in Register 2005 abgeschaltet (Bit 13 oder 14): Bit l\xc3\xb6schen."
EVSE_DISABLED_EN = b"EVSE is switched off in register 2005 (bit 13 or 14): clear the bit"
CABLE_UNKNOWN = b"Kabelkennung (PP) nicht lesbar: es gilt nur die Grenze der Installation."
CABLE_UNKNOWN_EN = b"cable rating (PP) is not readable: only the installation limit applies"

# Where texts_in() has those three; those of FAULTS stand in front of them, in their order.
T_NO_FAULT = const(-3)
T_EVSE_DISABLED = const(-2)
T_CABLE_UNKNOWN = const(-1)


def order():
    """At boot: the reasons that are faults, the most serious first."""
    return bytes([row[REASON] for row in FAULTS])


def texts_in(english):
    """At boot: what the user reads, in one language."""
    if english:
        return tuple([REASONS[row[REASON]] for row in FAULTS]) + (NO_FAULT_EN, EVSE_DISABLED_EN, CABLE_UNKNOWN_EN)
    return tuple([row[GERMAN] for row in FAULTS]) + (NO_FAULT, EVSE_DISABLED, CABLE_UNKNOWN)
