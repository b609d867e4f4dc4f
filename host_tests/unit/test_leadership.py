"""Who leads a charge point: the last set point, the lower one of two, and never one that was over already."""

import pytest
from intents import CONTEST_MS, DOOR_COUNT, MODBUS, MQTT, NOBODY, Wish

PERIOD = 1 << 30
MINUTE_MS = 60000
DAY_MS = 24 * 60 * MINUTE_MS
# At which tick a story begins: plain, and in the last minute before the clock wraps.
STARTS = (0, 1, PERIOD - 1, PERIOD - 20000, PERIOD - 59999, PERIOD - 60000)


class Wishes:
    """A Wish with a clock that never wraps."""

    def __init__(self, start=0):
        self.wish = Wish()
        self.start = start
        self.now_ms = 0

    def tick(self):
        return (self.start + self.now_ms) % PERIOD

    def offer(self, door, set_ca):
        self.wish.offer(door, set_ca, self.tick())
        return self.wish.current_ca(self.tick())

    def wait(self, ms, every_ms=1000):
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.now_ms = min(end_ms, self.now_ms + every_ms)
            self.wish.current_ca(self.tick())
        return self.wish.current_ca(self.tick())


@pytest.fixture(params=STARTS)
def wishes(request):
    return Wishes(request.param)


def test_there_are_two_doors_and_nobody_is_neither():
    assert (MQTT, MODBUS, DOOR_COUNT, NOBODY) == (0, 1, 2, -1)
    assert CONTEST_MS == 60000


def test_before_the_first_set_point_nobody_leads_and_there_is_no_wish(wishes):
    assert wishes.wish.door == NOBODY
    assert wishes.wait(MINUTE_MS) is None
    assert not wishes.wish.contested


@pytest.mark.parametrize("door", [MQTT, MODBUS])
@pytest.mark.parametrize("set_ca", [0, 600, 1600])
def test_the_door_of_the_last_set_point_leads_also_with_0_a(door, set_ca, wishes):
    assert wishes.offer(door, set_ca) == set_ca
    assert wishes.wish.door == door


def test_a_set_point_does_not_age_by_itself(wishes):
    """evcc never repeats it; whether it counts is a matter of the heartbeat."""
    wishes.offer(MODBUS, 1300)
    assert wishes.wait(3 * DAY_MS, MINUTE_MS) == 1300


@pytest.mark.parametrize(("first", "second"), [(MQTT, MODBUS), (MODBUS, MQTT)])
@pytest.mark.parametrize(("first_ca", "second_ca"), [(1600, 1000), (1000, 1600)])
def test_two_doors_that_both_want_current_within_a_minute_get_the_lower_one(first, second, first_ca, second_ca, wishes):
    wishes.offer(first, first_ca)
    wishes.wait(CONTEST_MS - 1000)
    assert wishes.offer(second, second_ca) == 1000
    assert wishes.wish.contested and wishes.wish.door == second
    assert wishes.wait(999, 1) == 1000
    assert wishes.wait(1) == second_ca, "a minute after its last set point the first one is out"
    assert not wishes.wish.contested


@pytest.mark.parametrize(("first", "second"), [(MQTT, MODBUS), (MODBUS, MQTT)])
def test_0_a_is_no_contest_in_either_direction(first, second, wishes):
    wishes.offer(first, 1600)
    assert wishes.offer(second, 0) == 0
    assert not wishes.wish.contested
    assert wishes.wait(10 * MINUTE_MS) == 0, "the older set point of the other door comes back"
    assert wishes.offer(first, 0) == 0
    assert wishes.offer(second, 1600) == 1600
    assert not wishes.wish.contested


@pytest.mark.parametrize(("first", "second"), [(MQTT, MODBUS), (MODBUS, MQTT)])
def test_an_older_set_point_of_the_other_door_never_comes_back(first, second, wishes):
    wishes.offer(first, 3200)
    wishes.wait(MINUTE_MS)
    assert wishes.offer(second, 600) == 600
    assert wishes.wait(MINUTE_MS) == 600
    assert wishes.wait(13 * DAY_MS, MINUTE_MS) == 600
    assert wishes.offer(second, 700) == 700
    assert not wishes.wish.contested and wishes.wish.door == second


@pytest.mark.parametrize("days", [13, 26])
def test_a_contest_of_weeks_ago_does_not_begin_again_when_the_clock_wraps(days):
    wishes = Wishes(PERIOD - 10000)
    wishes.offer(MQTT, 600)
    wishes.wait(MINUTE_MS)
    wishes.offer(MODBUS, 1600)
    seen = set()
    end_ms = wishes.now_ms + days * DAY_MS
    while wishes.now_ms < end_ms:
        seen.add(wishes.wait(MINUTE_MS, MINUTE_MS))
    assert seen == {1600}


def test_a_contest_lasts_as_long_as_both_go_on_and_the_warning_with_it(wishes):
    wishes.offer(MQTT, 1600)
    for _ in range(20):
        wishes.wait(10000)
        assert wishes.offer(MODBUS, 900) == 900
        wishes.wait(10000)
        assert wishes.offer(MQTT, 1600) == 900
        assert wishes.wish.contested
    wishes.wait(CONTEST_MS - 10000)
    assert not wishes.wish.contested and wishes.wait(0) == 1600


def test_the_same_door_never_contests_itself(wishes):
    wishes.offer(MQTT, 1600)
    assert wishes.offer(MQTT, 3200) == 3200
    assert wishes.offer(MQTT, 600) == 600
    assert not wishes.wish.contested


@pytest.mark.parametrize(
    ("leader", "door", "leader_alive", "allowed"),
    [
        (MQTT, MQTT, True, True),
        (MQTT, MODBUS, True, False),
        (MODBUS, MQTT, True, False),
        (MODBUS, MODBUS, True, True),
        (MQTT, MODBUS, False, True),
        (MODBUS, MQTT, False, True),
        (MQTT, MQTT, False, True),
        (NOBODY, MQTT, False, True),
        (NOBODY, MODBUS, False, True),
    ],
)
def test_commands_come_from_the_leader_or_from_anybody_while_nobody_leads(leader, door, leader_alive, allowed):
    wish = Wish()
    if leader != NOBODY:
        wish.offer(leader, 1600, 0)
    assert wish.may_command(door, leader_alive) == allowed


def test_nobody_is_contested_before_anything_was_sent():
    assert Wish().contested is False


@pytest.mark.parametrize(("first", "second"), [(MQTT, MODBUS), (MODBUS, MQTT)])
def test_the_smallest_current_is_a_wish_for_current(first, second):
    wish = Wish()
    wish.offer(first, 1, 0)
    wish.offer(second, 1600, 0)

    assert wish.current_ca(0) == 1
