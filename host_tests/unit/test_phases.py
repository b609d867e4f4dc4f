"""Phase switch and CP interruption: the sequence, each of its conditions, and what ends it early."""
import cp_relay
import phases
import pytest
from coil import GRACE_MS, Turn
from phases import (
    BUSY, CLOSING, COASTING, DWELL_MS, DWELLING, FAILED, FAILED_MS, HELD_OPEN, INTERRUPTED, NOBODY, OPENING, PULSING, REST, STOPPING, TOO_OFTEN, TOO_SOON, TRANSITIONS,
)  # fmt: skip
from points import P_PLUGGED
from safety import R_INTERRUPTING, R_NOT_SWITCHED, R_SWITCHING

from host_tests.unit.switch_bench import STEP_MS, WAY, Box, lose_zero, started, trip, weld

SEEN = set()  # transitions of every box of this file


@pytest.fixture
def make():
    boxes = []

    def build(**settings):
        boxes.append(Box(**settings))
        return boxes[-1].run(1000)

    yield build
    for box in boxes:
        SEEN.update(box.seen)


@pytest.fixture
def box(make):
    return make()


# --- the way through ---


@pytest.mark.parametrize("target", [1, 3])
def test_a_switch_goes_its_way_and_tells_the_phases_in_use(make, target):
    box = make(kept=4 - target)
    started(box, target).run(30000)
    assert box.seen == WAY
    assert box.port.log == [target, None]
    assert (box.phases_in_use(), box.coil.position, box.machine.reason()) == (target, target, 0)
    assert not box.pilot.is_open


def test_0_a_is_wanted_from_the_step_on_in_which_the_trigger_arrives(box):
    assert box.machine.reason() == 0
    assert started(box).machine.reason() == R_SWITCHING
    box.step()
    assert box.machine.reason() == R_SWITCHING


def test_in_every_state_but_rest_nothing_may_be_set(box):
    started(box)
    for state in (STOPPING, COASTING, OPENING, PULSING, DWELLING, CLOSING):
        box.until(state)
        assert box.machine.reason() == R_SWITCHING


def test_no_coil_moves_before_the_pilot_has_been_open_for_a_second(box):
    started(box).until(OPENING)
    while not box.pilot.is_open:
        box.step()
    assert box.until(PULSING) >= 1000
    assert box.port.log == [1]


def test_the_pulse_is_as_long_as_configured_and_the_pilot_stays_open_for_five_seconds_after_it(box):
    started(box).until(DWELLING)
    assert abs(box.longest_ms - 1000) <= STEP_MS and box.port.on is None
    assert box.until(CLOSING) >= DWELL_MS - STEP_MS
    assert box.pilot.is_open


def test_current_waits_until_the_pilot_was_closed_for_a_second(box):
    started(box).until(CLOSING)
    while box.pilot.is_open:
        box.step()
    assert box.until(REST) >= 1000


def test_current_waits_until_the_evse_has_seen_the_car_again(box):
    started(box).until(CLOSING)
    box.settles = False
    box.run(20000)
    assert box.machine.state == CLOSING and not box.pilot.is_open
    box.settles = True
    box.run(2 * STEP_MS)
    assert box.machine.state == REST


# --- what is waited for, and what ends it early ---


def test_without_0_a_read_back_nothing_is_opened_and_no_coil_moves(box):
    box.obeys = False
    box.evse.zero = False
    started(box)
    assert box.until(FAILED) <= phases.STOP_MS + 2 * STEP_MS
    assert box.port.log == [] and box.coil.position == 3
    assert box.machine.reason() == R_NOT_SWITCHED


def test_a_0_a_that_is_read_before_a_write_on_the_line_could_end_proves_nothing(box):
    started(box)
    box.step()
    box.evse.zero = True
    box.run(300)
    assert box.machine.state == STOPPING


def test_a_car_that_draws_on_is_not_switched(box):
    box.draws_on = True
    started(box).until(FAILED)
    assert box.port.log == [] and not box.pilot.is_open and box.coil.position == 3


def test_two_readings_below_1_a_are_needed(box):
    box.reads = False
    started(box).until(COASTING)
    box.run(1000)
    box.point.image.meter.mark(box.now_ms)
    box.run(3000)
    assert box.machine.state == COASTING
    box.point.image.meter.mark(box.now_ms)
    box.run(2 * STEP_MS)
    assert box.machine.state == OPENING


def test_a_meter_that_tells_nothing_any_more_ends_it(box):
    box.reads = False
    started(box).until(FAILED)
    assert box.port.log == []


def test_a_meter_whose_readings_are_old_ends_it(box):
    started(box).until(COASTING)
    box.point.fresh = False
    box.until(FAILED)
    assert box.port.log == []


def test_without_a_meter_three_seconds_at_0_a_have_to_do(make):
    box = make(meter=False)
    box.current_ca = 0
    started(box).until(COASTING)
    assert box.until(OPENING) >= 3000 - STEP_MS
    box.until(REST)
    assert box.coil.position == 1


def test_three_seconds_pass_after_the_car_has_left_state_c(box):
    box.sees_car = False
    box.evse.vehicle_state = 3
    started(box).until(COASTING)
    box.run(4000)
    assert box.machine.state == COASTING
    box.evse.vehicle_state = 2
    assert box.until(OPENING) >= 3000 - STEP_MS


def test_three_seconds_pass_also_when_nobody_has_seen_the_car_in_state_c(box):
    box.charging = False
    box.run(60000)
    started(box).until(COASTING)
    assert box.until(OPENING) >= 3000 - STEP_MS


@pytest.mark.parametrize("state", [3, 4])
def test_a_car_that_never_leaves_state_c_is_not_switched(box, state):
    box.sees_car = False
    box.evse.vehicle_state = state
    started(box).until(FAILED)
    assert box.port.log == []


def test_an_evse_that_keeps_its_contactor_closed_is_not_switched(box):
    box.evse.status = 1
    started(box).until(FAILED)
    assert box.port.log == [] and not box.pilot.is_open


def test_a_pilot_that_is_not_seen_to_be_open_moves_no_coil(box):
    started(box).until(OPENING)
    box.sees_car = False
    box.evse.vehicle_state = 2
    box.until(FAILED)
    assert box.port.log == []
    assert not box.pilot.is_open, "closed again in the safe order"
    assert (box.coil.position, box.machine.reason()) == (3, R_NOT_SWITCHED)


def test_a_pilot_that_opens_late_is_open_for_a_second_all_the_same(box):
    started(box).until(OPENING)
    box.sees_car = False
    box.evse.vehicle_state = 2
    box.run(5000)
    assert box.machine.state == OPENING and box.pilot.is_open
    box.evse.vehicle_state = 1
    assert box.until(PULSING) >= 1000


def draw(box):
    box.draws_on = True


def break_evse(box):
    box.point.fault = True


@pytest.mark.parametrize("trouble", [lose_zero, draw, weld, trip, break_evse])
@pytest.mark.parametrize("state", [COASTING, OPENING, PULSING])
def test_trouble_on_the_way_turns_the_coil_off_and_never_on(box, state, trouble):
    started(box).until(state)
    pulses = list(box.port.log)
    trouble(box)
    box.run(2 * STEP_MS if state == PULSING else 15000)
    assert box.port.log == pulses + [None] * len(pulses)
    assert box.coil.position == (0 if state == PULSING else 3)
    assert box.machine.reason() != 0


def test_an_opening_by_fault_takes_the_pilot_over_and_keeps_it(box):
    started(box).until(PULSING)
    weld(box)
    box.run(60000)
    assert box.point.relay.state in (cp_relay.OPEN, cp_relay.LATCHED) and box.pilot.is_open
    assert box.machine.state == REST and box.port.on is None


def test_after_a_failure_0_a_is_kept_for_half_a_minute_and_then_the_set_point_counts_again(box):
    box.evse.status = 1
    started(box).until(FAILED)
    assert box.until(REST) >= FAILED_MS - STEP_MS
    assert box.machine.reason() == 0


def test_a_failure_is_not_over_before_0_a_was_read_back(box):
    box.evse.status = 1
    started(box).until(FAILED)
    lose_zero(box)
    box.pilot.open = lambda: None
    box.point.relay.step = lambda *_: None
    box.run(120000)
    assert box.machine.state == FAILED
    box.obeys = True
    box.run(2 * STEP_MS)
    assert box.machine.state == REST


def test_a_coil_is_off_after_its_maximum_whatever_the_machine_believes(box, monkeypatch):
    started(box).until(PULSING)
    monkeypatch.setattr(phases.Phases, "_pulse", lambda *_: None)
    box.run(10000)
    assert box.longest_ms <= 1000 + GRACE_MS and box.port.on is None
    assert box.coil.overruns == 1


def test_the_position_is_unknown_to_a_keeper_before_a_coil_moves(box):
    box.keeps = False
    started(box).until(OPENING)
    box.run(5000)
    assert box.machine.state == OPENING and box.coil.position == 0
    box.keeps = True
    box.run(2 * STEP_MS)
    assert box.machine.state == PULSING and box.coil.position == 0
    box.until(DWELLING)
    assert box.coil.position == 1


def test_coils_of_two_charge_points_are_never_on_together(make):
    turn = Turn()
    one, other = make(turn=turn), make(turn=turn)
    for box in (one, other):
        started(box)
    for _ in range(300):
        one.step()
        other.step()
        assert one.port.on is None or other.port.on is None
    assert one.coil.position == other.coil.position == 1


# --- CP interruption ---


@pytest.mark.parametrize("seconds", [1, 4, 30])
def test_an_interruption_opens_the_pilot_for_so_long(box, seconds):
    assert box.machine.interrupt(seconds) is None
    assert box.machine.reason() == R_INTERRUPTING
    box.until(INTERRUPTED)
    assert box.pilot.is_open
    assert abs(box.until(CLOSING, 40000) - 1000 * seconds) <= STEP_MS
    box.until(REST)
    assert box.port.log == [] and not box.pilot.is_open and box.machine.reason() == 0


def test_an_interruption_waits_for_0_a_and_for_the_car(box):
    lose_zero(box)
    box.machine.interrupt(4)
    box.until(FAILED)
    assert (STOPPING, FAILED) in box.seen


def test_interruptions_keep_their_distance(box):
    box.machine.interrupt(4)
    box.until(CLOSING)
    assert box.machine.interrupt(4) == BUSY
    box.until(REST)
    assert box.machine.interrupt(4) == TOO_SOON
    box.run(phases.DISTANCE_MS - 2 * STEP_MS)
    assert box.machine.interrupt(4) == TOO_SOON
    box.run(3 * STEP_MS)
    assert box.machine.interrupt(4) is None


def test_without_a_car_nothing_is_interrupted(box):
    box.point.image.value[P_PLUGGED] = 0
    assert box.machine.interrupt(4) == NOBODY


@pytest.mark.parametrize("state", [STOPPING, COASTING, OPENING, PULSING, DWELLING, CLOSING])
def test_wake_ups_during_a_switch_are_dropped(box, state):
    started(box).until(state)
    assert box.machine.interrupt(4) == BUSY
    box.run(60000)
    assert box.seen == WAY


@pytest.mark.parametrize("state", [STOPPING, COASTING, OPENING, INTERRUPTED, CLOSING])
def test_a_trigger_during_an_interruption_waits_for_its_end_at_0_a(box, state):
    box.machine.interrupt(4)
    box.until(state)
    started(box)
    for _ in range(400):
        box.step()
        assert box.machine.reason() or box.coil.position == 1
    assert box.coil.position == 1 and box.seen.count((CLOSING, REST)) == 2


def test_an_interruption_of_a_pilot_that_is_open_by_fault_is_refused(box):
    weld(box)
    box.run(1000)
    assert box.machine.interrupt(4) == HELD_OPEN


def test_a_board_without_coils_interrupts_all_the_same(make):
    box = make(coils=False)
    assert box.machine.interrupt(2) is None
    box.run(30000)
    assert box.seen[-1] == (CLOSING, REST) and not box.machine.unknown() and not box.machine.waits()


def test_the_table_has_exactly_the_transitions_that_happen():
    assert SEEN == set(TRANSITIONS)
