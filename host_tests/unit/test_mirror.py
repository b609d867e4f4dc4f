"""The mirror: what a charge point tells, once more below openWB/chargepoint/<id>/, for those who read only that tree."""

import pytest
from topics import TOLD

from host_tests.sim.world import World, standard_config

OWN = b"openWB/internal_chargepoint/%d/"
MIRROR = b"openWB/chargepoint/%d/"


def world_of(mode, charge_points=1, mirror=(7,)):
    config = standard_config(charge_points, mode=mode)
    world = World(config={**config, "mqtt": {**config["mqtt"], "mirror": list(mirror) or None}})
    world.plug(0)
    world.run(15000)
    return world


def told(world, root):
    return {topic[len(root) :]: payload for topic, payload in world.broker.retained.items() if topic.startswith(root)}


@pytest.mark.parametrize("mode", ["client", "broker"])
@pytest.mark.parametrize("charge_points, mirror", [(1, [7]), (2, [0, 1]), (2, [12])])
def test_a_mirror_tells_the_same(mode, charge_points, mirror):
    world = world_of(mode, charge_points, mirror)
    for cp, number in enumerate(mirror):
        mirrored = told(world, MIRROR % number)
        own = told(world, OWN % cp)
        assert set(mirrored) == {row[0] for row in TOLD}
        same = [name for name in mirrored if mirrored[name] == own[name]]
        assert len(same) >= len(mirrored) - 3  # what has just changed
    assert len([topic for topic in world.broker.retained if topic.startswith(b"openWB/chargepoint/")]) == len(mirror) * len(TOLD)


@pytest.mark.parametrize("mode", ["client", "broker"])
def test_without_one_nothing_is_there(mode):
    world = world_of(mode, mirror=())
    assert not [topic for topic in world.broker.retained if topic.startswith(b"openWB/chargepoint/")]


@pytest.mark.parametrize("mode", ["client", "broker"])
def test_a_mirror_takes_nothing(mode):
    world = world_of(mode)
    assert world.gateway.points[0].evse.raw == 1600
    for topic in (b"openWB/set/chargepoint/7/data/set_current", b"openWB/set/chargepoint/7/set/current", MIRROR % 7 + b"data/set_current"):
        world.broker.send(topic, b"32")
    world.run(2000)
    assert world.gateway.points[0].evse.raw == 1600
