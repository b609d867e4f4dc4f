"""An EVSE that answers, and does something else than it is told: it is found out, stopped, and named."""
import json

import pytest
from faults import DEFIED_MS, FAULTS, GERMAN, REASON
from safety import R_EVSE_DEFIES

from host_tests.sim.test_faults import told_fault
from host_tests.sim.world import World, standard_config

TEXT = {row[REASON]: row[GERMAN].decode() for row in FAULTS}
SLACK_MS = 2500  # polls, and the second between two publishes
CP_MS = 3500  # from 0 A that is not obeyed to the open pilot
LAST_MINUTE = 0x3FFFFFFF - 40000


def charging(firmware=18, meter="sdm630", **world):
    world = World(1, standard_config(meter=meter), firmware=firmware, **world)
    world.plug()
    world.run_until(lambda: world.car().current_ca[0] >= 1500, 40000)
    return world


@pytest.mark.parametrize("start_tick", [0, LAST_MINUTE])
@pytest.mark.parametrize("firmware", [10, 18])
@pytest.mark.parametrize("meter", ["sdm630", "none"])
def test_an_evse_that_keeps_more_than_a_lower_set_point_is_stopped_by_the_relay(firmware, meter, start_tick):
    world = charging(firmware, meter, start_tick=start_tick)
    world.evse().deaf_to_writes = True
    world.controller.set_text[0] = b"6"
    world.run(world.controller.interval_ms)

    world.run(DEFIED_MS + CP_MS + SLACK_MS)

    assert world.site.charge_points[0].cp_open, "it went on with 16 A, though 6 A are allowed"
    world.run(10000)
    assert world.car().current_ca[0] == 0


def test_an_evse_that_is_slow_to_obey_is_none_that_defies():
    world = charging()
    world.evse().deaf_to_writes = True
    world.controller.set_text[0] = b"6"
    world.run_until(lambda: world.gateway.points[0].limit_ca == 600, 10000)
    world.run(DEFIED_MS - 1000)
    world.evse().deaf_to_writes = False

    world.run(60000)

    assert told_fault(world)[0] == b"0"
    assert world.evse().set_current_raw == 600


def test_an_evse_that_cuts_what_it_is_told_is_none_that_defies():
    world = charging()
    world.evse().configure(2007, 10)  # it tells the car 10 A, and was not asked for 2007 again

    world.run(3 * DEFIED_MS)

    assert told_fault(world)[0] == b"0"


def test_an_evse_that_reads_0_a_back_whatever_it_is_told_is_named():
    world = World(1)
    world.plug()
    world.evse().analog_ca = 0
    world.run(5000)

    world.run_until(lambda: told_fault(world) == (b"2", TEXT[R_EVSE_DEFIES]), 30000)

    assert "2003" in TEXT[R_EVSE_DEFIES]
    world.run(SLACK_MS)
    assert json.loads(world.told(b"get/state_str")).startswith("EVSE does not do what it is told")
    world.evse().analog_ca = None
    world.run(75000)
    assert told_fault(world)[0] == b"0"
    assert world.evse().set_current_raw == 1600, "repaired, it charges by itself"


@pytest.mark.parametrize("set_text", [b"0", b"6"])
def test_an_evse_whose_analog_input_lets_a_car_charge_is_stopped_by_the_relay_also_without_a_meter(set_text):
    world = charging(meter="none")
    world.controller.set_text[0] = set_text
    world.evse().analog_ca = 3200

    world.run(world.controller.interval_ms + 2 * DEFIED_MS + CP_MS + SLACK_MS)

    assert world.site.charge_points[0].cp_open
    assert told_fault(world) == (b"2", TEXT[R_EVSE_DEFIES])
    world.run(60000)
    assert world.site.charge_points[0].cp_open and world.car().current_ca[0] == 0


def test_an_evse_that_shows_its_configured_current_while_its_pilot_is_at_rest_is_none_that_defies(monkeypatch):
    world = World(1)
    real = world.evse()._volatile
    monkeypatch.setattr(world.evse(), "_volatile", lambda: [real()[0], 1600, *real()[2:]])
    world.controller.set_text[0] = b"0"

    world.run(60000)

    assert real()[6] != 2
    assert told_fault(world)[0] == b"0"
