"""What the checker of the simulator believes about who leads."""

import pytest

from host_tests.sim.leads import REACTION_MS, Oracle, ReadOracle, SetPoints

pytestmark = pytest.mark.no_cover  # not about the firmware


@pytest.fixture
def mqtt():
    return Oracle(60000)


@pytest.mark.parametrize(("apart_ms", "counting"), [(1, [1000, 599]), (REACTION_MS, [1000, 599]), (REACTION_MS + 1, [599])])
def test_of_two_doors_at_the_same_moment_nobody_can_tell_which_came_last(mqtt, apart_ms, counting):
    """Seeds 32 and 36 of make sim: MQTT was delivered first, and read last."""
    modbus = ReadOracle()
    point = SetPoints(mqtt)
    point.hear(1000, mqtt, 5000)
    point.hear(599, modbus, 5000 + apart_ms)
    later_ms = 5000 + apart_ms + REACTION_MS + 1

    assert [set_ca for set_ca, _ in point.candidates(later_ms)] == counting
    assert point.is_led_by(modbus, later_ms) == (counting == [599])
    point.hear(800, mqtt, 9000)
    assert [set_ca for set_ca, _ in point.candidates(9000 + REACTION_MS + 1)] == [800], "and later ones are clear again"


def test_of_one_door_the_later_one_counts(mqtt):
    point = SetPoints(mqtt)
    point.hear(1000, mqtt, 5000)
    point.hear(600, mqtt, 5001)

    assert point.candidates(5200) == [(600, mqtt)]


@pytest.mark.parametrize(("other", "counting"), [("192.0.2.2", [1600, 0]), ("192.0.2.1", [0])])
def test_of_two_modbus_connections_at_the_same_moment_nobody_can_tell_either(mqtt, other, counting):
    """Seed 141 of make sim: those who are named in the configuration share one heartbeat, and their sockets are asked in turns."""
    both = ReadOracle()
    point = SetPoints(mqtt)
    point.hear(1600, both, 5000, sender="192.0.2.1")
    point.hear(0, both, 5000, sender=other)

    assert [set_ca for set_ca, _ in point.candidates(5000 + REACTION_MS + 1)] == counting
