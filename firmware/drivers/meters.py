"""The energy meters, one table each. A new meter is a new table and one line in METERS.

A table is (fast blocks, slow blocks); a block is (function, address, registers, rows); a row is (word offset, point,
encoding, multiplier, divisor): point = value * multiplier / divisor, in the point's own unit. No two blocks of a table
may have the same function and length: a late reply to one would pass as a reply to the other.
"""

from micropython import const

from modbus import READ_HOLDING, READ_INPUT
from points import (
    P_CURRENT_CA,
    P_EXPORTED_WH,
    P_FREQUENCY_CHZ,
    P_IMPORTED_WH,
    P_POWER_FACTOR_C,
    P_POWER_L_CW,
    P_SERIAL_NUMBER,
    P_VOLTAGE_CV,
)

F32 = const(0)  # IEEE-754 single
U32 = const(1)
I32 = const(2)
U16 = const(3)
I16 = const(4)
SERIAL = const(5)  # unsigned 32 bit as decimal text

# Eastron SDM630, SDM72D-M v2: V, A, W, Hz, kWh as floats. Energies and frequency are asked for separately because
# some production lots refuse a block that holds both.
EASTRON_3P = (
    (
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
    ),
    (
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
    ),
)

METERS = {
    "sdm630": EASTRON_3P,
    "sdm72": EASTRON_3P,
}
