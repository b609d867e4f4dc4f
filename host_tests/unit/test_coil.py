"""The phase relay alone: when it may move, for how long its coils are on, and what is known of its position."""
import pytest
from coil import GRACE_MS, UNKNOWN, Coil, Turn

from host_tests.unit.switch_bench import CoilPort

COOL_DOWN_MS = 60000
PULSE_MS = 1000
START_MS = 7000


def coil_of(turn=None, rests_at=None):
    return Coil(CoilPort(rests_at, PULSE_MS), turn or Turn(), COOL_DOWN_MS)


def moved(turn=None):
    """A coil that is on since START_MS."""
    coil = coil_of(turn)
    assert coil.begin(3, START_MS)
    return coil


def test_a_coil_that_has_never_moved_may_move_at_once_and_nobody_knows_its_position():
    coil = coil_of()

    assert coil.cooled
    assert (coil.position, coil.noted, coil.proven) == (UNKNOWN, False, False)
    assert (coil.is_on, coil.overruns) == (False, 0)


def test_the_maximum_of_a_pulse_is_half_a_second_beyond_its_length():
    assert GRACE_MS == 500


@pytest.mark.parametrize("late_ms", [0, 1, 100, 5000])
def test_a_coil_that_nobody_ends_is_ended_at_its_maximum_or_at_the_next_step(late_ms):
    coil = moved()
    last_ms = START_MS + PULSE_MS + GRACE_MS

    coil.step(last_ms - 1)
    assert coil.is_on and coil._port.on == 3
    coil.step(last_ms + late_ms)

    assert not coil.is_on and coil._port.on is None
    assert coil.overruns == 1


def test_what_was_ended_in_time_is_no_overrun():
    coil = moved()

    coil.end()
    coil.step(START_MS + 10 * PULSE_MS)

    assert coil.overruns == 0


def test_a_coil_is_warm_from_the_moment_it_moves_until_its_cool_down_is_over():
    coil = moved()

    assert not coil.cooled
    coil.step(START_MS + COOL_DOWN_MS - 1)
    assert not coil.cooled
    coil.step(START_MS + COOL_DOWN_MS)
    assert coil.cooled


def test_after_a_restart_without_a_loss_of_power_it_may_have_moved_just_now():
    coil = coil_of()

    coil.restore(1, False, START_MS)

    assert not coil.cooled  # also before the first step
    coil.step(START_MS + COOL_DOWN_MS - 1)
    assert not coil.cooled


def test_after_a_loss_of_power_it_has_cooled():
    coil = coil_of()

    coil.restore(1, True, START_MS)
    coil.step(START_MS)

    assert coil.cooled


@pytest.mark.parametrize(("kept", "position"), [(0, UNKNOWN), (1, 1), (2, UNKNOWN), (3, 3)])
def test_only_one_and_three_are_positions(kept, position):
    coil = coil_of()

    coil.restore(kept, True, START_MS)

    assert coil.position == position


def test_a_held_output_stands_where_it_rests_whatever_was_kept():
    coil = coil_of(rests_at=1)

    coil.restore(3, True, START_MS)

    assert (coil.position, coil.proven) == (1, True)


def test_no_coil_moves_while_that_of_another_charge_point_is_on():
    turn = Turn()
    first, second = moved(turn), coil_of(turn)

    assert second.begin(1, START_MS) is False
    assert (second.is_on, second.cooled, second._port.log) == (False, True, [])
    first.end()
    assert second.begin(1, START_MS) is True
    assert turn.owner is second


def test_a_held_output_keeps_what_it_was_told_when_its_turn_ends():
    coil = coil_of(rests_at=1)
    coil.begin(3, START_MS)

    coil.end()
    coil.end()

    assert (coil._port.on, coil.is_on, coil._turn.owner) == (3, False, None)


def test_a_position_is_kept_only_when_the_keeper_has_said_so():
    coil = coil_of()
    coil.restore(1, True, START_MS)

    for change in (coil.doubt, coil.spare, lambda: coil.settle(3), coil.forget):
        coil.noted = True
        change()
        assert not coil.noted


def test_whoever_starts_in_the_middle_of_a_move_finds_no_position():
    coil = coil_of()
    coil.restore(3, True, START_MS)

    coil.doubt()
    assert coil.position == UNKNOWN
    coil.spare()
    assert (coil.position, coil.proven) == (3, False)
    coil.settle(1)
    assert (coil.position, coil.proven) == (1, True)
