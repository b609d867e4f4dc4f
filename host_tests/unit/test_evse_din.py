"""The EVSE-DIN driver: 0 A before anything else, then learning, then keeping register 1000 at the target."""
import pytest
from bus import IDLE
from drivers.evse_din import READY, REFUSED
from plan import WRITE, ZERO
from safety import R_EVSE_OLD

from host_tests.unit.evse_bench import ALLOWED, FIRMWARES, START_TICKS, EvseBench, start_up


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
    bench.run(500)  # what is read once is read by then
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


@pytest.mark.parametrize("target_ca, wish, gap_ms", [(0, ZERO, 20), (800, WRITE, 250)])
def test_0_a_is_wanted_most_and_ignores_the_back_off(bench, target_ca, wish, gap_ms):
    start_up(bench, 1600)
    bench.evse.station._level = 3
    bench.until(lambda: not bench.bus.hungry() and bench.bus.state == IDLE)
    free_ms = bench.bus._quiet_ms
    bench.evse.target_ca = target_ca
    assert bench.evse.wants(bench.tick()) == wish
    bench.run(300)
    wrote = [f for f in bench.frames(since_ms=free_ms) if f.value == target_ca][0]
    assert gap_ms <= wrote.start_ms - free_ms <= gap_ms + 5


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


@pytest.mark.parametrize("before_ca, target_ca", [(600, 1600), (1600, 600), (1600, 0), (0, 1600)])
def test_a_lost_write_is_repeated_and_is_not_a_foreign_value(bench, before_ca, target_ca):
    start_up(bench, before_ca)
    bench.lose_requests(lambda function, address: function == 16, times=1)
    bench.evse.target_ca = target_ca
    bench.run(900)
    assert bench.model.set_current_raw == target_ca
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


def test_what_it_does_after_its_own_power_up_is_read_once_and_never_written(bench):
    bench.model.configure(2000, 32)
    bench.model.configure(2002, 5)
    bench.model.configure(2003, 1)
    start_up(bench, 1000)
    bench.run(3000)
    assert list(bench.evse.power_up) == [0, 32, 0, 1, 0, 5, 0, 1, 0, 0]
    assert bench.script().count("read 2000 x 5") == 1
    assert not [address for address, _ in bench.eeprom_writes() if address != 2005]


def test_an_evse_that_refuses_2000_is_used_all_the_same(bench):
    bench.tamper = lambda unit, function, address, words: 2 if address == 2000 else words
    start_up(bench, 1000)
    bench.run(3000)
    assert bench.evse.power_up is None and bench.evse.state == READY and bench.script().count("read 2000 x 5") == 1
