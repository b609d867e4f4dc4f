"""Triggers that come again, too early or in vain; starts; held outputs; and whether a switch came true."""
import cp_relay
import pytest
from phases import DROPS, HELD_OPEN, NO_TARGET, OPENING, PULSING, REST, SAME
from points import P_PHASES_IN_USE
from safety import F_EVSE, F_MAINTENANCE, F_METER, R_EVSE_SILENT, R_METER_STARTING, R_PHASES, R_SWITCHING

from host_tests.unit.switch_bench import WAY, Box, started, trip, weld


@pytest.fixture
def make():
    return lambda **settings: Box(**settings).run(1000)


@pytest.fixture
def box(make):
    return make()


# --- triggers that come again, too early, or in vain ---


def test_a_trigger_waits_for_the_cool_down_while_the_car_goes_on(box):
    started(box).run(30000)
    assert box.machine.switch_to(3) is None
    assert box.machine.waits() and box.machine.reason() == 0
    box.run(260000)
    assert box.machine.state == REST
    box.run(60000)
    assert box.coil.position == 3 and not box.machine.waits()
    assert box.port.log == [1, None, 3, None]


def test_triggers_during_a_switch_merge_into_it(box):
    started(box).until(OPENING)
    for _ in range(5):
        box.machine.switch_to(1)
    box.run(700000)
    assert box.seen == WAY


def test_the_newest_of_several_triggers_counts(box):
    started(box).until(PULSING)
    for target in (3, 1, 3):
        box.machine.switch_to(target)
    box.run(700000)
    assert box.port.log == [1, None, 3, None] and box.coil.position == 3


def test_a_trigger_to_where_the_switch_has_just_gone_is_told_and_ignored(box):
    started(box).until(REST)
    started(box).until(PULSING)
    box.until(REST)
    assert box.machine.switch_to(1) == SAME
    box.run(700000)
    assert box.seen == WAY


def test_a_waiting_trigger_is_taken_back_by_the_one_that_wants_it_as_it_is(box):
    started(box).run(30000)
    box.machine.switch_to(3)
    assert box.machine.switch_to(1) == SAME
    box.run(700000)
    assert box.coil.position == 1 and box.seen == WAY


def test_a_trigger_to_the_same_phases_moves_the_relay_all_the_same_once_it_has_cooled_down(box):
    started(box, 3).run(30000)
    assert box.port.log == [3, None]


def test_a_trigger_without_a_target_does_nothing(box):
    assert box.machine.switch_to(None) == NO_TARGET
    assert box.run(10000).seen == []


@pytest.mark.parametrize("trouble", [weld, trip])
def test_a_trigger_while_a_fault_is_latched_is_refused(box, trouble):
    trouble(box)
    box.run(1000)
    assert box.machine.switch_to(1) == HELD_OPEN
    assert box.run(60000).seen == []


@pytest.mark.parametrize("fact, value", [(F_EVSE, R_EVSE_SILENT), (F_MAINTENANCE, 1)])
def test_a_trigger_waits_at_0_a_for_an_evse_that_is_there_and_for_the_end_of_maintenance(box, fact, value):
    box.point.facts[fact] = value
    started(box).run(20000)
    assert box.seen == [] and box.machine.reason() == R_SWITCHING
    box.point.facts[fact] = 0
    box.run(30000)
    assert box.coil.position == 1


# --- after a start ---


@pytest.mark.parametrize("kept, cold, switches", [(3, True, True), (1, True, True), (3, False, False), (1, False, False), (0, False, True), (9, False, True)])
def test_a_box_that_shall_start_at_one_phase_does_so_after_a_loss_of_power_or_in_doubt(make, kept, cold, switches):
    box = make(kept=kept, cold=cold, boot="one")
    box.run(400000)
    assert box.port.log == ([1, None] if switches else [])


def test_a_start_at_one_phase_waits_for_the_meter_at_0_a(make):
    box = make(boot="one")
    assert box.machine.reason() == R_SWITCHING
    box = Box(boot="one")
    box.point.facts[F_METER] = R_METER_STARTING
    box.run(60000)
    assert box.seen == [] and box.machine.reason() == R_SWITCHING


@pytest.mark.parametrize("kept", [0, 1, 3])
@pytest.mark.parametrize("cold", [True, False])
def test_a_kept_position_is_taken_as_it_is_and_nothing_moves(make, kept, cold):
    box = make(kept=kept, cold=cold)
    assert box.run(400000).port.log == []
    assert (box.coil.position, box.machine.unknown(), box.phases_in_use()) == (kept, not kept, kept)


def test_after_a_mere_reset_the_cool_down_begins_anew(make):
    box = make(cold=False)
    started(box).run(290000)
    assert box.seen == []
    box.run(30000)
    assert box.coil.position == 1


def test_a_reset_in_the_middle_ends_with_the_pilot_closed_again_in_order(make):
    first = started(make())
    first.until(PULSING)
    box = make(saved=first.point.relay.saved, kept=first.coil.position, cold=False)
    assert box.point.relay.state == cp_relay.HELD and box.pilot.is_open and box.machine.reason() == R_SWITCHING
    box.run(3000)
    assert box.pilot.is_open
    box.run(6000)
    assert not box.pilot.is_open and box.machine.state == REST
    assert box.port.log == [] and box.machine.unknown()


# --- a held output ---


@pytest.mark.parametrize("rests_at", [1, 3])
def test_a_held_output_stands_where_it_rests_after_every_start_and_says_so(make, rests_at):
    box = make(rests_at=rests_at, kept=4 - rests_at)
    assert (box.coil.position, box.point.standing) == (rests_at, DROPS)
    started(box, 4 - rests_at).run(60000)
    assert (box.port.on, box.port.log, box.coil.position) == (4 - rests_at, [4 - rests_at], 4 - rests_at)


@pytest.mark.parametrize("rests_at, log", [(1, []), (3, [1])])
def test_a_held_output_starts_at_one_phase_where_that_is_wanted(make, rests_at, log):
    assert make(rests_at=rests_at, boot="one").run(60000).port.log == log


# --- did it come true? ---


def test_more_phases_than_switched_are_a_fault_until_the_next_switch(box):
    started(box).run(40000)
    box.point.image.value[P_PHASES_IN_USE] = 3
    box.run(4000)
    assert box.machine.reason() == 0
    box.run(2000)
    assert (box.machine.reason(), box.machine.unknown()) == (R_PHASES, True)
    box.run(300000)
    assert box.machine.reason() == R_PHASES
    started(box, 3).run(60000)
    assert (box.machine.reason(), box.phases_in_use()) == (0, 3)


def test_a_local_action_clears_that_fault_and_three_phases_are_assumed(box):
    started(box).run(40000)
    box.point.image.value[P_PHASES_IN_USE] = 3
    box.run(6000)
    box.machine.clear()
    assert box.machine.reason() == 0 and box.machine.unknown()


def test_a_car_that_uses_one_phase_of_three_is_no_fault(make):
    box = make(kept=1)
    started(box, 3).run(40000)
    box.point.image.value[P_PHASES_IN_USE] = 1
    assert box.run(60000).machine.reason() == 0


def test_a_kept_position_that_the_meter_contradicts_is_dropped_and_no_fault(make):
    box = make(kept=1)
    box.point.image.value[P_PHASES_IN_USE] = 3
    box.run(10000)
    assert (box.machine.reason(), box.machine.unknown()) == (0, True)


def test_an_old_number_of_phases_is_no_contradiction(make):
    box = make(kept=3)
    box.point.image.value[P_PHASES_IN_USE] = 3
    started(box).run(60000)
    assert box.machine.reason() == 0
