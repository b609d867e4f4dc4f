"""MPM3PM (bf-Power): whole numbers of 32 bits in 0.1 V, 0.01 A, 0.01 W, 0.01 Hz, 10 Wh; the scale of the power factor varies."""

from drivers.decoding import FACTOR, I32, SERIAL, U32
from modbus import READ_HOLDING, READ_INPUT
from points import P_CURRENT_CA, P_FREQUENCY_CHZ, P_IMPORTED_WH, P_POWER_FACTOR_C, P_POWER_L_CW, P_SERIAL_NUMBER, P_VOLTAGE_CV

_ROWS = (
    (0, P_VOLTAGE_CV, U32, 10, 1),
    (2, P_VOLTAGE_CV + 1, U32, 10, 1),
    (4, P_VOLTAGE_CV + 2, U32, 10, 1),
    (6, P_CURRENT_CA, U32, 1, 1),
    (8, P_CURRENT_CA + 1, U32, 1, 1),
    (10, P_CURRENT_CA + 2, U32, 1, 1),
    (12, P_POWER_L_CW, I32, 1, 1),
    (14, P_POWER_L_CW + 1, I32, 1, 1),
    (16, P_POWER_L_CW + 2, I32, 1, 1),
)
_SHORT = (
    (0, P_CURRENT_CA + 1, U32, 1, 1),
    (2, P_CURRENT_CA + 2, U32, 1, 1),
    (4, P_POWER_L_CW, I32, 1, 1),
    (6, P_POWER_L_CW + 1, I32, 1, 1),
    (8, P_POWER_L_CW + 2, I32, 1, 1),
)
_SLOW = (
    (READ_INPUT, 0x0002, 4, ((0, P_IMPORTED_WH, U32, 10, 1),)),
    (
        READ_INPUT,
        0x0020,
        6,
        (
            (0, P_POWER_FACTOR_C, FACTOR, 1, 1),
            (2, P_POWER_FACTOR_C + 1, FACTOR, 1, 1),
            (4, P_POWER_FACTOR_C + 2, FACTOR, 1, 1),
        ),
    ),
    (READ_HOLDING, 0x002C, 2, ((0, P_FREQUENCY_CHZ, U32, 1, 1),)),  # function 3 and 4 read the same registers
    (READ_INPUT, 0x0033, 2, ((0, P_SERIAL_NUMBER, SERIAL, 1, 1),)),
)

TABLE = (
    (((READ_INPUT, 0x0008, 18, _ROWS),), _SLOW),
    (((READ_INPUT, 0x0008, 8, _ROWS[:4]), (READ_INPUT, 0x0010, 10, _SHORT)), _SLOW),
)
