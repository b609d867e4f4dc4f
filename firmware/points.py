"""Every fact a charge point can tell or be told by number, and its image (the newest value of each). The table itself: point_rows.

A new fact is a number here and a row there. Names, units and ranges: openWB's published secondary API; integers in fixed units, unit last in
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

# As point_rows says; read here without them.
_ZERO_AT_FIRST = (
    P_CURRENT_CA, P_CURRENT_CA + 1, P_CURRENT_CA + 2, P_POWER_CW, P_EXPORTED_WH, P_PHASES_IN_USE, P_CHARGING, P_EVSE_CURRENT_CA, P_FAULT_STATE,
)  # fmt: skip


class Image:
    """Newest value of every point of one charge point, and when its meter was last read."""

    def __init__(self):
        self.value = [None] * POINT_COUNT
        for point in _ZERO_AT_FIRST:
            self.value[point] = 0
        self.value[P_BRANCH] = b"ladepunkt"
        self.meter = Latch()
