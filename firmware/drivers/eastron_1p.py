"""Eastron SDM120, SDM220, SDM230: one phase, the registers of the three-phase ones. Delivered at 2400 baud: set 9600 at the meter."""

from drivers.decoding import F32, SERIAL
from modbus import READ_HOLDING, READ_INPUT
from points import P_CURRENT_CA, P_FREQUENCY_CHZ, P_IMPORTED_WH, P_POWER_FACTOR_C, P_POWER_L_CW, P_SERIAL_NUMBER, P_VOLTAGE_CV

_SLOW = (
    (READ_INPUT, 0x0046, 6, ((0, P_FREQUENCY_CHZ, F32, 100, 1), (2, P_IMPORTED_WH, F32, 1000, 1))),
    (READ_INPUT, 0x001E, 2, ((0, P_POWER_FACTOR_C, F32, 100, 1),)),
    (READ_HOLDING, 0xFC00, 2, ((0, P_SERIAL_NUMBER, SERIAL, 1, 1),)),
)

TABLE = (
    (
        (
            (
                READ_INPUT,
                0x0000,
                14,
                ((0, P_VOLTAGE_CV, F32, 100, 1), (6, P_CURRENT_CA, F32, 100, 1), (12, P_POWER_L_CW, F32, 100, 1)),
            ),
        ),
        _SLOW,
    ),
    (
        (
            (READ_INPUT, 0x0000, 8, ((0, P_VOLTAGE_CV, F32, 100, 1), (6, P_CURRENT_CA, F32, 100, 1))),
            (READ_INPUT, 0x000A, 4, ((2, P_POWER_L_CW, F32, 100, 1),)),
        ),
        _SLOW,
    ),
)
