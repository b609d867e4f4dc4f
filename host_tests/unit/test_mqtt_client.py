"""The client door in virtual time, on umqtt.simple 1.3.4 and on a double with the names of 1.8."""

import mqtt_states as st
import pytest

from host_tests.fakes.broker_link import publish
from host_tests.unit.doors import KEEPALIVE_S, Driver, check_comes_back, check_failed, door, driver, online  # noqa: F401 (fixtures)

WAY_UP = [st.WAITING, st.RESOLVING, st.DIALING, st.GREETING, st.SUBSCRIBING, st.ONLINE]


# -- coming up ------------------------------------------------------------------------------------------------------------


def test_it_comes_up_on_the_drawn_path_and_says_so_at_the_end_only(driver):
    driver.go_online()
    assert driver.path == WAY_UP
    assert driver.link.asked == ("192.0.2.1", 1883)
    assert (driver.client.connects, driver.client.dials_failed, driver.client.last_error) == (1, 0, 0)


def test_connect_is_what_mqtt_3_1_1_prescribes(online):
    assert online.link.writes[0] == b"\x10\x11\x00\x04MQTT\x04\x02\x00\x14\x00\x05box-1"


def test_connect_carries_will_user_and_password(door):
    driver = Driver(door, user="installer", password="hühner", keepalive_s=300)
    driver.client.set_last_will(b"x/fault_state", b"2", True, 1)
    driver.go_online()
    assert driver.link.writes[0] == (
        b"\x10\x37\x00\x04MQTT\x04\xee\x01\x2c\x00\x05box-1\x00\x0dx/fault_state\x00\x012\x00\x09installer\x00\x07h\xc3\xbchner"
    )


def test_connect_and_subscribe_are_one_write_each(online):
    assert len(online.link.writes) == 2
    body = b"\x00\x01\x00\x21openWB/set/internal_chargepoint/#\x00"
    assert online.link.writes[1] == b"\x82" + bytes([len(body)]) + body


def test_nothing_is_written_before_the_link_is_up_and_nothing_published_before_connack(driver):
    driver.broker.connack = None
    driver.run_until(st.GREETING)
    assert not driver.client.publish(b"t", b"1") and driver.client.packet.refused == 1
    driver.client.ping()  # umqtt's own: on a connection that is not MQTT yet it may go out, but after CONNECT
    driver.step()
    assert driver.link.writes[0][0] == 0x10


def test_umqtts_own_methods_write_nothing_without_a_connection_and_do_not_hang(driver):
    driver.link.dial_result = 0
    driver.run_until(st.DIALING)
    driver.client.ping()
    driver.client.subscribe(b"other/#")
    driver.run_s(1)
    assert driver.link.writes == [] and driver.client.packet.start == driver.client.packet.end


def test_messages_that_come_before_suback_are_delivered(driver):
    driver.broker.suback = None
    driver.run_until(st.SUBSCRIBING)
    driver.feed(publish(b"early", b"1", retain=True) + b"\x90\x03\x00\x01\x00")
    assert driver.messages == [(b"early", b"1", True)] and driver.client.online


def test_a_message_that_comes_before_suback_may_be_answered_at_once(driver):
    driver.broker.suback = None
    driver.on_message = lambda topic, payload: driver.client.publish(b"echo", payload)
    driver.run_until(st.SUBSCRIBING)
    driver.feed(publish(b"early", b"1"))
    assert driver.broker.published() == [(b"echo", b"1")]


def test_before_the_first_step_it_is_not_online_and_has_counted_nothing(driver):
    client = driver.client
    assert not client.online and not client.idle()
    assert (client.connects, client.granted, client.dials_failed, client.drops, client.messages, client.bytes_out) == (0, 0, 0, 0, 0, 0)
    assert client.last_error == 0


def test_a_further_subscription_counts_as_answered_when_its_answer_has_come_and_on_this_connection_only(online):
    assert online.client.granted != online.client.connects
    online.broker.suback = None
    online.client.subscribe(b"other/#")
    online.run_s(1)
    assert online.client.granted != online.client.connects
    online.feed(b"\x90\x03\x00\x02\x80")
    assert online.client.granted == online.client.connects == 1 and online.client.online
    online.broker.suback = 0
    online.link.reset = True
    online.step()
    check_comes_back(online)
    assert online.client.granted != online.client.connects == 2


# -- not coming up --------------------------------------------------------------------------------------------------------


def test_an_unknown_name_is_asked_for_again(driver):
    driver.link.name = -1
    driver.run_until(st.RESOLVING)
    check_failed(driver, st.ERR_NAME, 1)
    driver.link.name = 1
    check_comes_back(driver)


def test_a_name_nobody_answers_for_is_given_up_after_20_s(driver):
    driver.link.name = 0
    driver.run_until(st.RESOLVING)
    driver.run_s(19.9)
    assert driver.client.state == st.RESOLVING
    check_failed(driver, st.ERR_NAME, 0.3)


def test_a_refused_dial_fails_at_once(driver):
    driver.link.dial_result = -1
    driver.run_until(st.DIALING)
    check_failed(driver, st.ERR_DIAL, 0.1)
    assert driver.client.dials_failed == 1
    driver.link.dial_result = 1
    check_comes_back(driver)


def test_a_dropped_syn_is_given_up_after_5_s(driver):
    driver.link.dial_result = 0
    driver.run_until(st.DIALING)
    driver.run_s(4.9)
    assert driver.client.state == st.DIALING
    check_failed(driver, st.ERR_DIAL_TIMEOUT, 0.3)
    driver.link.dial_result = 1
    check_comes_back(driver)


def test_a_broker_that_accepts_and_stays_silent_is_left_after_5_s(driver):
    driver.broker.connack = None
    driver.run_until(st.GREETING)
    driver.run_s(4.9)
    assert driver.client.state == st.GREETING
    check_failed(driver, st.ERR_SILENT, 0.3)
    driver.broker.connack = 0
    check_comes_back(driver)


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_a_refusal_in_connack_is_kept_as_it_is(driver, code):
    driver.broker.connack = code
    driver.run_until(st.GREETING)
    check_failed(driver, code, 0.1)
    driver.broker.connack = 0
    check_comes_back(driver)


def test_a_connack_code_that_does_not_exist_is_garbage(driver):
    driver.broker.connack = 6
    driver.run_until(st.GREETING)
    check_failed(driver, st.ERR_GARBAGE, 0.1)


@pytest.mark.parametrize("connack", [b"\x20\x00", b"\x20\x01\x00", b"\x20\x03\x00\x00\x00"])
def test_a_connack_of_another_length_is_garbage(driver, connack):
    driver.broker.connack = None
    driver.run_until(st.GREETING)
    driver.link.inbox += connack
    check_failed(driver, st.ERR_GARBAGE, 0.1)


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_subscription_is_granted_whatever_quality_the_broker_names(driver, code):
    driver.broker.suback = code
    check_comes_back(driver)


def test_a_refused_subscription_ends_the_connection(driver):
    driver.broker.suback = 0x80
    driver.run_until(st.SUBSCRIBING)
    check_failed(driver, st.ERR_SUBSCRIBE, 0.1)
    assert driver.client.connects == 0


def test_a_suback_that_never_comes_ends_the_connection_after_5_s(driver):
    driver.broker.suback = None
    driver.run_until(st.SUBSCRIBING)
    driver.run_s(4.9)
    assert driver.client.state == st.SUBSCRIBING
    check_failed(driver, st.ERR_SILENT, 0.3)


@pytest.mark.parametrize("suback", [b"\x90\x03\x00\x00\x00", b"\x90\x03\x00\x02\x00", b"\x90\x03\x01\x01\x00", b"\x90\x04\x00\x01\x00\x00"])
def test_a_suback_for_another_packet_or_for_two_filters_is_garbage(driver, suback):
    driver.broker.suback = None
    driver.run_until(st.SUBSCRIBING)
    driver.feed(suback)
    assert driver.client.last_error == st.ERR_GARBAGE


def test_a_topic_filter_that_old_umqtt_would_encode_wrongly_is_refused(driver):
    driver.client.topic_filter = b"x" * (st.FILTER_BYTES + 1)
    driver.run_until(st.GREETING)
    check_failed(driver, st.ERR_SUBSCRIBE, 0.1)
    driver.client.topic_filter = b"x" * st.FILTER_BYTES
    check_comes_back(driver)
    assert driver.broker.packets[-1] == (0x82, b"\x00\x01\x00\x7a" + b"x" * 122 + b"\x00")


def test_a_connect_that_does_not_fit_is_not_sent_in_part(door):
    driver = Driver(door, user="u" * 300, password="p" * 300)
    driver.run_until(st.DIALING)
    driver.step()
    check_failed(driver, st.ERR_TOO_BIG, 0.1)
    assert driver.link.writes == []


# -- staying up, and losing it --------------------------------------------------------------------------------------------


def test_a_pingreq_goes_out_every_half_keepalive_time(online):
    online.broker.packets.clear()
    online.run_s(10 * KEEPALIVE_S)
    assert 19 <= online.broker.heads().count(0xC0) <= 20
    assert online.client.online and online.client.drops == 0


def test_publishing_does_not_replace_the_pingreq(online):
    """Only its answer tells that the broker still reads."""
    online.broker.packets.clear()
    for _ in range(KEEPALIVE_S * 10):
        online.client.publish(b"t", b"1")
        online.run_s(0.1)
    assert online.broker.heads().count(0xC0) >= 1


def test_a_missing_pingresp_ends_the_connection_within_one_keepalive_time(online):
    online.broker.pings = False
    took_s = online.run_until(st.WAITING)
    assert took_s <= KEEPALIVE_S + 0.1
    check_failed(online, st.ERR_NO_PINGRESP, 0.1)
    assert online.client.drops == 1
    online.broker.pings = True
    check_comes_back(online)
    online.run_s(60)
    assert online.client.drops == 1, "the answer that was missing counts against the new connection"


def test_a_broker_that_takes_no_bytes_is_left_after_half_the_keepalive_time(online):
    online.link.room = 0
    online.client.publish(b"t", b"1")
    took_s = online.run_until(st.WAITING)
    assert KEEPALIVE_S / 2 - 0.1 <= took_s <= KEEPALIVE_S / 2 + 0.1
    check_failed(online, st.ERR_STALLED, 0.1)
    online.link.room = None
    check_comes_back(online)


def test_while_the_broker_takes_no_bytes_the_loop_does_not_spin_not_even_when_a_pingreq_is_due(online):
    online.run_s(KEEPALIVE_S / 4)
    online.link.room = 0
    online.client.publish(b"t", b"1")
    for _ in range(KEEPALIVE_S * 50 - 10):
        online.step()
        assert online.client.wait_ms(online.now_ms) > 0
    assert online.client.online


def test_a_pingreq_waits_for_room_and_a_short_stall_costs_no_connection(online):
    online.run_s(KEEPALIVE_S / 2 - 1)
    online.link.room = 0
    assert online.client.publish(b"t", b"x" * 506) and not online.client.packet.reserve(1)
    online.run_s(3)
    online.link.room = None
    online.run_s(3 * KEEPALIVE_S)
    assert online.client.online and online.client.connects == 1


def test_half_a_packet_and_then_nothing_ends_by_the_missing_pingresp(online):
    online.link.inbox += publish(b"topic", b"x" * 50)[:20]
    online.broker.pings = False
    online.run_until(st.WAITING, KEEPALIVE_S + 1)
    check_failed(online, st.ERR_NO_PINGRESP, 0.1)
    online.broker.pings = True
    check_comes_back(online)
    online.feed(publish(b"topic", b"whole"))
    assert online.messages == [(b"topic", b"whole", False)]


def test_a_reset_is_seen_at_the_next_step(online):
    online.link.reset = True
    online.step()
    check_failed(online, st.ERR_CLOSED, 0.1)
    check_comes_back(online)
    assert online.client.connects == 2


def test_a_reset_that_shows_in_a_write_is_seen_by_flush(online):
    """Between two steps the owner publishes: the loss is known when flush returns."""
    online.client.packet.open_publish(b"a/", b"b")
    online.client.packet.close_publish(True)
    online.link.reset = True
    online.client.flush(online.now_ms)
    assert not online.client.online and not online.client.idle()
    check_failed(online, st.ERR_CLOSED, 0.1)


def test_a_broker_that_restarts_again_and_again_is_found_every_time(online):
    for n in range(2, 8):
        online.link.reset = True
        online.step()
        online.link.dial_result = -1
        online.run_s(3)
        online.link.dial_result = 1
        check_comes_back(online)
        assert online.client.connects == n
    assert online.path.count(st.ONLINE) == 7


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x00",
        b"\xf0\x00",
        b"\x10\x00",  # CONNECT
        b"\x20\x02\x00\x00",  # a second CONNACK
        b"\x82\x05\x00\x01\x00\x00\x00",  # SUBSCRIBE
        b"\xd0\x01\x00",
        b"\xd1\x00",
        b"\x40\x03\x00\x01\x00",
        b"\x40\x01\x00",
        b"\xb0\x00",
        b"\x90\x02\x00\x01",
        b"\x30\x05\x00\x09abc",
        b"\x34\x06\x00\x01t\x00\x01x",
        b"\x30\xff\xff\xff\xff\x01",
    ],
)
def test_what_no_broker_may_say_ends_the_connection_and_nothing_else(online, garbage):
    online.link.inbox += garbage
    online.run_until(st.WAITING, 1)
    check_failed(online, st.ERR_GARBAGE, 0.1)
    assert online.messages == []
    check_comes_back(online)


def test_what_followed_the_garbage_is_not_taken_for_the_next_connection(online):
    online.link.inbox += b"\xf0\x00" + publish(b"old", b"1")
    online.run_until(st.WAITING, 1)
    check_comes_back(online)
    assert (online.client.connects, online.client.dials_failed, online.messages) == (2, 0, [])


def test_what_the_owner_built_on_a_lost_connection_is_never_sent(online):
    online.link.reset = True
    online.step()
    online.client.packet.open_publish(b"a/", b"b")
    online.client.packet.close_publish(True)
    online.client.flush(online.now_ms)
    online.link.writes.clear()
    check_comes_back(online)
    assert [data[0] for data in online.link.writes] == [0x10, 0x82]


def test_text_that_looks_like_a_long_packet_ends_by_the_missing_pingresp_at_the_latest(online):
    online.link.inbox += b"HTTP/1.1 400 Bad Request\r\n\r\n"
    assert online.run_until(st.WAITING) <= KEEPALIVE_S + 0.1
    assert online.messages == []
    check_comes_back(online)


def test_a_message_before_connack_is_garbage(driver):
    driver.broker.connack = None
    driver.run_until(st.GREETING)
    driver.link.inbox += publish(b"t", b"1")
    driver.step()
    driver.step()
    check_failed(driver, st.ERR_GARBAGE, 0.1)
    assert driver.messages == []


def test_puback_and_unsuback_are_taken_quietly(online):
    online.feed(b"\x40\x02\x00\x01\xb0\x02\x00\x02")
    assert online.client.online
