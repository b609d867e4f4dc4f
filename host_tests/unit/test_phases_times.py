"""Phase switch and CP interruption by the clock: every state on the step, steps that fall on no limit, and wishes in odd moments."""
import cp_relay
import pytest
from phases import BUSY, CLOSING, COASTING, DWELLING, FAILED, INTERRUPTED, OPENING, PULSING, REST, STOPPING, TOO_OFTEN
from points import P_PHASES_IN_USE, P_PLUGGED
from safety import F_METER, R_METER_STARTING, R_PHASES

from host_tests.unit import switch_bench
from host_tests.unit.switch_bench import STEP_MS, WAY, Box, lose_zero, started


@pytest.fixture
def make():
    return lambda **settings: Box(**settings).run(1000)


@pytest.fixture
def box(make):
    return make()


def spent_ms(box, state):
    """From the step that enters the state to the one that leaves it."""
    box.until(state)
    ms = 0
    while box.machine.state == state:
        box.step()
        ms += STEP_MS
    return ms


# --- every state on the step ---------------------------------------------------------------------------------------------


def test_each_state_of_a_switch_lasts_as_long_as_it_must_and_not_a_step_longer(box):
    started(box)

    assert spent_ms(box, STOPPING) == 500
    assert spent_ms(box, COASTING) == 3100  # three seconds from the first step in which the car is seen to have left state C
    assert spent_ms(box, OPENING) == 1100  # one step for the relay, one second ahead of the coil
    assert spent_ms(box, PULSING) == 1000
    assert spent_ms(box, DWELLING) == 5000
    assert box.longest_ms == 900  # the bench sees it first one step after it went on


@pytest.mark.parametrize("seconds", [1, 4, 30])
def test_an_interruption_lasts_its_seconds_on_the_step(box, seconds):
    box.machine.interrupt(seconds)

    assert spent_ms(box, INTERRUPTED) == seconds * 1000


def test_0_a_that_does_not_come_is_given_up_after_ten_seconds_and_half_a_minute_of_0_a_follows(box):
    box.obeys = False
    started(box)

    assert spent_ms(box, STOPPING) == 10000
    box.obeys = True
    assert spent_ms(box, FAILED) == 30000


def test_a_car_that_draws_on_is_given_up_after_ten_seconds(box):
    box.draws_on = True
    started(box)

    assert spent_ms(box, COASTING) == 10000
    assert box.machine.state == FAILED


def test_a_car_that_draws_nothing_and_stays_in_state_c_is_given_three_seconds_more(box):
    started(box).until(STOPPING)
    box.sees_car = False
    box.evse.vehicle_state = 3

    assert spent_ms(box, COASTING) == 13000
    assert box.machine.state == FAILED


def test_a_pilot_that_does_not_open_is_given_up_after_ten_seconds(box):
    started(box).until(STOPPING)
    box.sees_car = False
    box.evse.vehicle_state = 2

    assert spent_ms(box, OPENING) == 10000
    assert box.port.log == []


# --- steps that fall on no limit -----------------------------------------------------------------------------------------


@pytest.fixture
def odd(monkeypatch, make):
    """A box that is stepped every 97 ms."""
    monkeypatch.setattr(switch_bench, "STEP_MS", 97)
    return make()


def test_a_switch_comes_true_although_no_step_falls_on_a_limit(odd):
    started(odd).run(60000)

    assert odd.seen == WAY
    assert 1000 <= odd.longest_ms + 97 <= 1000 + 2 * 97


def test_an_interruption_ends_although_no_step_falls_on_a_limit(odd):
    odd.machine.interrupt(4)
    odd.run(60000)

    assert odd.machine.state == REST and (INTERRUPTED, CLOSING) in odd.seen


def draws_on(box):
    box.draws_on = True


def stays_in_c(box):
    box.sees_car = False
    box.evse.vehicle_state = 3


def does_not_open(box):
    box.sees_car = False
    box.evse.vehicle_state = 2


@pytest.mark.parametrize("trouble", [lose_zero, draws_on, stays_in_c, does_not_open])
def test_a_switch_is_given_up_although_no_step_falls_on_a_limit(odd, trouble):
    started(odd).until(STOPPING)
    trouble(odd)
    odd.until(FAILED)
    odd.obeys = True
    odd.draws_on = False
    odd.sees_car = True

    odd.until(REST)

    assert odd.port.log == []


# --- wishes in odd moments -----------------------------------------------------------------------------------------------


def test_a_trigger_does_not_wait_for_the_meter_also_after_a_start_that_did(make):
    """Only the switch that nobody has asked for waits: see `boot`."""
    box = make(boot="one", cold=True)
    box.machine = type(box.machine)(box.point, box.now_ms)
    box.machine.start("one", True)
    box.point.facts[F_METER] = R_METER_STARTING
    box.machine.step(box.now_ms)
    assert box.machine.state == REST

    assert box.machine.switch_to(1) is None
    box.machine.step(box.now_ms)

    assert box.machine.state == STOPPING


@pytest.mark.parametrize("state", [DWELLING, CLOSING])
def test_a_trigger_to_where_the_running_switch_has_just_gone_is_merged_without_a_word(box, state):
    started(box).until(state)

    assert box.machine.switch_to(1) is None
    box.run(400000)
    assert box.seen == WAY


def test_an_interruption_right_after_a_trigger_is_refused_although_the_switch_has_not_begun(box):
    started(box)

    assert box.machine.interrupt(5) == BUSY
    assert box.run(60000).seen == WAY


@pytest.mark.parametrize("trouble", ["relay", "guard"])
def test_a_trigger_that_waits_for_the_cool_down_does_not_begin_while_a_fault_holds_the_pilot_open(box, trouble):
    box.machine._wanted = 1  # as taken before the fault
    if trouble == "relay":
        box.point.relay.state = cp_relay.OPEN
    else:
        box.point.guard.latched = 1

    box.machine.step(box.now_ms)

    assert box.machine.state == REST


def test_a_trigger_back_during_a_switch_to_three_phases_is_carried_out_after_it(make):
    box = make(kept=1, cool_down_s=60)
    started(box, 3).until(DWELLING)
    assert box.machine.switch_to(1) is None

    box.run(30000)
    assert box.phases_in_use() == 3
    box.run(120000)

    assert (box.phases_in_use(), box.port.log) == (1, [3, None, 1, None])


@pytest.mark.parametrize("again", [1, 3])
def test_a_trigger_during_a_switch_that_fails_is_not_tried_once_more(box, again):
    """The same again has been tried; the way back is where it stands."""
    box.evse.status = 1
    started(box).until(COASTING)
    assert box.machine.switch_to(again) is None
    box.until(FAILED)
    box.evse.status = 0

    box.run(120000)

    assert box.machine.state == REST and box.port.log == []


def test_after_the_car_was_unplugged_five_interruptions_are_allowed_again_and_no_more(box):
    for plug_in in range(2):
        for _ in range(5):
            assert box.machine.interrupt(1) is None
            box.run(60000)
        assert box.machine.interrupt(1) == TOO_OFTEN
        box.point.image.value[P_PLUGGED] = 0
        box.step()
        box.point.image.value[P_PLUGGED] = 1


@pytest.mark.parametrize(("in_use", "reason"), [(0, 0), (1, 0), (2, R_PHASES), (3, R_PHASES)])
def test_behind_a_switch_to_one_phase_two_are_too_many_and_none_is_no_fault(box, in_use, reason):
    started(box).run(40000)
    box.point.image.value[P_PHASES_IN_USE] = in_use

    box.run(6000)

    assert box.machine.reason() == reason


def test_behind_a_switch_to_three_phases_any_number_is_fine(make):
    box = make(kept=1)
    started(box, 3).run(40000)
    for in_use in (0, 1, 2, 3):
        box.point.image.value[P_PHASES_IN_USE] = in_use
        box.run(6000)

    assert box.machine.reason() == 0


def test_after_a_local_action_an_unknown_position_is_no_fault_however_many_phases_are_in_use(box):
    started(box).run(40000)
    box.point.image.value[P_PHASES_IN_USE] = 3
    box.run(6000)
    assert box.machine.mismatch

    box.machine.clear()
    box.run(60000)

    assert (box.machine.reason(), box.machine.unknown()) == (0, True)
