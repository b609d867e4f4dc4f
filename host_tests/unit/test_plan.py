"""Who gets the line next: 0 A before writes before polls, and nobody is left out for long."""
import pytest
from plan import AFTER_OTHERS, NOTHING, POLL, WRITE, ZERO
from station import Station

from host_tests.unit.bench import Bench


class Puppet:
    """A driver that wants what it is told to want; `log` is shared and gets its unit and wish at every transaction."""

    def __init__(self, unit, log, wish=POLL):
        self.station = Station(unit, 20, 1000)
        self.wish = wish
        self.again = False
        self.log = log
        self.results = []

    def age(self, now_ms):
        pass

    def wants(self, now_ms):
        return NOTHING if self.station.rests(now_ms) else self.wish

    def prepare(self, now_ms):
        if self.wish in (WRITE, ZERO):
            self.station.tell(1000, 0 if self.wish == ZERO else 600)
            self.station.urgent = self.wish == ZERO
        else:
            self.station.ask(3, 1000, 3)

    def done(self, result, frame, now_ms):
        self.log.append((self.station.unit, self.wish))
        self.results.append(result)


class Devices:
    """Instead of a site: every unit answers, but those that are listed."""

    def __init__(self):
        self.silent = set()
        self.refusing = set()

    def step(self, now_ms):
        pass

    def request(self, unit, function, address, payload, now_ms):
        if unit in self.silent:
            return None
        if unit in self.refusing:
            return 4
        return [] if function == 16 else [0] * payload


class Row:
    """Four puppets (units 1..4) on one line."""

    def __init__(self, count=4):
        self.log = []
        self.puppets = [Puppet(1 + i, self.log) for i in range(count)]
        self.devices = Devices()
        self.bench = Bench(self.puppets, self.devices)

    def transactions(self, n):
        """The units of the next n transactions."""
        del self.log[:]
        self.bench.until(lambda: len(self.log) >= n, 20000)
        return [unit for unit, _ in self.log[:n]]


@pytest.fixture
def row():
    return Row()


def test_polls_take_turns(row):
    assert row.transactions(9) == [1, 2, 3, 4, 1, 2, 3, 4, 1]


def test_a_driver_that_wants_nothing_is_passed_over(row):
    row.puppets[1].wish = NOTHING
    assert row.transactions(6) == [1, 3, 4, 1, 3, 4]


def test_a_driver_with_more_to_ask_keeps_its_turn(row):
    row.puppets[2].again = True
    assert row.transactions(6) == [1, 2, 3, 3, 3, 3]


def test_rounds_count_how_often_everybody_had_a_turn(row):
    row.transactions(12)
    assert row.bench.plan.rounds == 3


@pytest.mark.parametrize("writer", [0, 1, 2, 3])
@pytest.mark.parametrize("wish", [WRITE, ZERO])
def test_a_write_overtakes_all_polls(row, writer, wish):
    row.transactions(2)
    row.puppets[writer].wish = wish
    assert row.transactions(1) == [writer + 1]


@pytest.mark.parametrize("writer, zero", [(0, 3), (3, 0), (1, 2)])
def test_0_a_overtakes_a_write(row, writer, zero):
    row.transactions(2)
    row.puppets[writer].wish = WRITE
    row.puppets[zero].wish = ZERO
    assert row.transactions(1) == [zero + 1]


def test_after_a_write_the_turn_goes_on_where_it_was(row):
    assert row.transactions(2) == [1, 2]
    row.puppets[3].wish = ZERO
    assert row.transactions(1) == [4]
    row.puppets[3].wish = POLL
    assert row.transactions(3) == [3, 4, 1]


def test_0_a_waits_for_the_transaction_in_flight_and_for_the_shortest_gap_only(row):
    zero = row.puppets[0]
    zero.station._level = 3  # 250 ms
    row.transactions(2)
    row.bench.until(lambda: row.bench.bus.hungry(), 1000)
    zero.wish = ZERO
    asked_ms = row.bench.now_ms
    row.bench.until(lambda: zero.results and row.log[-1] == (1, ZERO))
    assert row.bench.now_ms - asked_ms <= (9 + 20 + 12) + 20 + (12 + 20 + 9) + 5


def test_0_a_does_not_wait_out_the_gap_of_a_station_that_backed_off(row):
    row.puppets[1].station._level = 3
    row.transactions(1)
    row.puppets[0].wish = ZERO  # in the long gap before unit 2 is polled
    asked_ms = row.bench.now_ms
    assert row.transactions(1) == [1]
    start_ms = [f.start_ms for f in row.bench.frames(1) if f.value == 0][0]
    assert start_ms - asked_ms <= 20


@pytest.mark.parametrize("silent", [{2}, {1, 3}, {2, 3, 4}])
def test_silent_stations_leave_the_line_to_the_others(row, silent):
    row.devices.silent = silent
    row.bench.run(10000)
    polled = [unit for unit, _ in row.log]
    for unit in {1, 2, 3, 4} - silent:
        assert polled.count(unit) > 40
    for unit in silent:
        assert 8 <= polled.count(unit) <= 13, "three tries, then one per second"


def test_turns_stay_fair_beside_silent_stations(row):
    row.devices.silent = {2, 4}
    row.bench.run(10000)
    polled = [unit for unit, _ in row.log]
    assert abs(polled.count(1) - polled.count(3)) <= 1


@pytest.mark.parametrize("trouble", ["silent", "refusing"])
@pytest.mark.parametrize("wish", [WRITE, ZERO])
@pytest.mark.parametrize("who", [0, 3])
def test_a_write_that_never_succeeds_lets_the_others_run(row, who, wish, trouble):
    getattr(row.devices, trouble).add(who + 1)
    row.puppets[who].wish = wish
    row.bench.run(5000)
    served = [unit for unit, _ in row.log]
    others = [served.count(unit) for unit in range(1, 5) if unit != who + 1]
    assert min(others) >= 10
    assert max(others) - min(others) <= 1


@pytest.mark.parametrize("wish", [WRITE, ZERO])
@pytest.mark.parametrize("who", [0, 3])
def test_a_driver_that_never_stops_writing_lets_the_others_run(row, who, wish):
    """As one whose EVSE says yes and does not do it."""
    row.puppets[who].wish = wish
    row.bench.run(5000)
    served = [unit for unit, _ in row.log]
    others = [served.count(unit) for unit in range(1, 5) if unit != who + 1]
    assert min(others) >= 5
    assert max(others) - min(others) <= 1


@pytest.mark.parametrize("trouble", ["silent", "refusing", "none"])
@pytest.mark.parametrize("first", [0, 1])
def test_two_that_want_0_a_both_get_it_at_once_whatever_the_first_answers(row, first, trouble):
    getattr(row.devices, trouble, set()).add(first + 1)
    row.transactions(1)
    row.puppets[0].wish = row.puppets[1].wish = ZERO
    asked_ms = row.bench.now_ms
    row.bench.run(1500)
    zeros = {f.unit: f.start_ms for f in reversed(row.bench.frames(since_ms=asked_ms)) if f.value == 0}
    assert max(zeros[1], zeros[2]) - asked_ms <= 600


def test_three_that_never_stop_writing_take_turns(row):
    for puppet in row.puppets[:3]:
        puppet.wish = ZERO
    served = row.transactions(60)
    counts = [served.count(unit) for unit in (1, 2, 3)]
    assert min(counts) >= 12


@pytest.mark.parametrize("trouble", ["silent", "refusing", "none"])
def test_two_endless_writers_do_not_lock_out_the_polls(row, trouble):
    getattr(row.devices, trouble, set()).update((1, 2))
    row.puppets[0].wish = row.puppets[1].wish = ZERO
    row.bench.run(5000)
    served = [unit for unit, _ in row.log]
    assert min(served.count(3), served.count(4)) >= 4


def test_nobody_waits_when_nobody_wants(row):
    for puppet in row.puppets:
        puppet.wish = NOTHING
    row.bench.run(2000)
    assert row.log == []
    assert row.bench.plan.start(row.bench.tick()) <= 1000


def test_a_station_whose_rest_is_over_is_asked_within_100_ms():
    row = Row(1)
    row.devices.silent = {1}
    row.bench.run(20000)
    starts = [f.start_ms for f in row.bench.frames(1)][3:]
    gaps = [after - before for before, after in zip(starts, starts[1:])]
    assert len(gaps) > 10
    assert 1000 <= min(gaps) and max(gaps) <= 1100


# --- a poll that failed ---


@pytest.mark.parametrize("fault", ["crc", "silent"])
@pytest.mark.parametrize("unit", [1, 3])
def test_a_poll_that_failed_is_tried_once_more_at_once(row, unit, fault):
    row.bench.line.faults[unit] = fault
    again = [1, 1, 2, 3, 4] if unit == 1 else [1, 2, 3, 3, 4]
    assert row.transactions(5) == again
    row.bench.line.faults.clear()
    assert row.transactions(4) == [1, 2, 3, 4]


def test_a_refused_poll_is_an_answer_and_not_tried_again(row):
    row.devices.refusing = {2}
    assert row.transactions(5) == [1, 2, 3, 4, 1]


def test_a_silent_station_is_not_tried_twice(row):
    row.devices.silent = {2}
    row.bench.run(5000)
    units = row.transactions(30)
    assert 2 in units and (2, 2) not in zip(units, units[1:])


# --- how long somebody may overtake ---


@pytest.mark.parametrize("before", [0, 5])
@pytest.mark.parametrize("wish", [WRITE, ZERO])
def test_a_driver_overtakes_the_polls_twice_in_a_row_for_a_write_and_its_read_back(row, wish, before):
    row.transactions(before)
    row.puppets[0].wish = wish
    units = row.transactions(3)
    assert units[:2] == [1, 1] and units[2] != 1


def test_0_a_does_not_wait_behind_the_other_writes_of_its_own_driver(row):
    row.puppets[0].wish = WRITE
    assert row.transactions(2) == [1, 1]
    row.puppets[0].wish = ZERO
    assert row.transactions(1) == [1]


def test_two_that_want_0_a_at_once_are_served_in_turn(row):
    row.transactions(2)
    row.puppets[0].wish = row.puppets[1].wish = ZERO
    assert sorted(row.transactions(2)) == [1, 2]


@pytest.mark.parametrize("writer, other", [(0, 1), (1, 0), (3, 2)])
@pytest.mark.parametrize("wish", [WRITE, ZERO])
def test_who_wrote_for_long_because_nobody_else_wanted_anything_gives_way_at_once(row, wish, writer, other):
    for puppet in row.puppets:
        puppet.wish = NOTHING
    row.puppets[writer].wish = WRITE
    row.transactions(30)
    row.puppets[other].wish = wish
    assert row.transactions(1) == [other + 1]


def test_what_others_overtook_before_gives_nobody_a_longer_turn(row):
    row.puppets[1].wish = WRITE
    assert row.transactions(2) == [2, 2]
    row.puppets[1].wish, row.puppets[0].wish = POLL, WRITE
    units = row.transactions(3)
    assert units[0] == 1 and units != [1, 1, 1]


def test_polls_wait_for_two_requests_of_each_driver_at_the_most(row):
    for puppet in row.puppets[:3]:
        puppet.wish = ZERO
    polls = [i for i, unit in enumerate(row.transactions(100)) if unit == 4]
    assert len(polls) > 5 and max(b - a - 1 for a, b in zip(polls, polls[1:])) == 8


def test_after_others_is_weaker_than_a_poll_and_stronger_than_nothing():
    assert NOTHING < AFTER_OTHERS < POLL < WRITE < ZERO
