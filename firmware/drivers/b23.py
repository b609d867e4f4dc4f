"""ABB B23, B24: whole numbers in 0.1 V, 0.01 A, 0.01 W, 0.01 Hz, 0.001, 10 Wh, and patterns for phases that are not connected.

Some have no power factors and refuse that block: these stay unknown.
"""

from drivers.decoding import I16, I32, SERIAL, U16, U32, U64
from modbus import READ_HOLDING
from points import P_CURRENT_CA, P_FREQUENCY_CHZ, P_IMPORTED_WH, P_POWER_FACTOR_C, P_POWER_L_CW, P_SERIAL_NUMBER, P_VOLTAGE_CV

TABLE = (
    (
        (
            (
                READ_HOLDING,
                0x5B00,
                28,
                (
                    (0, P_VOLTAGE_CV, U32, 10, 1),
                    (2, P_VOLTAGE_CV + 1, U32, 10, 1),
                    (4, P_VOLTAGE_CV + 2, U32, 10, 1),
                    (12, P_CURRENT_CA, U32, 1, 1),
                    (14, P_CURRENT_CA + 1, U32, 1, 1),
                    (16, P_CURRENT_CA + 2, U32, 1, 1),
                    (22, P_POWER_L_CW, I32, 1, 1),
                    (24, P_POWER_L_CW + 1, I32, 1, 1),
                    (26, P_POWER_L_CW + 2, I32, 1, 1),
                ),
            ),
        ),
        (
            (READ_HOLDING, 0x5000, 4, ((0, P_IMPORTED_WH, U64, 10, 1),)),
            (READ_HOLDING, 0x5B2C, 1, ((0, P_FREQUENCY_CHZ, U16, 1, 1),)),
            (
                READ_HOLDING,
                0x5B3B,
                3,
                (
                    (0, P_POWER_FACTOR_C, I16, 1, 10),
                    (1, P_POWER_FACTOR_C + 1, I16, 1, 10),
                    (2, P_POWER_FACTOR_C + 2, I16, 1, 10),
                ),
            ),
            (READ_HOLDING, 0x8900, 2, ((0, P_SERIAL_NUMBER, SERIAL, 1, 1),)),
        ),
    ),
)
