"""However the bytes of a conversation are cut, the broker understands the same."""

import broker_session as bs
import pytest

from host_tests.fakes.peer import CONNACK, DISCONNECT, PINGREQ, connect, publish, split, subscribe
from host_tests.unit.broker_bench import COPY, SET_CURRENT, Box

CONVERSATION = (
    connect(b"split", keepalive_s=60)
    + subscribe(b"openWB/set/#", COPY)
    + publish(SET_CURRENT, b"16", qos=1, packet_id=3)
    + PINGREQ
    + publish(b"elsewhere", b"x" * 200, qos=2, packet_id=4)
    + b"\x62\x02\x00\x04"
    + publish(SET_CURRENT, b"10", retain=True)
    + DISCONNECT
)


def answers(feed):
    """What a client gets for CONVERSATION; feed(client, box) hands the bytes over."""
    box = Box()
    client = box.dial()
    feed(client, box)
    box.settle()
    assert client.closed_by_box and box.ended() == {bs.BY_DISCONNECT: 1}
    box.check_idle()
    return sorted(split(client.received))


def whole(client, box):
    client.send(CONVERSATION)


def test_the_answers_to_a_conversation_in_one_piece():
    found = answers(whole)
    assert found.count((0x20, b"\0\0")) == 1 and found.count((0x90, b"\0\1\0\0")) == 1 and found.count((0xD0, b"")) == 1
    assert found.count((0x40, b"\0\3")) == 1 and found.count((0x50, b"\0\4")) == 1 and found.count((0x70, b"\0\4")) == 1
    assert len([1 for head, _ in found if head == 0x30]) == 3, "the second echo is for who is still there"


def test_the_same_when_it_is_cut_in_two_anywhere():
    expected = answers(whole)
    for at in range(1, len(CONVERSATION)):

        def cut(client, box, at=at):
            client.send(CONVERSATION[:at])
            box.run_ms(50)
            client.send(CONVERSATION[at:])

        got = answers(cut)
        assert [packet for packet in got if packet[0] != 0x30] == [packet for packet in expected if packet[0] != 0x30], at
        assert len(got) >= len(expected)


@pytest.mark.parametrize("portion", [1, 2, 3, 7, 50, 96, 97])
def test_the_same_in_small_portions(portion):
    def slowly(client, box):
        client.portion = portion
        client.send(CONVERSATION)

    got = answers(slowly)
    assert [packet for packet in got if packet[0] != 0x30] == [packet for packet in answers(whole) if packet[0] != 0x30]


def test_connect_and_what_follows_may_come_before_the_connack():
    box = Box()
    client = box.dial()
    client.send(connect() + publish(SET_CURRENT, b"16"))
    box.settle()
    assert bytes(client.received) == CONNACK and box.inbox.accepted == 1
