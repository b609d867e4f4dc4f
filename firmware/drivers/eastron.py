"""Eastron SDM630, SDM72D-M v2: V, A, W, Hz, kWh as floats.

Production lots answer at most 80, 50, 20 or 10 registers in one block. The first plan fits all but the last: blocks above 18
registers would only make a set point wait for longer. Energy and frequency are asked for separately, as some lots refuse a
block that holds both.
"""

from drivers.decoding import F32, SERIAL
from modbus import READ_HOLDING, READ_INPUT
from points import P_CURRENT_CA, P_FREQUENCY_CHZ, P_IMPORTED_WH, P_POWER_FACTOR_C, P_POWER_L_CW, P_SERIAL_NUMBER, P_VOLTAGE_CV

_FAST = (
    (
        READ_INPUT,
        0x0000,
        18,
        (
            (0, P_VOLTAGE_CV, F32, 100, 1),
            (2, P_VOLTAGE_CV + 1, F32, 100, 1),
            (4, P_VOLTAGE_CV + 2, F32, 100, 1),
            (6, P_CURRENT_CA, F32, 100, 1),
            (8, P_CURRENT_CA + 1, F32, 100, 1),
            (10, P_CURRENT_CA + 2, F32, 100, 1),
            (12, P_POWER_L_CW, F32, 100, 1),
            (14, P_POWER_L_CW + 1, F32, 100, 1),
            (16, P_POWER_L_CW + 2, F32, 100, 1),
        ),
    ),
)
_FAST_10 = (
    (READ_INPUT, 0x0000, 8, _FAST[0][3][:4]),
    (
        READ_INPUT,
        0x0008,
        10,
        (
            (0, P_CURRENT_CA + 1, F32, 100, 1),
            (2, P_CURRENT_CA + 2, F32, 100, 1),
            (4, P_POWER_L_CW, F32, 100, 1),
            (6, P_POWER_L_CW + 1, F32, 100, 1),
            (8, P_POWER_L_CW + 2, F32, 100, 1),
        ),
    ),
)
_SLOW = (
    (READ_INPUT, 0x0048, 4, ((0, P_IMPORTED_WH, F32, 1000, 1),)),
    (
        READ_INPUT,
        0x001E,
        6,
        (
            (0, P_POWER_FACTOR_C, F32, 100, 1),
            (2, P_POWER_FACTOR_C + 1, F32, 100, 1),
            (4, P_POWER_FACTOR_C + 2, F32, 100, 1),
        ),
    ),
    (READ_INPUT, 0x0046, 2, ((0, P_FREQUENCY_CHZ, F32, 100, 1),)),
    (READ_HOLDING, 0xFC00, 2, ((0, P_SERIAL_NUMBER, SERIAL, 1, 1),)),
)

TABLE = (
    (_FAST, _SLOW),
    (_FAST_10, _SLOW),
)
