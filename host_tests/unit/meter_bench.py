"""One meter alone on the line: a device of plain registers, or a model, with its driver."""
from drivers.meter import Meter
from drivers.meters import EASTRON_3P
from points import (
    P_CURRENT_CA,
    P_FREQUENCY_CHZ,
    P_IMPORTED_WH,
    P_POWER_FACTOR_C,
    P_POWER_L_CW,
    P_VOLTAGE_CV,
    Image,
)

from host_tests.fakes.meter import float_words
from host_tests.unit.bench import Bench

# What the papers of the SDM630 and the SDM72D-M v2 say: input register, value in V, A, W, 1, Hz, kWh.
EASTRON = {
    0x00: (P_VOLTAGE_CV, 230.1), 0x02: (P_VOLTAGE_CV + 1, 231.25), 0x04: (P_VOLTAGE_CV + 2, 229.994),
    0x06: (P_CURRENT_CA, 16.0), 0x08: (P_CURRENT_CA + 1, 5.996), 0x0A: (P_CURRENT_CA + 2, 0.02),
    0x0C: (P_POWER_L_CW, 3680.55), 0x0E: (P_POWER_L_CW + 1, -1386.6), 0x10: (P_POWER_L_CW + 2, 0.0),
    0x1E: (P_POWER_FACTOR_C, 0.99), 0x20: (P_POWER_FACTOR_C + 1, -0.5), 0x22: (P_POWER_FACTOR_C + 2, 1.0),
    0x46: (P_FREQUENCY_CHZ, 49.98), 0x48: (P_IMPORTED_WH, 12345.678),
}  # fmt: skip
SCALE = {P_IMPORTED_WH: 1000}  # of a point per unit of the meter; 100 for all others


class Registers:
    """A device of plain registers: {function: {address: word}}."""

    def __init__(self, registers):
        self.registers = registers
        self.answers = True
        self.refused = set()  # (function, address) of blocks answered by exception 2

    def step(self, now_ms):
        pass

    def request(self, unit, function, address, count, now_ms):
        if not self.answers:
            return None
        words = self.registers.get(function, {})
        if (function, address) in self.refused or address not in words:
            return 2
        return [words.get(address + i, 0) for i in range(count)]

    def put(self, function, address, words):
        for i, word in enumerate(words):
            self.registers.setdefault(function, {})[address + i] = word


class OneDevice:
    """A model alone on the line; its unit is the only one that answers."""

    def __init__(self, model):
        self.model = model

    def step(self, now_ms):
        pass

    def request(self, unit, function, address, count, now_ms):
        return self.model.request(function, address, count) if unit == self.model.unit else None


def eastron():
    device = Registers({})
    for address, (_, value) in EASTRON.items():
        device.put(4, address, float_words(value))
    device.put(3, 0xFC00, [0x0141, 0x6639])
    return device


class MeterBench(Bench):
    """`candidates`: see meters.candidates. `table`: instead of the one of the only candidate."""

    def __init__(self, table=None, device=None, start_tick=0, candidates=((EASTRON_3P, 105),)):
        self.image = Image()
        self.meter = Meter(candidates, 20, self.image, start_tick)
        self.meter._table = table or self.meter._table
        self.device = device or eastron()
        super().__init__([self.meter], self.device, start_tick)

    def value(self, point):
        return self.image.value[point]

    def blocks(self, since_ms=0):
        return [(f.function, f.address, f.count) for f in self.frames(since_ms=since_ms)]

    def put(self, address, value):
        self.device.put(4, address, float_words(value))
