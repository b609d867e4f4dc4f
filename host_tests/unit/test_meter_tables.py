"""Every meter is a table: its registers, its numbers, and what the model of that meter says arrive where they belong."""
import random
import struct

import pytest
from drivers import meters
from drivers.decoding import F32, FACTOR, I16, I32, SERIAL, U16, U32, U64, decode
from points import (
    P_CURRENT_CA,
    P_FREQUENCY_CHZ,
    P_IMPORTED_WH,
    P_POWER_FACTOR_C,
    P_POWER_L_CW,
    P_SERIAL_NUMBER,
    P_VOLTAGE_CV,
    POINT_COUNT,
)

from host_tests.fakes.meter import float_words
from host_tests.fakes.meters import METERS
from host_tests.unit.meter_bench import EASTRON, SCALE, MeterBench, OneDevice


WORDS = {F32: 2, U32: 2, I32: 2, U16: 1, I16: 1, SERIAL: 2, U64: 4, FACTOR: 2}
INT_MAX = (1 << 30) - 1
UNIT = 33
U_I_P = [P_VOLTAGE_CV, P_CURRENT_CA, P_POWER_L_CW]


def three(first, point, encoding, scale, width=2, function=4):
    """The registers of the three phases, as the papers list them: beside each other."""
    return {(function, first + width * i): (point + i, encoding, scale) for i in range(3)}


# What the papers say: (function, register) -> point, encoding, what one unit of the register is in units of the point.
PAPERS = {
    meters.EASTRON_3P: {(4, a): (point, F32, SCALE.get(point, 100)) for a, (point, _) in EASTRON.items()}
    | {(3, 0xFC00): (P_SERIAL_NUMBER, SERIAL, 1)},
    meters.EASTRON_1P: {
        (4, 0x00): (P_VOLTAGE_CV, F32, 100), (4, 0x06): (P_CURRENT_CA, F32, 100), (4, 0x0C): (P_POWER_L_CW, F32, 100),
        (4, 0x1E): (P_POWER_FACTOR_C, F32, 100), (4, 0x46): (P_FREQUENCY_CHZ, F32, 100), (4, 0x48): (P_IMPORTED_WH, F32, 1000),
        (3, 0xFC00): (P_SERIAL_NUMBER, SERIAL, 1),
    },
    meters.MPM3PM: three(0x08, P_VOLTAGE_CV, U32, 10) | three(0x0E, P_CURRENT_CA, U32, 1) | three(0x14, P_POWER_L_CW, I32, 1)
    | three(0x20, P_POWER_FACTOR_C, FACTOR, 1)
    | {(4, 0x02): (P_IMPORTED_WH, U32, 10), (3, 0x2C): (P_FREQUENCY_CHZ, U32, 1), (4, 0x33): (P_SERIAL_NUMBER, SERIAL, 1)},
    meters.B23: three(0x5B00, P_VOLTAGE_CV, U32, 10, function=3) | three(0x5B0C, P_CURRENT_CA, U32, 1, function=3)
    | three(0x5B16, P_POWER_L_CW, I32, 1, function=3) | three(0x5B3B, P_POWER_FACTOR_C, I16, 0.1, 1, 3)
    | {(3, 0x5000): (P_IMPORTED_WH, U64, 10), (3, 0x5B2C): (P_FREQUENCY_CHZ, U16, 1), (3, 0x8900): (P_SERIAL_NUMBER, SERIAL, 1)},
}  # fmt: skip
PLANS = [(kind, i) for kind in PAPERS for i in range(len(meters.table(kind)))]


def blocks_of(kind, i):
    fast, slow = meters.table(kind)[i]
    return fast + slow


@pytest.mark.parametrize("kind, i", PLANS)
def test_every_row_reads_the_register_the_paper_names(kind, i):
    found = {}
    for function, address, _, rows in blocks_of(kind, i):
        for offset, point, encoding, multiplier, divisor in rows:
            found[function, address + offset] = (point, encoding, multiplier / divisor)
    assert found == PAPERS[kind]


@pytest.mark.parametrize("kind, i", PLANS)
def test_a_table_keeps_the_rules_of_tables(kind, i):
    blocks = blocks_of(kind, i)
    assert len({(function, count) for function, _, count, _ in blocks}) == len(blocks), "a late reply could be mistaken"
    points = [row[1] for block in blocks for row in block[3]]
    assert len(set(points)) == len(points)
    for function, address, count, rows in blocks:
        assert function in (3, 4)
        assert 0 <= address <= 0xFFFF - count
        assert 1 <= count <= 28, "a set point waits for as long as the longest block takes"
        assert rows
        for offset, point, encoding, multiplier, divisor in rows:
            assert 0 <= offset and offset + WORDS[encoding] <= count
            assert 0 <= point < POINT_COUNT
            assert multiplier >= 1 and divisor >= 1
            assert encoding != F32 or divisor == 1 and multiplier <= 1000, "float_to_int multiplies only"
    fast = {row[1] for block in meters.table(kind)[i][0] for row in block[3]}
    assert len(meters.table(kind)[i][1]) > 1, "after the serial number another slow block follows"
    assert set(U_I_P) <= fast, "what guards a charge point is read in every round"


@pytest.mark.parametrize("kind", sorted(PAPERS))
def test_the_plans_of_a_table_become_shorter(kind):
    lengths = [meters.longest(plan) for plan in meters.table(kind)]
    assert lengths == sorted(set(lengths), reverse=True)


def test_the_last_plan_of_a_meter_with_short_lots_needs_no_block_above_10_registers():
    for kind in (meters.EASTRON_3P, meters.EASTRON_1P, meters.MPM3PM):
        assert meters.longest(meters.table(kind)[-1]) <= 10


def test_every_kind_has_a_number_of_its_own_and_a_probe_for_the_voltage_of_l1():
    assert set(meters.KINDS.values()) == set(PAPERS)
    for kind in PAPERS:
        function, address, count, row = meters.PROBES[kind]
        assert count == 2
        assert PAPERS[kind][function, address] == (row[1], row[2], row[3] / row[4]) and row[1] == P_VOLTAGE_CV


# --- decoding ---


def decoded(encoding, words, multiplier=1, divisor=1, offset=0):
    frame = bytearray(b"\x69\x04\x00") + bytes(2 * offset)
    for word in words:
        frame += struct.pack(">H", word)
    value = [None if encoding == SERIAL else 77]
    decode((offset, 0, encoding, multiplier, divisor), frame, value)
    return value[0]


@pytest.mark.parametrize("scale", [1, 10, 100, 1000])
def test_float_bits_are_decoded_to_the_nearest_integer(scale):
    chance = random.Random(scale)
    for _ in range(2000):
        value = chance.choice([-1, 1]) * 10 ** chance.uniform(-4, 5.5)
        words = float_words(value)
        exact = struct.unpack(">f", struct.pack(">HH", *words))[0] * scale
        assert abs(decoded(F32, words, scale) - exact) <= 0.51


@pytest.mark.parametrize("words", [[0x7FC0, 0], [0xFFFF, 0xFFFF], [0xFF80, 0], [0x7F80, 0]])
def test_no_number_is_unknown(words):
    assert decoded(F32, words, 100) is None


@pytest.mark.parametrize(
    "encoding, words, scale, expected",
    [
        (U16, [0xFFFE], (1, 1), 65534),
        (I16, [0xFFFF], (1, 1), -1),
        (I16, [0x0001], (1, 1), 1),
        (I16, [0x8000], (100, 1), -3276800),
        (I16, [0x7FFE], (1, 10), 3276),
        (I16, [0x8001], (1, 10), -3276),
        (U32, [0x0001, 0x0002], (1, 1), 65538),
        (U32, [0x0001, 0x0002], (1, 10), 6553),
        (U32, [0xFFFF, 0xFFFE], (1, 1), INT_MAX),
        (U32, [0x3FFF, 0xFFFF], (1, 1), INT_MAX),
        (U32, [0x3FFF, 0xFFFF], (10, 1), INT_MAX // 10 * 10),
        (U32, [0x3FFF, 0x0000], (1, 1), 0x3FFF0000),
        (I32, [0xFFFF, 0xFFFE], (10, 1), -20),
        (I32, [0xFFFF, 0xFFFF], (1, 1), -1),
        (I32, [0xFFFF, 0xFFFF], (1, 10), 0),
        (I32, [0xFFFF, 0xFFF5], (1, 10), -1),
        (I32, [0x8000, 0x0000], (1, 1), -INT_MAX),
        (I32, [0x8000, 0x0000], (10, 1), -(INT_MAX // 10 * 10)),
        (I32, [0xC000, 0x0000], (1, 1), -INT_MAX),
        (I32, [0xC001, 0x0000], (1, 1), -0x3FFF0000),
        (I32, [0x7FFF, 0xFFFE], (1, 1), INT_MAX),
        (I32, [0xFFFE, 0x0001], (1, 1), -131071),
        (U64, [0, 0, 0x0001, 0x0002], (10, 1), 655380),
        (U64, [0, 0, 0x06A5, 0x14B4], (10, 1), INT_MAX // 10 * 10),
        (U64, [0, 1, 0, 0], (10, 1), INT_MAX // 10 * 10),
        (U64, [0, 0x0100, 0, 0], (1, 1), INT_MAX),
        (U64, [0, 0, 0x8000, 0], (1, 1), INT_MAX),
        (U64, [0x8000, 0, 0, 0], (1, 1), INT_MAX),
        (U64, [0xFFFF, 0xFFFF, 0xFF00, 0xFFFF], (1, 1), INT_MAX),
        (U64, [0xFFFF, 0xFFFF, 0x00FF, 0xFFFF], (1, 1), INT_MAX),
        (U64, [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE], (1, 1), INT_MAX),
        (SERIAL, [0x0141, 0x6639], (1, 1), b"21063225"),
        (SERIAL, [0xFFFF, 0xFFFF], (1, 1), b"4294967295"),
        (SERIAL, [0, 0], (1, 1), b"0"),
    ],
)
def test_integers_are_decoded_exactly_and_saturate(encoding, words, scale, expected):
    assert decoded(encoding, words, *scale) == expected


@pytest.mark.parametrize("offset", [1, 2, 5])
@pytest.mark.parametrize(
    "encoding, words, expected",
    [(F32, [0x3F80, 0], 1), (U32, [1, 2], 65538), (I16, [0xFFFF], -1), (SERIAL, [0x0141, 0x6639], b"21063225"), (U64, [0, 0, 1, 2], 65538)],
)
def test_a_row_begins_where_its_table_says(encoding, words, expected, offset):
    assert decoded(encoding, words, offset=offset) == expected


@pytest.mark.parametrize(
    "encoding, words",
    [
        (U16, [0xFFFF]), (I16, [0x7FFF]), (U32, [0xFFFF, 0xFFFF]), (I32, [0x7FFF, 0xFFFF]), (U64, [0xFFFF] * 4),
        (FACTOR, [0x7FFF, 0xFFFF]),
    ],
)  # fmt: skip
def test_the_pattern_for_no_value_is_unknown_and_no_number(encoding, words):
    assert decoded(encoding, words, 10, 1) is None


@pytest.mark.parametrize(
    "told, hundredths", [(0, 0), (1, 10), (9, 90), (10, 100), (11, 11), (95, 95), (99, 99), (100, 100), (101, 10), (950, 95), (1000, 100), (10000, 100)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_power_factor_is_understood_in_tenths_hundredths_and_thousandths(told, hundredths, sign):
    """Of a car that delivers as well."""
    assert decoded(FACTOR, list(struct.unpack(">HH", struct.pack(">i", sign * told)))) == sign * hundredths


# --- with the models ---


def start(name, **options):
    """A bench with that meter at UNIT, all of its values read."""
    model = METERS[name](UNIT, **options)
    model.voltage_cv = [23010, 22950, 23120]
    model.imported_mwh = 4711230000
    model.current_ca = [1600, 20, 0] if name in ("sdm120", "sdm230") else [1600, 590, 20]
    bench = MeterBench(candidates=((meters.KINDS[name], UNIT),), device=OneDevice(model))
    bench.run(3000)
    return bench


@pytest.mark.parametrize("name", ["sdm630", "sdm72", "mpm3pm", "b23"])
def test_a_three_phase_meter_tells_everything(name):
    bench = start(name)
    values = [bench.value(point) for point in range(P_VOLTAGE_CV, P_POWER_FACTOR_C + 3)]
    assert values == pytest.approx([23010, 22950, 23120, 1600, 590, 20, 368160, 135405, 4624, 100, 100, 100], abs=1)
    assert (bench.value(P_FREQUENCY_CHZ), bench.value(P_IMPORTED_WH) // 10) == (5000, 471123)
    assert bench.value(P_SERIAL_NUMBER) == b"%d" % bench.device.model.serial
    assert bench.meter.reason() == 0


@pytest.mark.parametrize("name", ["sdm120", "sdm230"])
def test_a_one_phase_meter_tells_zeros_for_the_others_and_never_null(name):
    bench = start(name)
    values = [bench.value(point) for point in range(P_VOLTAGE_CV, P_POWER_L_CW + 3)]
    assert values == pytest.approx([23010, 0, 0, 1600, 0, 0, 368160, 0, 0], abs=1)
    assert bench.value(P_POWER_FACTOR_C) == 100
    assert bench.value(P_IMPORTED_WH) == pytest.approx(4711230, abs=1)
    assert bench.value(P_SERIAL_NUMBER) == b"21063017"
    assert bench.meter.reason() == 0


def test_open_phases_of_a_b23_are_zeros():
    bench = start("b23", phases=1)
    values = [bench.value(point) for point in range(P_VOLTAGE_CV, P_POWER_L_CW + 3)]
    assert values == [23010, 0, 0, 1600, 0, 0, 368160, 0, 0]
    assert [bench.value(P_POWER_FACTOR_C + i) for i in range(3)] == [100, None, None]
    assert bench.meter.reason() == 0


def test_a_b23_without_power_factors_tells_everything_else():
    bench = start("b23", has_factors=False)
    bench.run(10000)
    assert [bench.value(P_POWER_FACTOR_C + i) for i in range(3)] == [None] * 3
    assert (bench.value(P_IMPORTED_WH), bench.value(P_FREQUENCY_CHZ), bench.value(P_SERIAL_NUMBER)) == (4711230, 5000, b"10203040")
    assert bench.meter.longest == 28


@pytest.mark.parametrize("factor_one", [10, 100, 1000])
def test_every_mpm3pm_tells_a_power_factor_of_1(factor_one):
    assert start("mpm3pm", factor_one=factor_one).value(P_POWER_FACTOR_C) == 100


@pytest.mark.parametrize("name", ["mpm3pm", "b23"])
def test_a_delivering_phase_is_negative(name):
    bench = start(name)
    bench.device.model._phase_mw = lambda phase: -1150000 if phase == 0 else 0
    bench.device.model.current_ca = [500, 0, 0]
    bench.run(1000)
    assert (bench.value(P_POWER_L_CW), bench.value(P_CURRENT_CA)) == (-115000, 500), "the sign of the current is derived later"
