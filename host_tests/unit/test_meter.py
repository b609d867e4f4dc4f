"""A meter is a table: every block is read when it is due, every value is decoded exactly, and silence is noticed."""
import random
import struct

import pytest
from drivers.meter import Meter, decode
from drivers.meters import EASTRON_3P, F32, I16, I32, METERS, SERIAL, U16, U32
from points import (
    P_CURRENT_CA,
    P_EXPORTED_WH,
    P_FREQUENCY_CHZ,
    P_IMPORTED_WH,
    P_POWER_FACTOR_C,
    P_POWER_L_CW,
    P_SERIAL_NUMBER,
    P_VOLTAGE_CV,
    POINT_COUNT,
    Image,
)
from safety import R_METER_LOST, R_METER_STARTING, R_METER_VOLTAGE

from host_tests.fakes.meter import float_words
from host_tests.fakes.site import standard_site
from host_tests.unit.bench import Bench

NAN_WORDS = [0x7FC0, 0x0000]
INFINITE_WORDS = [0xFF80, 0x0000]
INT_MAX = (1 << 30) - 1
WORDS = {F32: 2, U32: 2, I32: 2, U16: 1, I16: 1, SERIAL: 2}

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


def eastron():
    device = Registers({})
    for address, (_, value) in EASTRON.items():
        device.put(4, address, float_words(value))
    device.put(3, 0xFC00, [0x0141, 0x6639])
    return device


class MeterBench(Bench):
    def __init__(self, table=EASTRON_3P, device=None, start_tick=0):
        self.image = Image()
        self.meter = Meter(table, 105, 20, self.image, start_tick)
        self.device = device or eastron()
        super().__init__([self.meter], self.device, start_tick)

    def value(self, point):
        return self.image.value[point]

    def blocks(self, since_ms=0):
        return [(f.function, f.address, f.count) for f in self.frames(since_ms=since_ms)]

    def put(self, address, value):
        self.device.put(4, address, float_words(value))


@pytest.fixture
def bench():
    return MeterBench()


def test_every_eastron_value_arrives_at_its_point(bench):
    bench.run(2000)
    for point, value in EASTRON.values():
        assert bench.value(point) == pytest.approx(value * SCALE.get(point, 100), abs=1), point
    assert bench.value(P_SERIAL_NUMBER) == b"21063225"
    assert bench.value(P_EXPORTED_WH) == 0, "exported stays 0 for this hardware"


@pytest.mark.parametrize("name", sorted(METERS))
def test_every_row_reads_the_register_the_paper_names(name):
    found = {}
    for part in METERS[name]:
        for function, address, _, rows in part:
            for offset, point, encoding, multiplier, divisor in rows:
                found[function, address + offset] = (point, encoding, multiplier / divisor)
    expected = {(4, address): (point, F32, SCALE.get(point, 100)) for address, (point, _) in EASTRON.items()}
    assert found == expected | {(3, 0xFC00): (P_SERIAL_NUMBER, SERIAL, 1)}


@pytest.mark.parametrize("name", sorted(METERS))
def test_a_table_keeps_the_rules_of_tables(name):
    fast, slow = METERS[name]
    blocks = fast + slow
    assert len({(function, count) for function, _, count, _ in blocks}) == len(blocks), "a late reply could be mistaken"
    points = [row[1] for block in blocks for row in block[3]]
    assert len(set(points)) == len(points)
    for function, address, count, rows in blocks:
        assert function in (3, 4)
        assert 0 <= address <= 0xFFFF - count
        assert 1 <= count <= 80, "most lots answer no longer block"
        assert rows
        for offset, point, encoding, multiplier, divisor in rows:
            assert 0 <= offset and offset + WORDS[encoding] <= count
            assert 0 <= point < POINT_COUNT
            assert multiplier >= 1 and divisor >= 1
            assert encoding != F32 or divisor == 1 and multiplier <= 1000, "float_to_int multiplies only"
    assert {P_VOLTAGE_CV, P_CURRENT_CA, P_CURRENT_CA + 1, P_CURRENT_CA + 2} <= {r[1] for b in fast for r in b[3]}


# --- decoding ---


def decoded(encoding, words, multiplier=1, divisor=1):
    frame = bytearray(b"\x69\x04\x00")
    for word in words:
        frame += struct.pack(">H", word)
    value = [None if encoding == SERIAL else 77]
    decode((0, 0, encoding, multiplier, divisor), frame, value)
    return value[0]


@pytest.mark.parametrize("scale", [1, 10, 100, 1000])
def test_float_bits_are_decoded_to_the_nearest_integer(scale):
    chance = random.Random(scale)
    for _ in range(2000):
        value = chance.choice([-1, 1]) * 10 ** chance.uniform(-4, 5.5)
        words = float_words(value)
        exact = struct.unpack(">f", struct.pack(">HH", *words))[0] * scale
        assert abs(decoded(F32, words, scale) - exact) <= 0.51


@pytest.mark.parametrize("words", [NAN_WORDS, [0xFFFF, 0xFFFF], INFINITE_WORDS, [0x7F80, 0]])
def test_no_number_is_unknown(words):
    assert decoded(F32, words, 100) is None


@pytest.mark.parametrize(
    "encoding, words, scale, expected",
    [
        (U16, [0xFFFF], (1, 1), 65535),
        (I16, [0xFFFF], (1, 1), -1),
        (I16, [0x8000], (100, 1), -3276800),
        (I16, [0x7FFF], (1, 10), 3276),
        (I16, [0x8001], (1, 10), -3276),
        (U32, [0x0001, 0x0002], (1, 1), 65538),
        (U32, [0x0001, 0x0002], (1, 10), 6553),
        (U32, [0xFFFF, 0xFFFF], (1, 1), INT_MAX),
        (U32, [0x3FFF, 0xFFFF], (1, 1), INT_MAX),
        (U32, [0x3FFF, 0xFFFF], (10, 1), INT_MAX // 10 * 10),
        (I32, [0xFFFF, 0xFFFE], (10, 1), -20),
        (I32, [0xFFFF, 0xFFF5], (1, 10), -1),
        (I32, [0x8000, 0x0000], (1, 1), -INT_MAX),
        (I32, [0x7FFF, 0xFFFF], (1, 1), INT_MAX),
        (I32, [0xFFFE, 0x0001], (1, 1), -131071),
        (SERIAL, [0x0141, 0x6639], (1, 1), b"21063225"),
        (SERIAL, [0xFFFF, 0xFFFF], (1, 1), b"4294967295"),
        (SERIAL, [0, 0], (1, 1), b"0"),
    ],
)
def test_integers_are_decoded_exactly_and_saturate(encoding, words, scale, expected):
    assert decoded(encoding, words, *scale) == expected


def test_nan_of_one_phase_makes_this_phase_unknown_and_no_other(bench):
    bench.device.put(4, 0x08, NAN_WORDS)
    bench.run(2000)
    assert [bench.value(P_CURRENT_CA + i) for i in range(3)] == [1600, None, 2]
    bench.put(0x08, 4)
    bench.run(500)
    assert bench.value(P_CURRENT_CA + 1) == 400


# --- what is read when ---


def test_after_start_up_every_slow_block_is_read_once_then_one_in_five_rounds(bench):
    bench.run(2500)
    blocks = bench.blocks()
    assert blocks[:8:2] == [(4, 0, 18)] * 4
    assert blocks[1:8:2] == [(4, 0x48, 4), (4, 0x1E, 6), (4, 0x46, 2), (3, 0xFC00, 2)]
    slow = [i for i, block in enumerate(blocks[8:]) if block != (4, 0, 18)]
    assert slow[:2] == [5, 11]


def test_the_serial_number_is_read_once(bench):
    bench.run(60000)
    assert bench.blocks().count((3, 0xFC00, 2)) == 1
    assert bench.blocks().count((4, 0x46, 2)) > 20


def test_a_refused_serial_number_does_not_stop_the_other_blocks(bench):
    bench.device.refused.add((3, 0xFC00))
    bench.run(30000)
    assert bench.value(P_SERIAL_NUMBER) is None
    assert bench.value(P_IMPORTED_WH) == pytest.approx(12345678, abs=1)
    blocks = bench.blocks(10000)
    assert blocks.count((4, 0, 18)) > 4 * (len(blocks) - blocks.count((4, 0, 18)))


def test_slow_values_change_when_the_meter_does(bench):
    bench.run(3000)
    bench.put(0x48, 12346.0)
    bench.put(0x46, 50.02)
    bench.run(3000)
    assert (bench.value(P_IMPORTED_WH), bench.value(P_FREQUENCY_CHZ)) == (12346000, 5002)


def test_a_failed_fast_block_starts_the_fast_part_over():
    table = (EASTRON_3P[1][:2], EASTRON_3P[0])  # two fast blocks, one slow
    bench = MeterBench(table)
    bench.run(1000)
    bench.device.refused.add((4, 0x1E))
    bench.run(500)
    since_ms = bench.now_ms
    bench.run(500)
    blocks = bench.blocks(since_ms)
    assert set(blocks) == {(4, 0x48, 4), (4, 0x1E, 6)}
    assert all(a != b for a, b in zip(blocks, blocks[1:]))


# --- fit to guard a charge point? ---


@pytest.mark.parametrize("start_tick", [0, (1 << 30) - 5000])
def test_a_meter_is_lost_after_10_s_without_a_reading(start_tick):
    bench = MeterBench(start_tick=start_tick)
    bench.run(2000)
    assert bench.meter.reason() == 0
    bench.device.answers = False
    bench.run(9800)
    assert bench.meter.reason() == 0
    bench.run(400)
    assert bench.meter.reason() == R_METER_LOST
    bench.device.answers = True
    bench.until(lambda: bench.meter.reason() == 0, 5300)


def test_a_meter_that_never_answers_is_awaited_for_10_s_and_then_lost(bench):
    bench.device.answers = False
    bench.run(9500)
    assert bench.meter.reason() == R_METER_STARTING
    bench.run(1000)
    assert bench.meter.reason() == R_METER_LOST


@pytest.mark.parametrize("trouble", ["crc", "silent", "exception", "no voltage", "no current"])
def test_only_plausible_readings_keep_a_meter_alive(bench, trouble):
    bench.run(2000)
    if trouble == "exception":
        bench.device.refused.add((4, 0))
    elif trouble.startswith("no "):
        bench.device.put(4, 0x00 if trouble == "no voltage" else 0x06, NAN_WORDS)
    else:
        bench.line.faults[105] = trouble
    bench.run(10500)
    assert bench.meter.reason() == R_METER_LOST


@pytest.mark.parametrize("volts, reason", [(0.0, R_METER_VOLTAGE), (199.99, R_METER_VOLTAGE), (200.0, 0), (253.0, 0)])
def test_a_meter_is_accepted_from_200_v_on_l1(bench, volts, reason):
    bench.put(0, volts)
    bench.run(1000)
    assert bench.meter.reason() == reason


def test_a_meter_once_accepted_stays_so_when_the_voltage_sags(bench):
    bench.run(1000)
    bench.put(0, 150.0)
    bench.run(1000)
    assert bench.meter.reason() == 0


def test_a_silent_meter_is_tried_every_5_s(bench):
    bench.line.faults[105] = "silent"
    bench.run(30000)
    starts = [f.start_ms for f in bench.frames()][3:]
    assert {round((b - a) / 100) for a, b in zip(starts, starts[1:])} <= {50, 51}
    assert len(starts) >= 4


# --- the next meter is a table ---

# As an MPM3PM: unsigned and signed 32 bit, 0.1 V, 0.01 A, 0.01 W, 10 Wh, everything in one block.
MADE_UP = (
    (
        (
            4,
            0x02,
            51,
            (
                (0x00, P_IMPORTED_WH, U32, 10, 1),
                (0x06, P_VOLTAGE_CV, U32, 10, 1),
                (0x08, P_VOLTAGE_CV + 1, U32, 10, 1),
                (0x0A, P_VOLTAGE_CV + 2, U32, 10, 1),
                (0x0C, P_CURRENT_CA, U32, 1, 1),
                (0x0E, P_CURRENT_CA + 1, U32, 1, 1),
                (0x10, P_CURRENT_CA + 2, U32, 1, 1),
                (0x12, P_POWER_L_CW, I32, 1, 1),
                (0x14, P_POWER_L_CW + 1, I32, 1, 1),
                (0x16, P_POWER_L_CW + 2, I32, 1, 1),
                (0x2A, P_FREQUENCY_CHZ, U16, 1, 1),
                (0x31, P_SERIAL_NUMBER, SERIAL, 1, 1),
            ),
        ),
    ),
    (),
)


def made_up_device():
    device = Registers({4: dict.fromkeys(range(0x02, 0x35), 0)})
    values = {0x02: 123456, 0x08: 2305, 0x0A: 2299, 0x0C: 2310, 0x0E: 1601, 0x10: 7, 0x14: 368012, 0x16: -150000, 0x33: 4711}
    for address, value in values.items():
        device.put(4, address, struct.unpack(">HH", struct.pack(">i", value)))
    device.put(4, 0x2C, [4998])
    return device


def test_a_new_meter_is_a_new_table_and_no_new_code():
    bench = MeterBench(MADE_UP, made_up_device())
    bench.run(5000)
    values = [bench.value(P_VOLTAGE_CV + i) for i in range(9)]
    assert values == [23050, 22990, 23100, 1601, 7, 0, 368012, -150000, 0]
    assert (bench.value(P_IMPORTED_WH), bench.value(P_FREQUENCY_CHZ), bench.value(P_SERIAL_NUMBER)) == (1234560, 4998, b"4711")
    assert bench.meter.reason() == 0
    assert set(bench.blocks()) == {(4, 2, 51)}
    assert len(bench.blocks()) > 20
    number = bench.value(P_SERIAL_NUMBER)
    bench.run(500)
    assert bench.value(P_SERIAL_NUMBER) is number, "text is made once: it takes memory"


def test_a_serial_number_as_the_only_slow_block_is_read_once():
    bench = MeterBench((EASTRON_3P[0], EASTRON_3P[1][3:]))
    bench.run(10000)
    assert bench.blocks().count((3, 0xFC00, 2)) == 1
    assert bench.blocks().count((4, 0, 18)) > 50


def test_both_kinds_of_simulated_meter_are_understood():
    for name in sorted(METERS):
        site = standard_site(1, 18, name)
        site.charge_points[0].evse.answers = False
        image = Image()
        bench = Bench([Meter(METERS[name], 105, 20, image, 0)], site)
        bench.run(1500)
        assert image.value[P_VOLTAGE_CV : P_CURRENT_CA] == [23000] * 3
        assert image.value[P_SERIAL_NUMBER] == b"21063017"
