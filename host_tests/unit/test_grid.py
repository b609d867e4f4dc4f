"""The input of the grid operator: at once down, by the phases in use, and up again only after a calm second."""
import types

import pytest
from grid import RELEASE_MS, GridLimit, grid_ca
from points import P_PHASES_IN_USE, Image
from safety import F_GRID_CA, F_PHASES, FACT_COUNT, MIN_CA

from host_tests.sim.world import World, standard_config


class Contact:
    """`level`: the input says limited."""

    def __init__(self):
        self.level = False

    def limited(self):
        return self.level


def charging(grid=None, charge_points=1, **settings):
    """(world, contact): every car draws 16 A."""
    config = standard_config(charge_points)
    config["grid"].update(grid or {})
    contact = Contact()
    world = World(config=config, grid=contact, **settings)
    for cp in range(charge_points):
        world.plug(cp)
    return world, contact


@pytest.mark.parametrize("watts, phases, expected", [(4200, 3, 608), (4200, 1, 1826), (4200, 2, 913), (4200, 0, 608), (3000, 3, 434), (0, 1, 0), (22080, 1, 9600)])
def test_watts_become_amperes_by_the_phases_in_use(watts, phases, expected):
    assert grid_ca(watts, phases) == expected
    assert expected * 230 * (phases or 3) <= watts * 100


@pytest.mark.parametrize("phases, limit_ca", [(3, 608), (1, 1600)])
def test_a_limit_in_watts_counts_the_phases(phases, limit_ca):
    world, contact = charging()
    world.car().phases = phases
    world.run_until(lambda: world.car().current_ca[0] == 1600, 20000)
    contact.level = True
    world.run(3000)
    assert world.evse().set_current_raw == limit_ca
    assert world.told(b"get/state_str") == (b'"grid operator limit"' if phases == 3 else b'"set point"')


def test_a_limit_in_amperes_counts_as_it_is():
    world, contact = charging({"limit_ca": 1000})
    world.run_until(lambda: world.car().current_ca[0] == 1600, 20000)
    contact.level = True
    assert world.run_until(lambda: world.evse().set_current_raw == 1000, 1000) <= 500


def test_a_limit_below_6_a_is_0_a():
    world, contact = charging({"limit_w": 3000})
    world.run_until(lambda: world.car().current_ca[0] == 1600, 20000)
    contact.level = True
    world.run_until(lambda: world.evse().set_current_raw == 0, 1000)
    assert grid_ca(3000, 3) < MIN_CA


def test_it_is_released_after_a_calm_second_and_never_by_a_contact_that_chatters():
    world, contact = charging()
    world.run_until(lambda: world.car().current_ca[0] == 1600, 20000)
    contact.level = True
    world.run_until(lambda: world.evse().set_current_raw == 608, 1000)
    for _ in range(20):
        contact.level = not contact.level
        world.run(RELEASE_MS // 2)
        assert world.evse().set_current_raw == 608
    contact.level = False
    took_ms = world.run_until(lambda: world.evse().set_current_raw == 1600, 3000)
    assert took_ms >= RELEASE_MS


def test_a_box_starts_limited():
    world, contact = charging()
    contact.level = True
    world.run(30000)
    assert world.evse().set_current_raw == 608
    world.start_gateway()
    seen = []
    for _ in range(3000):
        world.step()
        seen.append(world.evse().set_current_raw)
    assert max(seen) == 608


def test_both_charge_points_are_limited():
    world, contact = charging(charge_points=2)
    world.run_until(lambda: all(world.car(cp).current_ca[0] == 1600 for cp in (0, 1)), 20000)
    contact.level = True
    world.run(3000)
    assert [world.evse(cp).set_current_raw for cp in (0, 1)] == [608, 608]


def test_while_the_position_of_a_phase_relay_is_not_known_three_phases_share_the_power():
    """What the meter has shown last, one phase, proves nothing about the relay."""
    image, facts = Image(), [0] * FACT_COUNT
    image.value[P_PHASES_IN_USE] = 1
    point = types.SimpleNamespace(image=image, facts=facts)
    limit = GridLimit(types.SimpleNamespace(limited=lambda: True), {"limit_w": 4200, "limit_ca": None}, [point])
    assert facts[F_GRID_CA] == grid_ca(4200, 3)
    facts[F_PHASES] = 1
    limit.step(0)
    assert facts[F_GRID_CA] == grid_ca(4200, 1)


def test_reading_the_contact_is_no_episode():
    """An episode makes the loop collect garbage."""
    assert GridLimit(Contact(), {"limit_w": 4200, "limit_ca": 0}, []).episode is False
