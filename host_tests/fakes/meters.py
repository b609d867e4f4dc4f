"""MPM3PM, ABB B23 and the one-phase Eastrons at register level, and every meter by the name it has in config.json.

Plain Python that also runs on MicroPython; units as in meter.Sdm630.
"""

from .evse import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, READ_HOLDING
from .meter import READ_INPUT, Sdm72, Sdm630

NO_U16, NO_I16 = 0xFFFF, 0x7FFF
NO_U32, NO_I32 = 0xFFFFFFFF, 0x7FFFFFFF


def words_32(number):
    """A 32-bit integer as two words, high word first."""
    number &= 0xFFFFFFFF
    return [number >> 16, number & 0xFFFF]


class WholeNumbers(Sdm630):
    """A meter with integer registers: `_registers` maps an address to its word. Function codes in FUNCTIONS answer alike."""

    FUNCTIONS = ()

    def _refusal(self, function, count):
        if function not in self.FUNCTIONS:
            return ILLEGAL_FUNCTION
        return None if count <= self.block_limit else ILLEGAL_ADDRESS

    def request(self, function, address, payload):
        """See Sdm630.request. A register that the meter does not have is exception 2."""
        if not self.answers or payload > self.block_limit and not self.refuses_long:
            return None
        refusal = self._refusal(function, payload)
        registers = self._registers()
        if refusal is None and not all([address + i in registers for i in range(payload)]):
            refusal = ILLEGAL_ADDRESS
        return refusal or [registers[address + i] for i in range(payload)]

    def _registers(self):
        raise NotImplementedError

    def _put(self, registers, address, words):
        for i in range(len(words)):
            registers[address + i] = words[i]


class Mpm3pm(WholeNumbers):
    """`factor_one` is how it tells a power factor of 1: 10, 100 or 1000."""

    FUNCTIONS = (READ_HOLDING, READ_INPUT)

    def __init__(self, unit=5, serial=4711, factor_one=10, **options):
        super().__init__(unit, serial, **options)
        self.factor_one = factor_one

    def _registers(self):
        registers = {address: 0 for address in range(0x00, 0x40)}
        self._put(registers, 0x02, words_32(self.imported_wh // 10))
        for phase in range(3):
            self._put(registers, 0x08 + 2 * phase, words_32(self.voltage_cv[phase] // 10))
            self._put(registers, 0x0E + 2 * phase, words_32(self.current_ca[phase]))
            self._put(registers, 0x14 + 2 * phase, words_32(self._phase_mw(phase) // 10))
            self._put(registers, 0x20 + 2 * phase, words_32(self.factor_one))
        self._put(registers, 0x26, words_32(self._power_mw() // 10))
        self._put(registers, 0x2C, words_32(self.frequency_chz))
        self._put(registers, 0x33, words_32(self.serial))
        return registers


class B23(WholeNumbers):
    """`phases`: those behind it are open and tell patterns instead of numbers. `has_factors`: some refuse them."""

    FUNCTIONS = (READ_HOLDING,)

    def __init__(self, unit=201, serial=10203040, phases=3, has_factors=True, **options):
        super().__init__(unit, serial, **options)
        self.phases = phases
        self.has_factors = has_factors

    def _registers(self):
        registers = {address: 0xFFFF for address in range(0x5B00, 0x5B30)}
        self._put(registers, 0x5000, [0, 0] + words_32(self.imported_wh // 10))
        for phase in range(3):
            there = phase < self.phases
            self._put(registers, 0x5B00 + 2 * phase, words_32(self.voltage_cv[phase] // 10 if there else NO_U32))
            self._put(registers, 0x5B0C + 2 * phase, words_32(self.current_ca[phase] if there else NO_U32))
            self._put(registers, 0x5B16 + 2 * phase, words_32(self._phase_mw(phase) // 10 if there else NO_I32))
            if self.has_factors:
                registers[0x5B3B + phase] = 1000 if there else NO_I16
        self._put(registers, 0x5B14, words_32(self._power_mw() // 10))
        registers[0x5B2C] = self.frequency_chz
        self._put(registers, 0x8900, words_32(self.serial))
        return registers


class Sdm120(Sdm630):
    """One phase: what the three-phase ones tell of the others reads as zero."""

    CODE = 0x0020

    def _phase_mw(self, phase):
        return 0 if phase else super()._phase_mw(0)

    def _phase_value(self, address):
        return 0 if address // 2 % 3 else super()._phase_value(address)


METERS = {"sdm630": Sdm630, "sdm72": Sdm72, "mpm3pm": Mpm3pm, "b23": B23, "sdm120": Sdm120, "sdm230": Sdm120}
UNITS = {"mpm3pm": 5, "b23": 201}  # of the first charge point in openWB's boxes; all others 105


def build(name, index):
    """The meter of charge point `index`, where openWB has it."""
    return METERS[name](UNITS.get(name, 105) + index)
