"""Ages and deadlines on a clock that wraps after 12.4 days."""

import pytest
from clock import TICKS_MASK, Hold, Latch, elapsed_ms
from hypothesis import given, settings
from hypothesis import strategies as st

PERIOD = 1 << 30
DAY_MS = 24 * 3600 * 1000
LIMIT_MS = 60000
TICKS = st.integers(0, PERIOD - 1)


def latch_after(silence_ms, start, check_every_ms, limit_ms=LIMIT_MS):
    """A latch marked at tick `start` and checked now and then through a silence."""
    latch = Latch()
    latch.mark(start)
    for passed_ms in range(check_every_ms, silence_ms + 1, check_every_ms):
        latch.check((start + passed_ms) % PERIOD, limit_ms)
    return latch


def test_the_mask_is_thirty_bits():
    assert TICKS_MASK == 2**30 - 1


@settings(derandomize=True, deadline=None, max_examples=300)
@given(TICKS, TICKS)
def test_elapsed_is_the_number_of_ticks_from_then_to_now_also_across_the_wrap(then, passed_ms):
    assert elapsed_ms((then + passed_ms) % PERIOD, then) == passed_ms


@pytest.mark.parametrize(
    ("now_ms", "then_ms", "age_ms"),
    [(0, 0, 0), (1, 0, 1), (0, PERIOD - 1, 1), (PERIOD - 1, 0, PERIOD - 1), (5, PERIOD - 5, 10), (0, 1, PERIOD - 1)],
)
def test_elapsed_at_the_edges_of_the_clock(now_ms, then_ms, age_ms):
    assert elapsed_ms(now_ms, then_ms) == age_ms


@pytest.mark.parametrize("now_ms", [0, 1, LIMIT_MS - 1, PERIOD - 1])
def test_a_latch_that_was_never_marked_is_expired_whatever_the_clock_says(now_ms):
    latch = Latch()
    assert latch.expired and latch.at_ms == 0
    assert latch.check(now_ms, LIMIT_MS)


@pytest.mark.parametrize("start", [0, 1, 123456, PERIOD - 60001, PERIOD - 60000, PERIOD - 59999, PERIOD - 1])
def test_a_latch_expires_exactly_at_its_limit_also_when_marked_in_the_last_minute_before_the_wrap(start):
    latch = Latch()
    latch.mark(start)
    assert not latch.check(start, LIMIT_MS)
    assert not latch.check((start + LIMIT_MS - 1) % PERIOD, LIMIT_MS)
    assert not latch.expired
    assert latch.check((start + LIMIT_MS) % PERIOD, LIMIT_MS)
    assert latch.expired


def test_only_a_new_arrival_clears_an_expired_latch():
    latch = latch_after(LIMIT_MS, 0, LIMIT_MS)
    assert latch.check(0, LIMIT_MS), "the clock that says 'just now' again does not clear it"
    assert latch.check(1, 10 * LIMIT_MS), "a longer limit does not clear it either"
    latch.mark(100)
    assert not latch.expired
    assert not latch.check(100 + LIMIT_MS - 1, LIMIT_MS)


@pytest.mark.parametrize("start", [0, PERIOD - 30000])
@pytest.mark.parametrize("days", [13, 26])
def test_a_latch_that_is_checked_every_minute_stays_expired_through_a_silence_longer_than_the_clock(days, start):
    silence_ms = days * DAY_MS
    latch = latch_after(silence_ms, start, 60000)
    for offset_ms in (0, 1, LIMIT_MS - 1):  # the moments at which the bare age would be young
        wrapped = silence_ms // PERIOD * PERIOD + PERIOD + offset_ms
        assert elapsed_ms((start + wrapped) % PERIOD, start) < LIMIT_MS
        assert latch.check((start + wrapped) % PERIOD, LIMIT_MS)


def test_a_latch_nobody_checks_looks_young_again_after_the_wrap():
    """Why the rule says every 60 s: without the checks the age is a lie. This is the limit of the class, not a wish."""
    latch = Latch()
    latch.mark(0)
    assert not latch.check((13 * DAY_MS) % PERIOD, 10 * DAY_MS)


def test_a_latch_marked_again_and_again_never_expires():
    latch = Latch()
    now_ms = PERIOD - 5 * LIMIT_MS
    for _ in range(20):
        latch.mark(now_ms)
        now_ms = (now_ms + LIMIT_MS - 1) % PERIOD
        assert not latch.check(now_ms, LIMIT_MS)


def test_a_limit_of_zero_is_over_at_once():
    latch = Latch()
    latch.mark(7)
    assert latch.check(7, 0)


def test_mark_keeps_the_tick_for_who_wants_the_age():
    latch = Latch()
    latch.mark(PERIOD - 3)
    assert elapsed_ms(2, latch.at_ms) == 5


@pytest.mark.parametrize("late_ms", [1, 77, DAY_MS])
def test_a_latch_that_is_looked_at_late_has_expired_all_the_same(late_ms):
    latch = Latch()
    latch.mark(PERIOD - 5)
    assert latch.check((PERIOD - 5 + LIMIT_MS + late_ms) % PERIOD, LIMIT_MS)


# --- how long something has been true ---


@pytest.mark.parametrize("start", [0, 1, PERIOD - LIMIT_MS, PERIOD - 1])
def test_what_holds_is_long_exactly_from_the_limit_on(start):
    hold = Hold()
    assert not hold.long
    assert not hold.check(True, start, LIMIT_MS)
    assert not hold.check(True, (start + LIMIT_MS - 1) % PERIOD, LIMIT_MS)
    assert not hold.long
    assert hold.check(True, (start + LIMIT_MS) % PERIOD, LIMIT_MS)
    assert hold.long


@pytest.mark.parametrize("late_ms", [1, 77, DAY_MS])
def test_what_holds_and_is_looked_at_late_is_long_all_the_same(late_ms):
    hold = Hold()
    hold.check(True, PERIOD - 5, LIMIT_MS)
    assert hold.check(True, (PERIOD - 5 + LIMIT_MS + late_ms) % PERIOD, LIMIT_MS)


def test_one_break_is_enough_and_the_time_begins_anew():
    hold = Hold()
    hold.check(True, 0, LIMIT_MS)
    assert not hold.check(False, LIMIT_MS - 1, LIMIT_MS)
    assert not hold.check(True, LIMIT_MS, LIMIT_MS)
    assert not hold.check(True, 2 * LIMIT_MS - 1, LIMIT_MS)
    assert hold.check(True, 2 * LIMIT_MS, LIMIT_MS)
    assert not hold.check(False, 2 * LIMIT_MS + 1, LIMIT_MS)
    assert not hold.long


@pytest.mark.parametrize("now_ms", [0, 1, LIMIT_MS, PERIOD - 1])
def test_what_never_held_is_never_long_whatever_the_clock_says(now_ms):
    hold = Hold()
    assert not hold.check(False, now_ms, LIMIT_MS)
    assert not hold.check(False, now_ms, 0)
    assert not hold.long


def test_what_holds_for_weeks_stays_long_when_the_clock_wraps():
    hold = Hold()
    for passed_ms in range(0, 26 * DAY_MS, 3600000):
        assert hold.check(True, passed_ms % PERIOD, LIMIT_MS) == (passed_ms >= LIMIT_MS)


def test_a_limit_of_zero_is_held_at_once():
    assert Hold().check(True, 7, 0)
