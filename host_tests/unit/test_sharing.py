"""Two charge points on one feeder: what both EVSEs may signal together is never above it, whatever is lost on the way."""
import random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from points import P_CURRENT_CA, P_PLUGGED, Image
from safety import F_SHARED_CA, FACT_COUNT, MIN_CA
from sharing import Sharing, share

from host_tests.fakes.wire import CRC, NOISE, SILENT, SLOW
from host_tests.sim.world import World, standard_config

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


class Feeder(World):
    """Two charge points on a feeder; after every step the models of both EVSEs are asked what they are set to and signal."""

    def __init__(self, shared_ca, seed=1, buses=(0, 0), **settings):
        config = standard_config(2, buses=buses, installation_limit_a=32)
        config["shared_ca"] = self.shared_ca = shared_ca
        super().__init__(seed, config, **settings)
        self.highest_ca = 0

    def step(self):
        super().step()
        self.highest_ca = max(self.highest_ca, sum(self.most_ca(cp) for cp in (0, 1)))
        assert self.highest_ca <= self.shared_ca, f"{self.highest_ca} at {self.now_ms} ms of seed {self.seed}"

    def most_ca(self, cp):
        """What an EVSE is set to or still signals; nothing where the pilot is open."""
        evse = self.evse(cp)
        if self.site.charge_points[cp].cp_open:
            return 0
        scale = 1 if evse.precise else 100
        return max(min(evse.set_current_raw * scale, evse.limit_a * 100), evse.signalled_ca or 0)

    def set_ca(self):
        return [self.evse(cp).set_current_raw for cp in (0, 1)]


def feeder(shared_ca, **settings):
    """Such a world after its start: the floor has written 0 A."""
    world = Feeder(shared_ca, **settings)
    assert world.set_ca() == [0, 0]
    return world


def test_one_car_alone_gets_the_feeder():
    world = feeder(2000)
    world.controller.set_text = [b"32", b"32"]
    world.plug(0)
    world.run_until(lambda: world.set_ca() == [2000, 0], 15000)
    assert world.told(b"get/state_str", 0) == b'"feeder shared by two charge points"'


def test_two_cars_get_half_each_and_the_first_gives_back_before_the_second_takes():
    world = feeder(2000)
    world.controller.set_text = [b"32", b"32"]
    world.plug(0)
    world.run_until(lambda: world.set_ca() == [2000, 0], 15000)
    world.plug(1)
    world.run_until(lambda: world.set_ca() == [1000, 1000], 3000)
    world.car(0).unplug()
    world.run_until(lambda: world.set_ca() == [0, 2000], 3000)


def test_who_wants_less_than_half_leaves_the_rest():
    world = feeder(3200)
    world.controller.set_text = [b"10", b"32"]
    world.plug(0)
    world.plug(1)
    world.run_until(lambda: world.set_ca() == [1000, 2200], 15000)
    world.controller.set_text = [b"16", b"16"]
    world.run_until(lambda: world.set_ca() == [1600, 1600], 8000)


def test_a_feeder_for_both_limits_nobody():
    world = feeder(6400)
    world.controller.set_text = [b"32", b"32"]
    world.plug(0)
    world.plug(1)
    world.run_until(lambda: world.set_ca() == [3200, 3200], 15000)


def test_a_feeder_too_small_for_both_serves_who_came_first():
    world = feeder(1100)
    world.plug(1)
    world.run_until(lambda: world.set_ca() == [0, 1100], 15000)
    world.plug(0)
    world.run(30000)
    assert world.set_ca() == [0, 1100]
    assert world.told(b"get/state_str", 0) == b'"feeder shared by two charge points"'
    world.car(1).unplug()
    world.run_until(lambda: world.set_ca() == [1100, 0], 3000)


def test_who_has_a_small_feeder_and_does_not_charge_gives_it_to_the_other_after_two_minutes():
    world = feeder(1100)
    world.car(1).asleep = True
    world.plug(1)
    world.run_until(lambda: world.set_ca() == [0, 1100], 15000)
    world.plug(0)
    took_ms = world.run_until(lambda: world.set_ca() == [1100, 0], 130000)
    assert took_ms >= 110000
    world.run(180000)
    assert world.set_ca() == [1100, 0], "he charges: he keeps it"


@pytest.mark.parametrize("buses", [(0, 0), (0, 1)])
def test_an_evse_that_falls_silent_keeps_its_part_until_its_pilot_is_open(buses):
    world = feeder(2000, buses=buses)
    world.controller.set_text = [b"32", b"32"]
    world.plug(0)
    world.run_until(lambda: world.set_ca() == [2000, 0], 15000)
    world.run(2000)
    world.line.faults[1] = SILENT
    world.plug(1)
    world.run_until(lambda: world.site.charge_points[0].cp_open, 10000)
    world.run_until(lambda: world.set_ca()[1] == 2000, 10000)
    assert world.set_ca()[0] == 2000, "nobody could tell it; its pilot is open"


def test_an_evse_that_falls_silent_without_a_relay_keeps_its_part_for_ever():
    world = feeder(2000, contact=None)
    world.controller.set_text = [b"32", b"32"]
    world.plug(0)
    world.run_until(lambda: world.set_ca() == [2000, 0], 15000)
    world.line.faults[1] = SILENT
    world.plug(1)
    world.run(60000)
    assert world.set_ca() == [2000, 0]


def test_an_evse_that_was_never_read_leaves_nothing_for_the_other():
    world = feeder(3200, contact=None)
    world.line.faults[2] = SILENT
    world.plug(0)
    world.run(30000)
    assert world.set_ca()[0] == 0


@pytest.mark.parametrize("firmware", [10, 18])
@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 9))])
def test_in_a_rough_life_the_sum_is_never_above_the_feeder(seed, firmware):
    rng = random.Random(seed)
    world = feeder(rng.choice((700, 1200, 1600, 2000, 3200)), seed=seed, buses=(0, seed % 2), firmware=firmware)
    world.controller.interval_ms = 1000
    for _ in range(40):
        event = rng.randrange(6)
        if event == 0:
            world.controller.set_text = [rng.choice((b"0", b"6", b"10.5", b"16", b"32")) for _ in (0, 1)]
        elif event == 1:
            car = world.car(rng.randrange(2))
            car.unplug() if car.plugged else car.plug()
        elif event == 2:
            world.line.faults[rng.randrange(1, 3)] = rng.choice((SILENT, NOISE, CRC, SLOW))
        elif event == 3:
            world.line.faults.clear()
        elif event == 4 and rng.random() < 0.2:
            world.start_gateway()
        world.run(rng.randrange(100, 8000))
    assert world.highest_ca >= MIN_CA, "else nothing was tried"
