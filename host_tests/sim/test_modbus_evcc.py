"""evcc's day with the box over Modbus: enable, switch phases while charging, wake the car, disable, and a reboot in between."""

import host_tests.sim  # noqa: F401  (puts the firmware on the path)
import pytest

from host_tests.fakes.modbus_clients import Evcc
from host_tests.sim.chip import PAIR, WDT_RESET
from host_tests.sim.world import World, standard_config

SWITCH_MS = 60000  # evcc waits so long before it looks at the phases


@pytest.fixture
def world():
    world = World(1, standard_config(modbus=True), coils=PAIR)
    world.controller.beating = world.controller.setting = False
    world.plug()
    world.run(30000)
    return world


def current_on_moving_coils(world, ms):
    """Runs so long; the highest set point of the EVSE while the phases of the outlet were not what they had been the ms before."""
    point, worst, end_ms = world.site.charge_points[0], 0, world.now_ms + ms
    before = point.phases
    while world.now_ms < end_ms:
        world.step()
        if point.phases != before:
            worst = max(worst, world.evse().signalled_ca or 0, max(world.car().current_ca))
        before = point.phases
    return worst


def test_a_day_of_evcc_with_a_phase_switch_a_wake_up_and_a_reboot(world):
    evcc = Evcc(world)
    assert evcc.cycle()["status"] == "B"
    evcc.set_current(1600)
    last = evcc.poll(60000)
    assert (last["status"], last["currents_ca"]) == ("C", [1600, 1600, 1600])

    evcc.switch_phases(1)
    evcc.set_current(1600)  # it does not know that the box is at work
    evcc.wake_up()  # and is dropped
    assert current_on_moving_coils(world, SWITCH_MS) == 0
    last = evcc.poll(20000)
    assert (last["status"], last["currents_ca"]) == ("C", [1600, 0, 0]) and 3600 < last["power_w"] < 3700

    world.start_gateway(WDT_RESET)
    last = evcc.poll(60000)
    assert (last["status"], last["currents_ca"]) == ("C", [1600, 0, 0]), "it goes on without a new set point, on the phases it had"

    energy_wh = last["energy_wh"]
    evcc.set_current(0)
    last = evcc.poll(20000)
    assert (last["status"], last["currents_ca"], last["power_w"]) == ("B", [0, 0, 0], 0)
    assert last["energy_wh"] >= energy_wh > 0
    assert evcc.read(10116) == [0]


def test_a_wake_up_interrupts_the_pilot_and_charging_goes_on(world):
    evcc = Evcc(world)
    evcc.set_current(1000)
    evcc.poll(30000)
    evcc.wake_up()
    opened_ms = world.run_until(lambda: world.site.charge_points[0].cp_open, 20000)
    assert opened_ms < 20000
    last = evcc.poll(60000)
    assert (last["status"], last["currents_ca"][0]) == ("C", 1000) and not world.site.charge_points[0].cp_open
