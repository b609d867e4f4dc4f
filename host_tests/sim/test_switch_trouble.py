"""A bad line, a lost heartbeat and resets in the middle of a phase switch."""
import pytest
from cp_relay import HELD
from memory import M_PHASES
from phases import DWELLING, OPENING, PULSING, REST

from host_tests.fakes.wire import ECHO, FOREIGN, LATE, NOISE, SILENT, SLOW
from host_tests.sim.chip import NC, NO, PWRON_RESET, WDT_RESET
from host_tests.sim.switch_world import SWITCH_MS, WAY, Box, switched

EVSE = 1
METER = 105


@pytest.fixture
def box():
    return Box().charge()


# --- a bad line ---


@pytest.mark.parametrize("fault", [LATE, NOISE, ECHO, SLOW, FOREIGN])
@pytest.mark.parametrize("unit", [EVSE, METER])
def test_a_bad_line_makes_it_slower_or_ends_it_but_never_unsafe(box, fault, unit):
    box.line.faults[unit] = fault
    box.run(5000)
    box.trigger(1)
    box.run(2 * SWITCH_MS)
    assert len(box.moves) <= 1
    box.line.faults.clear()
    assert box.recovers(), "everything goes on"


@pytest.mark.parametrize("units", [(EVSE,), (METER,), (EVSE, METER)], ids=str)
@pytest.mark.parametrize("state", WAY)
def test_a_wire_that_is_cut_in_the_middle_ends_at_0_a_with_every_coil_off(box, state, units):
    box.trigger(1)
    box.until(state)
    for unit in units:
        box.line.faults[unit] = SILENT
    box.run(30000)
    assert box.site.charge_points[0].coils == set() and box.car().current_ca == [0, 0, 0]
    box.line.faults.clear()
    assert box.recovers()
    assert box.gateway.points[0].coil.position in (0, box.site.charge_points[0].phases), "what is believed is true"


@pytest.mark.parametrize("state", WAY)
def test_an_evse_that_loses_its_supply_in_the_middle_moves_nothing_under_load(box, state):
    box.trigger(1)
    box.until(state)
    box.evse().power_cycle(box.now_ms)
    assert box.recovers()


@pytest.mark.parametrize("state", WAY)
def test_a_heartbeat_that_is_lost_in_the_middle_ends_the_switch_in_order_and_leaves_0_a(box, state):
    box.trigger(1)
    box.until(state)
    box.controller.beating = False
    box.gateway.heartbeats[0].last.expired = True
    box.run(SWITCH_MS)
    assert switched(box, 1) and not box.site.charge_points[0].cp_open
    assert box.car().current_ca == [0, 0, 0]
    assert box.machine().state == REST


def test_another_value_in_the_evse_ends_it(box):
    box.trigger(1)
    box.until(OPENING)
    box.evse().set_current_raw = 3200
    box.invariants.foreign_value(0)
    box.run(5000)
    assert box.moves == [] and box.evse().set_current_raw == 0


# --- resets ---


@pytest.mark.parametrize("contact", [NC, NO])
@pytest.mark.parametrize("cause", [WDT_RESET, PWRON_RESET])
@pytest.mark.parametrize("state", WAY)
def test_a_reset_in_the_middle_leaves_no_coil_on_and_no_wrong_position(state, cause, contact):
    box = Box(contact=contact).charge()
    box.trigger(1)
    box.until(state)
    box.run(200)
    box.start_gateway(cause)
    assert box.site.charge_points[0].coils == set()
    point = box.gateway.points[0]
    if cause == WDT_RESET and state in (PULSING, DWELLING):
        assert point.relay.state == HELD and box.site.charge_points[0].cp_open
    assert point.coil.position in (0, box.site.charge_points[0].phases)
    if state == PULSING:
        assert point.phases.unknown()
    assert box.recovers()
    assert not box.site.charge_points[0].cp_open


def test_a_position_outlives_a_loss_of_power(box):
    box.trigger(1)
    box.run(SWITCH_MS)
    box.start_gateway(PWRON_RESET)
    assert box.gateway.points[0].coil.position == 1 and box.gateway.memory.value[M_PHASES] == 1
    box.run(30000)
    assert box.moves[1:] == [] and box.car().current_ca == [1600, 0, 0]


def test_a_box_that_shall_start_at_one_phase_switches_before_anything_charges():
    box = Box(boot="one")
    box.plug()
    box.run(SWITCH_MS)
    assert switched(box, 1) and [move[2] for move in box.moves] == [1]
    assert box.car().current_ca == [1600, 0, 0]
    box.start_gateway(WDT_RESET)
    box.run(SWITCH_MS)
    assert len(box.moves) == 1, "a mere reset knows where the relay stands"


def test_a_20_a_evse_gets_16_a_while_nobody_knows_the_position():
    box = Box()
    box.config["installation_limit_a"] = 32
    box.car().phases = 1
    box.evse().configure(2007, 20)
    box.controller.set_text = [b"20"]
    box.start_gateway(PWRON_RESET)
    box.plug()
    box.run(30000)
    assert box.evse().set_current_raw == 1600
    box.trigger(1)
    box.run(SWITCH_MS)
    assert box.evse().set_current_raw == 2000
