"""Who may set, who is told of it, and bridges: brokers that replay what they have kept."""

import points
import pytest
from topics import TOLD

from host_tests.fakes.peer import subscribe
from host_tests.unit.broker_bench import COPY, GET, HEARTBEAT, ROOT, SET, SET_CURRENT, Box, echo_of_16

BRIDGE_WILL = (b"$SYS/broker/connection/ha/state", b"0", 1, True)


@pytest.fixture
def box():
    return Box()


# -- who may set ----------------------------------------------------------------------------------------------------------


def test_only_the_listed_addresses_may_set_and_all_may_read():
    box = Box(controllers=["192.168.1.10", "192.168.1.11"])
    stranger, friend = box.subscriber(GET, address="192.168.1.99"), box.client(address="192.168.1.11")
    observer = box.subscriber(b"openWB/set/#", address="192.168.1.98")
    box.set(stranger, SET_CURRENT, b"32", qos=1)
    assert (box.broker.refused, box.broker.sets, box.inbox.accepted) == (1, 0, 0)
    assert (0x40, b"\0\1") in stranger.take() and observer.messages() == []
    box.set(friend, SET_CURRENT, b"16")
    assert box.points[0].wish.current_ca(box.now_ms) == 1600 and len(observer.messages()) == 2 and box.broker.sets == 1
    box.run_ms(1500)
    assert stranger.open and len(stranger.messages()) >= len(TOLD)


def test_an_empty_list_lets_nobody_set():
    box = Box(controllers=[])
    box.set(box.client(), SET_CURRENT, b"16")
    assert box.broker.refused == 1 and box.inbox.accepted == 0


def test_with_first_come_the_first_accepted_set_pins_its_address():
    box = Box(controllers="first")
    one, two = box.client(address="192.168.1.10"), box.client(address="192.168.1.11")
    box.set(two, SET_CURRENT, b"nonsense")
    box.set(two, b"openWB/set/isss/Current", b"16")
    box.set(one, SET_CURRENT, b"10")
    box.set(two, SET_CURRENT, b"32")
    assert box.points[0].wish.current_ca(box.now_ms) == 1000
    assert box.broker.controllers == ["192.168.1.10"] and box.broker.refused == 1
    box.set(box.client(address="192.168.1.10"), SET_CURRENT, b"12")
    assert box.points[0].wish.current_ca(box.now_ms) == 1200


def test_the_owner_hears_who_sent_what_was_accepted(box):
    heard = []
    box.broker.on_set = lambda *args: heard.append(args)
    one, two = box.client(address="192.168.1.10"), box.client(address="192.168.1.11")
    box.set(one, HEARTBEAT, b'{"heartbeat": 5}', retain=True)
    box.set(two, SET_CURRENT, b"16")
    box.set(two, SET_CURRENT, b"160")
    assert [(topic, payload, replayed, address) for topic, payload, replayed, address, _ in heard] == [
        (HEARTBEAT, b'{"heartbeat": 5}', False, "192.168.1.10"), (SET_CURRENT, b"16", False, "192.168.1.11"),
    ]  # fmt: skip
    assert heard[0][4].slot.peer is one and heard[1][4].slot.peer is two


def test_the_sender_is_known_while_the_inbox_decides(box):
    seen = []
    offer = box.inbox.offer

    def spying(*args):
        seen.append(box.inbox.sender)
        offer(*args)

    box.inbox.offer = spying
    box.set(box.client(address="192.168.1.77"), SET_CURRENT, b"16")
    assert seen == ["192.168.1.77"]


def test_an_accepted_set_makes_a_controller_and_a_heartbeat_the_one_that_stays(box):
    clients = [box.client() for _ in range(3)]
    slots = [next(slot for slot in box.pool.slots if slot.peer is client) for client in clients]
    box.set(clients[0], SET_CURRENT, b"rejected")
    box.set(clients[1], SET_CURRENT, b"16")
    box.set(clients[2], HEARTBEAT, b'{"heartbeat": 5}')
    assert [slot.controller for slot in slots] == [False, True, True]
    assert box.pool.heartbeat_slot is slots[2]
    box.set(clients[1], HEARTBEAT, b'{"heartbeat": 6}')
    assert box.pool.heartbeat_slot is slots[1]
    box.set(clients[0], HEARTBEAT, b'{"heartbeat": null}')
    assert box.pool.heartbeat_slot is slots[1]


# -- bridges --------------------------------------------------------------------------------------------------------------

BRIDGES = {"private protocol": {"level": 0x84}, "a will on the bridge's topic": {"will": BRIDGE_WILL}}


@pytest.mark.parametrize("name", BRIDGES)
def test_what_a_bridge_sends_with_the_retain_bit_is_a_replay(name):
    box = Box(heartbeat_alive=False)
    bridge = box.client(b"bridge", **BRIDGES[name])
    for stamp in range(1, 5):
        box.set(bridge, HEARTBEAT, b'{"heartbeat": %d}' % stamp, retain=True)
    assert box.heartbeat.reason and box.inbox.replays == 4
    box.set(bridge, SET + b"0/data/trigger_phase_switch", b"true", retain=True)
    assert box.points[0].image.value[points.P_NOTICE] is None
    for stamp in range(5, 7):
        box.set(bridge, HEARTBEAT, b'{"heartbeat": %d}' % stamp)
    assert not box.heartbeat.reason, "live ones count"


@pytest.mark.parametrize(("level", "retain", "asked"), [(4, False, True), (4, True, True), (0x84, False, True), (0x84, True, False)])
def test_a_question_for_the_events_that_a_bridge_replays_is_not_asked_again(box, level, retain, asked):
    box.set(box.client(b"a", level=level), box.inbox.ask_topic, b"", retain=retain)
    assert box.inbox.asked == asked


def test_what_a_primary_sends_with_the_retain_bit_is_live():
    box = Box(heartbeat_alive=False)
    for stamp in range(1, 3):
        box.set(box.client(), HEARTBEAT, b'{"heartbeat": %d}' % stamp, retain=True)
    assert not box.heartbeat.reason and box.inbox.replays == 0


def test_a_bridge_gets_the_retain_bit_as_it_is_kept_so_that_its_broker_keeps_and_forgets_the_same(box):
    bridge = box.client(b"bridge", level=0x84)
    bridge.send(subscribe(b"openWB/#"))
    box.settle()
    assert all(retained for _, _, retained in bridge.messages())
    box.run_ms(1000)
    assert all(retained for _, _, retained in bridge.messages())
    box.set(box.client(), SET_CURRENT, b"16", retain=True)
    assert [m for m in bridge.messages() if b"current" in m[0] and b"get" not in m[0]] == [
        (SET_CURRENT, b"16", True), (COPY, b"16", True), (SET_CURRENT, b"", True),
    ]  # fmt: skip


def test_a_bridge_does_not_get_its_own_message_back_but_copy_and_wipe(box):
    bridge = box.client(b"bridge", level=0x84)
    observer = box.subscriber(SET_CURRENT, COPY)
    bridge.send(subscribe(b"openWB/set/#", ROOT + b"0/data/#"))
    box.settle()
    bridge.take()
    box.set(bridge, SET_CURRENT, b"16")
    assert bridge.messages() == [(COPY, b"16", True), (SET_CURRENT, b"", True)]
    assert observer.messages() == echo_of_16()
