"""The ring of events: what happened is in it, in order, as often as it happened, and in words for whoever asks."""

import event_text
import events
import pytest
from clock import TICKS_MASK, elapsed_ms
from events import EVENTS, K_DECISION, K_SET_POINT, Events
from host_tests.sim.world import World
from safety import R_HEARTBEAT_LOST
from service import tell_events


def all_of(ring, kind):
    """(a, b) of the events of this kind that are still there."""
    numbers = range(max(0, ring.count - EVENTS), ring.count)
    return [(ring.a[n % EVENTS], ring.b[n % EVENTS]) for n in numbers if ring.kind[n % EVENTS] == kind]


@pytest.fixture(scope="module")
def world():
    """A car charges, then the controller falls silent."""
    world = World(1)
    world.plug()
    world.run(20000)
    world.controller.beating = False
    world.run(70000)
    return world


def test_the_newest_take_the_place_of_the_oldest():
    ring = Events(1, 2)
    for n in range(EVENTS + 3):
        ring.now_ms = n
        ring.note(events.K_ONLINE, 0, n)

    assert ring.count == EVENTS + 3
    assert sorted(ring.b) == list(range(3, EVENTS + 3))
    assert ring.at_ms[ring.count % EVENTS] == 3


def test_an_old_event_does_not_look_young_again_when_the_clock_wraps():
    ring = Events(1, 2)
    ring.now_ms = start_ms = TICKS_MASK - 1000
    ring.note(events.K_START, 0, 0)
    for minutes in range(1, 26 * 24 * 60):
        ring.now_ms = (start_ms + minutes * 60000) & TICKS_MASK
        if minutes == 20000:
            ring.note(events.K_CLEARED, 0, 0)
        ring.look(False)
        age_s = elapsed_ms(ring.now_ms, ring.at_ms[0]) // 1000
        assert age_s >= min(minutes * 60, 12 * 86400), "it says %d s after %d min" % (age_s, minutes)
    told = event_text.lines(ring, ring.now_ms)
    assert [line.split()[-1] for line in told] == ["start", "box"]
    assert min(int(line.split()[0]) for line in told) >= 12 * 86400


def test_a_decision_is_noted_when_it_changes_and_only_then(world):
    limits = [(a >> 8, b) for a, b in all_of(world.gateway.events, K_DECISION)]

    assert limits[-2:] == [(0, 1600), (R_HEARTBEAT_LOST, 0)]
    assert all(first != second for first, second in zip(limits, limits[1:]))


def test_a_set_point_is_noted_with_its_door(world):
    assert all_of(world.gateway.events, K_SET_POINT) == [(0, 1600)]


def test_steady_state_adds_nothing(world):
    before = world.gateway.events.count
    world.run(30000)

    assert world.gateway.events.count == before


def test_events_are_told_in_words_on_the_console(world, capsys):
    tell_events(world.gateway.events, world.tick())
    told = capsys.readouterr().out.splitlines()

    assert len(told) == world.gateway.events.count < EVENTS
    assert told[-2].endswith("heartbeat MQTT: heartbeat lost")
    assert told[0].startswith("ladepunkt: event ") and told[0].endswith("cp 0: limit 0.00 A: EVSE does not answer")


def test_every_kind_has_words():
    kinds = {name: value for name, value in vars(events).items() if name.startswith("K_")}

    for name, kind in kinds.items():
        assert "event %d" % kind not in event_text.text(kind, 0, 0), name
    assert len(set(kinds.values())) == len(kinds)


def test_a_local_action_is_noted():
    world = World(1)
    world.gateway.clear(world.tick())

    assert all_of(world.gateway.events, events.K_CLEARED) == [(0, 0)]
