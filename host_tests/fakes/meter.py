"""Eastron SDM630 and SDM72D-M v2 at register level.

Plain Python that also runs on MicroPython. Currents in 0.01 A, voltages in 0.01 V, energies in mWh.
"""

import struct

from .car import elapsed_ms
from .evse import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, READ_HOLDING

READ_INPUT = 4
INPUT_REGISTERS = 0x0180
SERIAL_NUMBER = 0xFC00  # two words
METER_CODE = 0xFC02


def float_words(value):
    """A number as the two words of its IEEE-754 single, high word first."""
    raw = struct.pack(">f", value)
    return [raw[0] << 8 | raw[1], raw[2] << 8 | raw[3]]


class Sdm630:
    """A three-phase meter with float registers (FC 4) and a serial number (FC 3).

    `frequency_times_10` some units tell the frequency ten times too high
    `block_limit`        most registers in one request; a longer one is silent, or exception 2 with `refuses_long`
    """

    CODE = 0x0070

    def __init__(self, unit=105, serial=21063017, block_limit=80, refuses_long=True, frequency_times_10=False):
        self.unit = unit
        self.serial = serial
        self.block_limit = block_limit
        self.refuses_long = refuses_long
        self.frequency_times_10 = frequency_times_10
        self.answers = True
        self.voltage_cv = [23000, 23000, 23000]
        self.current_ca = [0, 0, 0]
        self.backwards = 0  # the phase whose current counts the wrong way, 0 none
        self.frequency_chz = 5000
        self.imported_mwh = 0
        self._rest_mwms = 0  # energy below 1 mWh: power in mW times ms
        self._last_ms = None

    @property
    def power_w(self):
        return self._power_mw() // 1000

    @property
    def imported_wh(self):
        return self.imported_mwh // 1000

    @property
    def volts(self):
        return [voltage_cv / 100 for voltage_cv in self.voltage_cv]

    @volts.setter
    def volts(self, volts):
        self.voltage_cv = [int(100 * volt) for volt in volts]

    def step(self, now_ms, current_ca):
        """Let time pass; `current_ca` is what flows through it from now on, three phases."""
        if self._last_ms is not None and self._last_ms != now_ms and any(self.current_ca):
            self._rest_mwms += self._power_mw() * elapsed_ms(now_ms, self._last_ms)
            self.imported_mwh += self._rest_mwms // 3600000
            self._rest_mwms %= 3600000
        self._last_ms = now_ms
        self.current_ca[:] = current_ca
        if self.backwards:
            self.current_ca[self.backwards - 1] *= -1

    def request(self, function, address, payload):
        """One Modbus request: a list of words, an exception code, or None for silence."""
        if not self.answers:
            return None
        if function != READ_INPUT and function != READ_HOLDING:
            return ILLEGAL_FUNCTION
        if payload < 1 or payload > 125:
            return ILLEGAL_VALUE
        if payload > self.block_limit:
            return ILLEGAL_ADDRESS if self.refuses_long else None
        if function == READ_HOLDING:
            return self._holding(address, payload)
        if address + payload > INPUT_REGISTERS:
            return ILLEGAL_ADDRESS
        return self._input(address, payload)

    def _power_mw(self):
        return self._phase_mw(0) + self._phase_mw(1) + self._phase_mw(2)

    def _phase_mw(self, phase):
        return self.voltage_cv[phase] * self.current_ca[phase] // 10

    def _holding(self, address, count):
        known = {
            SERIAL_NUMBER: self.serial >> 16,
            SERIAL_NUMBER + 1: self.serial & 0xFFFF,
            METER_CODE: self.CODE,
        }
        # Unused holding registers read as zeros on the real meter, no exception.
        return [known.get(address + index, 0) for index in range(count)]

    def _input(self, address, count):
        words = []
        first = address & ~1
        for pair in range(first, address + count, 2):
            words += float_words(self._value(pair))
        skip = address - first
        return words[skip : skip + count]

    def _value(self, address):
        """The quantity at an even address, in the unit of the meter (V, A, W, Hz, kWh)."""
        if address < 0x24:
            return self._phase_value(address)
        if address == 0x34:
            return self._power_mw() / 1000
        if address == 0x46:
            return self.frequency_chz / (10 if self.frequency_times_10 else 100)
        if address == 0x48 or address == 0x0156:
            return self.imported_mwh / 1000000
        return 0

    def _phase_value(self, address):
        phase = address // 2 % 3
        group = address // 6
        if group == 0:
            return self.voltage_cv[phase] / 100
        if group == 1:
            return self.current_ca[phase] / 100
        if group == 2 or group == 3:  # active and apparent power
            return self._phase_mw(phase) / 1000
        if group == 5:
            return 1  # power factor
        return 0


class Sdm72(Sdm630):
    """SDM72D-M v2: the same map behind another meter code, and lots that refuse long blocks."""

    CODE = 0x0089
