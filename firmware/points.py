"""The table: every fact a charge point can tell or be told, and its image (the newest value of each).

A new fact is a row. Names, units and ranges: openWB's published secondary API; integers in fixed units, unit last in
the name (_ca 0.01 A, _cv 0.01 V, _cw 0.01 W, _chz 0.01 Hz, _c 0.01, _wh 1 Wh, _a 1 A, _s 1 s).
"""

from micropython import const

from clock import Latch

# How a value is written as JSON.
NUMBER = const(0)
BOOL = const(1)
TEXT = const(2)  # bytes, already escaped; None is null
STAMP = const(3)  # unix seconds as digits (bytes): they exceed the small integers; None is null
RAW = const(4)  # JSON as it came in (bytes)

UNSTAMPED = b"null"  # P_RFID_TIMESTAMP_S of a tag that its charge point has not seen yet (see tag)

P_VOLTAGE_CV = const(0)  # three rows: L1, L2, L3
P_CURRENT_CA = const(3)  # negative where the phase delivers
P_POWER_L_CW = const(6)
P_POWER_FACTOR_C = const(9)  # 0.01
P_FREQUENCY_CHZ = const(12)
P_POWER_CW = const(13)
P_IMPORTED_WH = const(14)
P_EXPORTED_WH = const(15)
P_PHASES_IN_USE = const(16)  # 0 not known yet
P_PLUGGED = const(17)
P_CHARGING = const(18)
P_EVSE_CURRENT_CA = const(19)  # register 1000 as last read
P_MAX_EVSE_CURRENT_A = const(20)
P_RFID = const(21)
P_RFID_TIMESTAMP_S = const(22)
P_SERIAL_NUMBER = const(23)
P_VEHICLE_ID = const(24)
P_SOC = const(25)
P_SOC_TIMESTAMP_S = const(26)
P_VERSION = const(27)
P_BRANCH = const(28)
P_COMMIT = const(29)
P_FAULT_STR = const(30)
P_FAULT_STATE = const(31)
P_ERROR_TIMESTAMP_S = const(32)
P_STATE_STR = const(33)
P_NOTICE = const(34)  # second half of state_str
# Told by a controller.
P_SET_CURRENT_CA = const(35)
P_PHASES_TO_USE = const(36)
P_TRIGGER = const(37)
P_CP_SECONDS = const(38)
P_PARENT_CP = const(39)
P_HEARTBEAT = const(40)  # of the gateway, not of one charge point
P_LAST_TAG = const(41)
POINT_COUNT = const(42)

# index, topic below openWB/internal_chargepoint/<n>/, kind, decimals, value before anything is known.
# Rows that share a topic are one JSON list (numbers) or one text joined by "; ". Values a primary can not do
# without start as 0; everything else is unknown (None, published as null).
POINTS = (
    (P_VOLTAGE_CV, b"get/voltages", NUMBER, 2, None),
    (P_VOLTAGE_CV + 1, b"get/voltages", NUMBER, 2, None),
    (P_VOLTAGE_CV + 2, b"get/voltages", NUMBER, 2, None),
    (P_CURRENT_CA, b"get/currents", NUMBER, 2, 0),
    (P_CURRENT_CA + 1, b"get/currents", NUMBER, 2, 0),
    (P_CURRENT_CA + 2, b"get/currents", NUMBER, 2, 0),
    (P_POWER_L_CW, b"get/powers", NUMBER, 2, None),
    (P_POWER_L_CW + 1, b"get/powers", NUMBER, 2, None),
    (P_POWER_L_CW + 2, b"get/powers", NUMBER, 2, None),
    (P_POWER_FACTOR_C, b"get/power_factors", NUMBER, 2, None),
    (P_POWER_FACTOR_C + 1, b"get/power_factors", NUMBER, 2, None),
    (P_POWER_FACTOR_C + 2, b"get/power_factors", NUMBER, 2, None),
    (P_FREQUENCY_CHZ, b"get/frequency", NUMBER, 2, None),
    (P_POWER_CW, b"get/power", NUMBER, 2, 0),
    (P_IMPORTED_WH, b"get/imported", NUMBER, 0, None),
    (P_EXPORTED_WH, b"get/exported", NUMBER, 0, 0),
    (P_PHASES_IN_USE, b"get/phases_in_use", NUMBER, 0, 0),
    (P_PLUGGED, b"get/plug_state", BOOL, 0, None),
    (P_CHARGING, b"get/charge_state", BOOL, 0, 0),
    (P_EVSE_CURRENT_CA, b"get/evse_current", NUMBER, 2, 0),
    (P_MAX_EVSE_CURRENT_A, b"get/max_evse_current", NUMBER, 0, None),
    (P_RFID, b"get/rfid", TEXT, 0, None),
    (P_RFID_TIMESTAMP_S, b"get/rfid_timestamp", STAMP, 0, None),
    (P_SERIAL_NUMBER, b"get/serial_number", TEXT, 0, None),
    (P_VEHICLE_ID, b"get/vehicle_id", TEXT, 0, None),
    (P_SOC, b"get/soc", NUMBER, 0, None),
    (P_SOC_TIMESTAMP_S, b"get/soc_timestamp", STAMP, 0, None),
    (P_VERSION, b"get/version", TEXT, 0, None),
    (P_BRANCH, b"get/current_branch", TEXT, 0, b"ladepunkt"),  # never Release: a primary would push its own updates
    (P_COMMIT, b"get/current_commit", TEXT, 0, None),
    (P_FAULT_STR, b"get/fault_str", TEXT, 0, None),
    (P_FAULT_STATE, b"get/fault_state", NUMBER, 0, 0),
    (P_ERROR_TIMESTAMP_S, b"get/error_timestamp", STAMP, 0, None),
    (P_STATE_STR, b"get/state_str", TEXT, 0, None),
    (P_NOTICE, b"get/state_str", TEXT, 0, None),
    (P_SET_CURRENT_CA, b"data/set_current", NUMBER, 2, None),
    (P_PHASES_TO_USE, b"data/phases_to_use", NUMBER, 0, None),
    (P_TRIGGER, b"data/trigger_phase_switch", BOOL, 0, None),
    (P_CP_SECONDS, b"data/cp_interruption_duration", NUMBER, 0, None),
    (P_PARENT_CP, b"data/parent_cp", TEXT, 0, None),
    (P_HEARTBEAT, b"global_data", RAW, 0, None),
    (P_LAST_TAG, b"last_tag", TEXT, 0, None),
)


class Image:
    """Newest value of every point of one charge point, and when its meter was last read."""

    def __init__(self):
        self.value = [row[4] for row in POINTS]
        self.meter = Latch()
