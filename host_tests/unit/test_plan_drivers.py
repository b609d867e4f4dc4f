"""The plan with the real drivers on the line: how often EVSE and meter are asked, and what a silent one costs the others."""
import pytest
from drivers.evse_din import EvseDin
from drivers.meter import Meter
from drivers.meters import EASTRON_3P
from points import Image

from host_tests.fakes.site import standard_site
from host_tests.unit.bench import Bench


def real(charge_points=1, latency_us=20000):
    drivers = []
    for i in range(charge_points):
        drivers += [EvseDin(1 + i, 20), Meter(((EASTRON_3P, 105 + i),), 20, Image(), 0)]
    return Bench(drivers, standard_site(charge_points), latency_us=latency_us)


def evse_interval_ms(bench, unit=1, seconds=20):
    """Mean and longest time between two requests to an EVSE."""
    bench.run(3000)
    since_ms = bench.now_ms
    bench.run(seconds * 1000)
    starts = [f.start_ms for f in bench.frames(unit, since_ms)]
    gaps = [after - before for before, after in zip(starts, starts[1:])]
    return sum(gaps) / len(gaps), max(gaps)


def test_the_fast_part_of_the_meter_is_read_in_every_round_and_slow_parts_are_spread():
    bench = real()
    bench.run(3000)
    since_ms = bench.now_ms
    bench.run(10000)
    meter = [(f.address, f.count) for f in bench.frames(105, since_ms)]
    evse = bench.frames(1, since_ms)
    fast = [i for i, block in enumerate(meter) if block == (0, 18)]
    assert abs(len(fast) - len(evse)) <= 1
    slow = [block for block in meter if block != (0, 18)]
    assert set(slow) == {(0x48, 4), (0x1E, 6), (0x46, 2)}
    between = [b - a - 1 for a, b in zip(fast, fast[1:])]
    assert set(between) == {0, 1}, "never two slow blocks in a row"
    assert len(fast) / 6 < len(slow) < len(fast) / 4


def transaction_ms(registers, latency_ms=20, gap_ms=20):
    """A read from its first character to the next request."""
    return (13 + 2 * registers) * 10000 / 9600 + latency_ms + gap_ms


# 8 registers of the EVSE and 18 of the meter in every round, one of its slow blocks of 4, 6 and 2 in every fifth
ROUND_MS = transaction_ms(8) + transaction_ms(18) + transaction_ms(4) / 5


def test_a_cycle_takes_what_the_line_takes():
    mean_ms, longest_ms = evse_interval_ms(real())
    assert ROUND_MS <= mean_ms <= 1.05 * ROUND_MS
    assert longest_ms <= 1.05 * (ROUND_MS + transaction_ms(6))


def test_a_write_is_read_back_before_the_meters_are_asked_again():
    bench = real(2)
    bench.run(3000)
    since_ms = bench.now_ms
    for target_ca in (600, 1600, 0, 1000):
        bench.drivers[0].target_ca = target_ca
        bench.run(700)
    frames = bench.frames(since_ms=since_ms)
    wrote = [i for i, frame in enumerate(frames) if frame.value is not None]
    assert len(wrote) == 4
    assert [(frames[i + 1].unit, frames[i + 1].address) for i in wrote] == [(1, 1000)] * 4


def test_two_charge_points_share_the_line_evenly():
    bench = real(2)
    first, second = evse_interval_ms(bench, 1), evse_interval_ms(bench, 2)
    assert first[0] == pytest.approx(second[0], rel=0.02)
    assert first[0] <= 1.05 * 2 * ROUND_MS


@pytest.mark.parametrize("charge_points", [1, 2])
def test_silent_meters_do_not_slow_down_the_evse(charge_points):
    healthy, _ = evse_interval_ms(real(charge_points))
    bench = real(charge_points)
    for i in range(charge_points):
        bench.line.faults[105 + i] = "silent"
    mean_ms, longest_ms = evse_interval_ms(bench)
    assert mean_ms < healthy
    assert longest_ms < healthy + charge_points * (9 + 42 + 155 + 50), "each is tried once per 5 s"


def test_a_silent_evse_does_not_slow_down_the_other_charge_point():
    healthy, _ = evse_interval_ms(real(2), 2)
    bench = real(2)
    bench.line.faults[1] = "silent"
    mean_ms, longest_ms = evse_interval_ms(bench, 2)
    assert mean_ms < healthy * 1.1
    assert longest_ms < 700


def test_both_meters_are_read_while_both_evses_garble_their_replies():
    bench = real(2)
    bench.line.faults = {1: "crc", 2: "crc"}
    bench.run(20000)
    for unit in (105, 106):
        starts = [f.start_ms for f in bench.frames(unit)]
        assert max(b - a for a, b in zip(starts, starts[1:])) < 3000
