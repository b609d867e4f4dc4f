"""Two boxes on one feeder in the virtual world: after every step both EVSEs are asked what they are set to and signal."""
import random

import pytest
from safety import MIN_CA

from host_tests.fakes.wire import CRC, NOISE, SILENT, SLOW
from host_tests.sim.world import World, standard_config


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
