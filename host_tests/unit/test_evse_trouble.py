"""The EVSE-DIN driver when the EVSE is silent, restarted, exchanged, set by somebody else, busy, or reports a fault."""
import pytest
from drivers import evse_din
from drivers.evse_din import ASKING, CHECKING, ERASING, NAMING, READY, REFINING, REFUSED, SETTLING, TRANSITIONS, EvseDin
from safety import R_EVSE_SILENT, R_EVSE_STARTING
from station import OK

from host_tests.unit.bench import recorded
from host_tests.unit.evse_bench import START_TICKS, EvseBench, start_up


@pytest.fixture
def bench():
    return EvseBench()


@pytest.mark.parametrize("firmware", [10, 18])
@pytest.mark.parametrize("foreign_a", [0, 6, 13, 32])
def test_a_foreign_value_is_answered_by_0_a_and_a_new_start(firmware, foreign_a):
    bench = EvseBench(firmware)
    start_up(bench, 1600)
    bench.model.set_current_raw = foreign_a * 100 if bench.evse.precise else foreign_a
    since_ms = bench.now_ms
    bench.until(lambda: bench.evse.restarts, 500)
    bench.until_settled(1600)

    script = bench.script(since_ms)
    first = script.index("1000 := 0")
    assert first <= 2, "one poll in flight, one that sees it"
    assert bench.frames(since_ms=since_ms)[first].end_ms - since_ms < 250
    again = script[first : script.index("1000 := %d" % bench.model.set_current_raw)]
    length = 8 if firmware >= 16 else 7
    assert again == ["1000 := 0", "read 1000 x %d" % length, "read 1005 x 1", "read 2005 x 3"]
    assert (bench.evse.foreign_values, bench.evse.restarts) == (1, 1)


def test_a_foreign_value_in_the_read_back_is_foreign(bench):
    start_up(bench, 600)
    bench.evse.target_ca = 1600
    bench.until(lambda: bench.writes()[-1] == (1000, 1600) and bench.model.set_current_raw == 1600)
    bench.model.set_current_raw = 3200
    bench.run(300)
    assert bench.evse.foreign_values == 1
    bench.until_settled(1600)


@pytest.mark.parametrize("start_tick", START_TICKS)
def test_an_evse_that_was_away_for_more_than_a_second_starts_over(start_tick):
    bench = EvseBench(start_tick=start_tick)
    start_up(bench, 1600)
    bench.line.faults[1] = "silent"
    bench.run(1300)
    assert (bench.evse.state, bench.evse.reason()) == (ERASING, R_EVSE_SILENT)
    bench.line.faults.clear()
    since_ms = bench.now_ms
    bench.until_settled(1600)
    script = bench.script(since_ms)
    before = script[: script.index("1000 := 1600")]
    assert before[:1] == ["1000 := 0"]
    assert "read 1005 x 1" in before and "read 2005 x 3" in before
    assert [step for step in before if ":=" in step and step != "1000 := 0"] == []


def test_an_evse_that_comes_up_with_32_a_is_at_0_a_soon_after_its_first_reply(bench):
    start_up(bench, 1600)
    bench.power_cycle()
    bench.until(lambda: bench.model.powered)
    back_ms = bench.now_ms
    bench.until(lambda: bench.model.set_current_raw == 0, 1500)
    answered = [f for f in bench.frames(since_ms=back_ms)]
    assert (answered[0].address, answered[0].value) == (1000, 0), "its first reply is the one to 0 A"


def test_a_silence_of_half_a_second_is_no_new_start(bench):
    start_up(bench, 1600)
    bench.line.faults[1] = "silent"
    bench.run(500)
    bench.line.faults.clear()
    bench.run(1000)
    assert (bench.evse.restarts, bench.evse.state) == (0, READY)


def test_a_loop_that_asked_nothing_for_long_is_not_a_silent_evse(bench):
    start_up(bench, 1600)
    bench.until(lambda: bench.bus.station.last_result == OK and not bench.bus.hungry())
    bench.now_ms += 60000
    bench.run(1000)
    assert bench.evse.restarts == 0


def test_a_silent_evse_is_tried_with_0_a_about_once_per_second(bench):
    start_up(bench, 1600)
    bench.line.faults[1] = "silent"
    bench.run(2000)
    since_ms = bench.now_ms
    bench.run(20000)
    frames = bench.frames(since_ms=since_ms)
    assert {(f.address, f.value) for f in frames} == {(1000, 0)}
    assert 15 <= len(frames) <= 21


def test_a_reply_after_more_than_a_second_is_a_new_start_also_when_the_loop_slept_meanwhile(bench):
    start_up(bench, 1600)
    bench.line.faults[1] = "silent"
    bench.run(400)
    bench.line.faults.clear()
    bench.until(bench.bus.hungry)
    bench.now_ms += 900
    since_ms = bench.now_ms
    bench.step()
    assert (bench.evse.state, bench.evse.restarts) == (ERASING, 1)
    bench.run(100)
    assert bench.script(since_ms)[0] == "1000 := 0"


@pytest.mark.parametrize("state", [NAMING, ASKING, READY])
def test_a_reply_that_arrives_after_the_new_start_moves_nothing(state):
    """It answers a question of the earlier life: a request is in flight when the second of silence is full."""
    caught = 0
    for pause_ms in range(0, 200, 10):
        bench = EvseBench()
        bench.until(lambda: bench.evse.state == state)
        bench.line.faults[1] = "silent"
        bench.now_ms += pause_ms  # the loop was busy
        bench.run(950 - pause_ms)
        bench.line.faults[1] = "slow"
        bench.longest_ms = 5
        seen = recorded(bench.evse)
        bench.until(lambda: seen, 1000)
        caught += seen == [(state, ERASING)] and bench.bus.hungry() and bench.evse.station.function == 3
        bench.run(1000)
        assert set(seen) <= set(TRANSITIONS), pause_ms
    assert caught


def test_an_evse_that_refuses_0_a_is_told_again_and_asked_nothing(bench):
    bench.tamper = lambda unit, function, address, words: 4 if function == 16 else words
    bench.run(2000)
    assert set(bench.script()) == {"1000 := 0"}
    assert len(bench.script()) > 10


def test_an_evse_that_never_spoke_is_silent_and_one_that_speaks_is_being_set_up(bench):
    assert bench.evse.reason() == R_EVSE_SILENT
    bench.until(lambda: bench.evse.state == CHECKING)
    assert bench.evse.reason() == R_EVSE_STARTING
    bench.until_ready()
    assert bench.evse.reason() == 0


def test_an_evse_that_keeps_its_value_against_0_a_never_becomes_ready(bench):
    bench.model.configure(2003, 0)  # the analog input decides
    bench.run(5000)
    assert bench.evse.state in (ERASING, CHECKING)
    assert {value for _, value in bench.writes()} == {0}


def test_a_firmware_without_2005_is_used_in_whole_amperes(bench):
    bench.tamper = lambda unit, function, address, words: 2 if address == 2005 else words
    start_up(bench, 1650)
    assert (bench.model.set_current_raw, bench.evse.limit_a, bench.model.eeprom_writes) == (16, None, 0)


@pytest.mark.parametrize("code", [4, 5, 6])
def test_a_busy_evse_is_asked_again_for_2005_and_its_limit(bench, code):
    left = [3]

    def busy(unit, function, address, words):
        if address == 2005 and left[0]:
            left[0] -= 1
            return code
        return words

    bench.tamper = busy
    bench.model.configure(2007, 20)
    bench.until_ready()
    assert (bench.evse.limit_a, bench.evse.precise) == (20, True)


def test_a_firmware_that_refuses_the_long_block_is_read_with_the_short_one():
    bench = EvseBench(10)
    bench.until_ready()
    bench.evse._block = evse_din.BLOCK_NEW
    bench.run(1000)
    assert bench.frames()[-1].count == 7
    assert bench.evse.state == READY


@pytest.mark.parametrize("limit_a", [0, 6, 20, 32])
def test_register_2007_is_the_limit_and_1003_the_cable(limit_a):
    bench = EvseBench()
    bench.model.configure(2007, limit_a)
    bench.model.cable_a = 13
    bench.until_ready()
    bench.run(200)
    assert bench.evse.limit_a == limit_a
    assert bench.evse.cable_a == (limit_a or 13)


def test_the_limit_is_read_again_after_a_new_start(bench):
    start_up(bench, 1600)
    bench.model.configure(2007, 16)
    bench.power_cycle()
    bench.until_settled(1600)
    assert bench.evse.limit_a == 16


def test_a_cable_rating_that_vanishes_is_held_while_plugged(bench):
    bench.model.configure(2007, 0)
    bench.model.cable_a = 20
    bench.car.plug()
    start_up(bench, 1600)
    bench.run(500)
    bench.model.cable_a = 0
    bench.run(1000)
    assert bench.evse.cable_a == 20
    bench.power_cycle()
    bench.until_settled(1600)
    assert bench.evse.cable_a == 20, "also when the EVSE starts over"
    bench.car.unplug()
    bench.run(1000)
    assert bench.evse.cable_a == 0
    bench.model.cable_a = 32
    bench.run(1000)
    assert bench.evse.cable_a == 32


@pytest.mark.parametrize("firmware, status", [(15, 0), (16, 0x20), (18, 0x20)])
def test_status_bits_are_read_where_they_exist(firmware, status):
    bench = EvseBench(firmware)
    bench.until_ready()
    bench.model.rcd_error = True
    bench.run(500)
    assert (bench.evse.status, bench.evse.vehicle_state) == (status, 5)


def test_status_bits_of_a_former_evse_do_not_stick(bench):
    bench.until_ready()
    bench.model.rcd_error = True
    bench.run(500)
    bench.power_cycle()
    bench.model.firmware = 10
    bench.model.rcd_error = False
    bench.until(lambda: bench.evse.firmware == 10)
    bench.until_settled(0)
    assert bench.evse.status == 0


def interrupted(firmware, state):
    """The transitions of an EVSE that falls silent in this state, if it comes to it."""
    bench = EvseBench(firmware)
    seen = recorded(bench.evse)
    for _ in range(100):
        if bench.evse.state == state:
            break
        bench.step()
    bench.line.faults[1] = "silent"
    bench.run(3500)
    return set(seen)


def test_the_table_has_exactly_the_transitions_that_happen():
    seen = set()
    for firmware in (7, 10, 18):
        for state in range(ERASING, REFUSED + 1):
            seen |= interrupted(firmware, state)
    assert seen == set(TRANSITIONS)


def test_every_state_can_be_left_by_silence():
    for state in (CHECKING, NAMING, ASKING, REFINING, SETTLING, READY):
        bench = EvseBench()
        seen = recorded(bench.evse)
        bench.until(lambda: bench.evse.state == state)
        bench.line.faults[1] = "silent"
        bench.until(lambda: bench.evse.state == ERASING, 4000)
        assert seen[-1][1] == ERASING
        assert seen[-1][0] in ((ASKING, SETTLING) if state in (REFINING, SETTLING) else (state,))


def test_the_drivers_counters_start_at_nothing():
    evse = EvseDin(1, 20)
    assert (evse.raw, evse.set_current_ca(), evse.foreign_values, evse.restarts) == (-1, 0, 0, 0)
