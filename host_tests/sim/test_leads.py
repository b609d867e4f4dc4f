"""What the checker knows of who leads, and how a Modbus leader of the virtual world behaves."""

import host_tests.sim  # noqa: F401  (puts the firmware on the path)
import pytest
from host_tests.sim.invariants import Invariants
from host_tests.sim.leads import CONTEST_MS, READ_LIMIT_MS, Oracle, ReadOracle, SetPoints
from host_tests.sim.modbus_leader import ModbusLeader
from host_tests.sim.world import World, standard_config


def led_world(**leader):
    """(world, leader): a car that charges at 13 A by Modbus, and nobody else."""
    world = World(1, standard_config(modbus=True))
    world.controller.beating = world.controller.setting = False
    world.leaders.append(ModbusLeader(world, "192.168.1.30", 5000, **leader))
    world.invariants = Invariants(world)
    world.plug()
    leader = world.leaders[0]
    leader.reading = leader.setting = True
    leader.want([1300])
    world.run(20000)
    return world, leader


@pytest.mark.parametrize("per_request", [False, True])
def test_a_leader_that_reads_and_sets_is_followed(per_request):
    world, _ = led_world(per_request=per_request)

    assert world.car().current_ca[0] == 1300 and world.invariants.leads.highest_ca(0, world.now_ms) == 1300


def test_the_checker_expects_0_a_80_s_after_the_last_read():
    world, leader = led_world()
    leader.pause(200000)
    before = world.invariants.counts["cut_off"]
    world.run(READ_LIMIT_MS - 6000)
    assert world.invariants.leads.wanted(0, world.now_ms) and world.car().current_ca[0] == 1300
    world.run(9000)

    assert not world.invariants.leads.wanted(0, world.now_ms) and world.car().current_ca[0] == 0
    assert world.invariants.counts["cut_off"] == before + 1


def test_a_leader_dials_again_after_a_reset_of_the_connection_and_of_the_box():
    world, leader = led_world()
    leader.reset()
    world.run(6000)
    world.start_gateway(3)
    world.run(20000)

    assert world.car().current_ca[0] == 1300


def test_of_two_doors_the_checker_allows_the_lower_one_for_a_minute():
    mqtt, modbus = Oracle(60000), ReadOracle()
    point = SetPoints(mqtt)
    point.hear(1600, mqtt, 0)
    point.hear(800, modbus, 1000)

    assert point.contested_ca(2000) == 800
    assert point.contested_ca(CONTEST_MS + 1000) is None


def test_a_replayed_set_point_takes_nothing_from_a_living_leader():
    mqtt, modbus = Oracle(60000), ReadOracle()
    point = SetPoints(mqtt)
    modbus.hear(0)
    point.hear(800, modbus, 0)
    point.hear_replayed(3200, mqtt, 1000)

    assert [set_ca for set_ca, _ in point.candidates(2000)] == [800]


def test_a_set_point_right_before_a_reset_may_have_been_kept_or_not():
    mqtt, modbus = Oracle(60000), ReadOracle()
    point = SetPoints(mqtt)
    point.hear(1600, modbus, 0)
    point.hear(800, modbus, 10000)

    assert {set_ca for set_ca, _ in point.keepable(10050)} == {1600, 800}
    assert [set_ca for set_ca, _ in point.keepable(10500)] == [800]
