"""Two charge points on one feeder: what both EVSEs may signal together is never above it, whatever is lost on the way."""
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from points import P_CHARGING, P_CURRENT_CA, P_PLUGGED, Image
from safety import F_SHARED_CA, FACT_COUNT
from sharing import Sharing, share

WANTS = st.one_of(st.just(0), st.integers(600, 3200))


@settings(derandomize=True, deadline=None)
@given(WANTS, WANTS, st.integers(1200, 6400))
def test_both_parts_fit_and_nobody_gets_less_than_half_of_what_is_there(first, second, shared):
    parts = share(first, second, shared), share(second, first, shared)
    assert sum(parts) <= shared
    for part, want in zip(parts, (first, second)):
        assert min(want, shared // 2) <= part <= want
    assert sum(parts) >= min(first + second, shared) - 1, "nothing is left over while somebody wants it"


@settings(derandomize=True, deadline=None)
@given(WANTS, st.integers(600, 6400))
def test_who_wants_alone_gets_all_of_it(want, shared):
    assert share(want, 0, shared) == min(want, shared)


class Evse:
    """As Sharing sees it: told 0 A and read back."""

    def __init__(self):
        self.set_ca = self.pilot_ca = 0
        self.obeys = True
        self.station = SimpleNamespace(function=3)

    def set_current_ca(self):
        return self.set_ca

    def signalled_ca(self):
        return self.pilot_ca

    def obeyed(self):
        return self.obeys


class Point:
    def __init__(self):
        self.evse = Evse()
        self.image = Image()
        self.image.value[P_PLUGGED] = 1
        self.relay = SimpleNamespace(is_open=lambda: False)
        self.guard = SimpleNamespace(latched=0)
        self.facts = [0] * FACT_COUNT
        self.wants_ca = 0

    def unshared_ca(self):
        return self.wants_ca


@pytest.fixture
def pair():
    """(points, sharing) on 20 A: the first was granted all of it, nothing of that was written yet; the second wants, too."""
    points = Point(), Point()
    sharing = Sharing(points, 2000)
    points[0].wants_ca = 2000
    sharing.step(0)
    assert granted(points) == [2000, 0]
    points[1].wants_ca = 2000
    return points, sharing


def granted(points):
    return [point.facts[F_SHARED_CA] for point in points]


def test_nothing_is_granted_before_the_first_look():
    points = Point(), Point()
    Sharing(points, 2000)
    assert granted(points) == [0, 0]


@pytest.mark.parametrize(
    "changes",
    [
        {"set_ca": 2000}, {"pilot_ca": 2000}, {"obeys": False}, {"station": SimpleNamespace(function=16)},
        {"set_ca": 1500, "pilot_ca": 1500}, {"set_ca": 0, "obeys": False},
    ],
)  # fmt: skip
def test_what_was_granted_counts_until_less_was_read_back(pair, changes):
    points, sharing = pair
    for name, value in changes.items():
        setattr(points[0].evse, name, value)
    for _ in range(5):
        sharing.step(100)
        assert granted(points) == [1000, 0]
    points[0].evse = Evse()
    points[0].evse.set_ca = points[0].evse.pilot_ca = 1000
    sharing.step(200)
    assert granted(points) == [1000, 1000]


def test_a_pilot_that_is_open_signals_nothing_unless_something_is_wrong_with_it(pair):
    points, sharing = pair
    points[0].evse.obeys = False
    points[0].wants_ca = 0
    points[0].relay.is_open = lambda: True
    points[0].guard.latched = 4
    sharing.step(100)
    assert granted(points) == [0, 0]
    points[0].guard.latched = 0
    points[0].image.value[P_CURRENT_CA] = 1600
    sharing.step(100)
    assert granted(points) == [0, 0]
    points[0].image.value[P_CURRENT_CA] = 0
    sharing.step(100)
    assert granted(points) == [0, 2000]


def test_a_value_of_somebody_else_takes_from_the_other_one(pair):
    points, sharing = pair
    points[0].wants_ca = points[1].wants_ca = 1000
    points[0].evse.set_ca = 1000
    sharing.step(100)
    assert granted(points) == [1000, 1000]
    points[0].evse.set_ca = 3100
    sharing.step(200)
    assert granted(points)[1] == 0


def both(shared_ca, first_ca=2000, second_ca=2000):
    points = Point(), Point()
    sharing = Sharing(points, shared_ca)
    sharing.step(-100 & 0x3FFFFFFF)  # nobody wants anything at the start
    points[0].wants_ca, points[1].wants_ca = first_ca, second_ca
    return points, sharing


def after(sharing, points, from_ms, to_ms):
    """What is granted after looks every 100 ms, the last one at to_ms."""
    for now_ms in range(from_ms, to_ms + 1, 100):
        sharing.step(now_ms & 0x3FFFFFFF)
    return granted(points)


@pytest.mark.parametrize("wants_ca, plugged, gets_ca", [(600, 1, 600), (599, 1, 0), (-3, 1, 0), (2000, 0, 0), (2000, None, 0), (3200, 1, 2000)])
def test_a_feeder_is_for_who_may_charge_and_has_a_car(wants_ca, plugged, gets_ca):
    points, sharing = both(2000, wants_ca, 2000)
    points[0].image.value[P_PLUGGED] = plugged
    sharing.step(0)
    assert granted(points) == [min(gets_ca, 1000), 2000 - min(gets_ca, 1000) if gets_ca != 600 else 1400]
    points[1].wants_ca = 0
    sharing.step(100)
    assert granted(points) == [gets_ca, 0]


@pytest.mark.parametrize("set_ca, free_ca", [(0, 2000), (800, 1200), (1400, 600), (1401, 0), (2000, 0), (3200, 0)])
def test_what_an_evse_is_set_to_without_a_grant_is_missing_for_the_other_one(set_ca, free_ca):
    points, sharing = both(2000, 0, 2000)
    points[0].evse.set_ca = set_ca
    sharing.step(0)
    assert granted(points) == [0, free_ca]


@pytest.mark.parametrize("shared_ca, free_ca", [(2000, 0), (3799, 0), (3800, 600), (6400, 3200)])
def test_an_evse_that_was_never_read_may_be_set_to_anything(shared_ca, free_ca):
    points = Point(), Point()
    points[0].evse.obeys = False
    points[1].wants_ca = 3200
    sharing = Sharing(points, shared_ca)
    assert after(sharing, points, 0, 1000) == [0, free_ca]


@pytest.mark.parametrize("flows_ca, gets_ca", [(99, 2000), (100, 0), (-100, 0)])
def test_less_than_1_a_behind_an_open_pilot_is_none(flows_ca, gets_ca):
    points, sharing = both(2000, 0, 2000)
    points[0].evse.set_ca = 2000
    points[0].relay.is_open = lambda: True
    points[0].image.value[P_CURRENT_CA] = flows_ca
    sharing.step(0)
    assert granted(points) == [0, gets_ca]


@pytest.mark.parametrize("shared_ca, parts", [(1200, [600, 600]), (1199, [1199, 0]), (600, [600, 0])])
def test_below_12_a_there_is_nothing_to_share(shared_ca, parts):
    points, sharing = both(shared_ca)
    sharing.step(0)
    assert granted(points) == parts


@pytest.mark.parametrize("start_ms", [0, (1 << 30) - 60000])
def test_a_small_feeder_goes_to_the_other_one_after_two_minutes_without_charging(start_ms):
    points, sharing = both(1100)
    sharing.step((start_ms - 100) & 0x3FFFFFFF)
    points[0].image.value[P_CHARGING] = 1
    assert after(sharing, points, start_ms, start_ms + 300000) == [1100, 0]
    points[0].image.value[P_CHARGING] = 0
    charged_ms = start_ms + 300000
    assert after(sharing, points, charged_ms + 100, charged_ms + 119900) == [1100, 0]
    sharing.step((charged_ms + 120000) & 0x3FFFFFFF)
    assert granted(points) == [0, 1100]
    assert after(sharing, points, charged_ms + 120100, charged_ms + 239900) == [0, 1100]
    sharing.step((charged_ms + 240000) & 0x3FFFFFFF)
    assert granted(points) == [1100, 0]


def test_two_minutes_count_from_when_somebody_waits_and_who_was_alone_keeps_a_small_feeder_so_long():
    points, sharing = both(1100, 0, 2000)
    assert after(sharing, points, 0, 500000) == [0, 1100]
    points[0].wants_ca = 2000
    assert after(sharing, points, 500100, 619900) == [0, 1100]
    assert after(sharing, points, 620000, 620100) == [1100, 0]
    points[0].wants_ca = 0
    assert after(sharing, points, 620200, 620200) == [0, 1100]
    points[1].wants_ca = 0
    assert after(sharing, points, 620300, 620300) == [0, 0]


def test_the_next_one_gets_a_small_feeder_only_when_the_first_was_read_back_without():
    points, sharing = both(1100)
    sharing.step(0)
    points[0].evse.set_ca = points[0].evse.pilot_ca = 1100
    assert after(sharing, points, 100, 125000) == [0, 0]
    points[0].evse.set_ca = 0
    assert after(sharing, points, 125100, 125100) == [0, 0]
    points[0].evse.pilot_ca = 0
    assert after(sharing, points, 125200, 125200) == [0, 1100]


@pytest.mark.parametrize("alone, parts", [(0, [1100, 0]), (1, [0, 1100])])
def test_who_is_alone_keeps_a_small_feeder_also_without_charging(alone, parts):
    points, sharing = both(1100, 0, 0)
    points[alone].wants_ca = 2000
    for now_ms in range(0, 500000, 1000):
        assert after(sharing, points, now_ms, now_ms) == parts


def test_of_two_that_want_a_small_feeder_from_the_first_look_on_one_gets_it_and_then_the_other():
    points = Point(), Point()
    points[0].wants_ca = points[1].wants_ca = 2000
    sharing = Sharing(points, 1100)
    first = after(sharing, points, 0, 100000)
    assert sorted(first) == [0, 1100]
    assert after(sharing, points, 100100, 220000) == first[::-1]
    assert not sharing.episode, "the loop would collect garbage after every look"
