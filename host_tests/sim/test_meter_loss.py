"""Losing the meter never raises the limit, whatever lost_current_ca allows."""
import pytest
from faults import VOLTAGE_CALM_MS

from host_tests.sim.world import World, standard_config

LOST_MS = 10000


def world_with(lost_current_ca, voltage_cv=23000):
    config = standard_config()
    config["charge_points"][0]["meter"]["lost_current_ca"] = lost_current_ca
    world = World(1, config)
    world.site.charge_points[0].meter.voltage_cv = [voltage_cv] * 3
    world.plug()
    return world


def test_a_meter_that_worked_and_is_lost_leaves_the_configured_current():
    world = world_with(1000)
    world.run_until(lambda: world.evse().set_current_raw == 1600, 20000)
    world.site.charge_points[0].meter.answers = False

    world.run(LOST_MS + 1500)

    assert world.evse().set_current_raw == 1000


@pytest.mark.parametrize("lost_current_ca", [0, 1000])
def test_a_meter_below_200_v_that_falls_silent_goes_on_meaning_0_a(lost_current_ca):
    world = world_with(lost_current_ca, voltage_cv=15000)
    world.run(15000)
    assert world.evse().set_current_raw == 0
    world.site.charge_points[0].meter.answers = False

    world.run(LOST_MS + 5000)

    assert world.evse().set_current_raw == 0
    assert world.told(b"get/state_str") == b'"meter shows less than 200 V on L1"'


def test_a_meter_that_never_answered_means_0_a_whatever_is_configured():
    world = world_with(1000)
    world.site.charge_points[0].meter.answers = False

    world.run(LOST_MS + 10000)

    assert world.evse().set_current_raw == 0
    assert world.told(b"get/state_str") == b'"meter does not answer"'


def test_an_implausible_voltage_is_not_forgotten_because_its_meter_falls_silent():
    world = world_with(1000)
    world.run_until(lambda: world.evse().set_current_raw == 1600, 20000)
    meter = world.site.charge_points[0].meter
    meter.voltage_cv = [23000, 29000, 23000]
    world.run_until(lambda: world.evse().set_current_raw == 0, 10000)
    meter.answers = False

    world.run(300000)

    assert world.evse().set_current_raw == 0, "the loss of the meter has raised the limit"
    meter.answers, meter.voltage_cv = True, [23000] * 3
    world.run(VOLTAGE_CALM_MS - 5000)
    assert world.evse().set_current_raw == 0, "voltages are known to be right for a minute only then"
    world.run(15000)
    assert world.evse().set_current_raw == 1600
