"""A meter of a known kind: every block is read when it is due, and silence is noticed."""
import pytest
from drivers.eastron import TABLE
from drivers.meter import READING
from points import P_CURRENT_CA, P_EXPORTED_WH, P_FREQUENCY_CHZ, P_IMPORTED_WH, P_SERIAL_NUMBER, P_VOLTAGE_CV
from safety import R_METER_LOST, R_METER_STARTING, R_METER_VOLTAGE
from station import OK

from host_tests.unit.meter_bench import EASTRON, SCALE, MeterBench

NAN_WORDS = [0x7FC0, 0x0000]


@pytest.fixture
def bench():
    """A meter that has just been probed."""
    bench = MeterBench()
    bench.until(lambda: bench.meter.state == READING)
    bench.line.frames.clear()
    return bench


def test_every_eastron_value_arrives_at_its_point(bench):
    bench.run(2000)
    for point, value in EASTRON.values():
        assert bench.value(point) == pytest.approx(value * SCALE.get(point, 100), abs=1), point
    assert bench.value(P_SERIAL_NUMBER) == b"21063225"
    assert bench.value(P_EXPORTED_WH) == 0, "exported stays 0 for this hardware"


@pytest.mark.parametrize("phase, expected", [(1, [1600, 0, 2]), (2, [1600, 600, 0])])
def test_no_number_for_one_of_the_other_phases_is_zero_and_touches_no_other(bench, phase, expected):
    bench.device.put(4, 0x06 + 2 * phase, NAN_WORDS)
    bench.run(2000)
    assert [bench.value(P_CURRENT_CA + i) for i in range(3)] == expected
    bench.put(0x06 + 2 * phase, 4)
    bench.run(500)
    assert bench.value(P_CURRENT_CA + phase) == 400


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
    fast, slow = TABLE[0]
    bench = MeterBench(((slow[:2], fast),))  # two fast blocks, one slow
    bench.run(1000)
    bench.device.refused.add((4, 0x1E))
    bench.run(500)
    since_ms = bench.now_ms
    bench.run(500)
    blocks = bench.blocks(since_ms)
    assert set(blocks) == {(4, 0x48, 4), (4, 0x1E, 6)}
    assert all(a != b for a, b in zip(blocks, blocks[1:]))


def turns(bench):
    """(address, result, does it keep its turn?) of every transaction from now on."""
    done, seen = bench.meter.done, []

    def note(result, frame, now_ms):
        address = bench.meter.station.address
        done(result, frame, now_ms)
        seen.append((address, result, bench.meter.again))

    bench.meter.done = note
    return seen


def test_the_fast_blocks_are_read_in_one_turn_and_a_slow_one_follows_in_the_same():
    fast, slow = TABLE[0]
    bench = MeterBench(((slow[:2], fast),))
    bench.run(3000)
    seen = turns(bench)
    bench.until(lambda: seen and seen[-1][0] == 0)
    del seen[:]
    bench.until(lambda: len(seen) >= 11)
    one_round = [(0x48, OK, True), (0x1E, OK, False)]
    assert seen[:11] == one_round * 4 + [(0x48, OK, True), (0x1E, OK, True), (0, OK, False)]


@pytest.mark.parametrize("refused", [(4, 0x1E), (4, 0)])
def test_a_block_that_fails_ends_the_turn(refused):
    fast, slow = TABLE[0]
    bench = MeterBench(((slow[:2], fast),))
    bench.run(3000)
    bench.device.refused.add(refused)
    seen = turns(bench)
    bench.until(lambda: len(seen) >= 30)
    failed = [keeps for address, result, keeps in seen if result != OK]
    assert failed and not any(failed)


def test_how_long_its_blocks_may_be_is_known_once_the_slow_ones_were_answered(bench):
    bench.until(lambda: len(bench.blocks()) >= 7)
    assert bench.meter.longest == 0
    bench.run(1000)
    assert bench.meter.longest == 18


# --- fit to guard a charge point? ---


def test_a_configured_meter_is_read_although_it_shows_less_than_200_v(bench):
    bench.put(0, 150.0)
    bench.run(3000)
    assert (bench.meter.reason(), bench.value(P_VOLTAGE_CV), bench.value(P_FREQUENCY_CHZ)) == (R_METER_VOLTAGE, 15000, 4998)
    bench = MeterBench()
    bench.put(0, 150.0)
    bench.run(3000)
    assert (bench.meter.state, bench.meter.reason(), bench.value(P_VOLTAGE_CV)) == (READING, R_METER_VOLTAGE, 15000)


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


@pytest.mark.parametrize("nothing", [float("nan"), float("inf")])
def test_energy_that_the_meter_does_not_know_any_more_stays_and_everything_else_is_unknown(nothing):
    bench = MeterBench()
    bench.run(5000)
    assert bench.value(P_IMPORTED_WH) == 12345678
    for address in (0x48, 0x46, 0x02):
        bench.put(address, nothing)

    bench.run(10000)

    assert bench.value(P_IMPORTED_WH) == 12345678, "Modbus would answer busy, and a primary would see null"
    assert (bench.value(P_FREQUENCY_CHZ), bench.value(P_VOLTAGE_CV + 1)) == (None, 0)
    bench.put(0x48, 12346.0)
    bench.run(10000)
    assert bench.value(P_IMPORTED_WH) == 12346000
