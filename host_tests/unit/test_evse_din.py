"""The EVSE-DIN driver: 0 A before anything else, then learning, then keeping register 1000 at the target."""
import pytest
from drivers import evse_din
from drivers.evse_din import ASKING, CHECKING, ERASING, NAMING, READY, REFINING, REFUSED, SETTLING, TRANSITIONS, EvseDin
from safety import R_EVSE_OLD, R_EVSE_SILENT, R_EVSE_STARTING
from station import OK

from host_tests.unit.bench import recorded
from host_tests.unit.evse_bench import ALLOWED, FIRMWARES, EvseBench, start_up

START_TICKS = [0, (1 << 30) - 700]


@pytest.fixture
def bench():
    return EvseBench()


@pytest.mark.parametrize("firmware", FIRMWARES)
def test_the_first_bus_action_is_0_a_by_function_16(firmware):
    bench = EvseBench(firmware)
    bench.until(lambda: bench.line.frames)
    assert bench.line.frames[0][2][:9] == bytes((1, 16, 0x03, 0xE8, 0, 1, 2, 0, 0))


@pytest.mark.parametrize("start_tick", START_TICKS)
@pytest.mark.parametrize("firmware", FIRMWARES)
def test_the_start_up_asks_in_this_order(firmware, start_tick):
    bench = EvseBench(firmware, start_tick=start_tick)
    took_ms = bench.until_ready()

    asked = bench.script()
    settled = [step for step in asked if step != "read 1000 x 8"]
    if firmware == 7:
        assert asked == ["1000 := 0", "read 1000 x 7", "read 1005 x 1"]
        assert (bench.evse.state, bench.evse.reason()) == (REFUSED, R_EVSE_OLD)
    elif firmware < 17:
        assert asked == ["1000 := 0", "read 1000 x 7", "read 1005 x 1", "read 2005 x 3"]
    else:
        refine = ["2005 := %d" % (0x0209 | 0x80), "read 2005 x 3"]
        assert settled == ["1000 := 0", "read 1000 x 7", "read 1005 x 1", "read 2005 x 3"] + refine
    assert took_ms < (1700 if firmware >= 17 else 500)
    assert bench.evse.firmware == firmware


def test_the_pause_before_precise_mode_is_read_back_is_a_second(bench):
    bench.until_ready()
    wrote = [f for f in bench.frames() if f.address == 2005 and f.value is not None][0]
    read = [f for f in bench.frames() if f.address == 2005 and f.value is None and f.start_ms > wrote.end_ms][0]
    assert 1000 <= read.start_ms - wrote.end_ms <= 1200


@pytest.mark.parametrize("firmware", FIRMWARES)
def test_the_block_is_as_long_as_this_firmware_allows(firmware):
    bench = EvseBench(firmware)
    bench.until_ready()
    since_ms = bench.now_ms
    bench.run(2000)
    blocks = {(f.function, f.address, f.count) for f in bench.frames(since_ms=since_ms)}
    assert blocks == {(3, 1000, 8 if firmware >= 16 else 7)}
    assert bench.evse.station.exceptions == 0


def test_an_evse_of_another_firmware_behind_the_same_unit_is_learnt_anew(bench):
    start_up(bench, 1600)
    bench.power_cycle()
    bench.model.firmware = 10
    bench.until(lambda: bench.evse.firmware == 10)
    bench.until_settled(1600)
    assert bench.model.set_current_raw == 16
    assert bench.frames()[-1].count == 7


def test_an_old_firmware_stays_at_0_a_whatever_is_wanted():
    bench = EvseBench(7)
    bench.evse.target_ca = 1600
    bench.run(5000)
    assert {value for _, value in bench.writes()} == {0}
    bench.model.set_current_raw = 13
    bench.run(500)
    assert bench.model.set_current_raw == 0
    assert bench.evse.reason() == R_EVSE_OLD


# --- 0.01 A mode ---


@pytest.mark.parametrize("bits", [0x0209, 0x0000, 0x2B09, 0x0340, 0x4020])
def test_precise_mode_is_set_once_and_keeps_the_other_bits(bits):
    bench = EvseBench()
    bench.model.configure(2005, bits)
    bench.until_ready()
    assert bench.eeprom_writes() == [(2005, bits | 0x80)]
    assert bench.model.eeprom_writes == 1
    assert bench.evse.precise


@pytest.mark.parametrize("firmware", FIRMWARES)
def test_precise_mode_is_used_where_it_exists(firmware):
    bench = EvseBench(firmware)
    bench.until_ready()
    assert bench.evse.precise == bench.model.precise == (firmware >= 17)
    assert bench.model.eeprom_writes == (1 if firmware >= 17 else 0)


def test_an_evse_that_is_precise_already_is_not_written(bench):
    bench.model.configure(2005, 0x0289)
    assert bench.until_ready() < 500
    assert (bench.evse.precise, bench.model.eeprom_writes) == (True, 0)


def test_an_old_firmware_with_bit_7_set_is_not_taken_for_precise():
    bench = EvseBench(16)
    bench.model.configure(2005, 0x0289)
    start_up(bench, 1650)
    assert bench.model.set_current_raw == 16


@pytest.mark.parametrize("exchanged", [False, True])
def test_precise_mode_is_never_written_twice(bench, exchanged):
    start_up(bench, 1600)
    for _ in range(3):
        bench.power_cycle()
        if exchanged:
            bench.model.configure(2005, 0x0209)
        bench.until_settled(1600)
    assert bench.model.eeprom_writes == 1
    assert bench.model.set_current_raw == (16 if exchanged else 1600)


def test_a_lost_reply_to_the_write_of_2005_is_read_back_and_not_written_again(bench):
    bench.lose_replies(lambda function, address: function == 16 and address == 2005, times=1)
    bench.until_ready()
    assert bench.model.eeprom_writes == 1
    assert bench.evse.precise


def test_an_evse_that_refuses_2005_is_used_in_whole_amperes(bench):
    bench.tamper = lambda unit, function, address, words: 4 if function == 16 and address == 2005 else words
    bench.model._store = lambda offset, values: None
    start_up(bench, 1650)
    assert len(bench.eeprom_writes()) == 1
    assert (bench.evse.precise, bench.model.set_current_raw) == (False, 16)


def test_24_hours_of_steady_state_write_no_eeprom(bench):
    start_up(bench, 1600)
    before = len(bench.eeprom_writes())
    end_ms = bench.now_ms + 24 * 3600 * 1000
    rounds = 0
    while bench.now_ms < end_ms:
        bench.evse.target_ca = 600 + rounds % 27 * 100
        bench.run(500)
        assert bench.model.set_current_raw == bench.evse.target_ca
        bench.now_ms += 120000  # the loop sleeps that long; nothing is asked meanwhile
        rounds += 1
    assert (before, len(bench.eeprom_writes()), bench.model.eeprom_writes) == (1, 1, 1)
    assert bench.evse.restarts == 0


# --- set points ---


@pytest.mark.parametrize("firmware", [8, 10, 15, 16, 17, 18])
def test_raw_is_compared_with_raw_so_a_value_is_written_once(firmware):
    bench = EvseBench(firmware)
    start_up(bench, 1600)
    since_ms = bench.now_ms
    bench.run(3000)
    assert bench.writes(since_ms=since_ms) == []
    assert bench.model.set_current_raw == (1600 if firmware >= 17 else 16)
    assert bench.evse.set_current_ca() == 1600


@pytest.mark.parametrize("firmware", [10, 18])
def test_no_frame_ever_carries_a_current_between_0_and_6_a(firmware):
    bench = EvseBench(firmware)
    bench.until_ready()
    for target_ca in [600, 0, 650, 699, 1000, 1234, 0, 3200, 601]:
        bench.evse.target_ca = target_ca
        bench.run(400)
    values = [value for address, value in bench.writes() if address == 1000]
    assert len(values) >= 9
    assert set(values) <= ALLOWED[bench.evse.precise]


@pytest.mark.parametrize("target_ca, whole", [(600, 6), (650, 6), (699, 6), (1699, 16), (3200, 32)])
def test_whole_amperes_are_rounded_down(target_ca, whole):
    bench = EvseBench(10)
    start_up(bench, target_ca)
    assert bench.model.set_current_raw == whole


def test_every_write_is_read_back_before_anything_else(bench):
    bench.until_ready()
    for target_ca in (600, 1600, 0, 3200):
        bench.evse.target_ca = target_ca
        bench.run(500)
    frames = bench.frames()
    wrote = [i for i, frame in enumerate(frames) if frame.address == 1000 and frame.value is not None]
    assert len(wrote) == 5
    assert all((frames[i + 1].address, frames[i + 1].value) == (1000, None) for i in wrote)


@pytest.mark.parametrize("precise", [False, True])
def test_a_lost_reply_to_a_write_is_not_a_foreign_value(precise):
    bench = EvseBench(18 if precise else 10)
    start_up(bench, 600)
    for target_ca in (1600, 800, 0, 2000):
        bench.lose_replies(lambda function, address: function == 16, times=1)
        bench.evse.target_ca = target_ca
        bench.run(900)
        assert bench.model.set_current_raw == (target_ca if precise else target_ca // 100)
    assert (bench.evse.foreign_values, bench.evse.restarts) == (0, 0)
    assert bench.evse.station.timeouts == 4


def test_a_lost_write_is_repeated_and_is_not_a_foreign_value(bench):
    start_up(bench, 600)
    bench.lose_requests(lambda function, address: function == 16, times=1)
    bench.evse.target_ca = 1600
    bench.run(900)
    assert bench.model.set_current_raw == 1600
    assert (bench.evse.foreign_values, bench.evse.restarts) == (0, 0)


def test_a_refused_write_is_repeated_and_is_not_a_foreign_value(bench):
    start_up(bench, 600)
    real, left = bench.site.request, [3]

    def refuse(unit, function, address, payload, now_ms):
        if function == 16 and left[0]:
            left[0] -= 1
            return 6
        return real(unit, function, address, payload, now_ms)

    bench.site.request = refuse
    bench.evse.target_ca = 1600
    bench.run(900)
    assert bench.model.set_current_raw == 1600
    assert (bench.evse.foreign_values, bench.evse.restarts, left[0]) == (0, 0, 0)


def test_an_evse_that_cuts_our_value_is_not_foreign(bench):
    start_up(bench, 600)
    bench.cut_raw = 1300
    bench.evse.target_ca = 1600
    bench.run(3000)
    assert bench.model.set_current_raw == 1300
    assert (bench.evse.foreign_values, bench.evse.restarts) == (0, 0)
    assert bench.evse.set_current_ca() == 1300
    bench.evse.target_ca = 0
    bench.run(500)
    assert bench.model.set_current_raw == 0


# --- foreign values, silence ---


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


def test_a_reply_that_arrives_after_the_new_start_moves_nothing(bench):
    """It answers a question of the earlier life: 0 A must be written first."""
    start_up(bench, 1600)
    bench.evse._restart(bench.tick())
    bench.until(lambda: bench.bus.hungry())
    bench.evse._enter(CHECKING, bench.tick())
    bench.until(lambda: not bench.bus.hungry())
    bench.step()
    assert bench.evse.state == CHECKING


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


# --- exceptions, limits, status ---


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


def test_the_table_has_exactly_the_transitions_that_happen():
    seen = set()
    for firmware in FIRMWARES:
        seen |= EvseBench(firmware).walk()
    assert seen == set(TRANSITIONS)


def test_every_state_can_be_left_by_silence():
    for state in (CHECKING, NAMING, ASKING, REFINING, SETTLING, READY):
        bench = EvseBench()
        seen = recorded(bench.evse)
        bench.until(lambda: bench.evse.state == state)
        bench.line.faults[1] = "silent"
        bench.until(lambda: bench.evse.state == ERASING, 4000)
        assert (state, ERASING) in seen or (SETTLING, ERASING) in seen, state


def test_the_drivers_counters_start_at_nothing():
    evse = EvseDin(1, 20)
    assert (evse.raw, evse.set_current_ca(), evse.foreign_values, evse.restarts) == (-1, 0, 0, 0)
