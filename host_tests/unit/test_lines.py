"""Two charge points on one line and on two: no line waits for the other, and the cycle is what the wire allows."""
import pytest
from lines import Lines

from host_tests.fakes.wire import CRC, NOISE, SILENT, SLOW
from host_tests.sim.timing import transaction_ms
from host_tests.sim.world import World, standard_config

TWO_LINES = (0, 1)


def world_of(buses=TWO_LINES, **settings):
    """Both charge points plugged in and at 16 A."""
    latency_us = settings.pop("latency_us", 20000)
    world = World(config=standard_config(2, buses=buses, **settings), latency_us=latency_us)
    for cp in (0, 1):
        world.plug(cp)
    world.run_until(lambda: [world.evse(cp).set_current_raw for cp in (0, 1)] == [1600, 1600], 20000)
    world.run(3000)
    return world


def record(world, ms):
    """The frames of both lines from now on, over that time."""
    for line in world.lines:
        line.keep_frames = 1000000
        line.frames.clear()
    world.run(ms)
    return [[(start_us / 1000, data) for start_us, _, data in line.frames] for line in world.lines]


def intervals(frames, unit):
    starts = [start_ms for start_ms, data in frames if data[0] == unit]
    return [after - before for before, after in zip(starts, starts[1:])]


def test_each_line_carries_its_own_charge_point_only():
    world = world_of()
    first, second = record(world, 5000)
    assert {data[0] for _, data in first} == {1, 105}
    assert {data[0] for _, data in second} == {2, 106}


def test_two_lines_are_as_fast_as_one_with_one_charge_point():
    frames = record(world_of(), 20000)
    for n in (0, 1):
        mean_ms = sum(intervals(frames[n], 1 + n)) / len(intervals(frames[n], 1 + n))
        assert mean_ms <= 190


def test_an_evse_may_have_the_same_unit_on_both_lines():
    config = standard_config(2, buses=TWO_LINES)
    config["charge_points"][1]["evse"] = 1
    world = World(config=config)
    world.site.charge_points[1].evse.configure(2001, 1)
    for cp in (0, 1):
        world.plug(cp)
    world.controller.set_text = [b"16", b"8"]
    world.run(15000)
    assert [world.evse(cp).set_current_raw for cp in (0, 1)] == [1600, 800]


@pytest.mark.parametrize("fault", [SILENT, NOISE, CRC, SLOW])
@pytest.mark.parametrize("dead", [0, 1])
def test_a_line_in_trouble_never_slows_the_other_one_down(dead, fault):
    world = world_of()
    healthy = 1 - dead
    calm = record(world, 10000)[healthy]
    for unit in (1 + dead, 105 + dead):
        world.line.faults[unit] = fault
    frames = record(world, 10000)[healthy]
    assert max(intervals(frames, 1 + healthy)) <= max(intervals(calm, 1 + healthy)) + 30
    assert world.evse(healthy).set_current_raw == 1600
    assert world.told(b"get/fault_state", healthy) == b"0"
    world.controller.set_text = [b"10", b"10"]
    world.run_until(lambda: world.evse(healthy).set_current_raw == 1000, 5500)


@pytest.mark.parametrize("dead", [0, 1])
def test_on_one_line_a_silent_point_costs_the_other_one_little(dead):
    world = world_of(buses=(0, 0))
    healthy = 1 - dead
    for unit in (1 + dead, 105 + dead):
        world.line.faults[unit] = SILENT
    world.run(5000)
    gaps = intervals(record(world, 30000)[0], 1 + healthy)
    assert sum(gaps) / len(gaps) <= 300
    assert max(gaps) <= 700
    assert world.told(b"get/fault_state", healthy) == b"0"


def test_every_start_writes_0_a_on_both_lines_before_anything_else():
    world = World(config=standard_config(2, buses=TWO_LINES))
    for n, line in enumerate(world.lines):
        units = [data[0] for _, _, data in line.frames[:6]]
        assert set(units) == {1, 2}, "evse_ids are those of the board"
        assert all(data[1] == 16 and data[7:9] == b"\0\0" for _, _, data in line.frames[:6])
        assert 1 + n in units


@pytest.mark.parametrize("latency_ms, gap_ms, limit_ms", [(20, 10, 500), (10, 5, 400)])
def test_the_cycle_of_two_points_on_one_line_is_what_the_wire_allows(latency_ms, gap_ms, limit_ms):
    """One round with everything that is read in it: at most 500 ms at 20 ms latency and 10 ms gap, within 5 % of the formula."""
    world = world_of(buses=(0, 0), gap_ms=gap_ms, latency_us=latency_ms * 1000)
    frames = record(world, 60000)[0]
    rounds = [i for i, (_, data) in enumerate(frames) if data[0] == 1 and data[1] == 3]
    measured, calculated = [], []
    for start, end in zip(rounds, rounds[1:]):
        if all(data[1] in (3, 4) for _, data in frames[start:end]):
            measured.append(frames[end][0] - frames[start][0])
            counts = [data[5] for _, data in frames[start:end]]
            calculated.append(sum(transaction_ms(n, latency_ms, gap_ms, world.line.char_us / 1000) for n in counts))
    assert len(measured) > 100
    assert max(measured) <= limit_ms
    assert sum(measured) / sum(calculated) == pytest.approx(1, abs=0.05)


class Still:
    """A port on which nothing ever arrives."""

    def write(self, buf, n):
        return n

    def readinto(self, buf):
        return 0


def test_a_line_without_charge_points_is_none():
    assert len(Lines((Still(), Still()), ([object()], []), 9600).plans) == 1
    assert len(Lines((None, Still()), ([], [object()]), 9600).plans) == 1
