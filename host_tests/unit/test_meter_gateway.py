"""The search for the meter in the whole gateway: found, remembered over a restart, and 0 A without it."""
import pytest
from drivers import meters
from memory import M_BLOCK, M_METER
from safety import R_METER_LOST, R_METER_STARTING

from host_tests.sim.world import World, standard_config
from host_tests.unit.test_meter_search import FOUND


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", FOUND)
def test_a_gateway_finds_the_meter_and_charges(name, count):
    world = World(config=standard_config(count, meter="auto"), meter=name)
    for cp in range(count):
        world.plug(cp)
    world.run_until(lambda: all(world.car(cp).current_ca[0] == 1600 for cp in range(count)), 20000)
    world.run(3000)
    for cp in range(count):
        assert world.told(b"get/voltages", cp) == b"[230.0,230.0,230.0]"
        assert float(world.told(b"get/power", cp)) == pytest.approx(11040, abs=1)
        assert world.gateway.memory.value[M_METER + cp] == meters.KINDS[name]
        assert world.gateway.memory.value[M_BLOCK + cp] in (18, 28)


def test_after_a_restart_the_meter_of_before_is_asked_first():
    world = World(config=standard_config(meter="auto"), meter="b23")
    world.run(10000)
    world.line.keep_frames = 1000000
    world.line.frames.clear()
    world.start_gateway()
    world.run(5000)
    units = {data[0] for _, _, data in world.line.frames}
    assert units == {1, 201}
    assert world.gateway.points[0].meter.reason() == 0


def test_a_gateway_without_a_meter_where_one_is_configured_stays_at_0_a():
    world = World(config=standard_config(meter="auto"), meter="none")
    world.plug()
    world.run(60000)
    assert world.evse().set_current_raw == 0
    assert world.gateway.points[0].reason in (R_METER_LOST, R_METER_STARTING)
