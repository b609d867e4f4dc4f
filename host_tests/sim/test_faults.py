"""Walks the fault table: each row is provoked in the virtual world, and its time, action, text and end are those of its columns."""
import json

import pytest
import safety
from faults import ACTION, AFTER_MS, BY_CALM, BY_HAND, BY_ITSELF, BY_SWITCH, CLEARED, FAULTS, GERMAN, OPEN_CP, REASON
from safety import REASONS

from host_tests.fakes.wire import SILENT
from host_tests.sim.chip import NC, PAIR, PWRON_RESET, WDT_RESET
from host_tests.sim.world import SET, World, standard_config

EVSE, METER = 1, 105
CHARGING_MS = 30000
SLACK_MS = 1600  # polls, and the second between two publishes
GONE_MS = 75000  # voltages must be plausible for a minute


class Scene:
    """How a fault is provoked and mended. `at_start`: it is there from the first step on."""

    def __init__(self, provoke, mend, at_start=False, contact=NC, lead_ms=0, **world):
        self.provoke, self.mend, self.at_start, self.contact, self.world = provoke, mend, at_start, contact, world
        self.lead_ms = lead_ms  # from the provocation to the moment from which the table counts


def setter(path, value):
    """A function of the world that sets an attribute of its charge point."""

    def act(world):
        *names, last = path.split(".")
        target = world.site.charge_points[0]
        for name in names:
            target = getattr(target, name)
        setattr(target, last, value)

    return act


def line(*units):
    def act(world):
        world.line.faults.clear()
        for unit in units:
            world.line.faults[unit] = SILENT

    return act


def both(*actions):
    def act(world):
        for action in actions:
            action(world)

    return act


def set_to(text):
    return lambda world: world.controller.set_text.__setitem__(0, text) or world.broker.send(SET + b"0/data/set_current", text, True)


def voltages(*cv):
    return lambda world: setattr(world.site.charge_points[0].meter, "voltage_cv", list(cv))


def stubborn_car_at_zero(world):
    world.car().stubborn = True
    set_to(b"0")(world)


def four_times(world):
    """Three closings within the hour; the fourth opening is under way."""
    for _ in range(3):
        world.line.faults[EVSE] = SILENT
        world.run_until(lambda: world.site.charge_points[0].cp_open, 10000)
        world.line.faults.clear()
        world.run_until(lambda: not world.site.charge_points[0].cp_open, 60000)
        world.run(3000)
    world.line.faults[EVSE] = SILENT


def stuck_relay(world):
    world.site.charge_points[0].cp_stuck = False
    world.line.faults[EVSE] = SILENT
    world.run_until(lambda: world.site.charge_points[0].cp_wanted, 10000)
    world.line.faults.clear()


def to_one_phase(world):
    world.broker.send(SET + b"0/data/phases_to_use", b"1", True)
    world.broker.send(SET + b"0/data/trigger_phase_switch", b"true", True)


SCENES = {
    safety.R_RCD: Scene(setter("evse.rcd_error", True), lambda world: None),
    safety.R_WELD: Scene(both(setter("welded", True), stubborn_car_at_zero), both(setter("welded", False), setter("car.stubborn", False)), lead_ms=200),
    safety.R_CP_STUCK: Scene(stuck_relay, both(setter("cp_stuck", None), line()), lead_ms=1500),
    safety.R_OVER_CURRENT: Scene(both(setter("car.stubborn", True), set_to(b"6")), both(setter("car.stubborn", False), set_to(b"16")), lead_ms=5200),
    safety.R_EVSE_SILENT: Scene(line(EVSE), line(), contact=None),
    safety.R_EVSE_OLD: Scene(None, setter("evse.firmware", 18), at_start=True, firmware=7),
    safety.R_EVSE_FAULT: Scene(setter("evse.state_5", True), setter("evse.state_5", False)),
    safety.R_CP_LATCHED: Scene(four_times, line(), lead_ms=4000),
    safety.R_NO_SECOND_STOP: Scene(setter("evse.deaf_to_writes", True), setter("evse.deaf_to_writes", False), contact=None, lead_ms=20000),
    safety.R_EVSE_DEFIES: Scene(setter("evse.analog_ca", 0), setter("evse.analog_ca", None), lead_ms=2000),
    safety.R_CP_OPEN: Scene(setter("evse.deaf_to_writes", True), setter("evse.deaf_to_writes", False), lead_ms=20000),
    safety.R_METER_LOST: Scene(line(METER), line()),
    safety.R_METER_VOLTAGE: Scene(voltages(19900, 23000, 23000), voltages(23000, 23000, 23000), at_start=True),
    safety.R_NOT_SWITCHED: Scene(both(line(METER), to_one_phase), line(), coils=PAIR, lead_ms=1500),
    safety.R_PHASES: Scene(both(setter("phases_stuck", True), to_one_phase), setter("phases_stuck", False), coils=PAIR, lead_ms=30000),
    safety.R_VOLTAGE: Scene(voltages(23000, 28100, 23000), voltages(23000, 23000, 23000)),
}  # fmt: skip


def test_every_row_of_the_table_has_its_scene_and_every_scene_its_row():
    assert sorted(SCENES) == sorted(row[REASON] for row in FAULTS)


@pytest.fixture(params=FAULTS, ids=[REASONS[row[REASON]].decode() for row in FAULTS])
def row(request):
    return request.param


def world_with(scene, language="de"):
    world = World(1, {**standard_config(), "language": language}, contact=scene.contact, **scene.world)
    if scene.at_start and scene.provoke:
        world = World(1, {**standard_config(), "language": language}, contact=scene.contact)
        scene.provoke(world)
        world.start_gateway()
    world.plug()
    world.run(CHARGING_MS)
    return world


def told_fault(world):
    return world.told(b"get/fault_state"), json.loads(world.told(b"get/fault_str"))


def provoke(scene, row, world):
    """Ms from the provocation to the fault."""
    if scene.at_start:
        return 0
    assert world.evse().set_current_raw == 1600 and told_fault(world)[0] == b"0", "it did not charge: nothing is shown"
    if row[REASON] in (safety.R_NO_SECOND_STOP, safety.R_CP_OPEN):
        scene.provoke(world)
        world.controller.set_text[0] = b"0"
        return world.run_until(lambda: told_fault(world)[0] == b"2", scene.lead_ms)
    scene.provoke(world)
    return world.run_until(lambda: told_fault(world) == (b"2", row[GERMAN].decode()), row[AFTER_MS] + scene.lead_ms + SLACK_MS)


def test_a_fault_comes_after_its_time_with_its_text_and_its_action(row):
    scene = SCENES[row[REASON]]
    world = world_with(scene)

    took_ms = provoke(scene, row, world)

    assert told_fault(world) == (b"2", row[GERMAN].decode())
    assert scene.at_start or took_ms >= row[AFTER_MS]
    world.run(SLACK_MS)
    point = world.site.charge_points[0]
    assert world.gateway.points[0].limit_ca == 0
    if row[ACTION] == OPEN_CP:
        assert point.cp_wanted
    if world.line.faults.get(EVSE) is None and not point.evse.deaf_to_writes:
        assert point.evse.set_current_raw == 0


def test_a_fault_goes_as_its_column_says(row):
    scene = SCENES[row[REASON]]
    world = world_with(scene)
    provoke(scene, row, world)
    world.run(SLACK_MS)

    scene.mend(world)
    if scene.at_start and row[REASON] == safety.R_EVSE_OLD:
        world.evse().power_cycle(world.now_ms)  # another unit takes its place
    world.controller.set_text[0] = b"16"
    world.run(GONE_MS)

    if row[CLEARED] in (BY_HAND, BY_SWITCH):
        assert told_fault(world) == (b"2", row[GERMAN].decode())
        assert world.evse().set_current_raw == 0, "somebody on the network has cleared it"
        world.gateway.clear(world.tick())
        world.run(GONE_MS)
    assert told_fault(world)[0] == b"0"
    assert world.evse().set_current_raw == 1600
    assert row[CLEARED] in (BY_ITSELF, BY_CALM, BY_HAND, BY_SWITCH)


def test_what_is_latched_is_latched_after_a_reset_and_after_a_power_cut(row):
    if row[CLEARED] != BY_HAND:
        return
    scene = SCENES[row[REASON]]
    world = world_with(scene)
    provoke(scene, row, world)
    scene.mend(world)
    if row[REASON] == safety.R_RCD:
        world.evse().rcd_error = False  # cleared behind our back
    world.run(GONE_MS)
    for cause in (WDT_RESET, 1):
        world.start_gateway(cause)
        world.run(CHARGING_MS)
        assert told_fault(world) == (b"2", row[GERMAN].decode())
        assert world.evse().set_current_raw == 0


@pytest.mark.parametrize(("apart_ms", "stays"), [(60000, True), (200000, False)])
def test_the_fifth_end_by_the_watchdog_within_ten_minutes_stays_at_0_a_until_the_power_was_cut(apart_ms, stays):
    """Seed 20 of make sim: the virtual chip started the application all the same, and let no life grow old."""
    world = world_with(Scene(None, None))
    causes = []
    start = world.chip.start
    world.chip.start = lambda cause: (causes.append(cause), start(cause))
    for _ in range(5):
        world.wait(apart_ms)  # it hangs
        world.start_gateway(WDT_RESET)
    assert causes == 5 * [WDT_RESET] + stays * [PWRON_RESET]
    world.run(CHARGING_MS)
    assert world.evse().set_current_raw == 1600


def test_the_text_is_english_where_that_is_configured():
    world = world_with(SCENES[safety.R_METER_LOST], "en")
    assert told_fault(world) == (b"0", "no fault")
    world.line.faults[METER] = SILENT
    world.run(13000)
    assert told_fault(world) == (b"2", "meter does not answer")
