"""What others ask the EVSE-DIN driver: is 0 A sure, does it obey, what does its pilot say, may it charge at all."""
import pytest
from drivers.evse_din import ASKING, CHECKING, ERASING, NAMING, READY, REFINING, SETTLING, EvseDin
from plan import POLL, WRITE, ZERO

from host_tests.unit.evse_bench import EvseBench, start_up


@pytest.fixture
def bench():
    return EvseBench()


def test_before_its_first_answer_nothing_is_known_of_an_evse_and_nothing_is_sure():
    evse = EvseDin(1, 20)
    assert (evse.firmware, evse.vehicle_state, evse.status, evse.controller, evse.target_ca, evse.again) == (0, 0, 0, 0, 0, False)
    assert (evse.set_current_ca(), evse.signalled_ca()) == (0, 0)
    assert not (evse.zero_read() or evse.obeyed() or evse.disabled() or evse.defies or evse.pilot_open)


# --- is 0 A sure? does it obey? ---


def test_0_a_is_sure_once_it_was_read_back_and_no_longer_than_until_the_next_write(bench):
    bench.until(lambda: bench.evse.state == CHECKING)
    assert not bench.evse.zero_read(), "said, not read"
    start_up(bench, 0)
    assert bench.evse.zero_read()
    bench.evse.target_ca = 1600
    bench.until(lambda: not bench.evse.zero_read(), 200)
    assert bench.model.set_current_raw in (0, 1600) and bench.evse.raw == 0
    bench.until(lambda: bench.evse.raw == 1600, 200)
    assert not bench.evse.zero_read()


def test_0_a_is_not_sure_between_its_write_and_its_read_back(bench):
    start_up(bench, 1600)
    bench.evse.target_ca = 0
    bench.until(lambda: bench.model.set_current_raw == 0, 300)
    while bench.evse.raw:
        assert not bench.evse.zero_read()
        bench.step()
    assert bench.evse.zero_read()


def test_0_a_is_not_sure_while_a_write_that_nobody_confirmed_may_still_arrive(bench):
    start_up(bench, 0)
    bench.lose_requests(lambda function, address: function == 16, times=1)
    bench.evse.target_ca = 600
    bench.until(lambda: not bench.evse.zero_read(), 300)
    while bench.model.set_current_raw == 0:
        assert not bench.evse.zero_read()
        bench.step()


def test_0_a_that_was_lost_on_its_way_is_not_sure(bench):
    start_up(bench, 1600)
    bench.lose_requests(lambda function, address: function == 16, times=1)
    bench.evse.target_ca = 0
    while bench.model.set_current_raw:
        assert not bench.evse.zero_read()
        bench.step()
    bench.until(bench.evse.zero_read, 200)


def test_0_a_of_an_evse_that_has_fallen_silent_is_not_sure(bench):
    start_up(bench, 0)
    bench.line.faults[1] = "silent"
    bench.until(lambda: bench.evse.state == ERASING, 2000)
    assert not bench.evse.zero_read() and not bench.evse.obeyed()


def test_0_a_of_an_evse_that_starts_over_is_not_sure_before_it_was_read_again(bench):
    start_up(bench, 0)
    bench.power_cycle()
    bench.until(lambda: bench.evse.state == CHECKING, 3000)
    assert not bench.evse.zero_read() and not bench.evse.obeyed()
    bench.until(lambda: bench.evse.state > CHECKING)
    assert bench.evse.zero_read() and bench.evse.obeyed()


def test_an_evse_obeys_when_it_was_read_back_with_no_more_than_it_was_told(bench):
    bench.until(lambda: bench.evse.state == CHECKING)
    assert not bench.evse.obeyed()
    start_up(bench, 1600)
    assert bench.evse.obeyed()
    bench.evse.target_ca = 600
    bench.until(lambda: not bench.evse.obeyed(), 300)
    assert bench.evse.raw == 1600
    bench.until(bench.evse.obeyed, 300)
    assert bench.evse.raw == 600


def test_an_evse_that_holds_less_than_it_was_told_obeys(bench):
    start_up(bench, 600)
    bench.cut_raw = 1300
    bench.evse.target_ca = 1600
    bench.until(lambda: bench.evse.raw == 1300)
    assert bench.evse.obeyed()


def test_an_evse_at_0_a_as_it_was_told_does_not_defy(bench):
    start_up(bench, 0)
    bench.run(1000)
    assert not bench.evse.defies


def test_an_evse_that_did_not_hear_a_reduction_does_not_obey(bench):
    start_up(bench, 1600)
    bench.lose_requests(lambda function, address: function == 16, times=1)
    bench.evse.target_ca = 600
    bench.until(lambda: not bench.evse.obeyed(), 300)
    while bench.model.set_current_raw == 1600:
        assert not bench.evse.obeyed()
        bench.step()


# --- what does the pilot say, and in which unit? ---


@pytest.mark.parametrize("firmware", [10, 18])
def test_what_the_pilot_says_is_told_in_hundredths_of_an_ampere(firmware):
    bench = EvseBench(firmware)
    start_up(bench, 1600)
    bench.run(500)
    assert (bench.evse.signalled_ca(), bench.evse.set_current_ca()) == (1600, 1600)


def says(bench, signalled):
    bench.tamper = lambda unit, function, address, words: [words[0], signalled, *words[2:]] if address == 1000 and function == 3 else words


@pytest.mark.parametrize(
    "firmware, signalled, doubted", [(18, 0, 0), (18, 1, 1), (18, 16, 1), (18, 80, 1), (18, 81, 0), (10, 0, 0), (10, 80, 0), (10, 81, 1), (10, 1600, 1)]
)
def test_a_pilot_that_counts_in_another_unit_makes_the_evse_start_over_once(firmware, signalled, doubted):
    """It may be another EVSE. Whoever starts over for ever would never charge: the second time it is believed."""
    bench = EvseBench(firmware)
    bench.model.configure(2005, 0x0289)
    says(bench, signalled)
    bench.until_ready()
    bench.run(10000)
    assert (bench.evse.restarts, bench.evse.state) == (doubted, READY)


@pytest.mark.parametrize("before, after", [(10, 16), (16, 10)])
def test_another_firmware_without_a_silence_between_is_another_evse(before, after):
    bench = EvseBench(before)
    start_up(bench, 1600)
    bench.model.firmware = after
    bench.until(lambda: bench.evse.firmware == after, 1000)
    bench.until_settled(1600)
    assert (bench.evse.restarts, bench.evse.foreign_values, bench.frames()[-1].count) == (1, 1, 8 if after == 16 else 7)


def test_a_unit_that_fits_again_may_be_doubted_again(bench):
    start_up(bench, 1600)
    for times in (1, 2):
        says(bench, 16)
        bench.run(5000)
        assert bench.evse.restarts == times
        bench.tamper = None
        bench.until_settled(1600)
        bench.run(500)


def test_a_value_between_the_old_and_the_new_one_is_foreign(bench):
    start_up(bench, 1600)
    bench.evse.target_ca = 600
    bench.until(lambda: bench.evse.raw == 1600 and bench.model.set_current_raw == 600, 300)
    bench.model.set_current_raw = 1000
    bench.run(500)
    assert (bench.evse.foreign_values, bench.evse.restarts) == (1, 1)


# --- what its own configuration says ---


@pytest.mark.parametrize("bits, disabled", [(0x0289, False), (0x0000, False), (0x1FFF, False), (0x2289, True), (0x4289, True), (0x6000, True)])
def test_an_evse_whose_configuration_forbids_charging_says_so(bench, bits, disabled):
    bench.model.configure(2005, bits)
    bench.until_ready()
    assert bench.evse.disabled() == disabled


@pytest.mark.parametrize("code", [1, 2, 3])
def test_an_evse_that_lost_its_precise_mode_is_told_whole_amperes(bench, code):
    start_up(bench, 1600)
    bench.tamper = lambda unit, function, address, words: code if address == 2005 else words
    bench.model.configure(2005, 0x0209)
    bench.power_cycle()
    bench.until_settled(1650)
    assert (bench.evse.precise, bench.model.set_current_raw, bench.evse.set_current_ca()) == (False, 16, 1600)


def test_an_evse_that_is_busy_once_is_still_read_in_one_block(bench):
    start_up(bench, 1600)
    left = [3]

    def busy(unit, function, address, words):
        if address == 1000 and left[0]:
            left[0] -= 1
            return 6
        return words

    bench.tamper = busy
    bench.run(1000)
    assert (left, bench.frames()[-1].count) == ([0], 8)


def test_what_an_evse_does_after_its_power_up_is_read_again_when_it_starts_over(bench):
    start_up(bench, 1600)
    bench.run(500)
    bench.model.configure(2000, 0)
    bench.power_cycle()
    bench.until_settled(1600)
    bench.run(500)
    assert (bench.script().count("read 2000 x 5"), bench.evse.power_up[1]) == (2, 0)


# --- how urgent is it? ---


def test_a_read_back_is_as_urgent_as_a_write_and_everything_else_is_a_poll(bench):
    wishes = {}
    bench.on_step = lambda: wishes.setdefault(bench.evse.state, bench.evse.wants(bench.tick()))
    start_up(bench, 0)
    assert wishes == {ERASING: ZERO, CHECKING: WRITE, NAMING: POLL, ASKING: POLL, REFINING: POLL, SETTLING: POLL, READY: POLL}
    bench.on_step = None
    bench.evse.target_ca = 600
    bench.until(lambda: bench.evse.raw == 0 and bench.evse.obeyed() is False, 300)
    assert bench.evse.wants(bench.tick()) == WRITE
    bench.until(lambda: bench.evse.raw == 600, 300)
    assert bench.evse.wants(bench.tick()) == POLL


def test_clearing_an_rcd_error_is_as_urgent_as_a_write_as_soon_as_it_is_allowed(bench):
    start_up(bench, 600)
    bench.evse.clear_rcd()
    assert bench.evse.wants(bench.tick()) == POLL
    bench.evse.target_ca = 0
    bench.until(bench.evse.zero_read, 300)
    assert bench.evse.wants(bench.tick()) == WRITE


# --- the cable ---


def test_the_rating_of_a_cable_falls_and_never_rises_while_it_is_plugged(bench):
    bench.model.configure(2007, 0)
    bench.model.cable_a = 20
    bench.car.plug()
    start_up(bench, 1600)
    for told, held in ((32, 20), (13, 13), (20, 13)):
        bench.model.cable_a = told
        bench.run(500)
        assert bench.evse.cable_a == held


def test_a_pilot_that_we_opened_is_no_unplug_and_the_cable_stays_known(bench):
    bench.model.configure(2007, 0)
    bench.model.cable_a = 20
    bench.car.plug()
    start_up(bench, 1600)
    bench.evse.pilot_open = True
    bench.car.unplug()  # so it looks to the EVSE
    bench.model.cable_a = 32
    bench.run(1000)
    assert (bench.evse.vehicle_state, bench.evse.cable_a) == (1, 20)
    bench.evse.pilot_open = False
    bench.run(1000)
    assert bench.evse.cable_a == 32


def test_an_evse_that_does_not_know_whether_a_car_is_plugged_forgets_no_cable(bench):
    bench.model.configure(2007, 0)
    bench.model.cable_a = 20
    bench.car.plug()
    start_up(bench, 1600)
    bench.tamper = lambda unit, function, address, words: [*words[:2], 0, 32, *words[4:]] if address == 1000 and function == 3 else words
    bench.run(1000)
    assert (bench.evse.vehicle_state, bench.evse.cable_a) == (0, 20)


# --- an RCD error is cleared by a local action ---


def commands(bench):
    return [value for address, value in bench.writes() if address == 1004]


@pytest.mark.parametrize("lost", [0, 1])
def test_an_rcd_error_is_cleared_once_and_at_0_a(bench, lost):
    start_up(bench, 1600)
    bench.model.rcd_error = True
    bench.evse.clear_rcd()
    bench.run(1000)
    assert commands(bench) == [], "a current is set"
    bench.lose_replies(lambda function, address: address == 1004, times=lost)
    bench.evse.target_ca = 0
    bench.until(lambda: not bench.model.rcd_error, 500)
    bench.run(3000)
    assert commands(bench) == [4]
    assert (bench.evse.status & 0x20, bench.evse.state, bench.evse.restarts) == (0, READY, 0)


def test_an_rcd_error_is_not_cleared_before_the_evse_is_set_up(bench):
    bench.model.rcd_error = True
    bench.evse.clear_rcd()
    assert bench.evse.state == ERASING
    bench.until_ready()
    assert commands(bench) == []
    bench.run(500)
    assert commands(bench) == [4]


def test_a_write_is_read_back_before_an_rcd_error_is_cleared(bench):
    start_up(bench, 0)
    bench.evse.target_ca = 600
    bench.until(lambda: bench.evse.raw == 0 and bench.writes()[-1] == (1000, 600), 300)
    bench.evse.clear_rcd()
    bench.run(1000)
    assert commands(bench) == [] and bench.evse.raw == 600
