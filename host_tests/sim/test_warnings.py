"""What is no fault but should be known: fault_state 1, with a text, and charging goes on as far as it may."""
import json

import pytest

from host_tests.sim.world import World



def plugged(cable_a=32, **registers):
    world = World()
    world.evse().cable_a = cable_a
    for register, value in registers.items():
        world.evse().configure(int(register[1:]), value)
    world.plug()
    world.run_until(lambda: world.evse().set_current_raw == 1600, 20000)
    world.run(2000)
    return world


def fault(world):
    return json.loads(world.told(b"get/fault_state")), json.loads(world.told(b"get/fault_str"))


def test_a_cable_without_a_readable_rating_is_a_warning_and_the_installation_limit_applies():
    state, text = fault(plugged(cable_a=0, r2007=0))
    assert state == 1
    assert "PP" in text


@pytest.mark.parametrize("cable_a, limit_a", [(20, 0), (0, 16), (32, 32)])
def test_a_rating_or_a_fixed_limit_is_no_warning(cable_a, limit_a):
    assert fault(plugged(cable_a, r2007=limit_a)) == (0, "Kein Fehler.")


def test_without_a_plug_there_is_no_cable_to_warn_of():
    world = plugged(cable_a=0, r2007=0)
    world.car().unplug()
    world.run(2000)
    assert fault(world) == (0, "Kein Fehler.")


@pytest.mark.parametrize("bit", [13, 14])
def test_an_evse_that_other_firmware_has_switched_off_says_so(bit):
    state, text = fault(plugged(r2005=0x0209 | 1 << bit))
    assert state == 1
    assert "2005" in text


def test_a_fault_outranks_a_warning():
    world = plugged(cable_a=0, r2007=0)
    world.site.charge_points[0].meter.answers = False
    world.run(12000)
    state, text = fault(world)
    assert state == 2
    assert "PP" not in text
