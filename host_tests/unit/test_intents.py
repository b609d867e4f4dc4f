"""Heartbeats: who is alive, who is too slow, and that nothing from the past ever wakes anybody. Who leads: test_leadership."""

import pytest
from config_rows import CONFIG
from hypothesis import given, settings
from hypothesis import strategies as st
from intents import LIMIT_MAX_S, MARGIN_MS, Heartbeat
from safety import R_HEARTBEAT_FIRST, R_HEARTBEAT_LOST, R_HEARTBEAT_NEVER, R_HEARTBEAT_SLOW

PERIOD = 1 << 30
LIMIT_MS = 60000
MINUTE_MS = 60000
DAY_MS = 24 * 60 * MINUTE_MS
ALIVE = 0
# At which tick a story begins: plain, and in the last minute before the clock wraps.
STARTS = (0, 1, PERIOD - 1, PERIOD - 20000, PERIOD - 59999, PERIOD - 60000)


class Story:
    """A heartbeat with a clock that never wraps; the heartbeat sees ticks that do."""

    def __init__(self, start=0, limit_ms=LIMIT_MS):
        self.heartbeat = Heartbeat(limit_ms)
        self.start = start
        self.now_ms = 0

    def tick(self):
        return (self.start + self.now_ms) % PERIOD

    def beat(self, value):
        digits = bytearray(b"%d" % value).ljust(12, b"#")  # behind n stands rubbish, as in the caller's buffer
        self.heartbeat.arrive(digits, len(b"%d" % value), self.tick())
        return self.heartbeat.reason

    def wait(self, ms, every_ms=1000):
        """Lets time pass with checks in between, as the loop does; returns the reason at the end."""
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.now_ms = min(end_ms, self.now_ms + every_ms)
            self.heartbeat.check(self.tick())
        return self.heartbeat.reason

    def wake(self):
        """Two good beats, 5 s apart."""
        self.beat(1795000000)
        self.wait(5000)
        assert self.beat(1795000005) == ALIVE
        return self


@pytest.fixture(params=STARTS)
def story(request):
    return Story(request.param)


# -- alive ----------------------------------------------------------------------------------------------------------------


def test_never_heard_is_not_alive(story):
    assert story.heartbeat.reason == R_HEARTBEAT_NEVER
    assert story.wait(5 * MINUTE_MS) == R_HEARTBEAT_NEVER


def test_one_beat_is_not_alive_and_says_what_it_waits_for(story):
    assert story.beat(1) == R_HEARTBEAT_FIRST
    assert story.wait(LIMIT_MS - 1) == R_HEARTBEAT_FIRST
    assert story.wait(1) == R_HEARTBEAT_LOST


def test_two_different_beats_closer_together_than_the_limit_are_alive(story):
    story.beat(1)
    story.wait(10000)
    assert story.beat(2) == ALIVE
    assert story.wait(LIMIT_MS - 1) == ALIVE


def test_two_beats_in_the_same_millisecond_are_alive(story):
    story.beat(1)
    assert story.beat(2) == ALIVE


def test_silence_ends_the_life_exactly_at_the_limit(story):
    story.wake()
    assert story.wait(LIMIT_MS - 1) == ALIVE
    assert story.wait(1) == R_HEARTBEAT_LOST
    assert story.heartbeat.check(story.tick()) == R_HEARTBEAT_LOST


def test_the_limit_is_the_configured_one():
    story = Story(limit_ms=30000).wake()
    assert story.wait(29999) == ALIVE
    assert story.wait(1) == R_HEARTBEAT_LOST


def test_the_same_value_again_is_no_beat_however_often_it_comes(story):
    """A broker that replays the same message for ever: alive by the second value, lost a limit later all the same."""
    story.beat(1)
    for _ in range(100):
        story.wait(1000)
        story.beat(1)
        assert story.heartbeat.reason != ALIVE
    assert story.heartbeat.reason == R_HEARTBEAT_LOST
    assert story.heartbeat.repeats == 100


def test_a_replayed_value_does_not_prolong_a_life(story):
    story.wake()
    for _ in range(59):
        story.wait(1000)
        assert story.beat(1795000005) == ALIVE
    story.wait(1000)
    assert story.heartbeat.reason == R_HEARTBEAT_LOST
    assert story.beat(1795000005) == R_HEARTBEAT_LOST


def test_values_may_go_backwards_because_only_their_difference_counts(story):
    """The sender's clock is never trusted: it may be wrong, and it may be set back."""
    story.beat(2000000000)
    story.wait(10000)
    assert story.beat(5) == ALIVE
    story.wait(10000)
    assert story.beat(1795000000) == ALIVE


@pytest.mark.parametrize("pair", [(1, 10), (10, 1), (12, 123), (123, 12), (179500000, 1795000000), (1795000000, 1795000001), (9, 99)])
def test_values_of_different_length_are_different(pair):
    story = Story()
    story.beat(pair[0])
    story.wait(1000)
    assert story.beat(pair[1]) == ALIVE
    story.wait(1000)
    story.beat(pair[1])
    assert story.heartbeat.repeats == 1


def test_the_value_is_copied_not_kept_by_reference():
    heartbeat = Heartbeat(LIMIT_MS)
    digits = bytearray(b"1795000000##")
    heartbeat.arrive(digits, 10, 0)
    digits[9] = ord("1")  # the caller's buffer is used again for the next message
    heartbeat.arrive(digits, 10, 5000)
    assert heartbeat.reason == ALIVE


def test_after_a_loss_it_takes_two_beats_again(story):
    story.wake()
    story.wait(10 * MINUTE_MS)
    assert story.beat(1795000605) == R_HEARTBEAT_FIRST
    story.wait(10000)
    assert story.beat(1795000615) == ALIVE


# -- senders that are too slow --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval_ms", [1000, 20000, 59000, 59400, 59499])
def test_an_interval_below_the_limit_stays_alive_without_a_gap(interval_ms, story):
    story.beat(1)
    for value in range(2, 12):
        story.wait(interval_ms, 700)
        assert story.beat(value) == ALIVE
        assert story.heartbeat.check(story.tick()) == ALIVE


@pytest.mark.parametrize("interval_ms", [59500, 59600, 60000, 60400, 61000, 80000, 119000])
def test_an_interval_at_the_limit_or_above_is_never_alive_and_says_what_to_do(interval_ms, story):
    """Alive now and then would cycle the contactor: it stays at 0 A, with the reason."""
    story.beat(1)
    story.wait(interval_ms, 700)
    for value in range(2, 12):
        assert story.beat(value) == R_HEARTBEAT_SLOW
        story.wait(interval_ms, 700)
        assert story.heartbeat.reason == R_HEARTBEAT_SLOW
    seconds = -(-interval_ms // 1000)
    assert story.heartbeat.slow_text == b"heartbeat interval %d s: set heartbeat_limit_s to %d" % (seconds, min(120, seconds + 20))


@pytest.mark.parametrize(("limit_ms", "interval_ms"), [(60000, 119001), (60000, 119999), (120000, 120000), (120000, 239999)])
def test_a_sender_no_configuration_can_help_is_told_to_send_more_often(limit_ms, interval_ms):
    story = Story(limit_ms=limit_ms)
    story.beat(1)
    story.wait(interval_ms)
    assert story.beat(2) == R_HEARTBEAT_SLOW
    assert story.heartbeat.slow_text == b"heartbeat interval %d s: send it more often" % -(-interval_ms // 1000)


def test_the_advice_stays_inside_what_the_configuration_accepts():
    (row,) = [row for row in CONFIG if row[0] == "heartbeat_limit_s"]
    assert row[4] == LIMIT_MAX_S


def test_a_sender_that_jitters_around_the_limit_is_never_alive():
    story = Story()
    story.beat(1)
    for value, interval_ms in enumerate([60010, 59700, 60300, 59510, 59990, 60001] * 3):
        story.wait(interval_ms, 700)
        assert story.beat(value + 2) == R_HEARTBEAT_SLOW


def test_a_slow_sender_comes_alive_as_soon_as_it_is_fast_enough(story):
    story.beat(1)
    story.wait(61000)
    assert story.beat(2) == R_HEARTBEAT_SLOW
    story.wait(20000)
    assert story.beat(3) == ALIVE


def test_a_slow_sender_that_falls_silent_is_lost_after_two_limits(story):
    story.beat(1)
    story.wait(61000)
    story.beat(2)
    assert story.wait(2 * LIMIT_MS - 1) == R_HEARTBEAT_SLOW
    assert story.wait(1) == R_HEARTBEAT_LOST


def test_beats_two_limits_apart_are_strangers(story):
    story.beat(1)
    story.wait(2 * LIMIT_MS)
    assert story.beat(2) == R_HEARTBEAT_FIRST


def test_a_living_sender_that_misses_a_beat_is_lost_then_slow_then_alive(story):
    story.wake()
    assert story.wait(65000) == R_HEARTBEAT_LOST
    assert story.beat(1) == R_HEARTBEAT_SLOW
    story.wait(5000)
    assert story.beat(2) == ALIVE


def test_the_margin_is_half_a_second():
    assert MARGIN_MS == 500


# -- silences longer than the clock ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [13, 26])
@pytest.mark.parametrize("alive_before", [True, False], ids=["alive before", "one beat before"])
@pytest.mark.parametrize("start", [0, PERIOD - 30000])
def test_after_a_silence_of_weeks_with_a_check_every_minute_it_is_lost_and_one_beat_is_not_enough(days, alive_before, start):
    story = Story(start)
    if alive_before:
        story.wake()
    else:
        story.beat(1)
    moments = []
    end_ms = story.now_ms + days * DAY_MS
    while story.now_ms < end_ms:
        story.wait(MINUTE_MS, MINUTE_MS)
        moments.append(story.heartbeat.reason)
    assert set(moments) == {R_HEARTBEAT_LOST}
    assert story.beat(77) == R_HEARTBEAT_FIRST, "the beat of weeks ago is no partner"
    story.wait(5000)
    assert story.beat(78) == ALIVE


@pytest.mark.parametrize("offset_ms", [0, 1, 5000, 59499, 59999])
def test_when_the_bare_age_is_young_again_a_beat_still_is_the_first_one(offset_ms):
    story = Story(PERIOD - 30000).wake()
    story.wait(PERIOD - 5 * MINUTE_MS, MINUTE_MS)
    story.wait(5 * MINUTE_MS + offset_ms, 1000)  # exactly one turn of the clock after the last beat
    assert story.heartbeat.reason == R_HEARTBEAT_LOST
    assert story.beat(9) == R_HEARTBEAT_FIRST


def test_a_slow_sender_is_forgotten_over_weeks_as_well():
    story = Story(PERIOD - 30000)
    story.beat(1)
    story.wait(61000)
    story.beat(2)
    story.wait(13 * DAY_MS, MINUTE_MS)
    assert story.heartbeat.reason == R_HEARTBEAT_LOST


# -- against a model ------------------------------------------------------------------------------------------------------

EVENTS = st.lists(
    st.tuples(st.sampled_from([0, 1, 4000, 30000, 59499, 59500, 59999, 60000, 60001, 119999, 120000, 200000]), st.integers(0, 2)), max_size=12
)


@settings(derandomize=True, deadline=None, max_examples=120)
@given(EVENTS, st.sampled_from(STARTS))
def test_any_sequence_of_beats_is_alive_exactly_by_the_rule(events, start):
    """Two accepted beats with different values, closer than the limit less the margin; the last one younger than the limit."""
    story = Story(start)
    arrivals = []  # (time, value) of beats that differed from the one before
    for pause_ms, value in events:
        story.wait(pause_ms, 500)
        story.beat(value + 1)
        if not arrivals or arrivals[-1][1] != value:
            arrivals.append((story.now_ms, value))
        pair = len(arrivals) > 1 and arrivals[-1][0] - arrivals[-2][0] < LIMIT_MS - MARGIN_MS
        fresh = story.now_ms - arrivals[-1][0] < LIMIT_MS
        assert (story.heartbeat.check(story.tick()) == ALIVE) == (pair and fresh)


def test_counting_repeats_never_leaves_the_small_integers():
    story = Story()
    story.beat(1)
    story.heartbeat.repeats = 0xFFFFFF
    story.beat(1)
    assert story.heartbeat.repeats == 0


def test_a_longer_value_that_begins_like_the_last_one_is_another_also_when_it_was_there_before():
    story = Story()
    for value in (123, 12, 123, 12, 123):
        story.beat(value)

    assert story.heartbeat.repeats == 0


def test_a_gap_of_more_than_two_limits_is_the_first_beat_again_also_when_nobody_has_looked():
    story = Story()
    story.beat(1)
    story.now_ms += 2 * LIMIT_MS

    assert story.beat(2) == R_HEARTBEAT_FIRST
    story.now_ms += 2 * LIMIT_MS - 1
    assert story.beat(3) == R_HEARTBEAT_SLOW


def test_what_was_forgotten_does_not_make_a_repeat():
    story = Story()
    story.beat(5)
    story.heartbeat.forget()

    assert story.heartbeat.reason == R_HEARTBEAT_NEVER
    assert story.beat(5) == R_HEARTBEAT_FIRST
    assert story.heartbeat.repeats == 0
