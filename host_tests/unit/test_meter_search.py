"""Which meter is it? Found at one of openWB's places by the voltage of L1, asked in blocks as long as it answers, and remembered."""
import pytest
from drivers import meters
from drivers.evse_din import READY, EvseDin
from drivers.meter import PROBING, READING, TRANSITIONS, Meter
from points import P_CURRENT_CA, P_VOLTAGE_CV, Image
from safety import R_METER_LOST, R_METER_STARTING, R_METER_VOLTAGE

from host_tests.fakes.meters import METERS, UNITS
from host_tests.fakes.site import standard_site
from host_tests.unit.bench import Bench, recorded
from host_tests.unit.meter_bench import MeterBench, OneDevice

FOUND = ["mpm3pm", "sdm630", "sdm72", "b23"]


def searching(name, cp=0, unit=None, **options):
    """A bench that is told nothing, and the meter of that name where openWB has it."""
    model = METERS[name](unit or UNITS.get(name, 105) + cp, **options)
    return MeterBench(candidates=meters.candidates("auto", unit, cp), device=OneDevice(model))


def test_the_search_has_openwbs_order_and_places():
    kinds = (meters.MPM3PM, meters.EASTRON_3P, meters.B23)
    assert meters.candidates("auto", None, 0) == tuple(zip(kinds, (5, 105, 201)))
    assert meters.candidates("auto", None, 1) == tuple(zip(kinds, (6, 106, 202)))
    assert meters.candidates("auto", 2, 0) == tuple((kind, 2) for kind in kinds)


@pytest.mark.parametrize("unit", [None, 2])
@pytest.mark.parametrize("cp", [0, 1])
@pytest.mark.parametrize("name", FOUND)
def test_a_meter_is_found_within_a_second(name, cp, unit):
    bench = searching(name, cp, unit)
    took_ms = bench.until(lambda: bench.meter.reason() == 0, 2000)
    assert took_ms <= 1000
    assert bench.meter.kind == meters.KINDS[name]
    assert bench.value(P_VOLTAGE_CV) == 23000


def test_what_is_not_there_is_asked_gently_and_for_ever():
    bench = searching("sdm630")
    bench.device.model.answers = False
    bench.run(5000)
    since_ms = bench.now_ms
    bench.run(60000)
    frames = bench.frames(since_ms=since_ms)
    assert {(f.unit, f.function, f.address, f.count) for f in frames} == {(5, 4, 8, 2), (105, 4, 0, 2), (201, 3, 0x5B00, 2)}
    assert [f.unit for f in frames[:6]] in ([5, 105, 201] * 2, [105, 201, 5] * 2, [201, 5, 105] * 2)
    assert 25 <= len(frames) <= 40, "a time-out of 160 ms each"
    assert bench.meter.reason() == R_METER_LOST
    assert (bench.meter.kind, bench.meter.longest) == (0, 0), "nothing that were worth remembering"
    bench.device.model.answers = True
    bench.until(lambda: bench.meter.reason() == 0, 6000)
    assert bench.meter.station.timeouts == 0, "what others did not answer is not its fault"


def test_a_meter_below_200_v_is_not_accepted_and_the_search_goes_on():
    bench = searching("b23")
    bench.device.model.voltage_cv = [19990, 23000, 23000]
    bench.run(8000)
    assert (bench.meter.state, bench.meter.kind, bench.meter.reason()) == (PROBING, 0, R_METER_VOLTAGE)
    bench.device.model.voltage_cv = [20000, 23000, 23000]
    bench.until(lambda: bench.meter.reason() == 0, 6000)


@pytest.mark.parametrize("name", FOUND)
def test_a_meter_whose_kind_and_unit_are_configured_is_asked_nothing_else(name):
    bench = MeterBench(candidates=((meters.KINDS[name], 77),), device=OneDevice(METERS[name](77)))
    bench.until(lambda: bench.meter.reason() == 0, 500)
    assert (bench.meter.kind, bench.value(P_VOLTAGE_CV), {f.unit for f in bench.frames()}) == (meters.KINDS[name], 23000, {77})


def test_a_search_keeps_no_turn():
    bench = searching("sdm630")
    bench.device.model.answers = False
    kept = []
    bench.on_step = lambda: kept.append(bench.meter.again)
    bench.run(10000)
    assert not any(kept)


@pytest.mark.parametrize("voltage_cv, found", [(20000, True), (28000, True), (28010, False), (30000, False)])
def test_a_meter_is_found_by_200_to_280_v(voltage_cv, found):
    bench = searching("b23")
    bench.device.model.voltage_cv = [voltage_cv, 23000, 23000]
    bench.run(3000)
    assert (bench.meter.state == READING) == found


def test_a_meter_at_200_v_is_not_called_too_low_while_it_is_read_for_the_first_time():
    bench = searching("b23")
    bench.device.model.voltage_cv = [20000, 23000, 23000]
    bench.until(lambda: bench.meter.state == READING)
    assert bench.meter.reason() == R_METER_STARTING


@pytest.mark.parametrize("voltage_cv, reason", [(0, R_METER_VOLTAGE), (19990, R_METER_VOLTAGE), (30000, R_METER_STARTING)])
def test_only_a_voltage_that_is_too_low_is_called_so(voltage_cv, reason):
    bench = searching("b23")
    bench.device.model.voltage_cv = [voltage_cv, 23000, 23000]
    bench.run(3000)
    assert bench.meter.reason() == reason


@pytest.mark.parametrize("amperes", [0, 1, 6, 16, 32, 63])
def test_an_eastron_is_not_taken_for_an_mpm3pm_whatever_flows(amperes):
    bench = searching("sdm630", unit=2)
    bench.device.model.current_ca = [amperes * 100] * 3
    bench.until(lambda: bench.meter.reason() == 0, 2000)
    assert bench.meter.kind == meters.EASTRON_3P
    assert bench.value(P_CURRENT_CA) == amperes * 100


def test_a_found_meter_that_falls_silent_stays_the_one():
    bench = searching("mpm3pm")
    bench.run(3000)
    bench.device.model.answers = False
    since_ms = bench.now_ms
    bench.run(30000)
    assert bench.meter.reason() == R_METER_LOST
    frames = bench.frames(since_ms=since_ms)
    assert {f.unit for f in frames} == {5}
    starts = [f.start_ms for f in frames][4:]
    assert {round((b - a) / 100) for a, b in zip(starts, starts[1:])} <= {50, 51} and len(starts) >= 4


def test_every_transition_is_one_of_the_table():
    bench = searching("sdm630", block_limit=4)
    seen = recorded(bench.meter)
    bench.run(10000)
    assert set(seen) == set(TRANSITIONS)


# --- how long may a block be? ---


@pytest.mark.parametrize("refuses_long", [True, False])
@pytest.mark.parametrize("limit, longest", [(80, 18), (50, 18), (20, 18), (18, 18), (17, 10), (10, 10)])
@pytest.mark.parametrize("name", ["sdm630", "sdm72", "mpm3pm"])
def test_the_block_size_is_learnt(name, limit, longest, refuses_long):
    bench = searching(name, block_limit=limit, refuses_long=refuses_long)
    bench.until(lambda: bench.meter.reason() == 0, 3000)
    bench.run(4000)
    assert bench.meter.longest == longest
    since_ms = bench.now_ms
    bench.run(6000)
    frames = bench.frames(since_ms=since_ms)
    assert max(f.count for f in frames) == longest
    assert bench.meter.station.exceptions <= 1
    assert bench.meter.station.timeouts <= 2
    assert len(frames) > 40


@pytest.mark.parametrize("code, longest", [(1, 10), (2, 10), (3, 10), (4, 18), (6, 18)])
def test_a_block_is_too_long_when_it_is_refused_and_not_when_the_meter_is_busy(code, longest):
    bench = searching("sdm630")
    left = [1]

    def once(unit, function, address, words):
        if bench.meter.state == READING and left[0]:
            left[0] = 0
            return code
        return words

    bench.tamper = once
    bench.run(5000)
    assert (bench.meter.longest, bench.meter.reason()) == (longest, 0)


@pytest.mark.parametrize("lost, longest", [(1, 18), (2, 10)])
def test_a_block_that_is_not_answered_twice_is_too_long(lost, longest):
    bench = searching("sdm630")
    left = [lost]

    def lose(unit, function, address, words):
        if bench.meter.state == READING and left[0]:
            left[0] -= 1
            return None
        return words

    bench.tamper = lose
    bench.run(5000)
    assert (bench.meter.longest, bench.meter.reason()) == (longest, 0)


def test_a_block_that_arrives_damaged_is_not_too_long():
    bench = searching("sdm630")
    bench.until(lambda: bench.meter.state == READING)
    bench.line.faults[105] = "crc"
    bench.run(3000)
    bench.line.faults.clear()
    bench.run(5000)
    assert (bench.meter.longest, bench.meter.reason()) == (18, 0)


def test_a_disturbed_start_does_not_hide_that_a_block_is_too_long():
    bench = searching("sdm630", block_limit=10, refuses_long=False)
    bench.until(lambda: bench.meter.state == READING)
    bench.line.faults[105] = "crc"
    bench.device.model.block_limit = 80
    bench.run(1000)
    bench.line.faults.clear()
    bench.device.model.block_limit = 10
    bench.run(15000)
    assert (bench.meter.reason(), bench.meter.longest) == (0, 10)


def test_a_meter_that_answers_no_plan_is_probed_again_and_never_accepted():
    bench = searching("sdm630", block_limit=5)
    bench.run(20000)
    assert bench.meter.reason() == R_METER_LOST
    assert {READING, PROBING} >= {bench.meter.state}
    bench.device.model.block_limit = 80
    bench.until(lambda: bench.meter.reason() == 0, 6000)
    bench.run(3000)
    assert bench.meter.longest == 18


def test_a_meter_that_is_switched_on_late_is_not_taken_for_a_short_lot():
    bench = MeterBench(candidates=((meters.EASTRON_3P, 105),), device=OneDevice(METERS["sdm630"](105)))
    bench.device.model.answers = False
    bench.run(30000)
    bench.device.model.answers = True
    bench.run(10000)
    assert (bench.meter.reason(), bench.meter.longest) == (0, 18)


@pytest.mark.parametrize("fault", ["silent", "crc", "noise"])
def test_a_disturbed_line_does_not_shorten_the_blocks_of_a_meter_that_has_answered(fault):
    bench = searching("sdm630")
    bench.run(3000)
    bench.line.faults[105] = fault
    bench.run(30000)
    bench.line.faults.clear()
    bench.run(10000)
    assert (bench.meter.reason(), bench.meter.longest) == (0, 18)


def test_what_is_remembered_is_asked_first():
    bench = searching("b23")
    bench.meter.remember(meters.B23, 28)
    bench.until(lambda: bench.meter.reason() == 0, 300)
    assert {f.unit for f in bench.frames()} == {201}


def test_a_short_lot_that_is_remembered_is_never_asked_for_a_long_block_again():
    bench = searching("sdm72", block_limit=10)
    bench.meter.remember(meters.EASTRON_3P, 10)
    bench.run(5000)
    assert max(f.count for f in bench.frames()) == 10
    assert bench.meter.station.exceptions == 0
    assert bench.meter.reason() == 0


def test_who_remembers_shorter_blocks_than_there_are_begins_with_the_shortest():
    bench = searching("sdm630")
    bench.meter.remember(meters.EASTRON_3P, 5)
    bench.run(4000)
    assert (bench.meter.reason(), bench.meter.longest) == (0, 10)


@pytest.mark.parametrize("kind, longest", [(meters.MPM3PM, 18), (meters.EASTRON_1P, 8), (99, 255), (0, 10), (meters.EASTRON_3P, 255)])
def test_a_wrong_memory_costs_a_moment_only(kind, longest):
    bench = searching("sdm630")
    bench.meter.remember(kind, longest)
    bench.until(lambda: bench.meter.reason() == 0, 1000)
    bench.run(3000)
    assert (bench.meter.kind, bench.meter.longest) == (meters.EASTRON_3P, 18)


# --- beside an EVSE ---


def test_the_search_delays_no_evse():
    site = standard_site(1, 18, "none")
    evse = EvseDin(1, 20)
    bench = Bench([evse, Meter(meters.candidates("auto", None, 0), 20, Image(), 0)], site)
    took_ms = bench.until(lambda: evse.state == READY, 5000)
    assert took_ms <= 2500, "1 s of it is its own pause"
    assert bench.frames()[0].value == 0
    bench.run(1000)
    since_ms = bench.now_ms
    bench.run(30000)
    starts = [f.start_ms for f in bench.frames(1, since_ms)]
    assert max(b - a for a, b in zip(starts, starts[1:])) <= 300
