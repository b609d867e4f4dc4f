"""What goes through the client door once it is open: messages in, messages out."""

import mqtt_states as st
import pytest
from mqtt_client import PACKET_BYTES

from host_tests.fakes.broker_link import packet, publish
from host_tests.unit.doors import KEEPALIVE_S, door, driver, online  # noqa: F401 (fixtures)

# -- in -------------------------------------------------------------------------------------------------------------------


def test_topic_and_payload_are_delivered_as_bytes(online):
    online.feed(publish(b"a/b", b"16.5"))
    assert online.messages == [(b"a/b", b"16.5", False)]
    assert online.client.messages == 1


@pytest.mark.parametrize("portion", [1, 2, 3, 7, 100])
def test_messages_are_delivered_whatever_portions_they_come_in(online, portion):
    online.link.portion = portion
    online.link.inbox += publish(b"a", b"1") + b"\xd0\x00" + publish(b"b", b"x" * 400, retain=True) + publish(b"c", b"")
    online.run_s(10)
    assert online.messages == [(b"a", b"1", False), (b"b", b"x" * 400, True), (b"c", b"", False)]


def test_the_retain_bit_tells_replays_after_a_subscription_from_live_messages(driver):
    driver.broker.replays = [(b"set/a", b"1"), (b"set/b", b"2")]
    driver.go_online()
    driver.feed(publish(b"set/a", b"3"))
    assert driver.messages == [(b"set/a", b"1", True), (b"set/b", b"2", True), (b"set/a", b"3", False)]


def test_one_step_delivers_one_message_and_wants_the_next_step_at_once(online):
    online.link.inbox += publish(b"a", b"1") + publish(b"b", b"2")
    online.step()
    assert len(online.messages) == 1 and online.client.wait_ms(online.now_ms) == 0
    online.step()
    assert len(online.messages) == 2 and online.client.wait_ms(online.now_ms) > 0


def test_while_held_nothing_is_delivered_and_nothing_is_lost(online):
    def hold(topic, payload):
        online.client.hold = True

    online.on_message = hold
    online.link.inbox += publish(b"a", b"1") + publish(b"b", b"2")
    online.run_s(1)
    assert online.messages == [(b"a", b"1", False)]
    assert online.client.wait_ms(online.now_ms) > 0, "it would spin"
    online.client.hold = False
    online.run_s(1)
    assert online.messages == [(b"a", b"1", False), (b"b", b"2", False)]


def test_a_hold_that_is_never_taken_back_does_not_keep_a_dead_connection(online):
    online.client.hold = True
    assert online.run_until(st.WAITING) <= KEEPALIVE_S + 0.1


def test_a_hold_from_the_last_connection_does_not_stop_the_next_one_coming_up(online):
    online.client.hold = True
    online.link.reset = True
    online.run_until(st.WAITING)
    online.run_until(st.ONLINE)
    assert online.client.connects == 2


def test_a_message_longer_than_the_buffer_is_skipped_and_counted_and_the_next_one_is_delivered(online):
    online.feed(publish(b"big", b"x" * (PACKET_BYTES - 4)) + publish(b"small", b"1"))
    assert online.messages == [(b"small", b"1", False)]
    assert online.client.inbound.oversize == 1 and online.client.online


def test_a_message_that_just_fits_is_delivered(online):
    online.feed(publish(b"big", b"x" * (PACKET_BYTES - 5)))
    assert len(online.messages) == 1 and online.client.inbound.oversize == 0


def test_a_huge_message_costs_one_chunk_per_step(online):
    online.link.inbox += publish(b"huge", b"x" * 100000) + publish(b"small", b"1")
    left = len(online.link.inbox)
    for _ in range(500):
        online.step()
        assert left - len(online.link.inbox) <= 256
        left = len(online.link.inbox)
    assert online.messages == [(b"small", b"1", False)]


def test_a_qos_1_message_is_acknowledged_once_by_its_id(online):
    online.broker.packets.clear()
    online.feed(publish(b"a", b"1", qos=1, packet_id=0x1234))
    assert online.messages == [(b"a", b"1", False)]
    assert online.broker.packets == [(0x40, b"\x12\x34")]


def test_a_qos_1_message_that_is_too_long_is_acknowledged_too_or_the_broker_would_wait_for_ever(online):
    online.broker.packets.clear()
    online.feed(publish(b"a", b"x" * 1000, qos=1, packet_id=2))
    assert online.messages == [] and online.broker.packets == [(0x40, b"\x00\x02")]


@pytest.mark.parametrize(("topic_bytes", "receipts"), [(PACKET_BYTES - 5, 1), (PACKET_BYTES - 4, 1), (PACKET_BYTES - 3, 0), (PACKET_BYTES, 0)])
def test_a_message_that_is_too_long_is_acknowledged_as_long_as_its_id_lies_within_the_buffer(online, topic_bytes, receipts):
    online.broker.packets.clear()
    online.feed(publish(b"t" * topic_bytes, b"xyz", qos=1, packet_id=7) + publish(b"a", b"1"))
    assert online.broker.packets == [(0x40, b"\x00\x07")] * receipts
    assert online.messages == [(b"a", b"1", False)]


def test_no_message_is_taken_while_there_is_no_room_for_its_receipt(online):
    online.link.room = 0
    while online.client.publish(b"t", b"x" * 93) or online.client.publish(b"t", b""):
        pass
    online.link.inbox += publish(b"a", b"1", qos=1, packet_id=3)
    online.run_s(1)
    assert online.messages == []
    online.link.room = None
    online.run_s(1)
    assert online.messages == [(b"a", b"1", False)] and online.broker.packets[-1] == (0x40, b"\x00\x03")


# -- out ------------------------------------------------------------------------------------------------------------------


def test_a_steady_publish_is_one_write(online):
    online.link.writes.clear()
    packet_ = online.client.packet
    assert online.client.idle() and packet_.open_publish(b"a/", b"b")
    packet_.buf[packet_.end] = 0x37
    packet_.end += 1
    packet_.close_publish(True)
    assert not online.client.idle()
    online.client.flush(online.now_ms)
    assert online.link.writes == [b"\x31\x06\x00\x03a/b7"]
    assert online.client.idle()


def test_what_the_owner_publishes_between_two_steps_wants_the_next_one_at_once(online):
    online.run_s(1)
    assert online.client.wait_ms(online.now_ms) > 0
    online.client.publish(b"t", b"1")
    assert online.client.wait_ms(online.now_ms) == 0
    online.step()
    assert online.client.wait_ms(online.now_ms) > 0


def test_an_echo_from_within_the_callback_goes_out_in_the_same_step_as_one_write(online):
    online.on_message = lambda topic, payload: online.client.publish(b"echo", payload, retain=True)
    online.link.inbox += publish(b"a", b"7")
    online.link.writes.clear()
    online.step()
    assert online.link.writes == [b"\x31\x07\x00\x04echo7"]


def test_a_partial_write_is_continued_byte_for_byte(online):
    online.broker.packets.clear()
    expected = []
    for i in range(20):
        online.link.room = i
        payload = b"%d" % i * 40
        assert online.client.publish(b"t", payload)
        expected.append((b"t", payload))
        online.step()
        online.link.room = None
        online.step()
    assert online.broker.published() == expected


def test_messages_queue_behind_a_tail_that_the_link_did_not_take(online):
    online.broker.packets.clear()
    online.link.room = 5
    online.client.publish(b"t", b"a" * 200)
    online.step()
    assert online.client.publish(b"t", b"b" * 200)
    online.step()
    online.link.room = 150
    online.step()
    assert online.client.publish(b"t", b"c" * 200), "the sent part was not reused"
    online.link.room = None
    online.step()
    assert online.broker.published() == [(b"t", b"a" * 200), (b"t", b"b" * 200), (b"t", b"c" * 200)]


def test_a_message_that_does_not_fit_is_refused_counted_and_leaves_no_trace(online):
    online.broker.packets.clear()
    assert not online.client.publish(b"t", b"x" * PACKET_BYTES)
    assert online.client.packet.refused == 1
    assert online.client.publish(b"t", b"1")
    online.step()
    assert online.broker.packets == [(0x30, b"\x00\x01t1")]


def test_qos_1_goes_out_with_a_new_id_and_without_waiting_and_qos_2_is_refused(online):
    online.broker.packets.clear()
    assert online.client.publish(b"t", b"1", qos=1) and online.client.publish(b"t", b"2", True, 1)
    assert not online.client.publish(b"t", b"3", qos=2)
    online.step()
    assert online.broker.packets == [(0x32, b"\x00\x01t\x00\x021"), (0x33, b"\x00\x01t\x00\x032")]


def test_packet_ids_go_around_without_ever_being_0(online):
    online.client.pid = 0xFFFF
    online.broker.packets.clear()
    online.client.publish(b"t", b"", qos=1)
    online.step()
    assert online.broker.packets == [(0x32, b"\x00\x01t\x00\x01")]


def test_what_waited_when_the_connection_was_lost_is_not_sent_on_the_next_one(online):
    online.link.room = 3
    online.client.publish(b"old", b"1")
    online.step()
    online.link.reset = True
    online.step()
    online.link.room = None
    online.broker.packets.clear()
    online.run_until(st.ONLINE)
    assert online.client.connects == 2
    online.run_s(1)
    assert online.broker.heads() == [0x10, 0x82]


def test_bytes_out_counts_what_the_link_took_and_wraps_as_a_small_integer(online):
    online.client.bytes_out = (1 << 30) - 3
    online.client.publish(b"t", b"")
    online.step()
    assert online.client.bytes_out == 2


def test_every_change_of_state_is_announced_as_an_episode(driver):
    for state in (st.RESOLVING, st.DIALING, st.GREETING, st.SUBSCRIBING, st.ONLINE):
        driver.client.episode = False
        driver.run_until(state)
        assert driver.client.episode
    driver.client.episode = False
    driver.link.reset = True
    driver.step()
    assert driver.client.state == st.WAITING and driver.client.episode


def test_a_message_of_the_owner_is_announced_as_an_episode(online):
    online.client.episode = False
    online.run_s(1)
    assert not online.client.episode
    online.feed(packet(0x30, b"\x00\x01t1"))
    assert online.client.episode
