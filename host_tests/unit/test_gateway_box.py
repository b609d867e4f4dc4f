"""What the gateway does for somebody at the box, and what it keeps over a reset."""
import json
from pathlib import Path

import pytest
from gateway import BUTTON_MS
from memory import M_LATCHED
from points import P_NOTICE

import host_tests.sim  # noqa: F401
from host_tests.fakes.wire import SILENT
from host_tests.sim.chip import WDT_RESET
from host_tests.sim.world import SET, World, standard_config

pytestmark = pytest.mark.no_cover  # it covers nothing that the tests of the parts do not

RCD = 1
SET_TOPICS = Path(__file__).resolve().parents[1] / "golden" / "set_topics.json"


class Button:
    def __init__(self):
        self.down = False

    def pressed(self):
        return self.down


@pytest.fixture
def world():
    world = World(1, standard_config(charge_points=2))
    for cp in range(2):
        world.plug(cp)
    world.run_until(lambda: world.car(0).current_ca[0] == 1600 and world.car(1).current_ca[0] == 1600, 30000)
    world.run(1000)
    world.button = world.gateway._button = Button()
    world.flash.writes.clear()  # which meters there are was kept before
    return world


def trip(world, cp=0):
    world.evse(cp).rcd_error = True
    world.run(1000)
    world.evse(cp).rcd_error = False
    world.run(5000)
    assert world.gateway.points[cp].guard.latched == RCD


def test_a_fault_of_one_charge_point_leaves_the_other_alone(world):
    trip(world, 0)
    assert world.car(0).current_ca[0] == 0
    assert world.car(1).current_ca[0] == 1600


def test_a_button_held_for_5_s_clears_what_is_latched(world):
    trip(world)
    world.button.down = True
    world.run(BUTTON_MS - 200)
    assert world.gateway.points[0].guard.latched == RCD
    world.run(400)
    assert world.gateway.points[0].guard.latched == 0


def test_a_button_that_sticks_is_one_local_action_and_no_more(world):
    world.button.down = True
    world.run(BUTTON_MS + 5000)
    trip(world)
    world.run(60000)
    assert world.gateway.points[0].guard.latched == RCD
    world.button.down = False
    world.run(1000)
    world.button.down = True
    world.run(BUTTON_MS + 1000)
    assert world.gateway.points[0].guard.latched == 0


def test_nothing_that_arrives_by_mqtt_clears_what_is_latched(world):
    trip(world)
    for row in json.loads(SET_TOPICS.read_text()):
        for payload in (b"0", b"1", b"16", b"true", b'"clear"', b"null"):
            world.broker.send(SET + row["topic"].encode(), payload, False)
            world.run(100)
    world.run(30000)
    assert world.gateway.points[0].guard.latched == RCD
    assert world.evse(0).set_current_raw == 0


def test_a_local_action_clears_the_error_in_the_evse_as_well(world):
    world.evse().rcd_error = True
    world.run(5000)
    world.gateway.clear(world.tick())
    world.run(2000)
    assert not world.evse().rcd_error
    world.run_until(lambda: world.car(0).current_ca[0] == 1600, 30000)


def test_nobody_clears_the_error_in_the_evse_without_being_asked(world):
    world.evse().rcd_error = True
    world.run(60000)
    assert world.evse().rcd_error


def test_who_charges_is_known_until_no_current_flows(world):
    assert world.gateway.charging() == 0
    world.car(0).unplug()
    world.run(2000)
    assert world.gateway.charging() == 1
    world.car(1).unplug()
    world.run(2000)
    assert world.gateway.charging() == -1


def test_maintenance_takes_every_charge_point_to_0_a_and_gives_back_what_it_took(world):
    assert not world.gateway.at_zero()
    world.gateway.maintain(True)
    world.run(1000)
    assert world.gateway.at_zero()
    assert world.told(b"get/state_str", 1).startswith(b'"maintenance')
    world.gateway.maintain(False)
    world.run_until(lambda: world.car(0).current_ca[0] == 1600, 30000)


def test_0_a_that_is_not_confirmed_is_no_0_a(world):
    world.line.faults[2] = SILENT
    world.gateway.maintain(True)
    world.run(20000)
    assert not world.gateway.at_zero()


def test_what_is_latched_is_in_rtc_memory_at_once_and_in_flash_within_a_minute_of_rest(world):
    trip(world, 1)
    assert world.gateway.memory.value[M_LATCHED + 1] == RCD
    assert world.flash.writes == []  # charge point 0 goes on charging
    world.controller.set_text = [b"0", b"0"]
    world.run(70000)
    assert len(world.flash.writes) == 1
    world.run(130000)
    assert len(world.flash.writes) == 1


def test_the_cause_of_the_start_is_shown_until_the_first_set_point(world):
    world.start_gateway(WDT_RESET)
    world.gateway.note(b"started after watchdog")
    assert world.gateway.points[0].image.value[P_NOTICE] == b"started after watchdog"
    world.run(30000)
    assert world.gateway.points[0].image.value[P_NOTICE] is None
