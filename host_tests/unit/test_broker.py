"""Coming and going at the broker: CONNECT in all its forms, take-over, keepalive, and every way a connection ends."""

import broker_session as bs
import pytest
from connections import BODY_BYTES

from host_tests.fakes.peer import CONNACK, DISCONNECT, PINGREQ, connect, encoded, publish, subscribe, text, unsubscribe
from host_tests.unit.broker_bench import GET, HEARTBEAT, SET_CURRENT, Box


@pytest.fixture
def box():
    return Box()


def answer(box, data):
    """What the box sends before it comes to rest, and the client."""
    client = box.dial().send(data)
    box.settle()
    return bytes(client.received), client


# -- CONNECT --------------------------------------------------------------------------------------------------------------

WELCOME = {
    "a primary that publishes: no client id": connect(b""),
    "a collector: 69 bytes of id": connect(b"openWB-subscribeSeriesChargepoint3-snnumber1234567-1795327212.5831234"),
    "an id of 128 bytes": connect(b"x" * 128),
    "a session that should persist": connect(b"id", clean=False),
    "MQTT 3.1": connect(b"old", level=3),
    "no keepalive": connect(b"a", keepalive_s=0),
    "user and password that nobody asked for": connect(b"a", user=b"u", password=b"p"),
    "a user without a password": connect(b"a", user=b"u"),
    "an empty password": connect(b"a", user=b"u", password=b""),
    "a will": connect(b"a", will=(b"a/b", b"gone", 0, False)),
    "a will with QoS 2 and retain": connect(b"a", will=(b"a/b", b"", 2, True)),
    "a bridge of Mosquitto, private": connect(b"ha.bridge", level=0x84, clean=False, will=(b"$SYS/broker/connection/ha/state", b"0", 1, True)),
    "a bridge of Mosquitto with 3.1": connect(b"ha.bridge", level=0x83),
    "the longest packet": connect(b"x" * 128, will=(b"w" * 80, b"m" * 20, 0, False), user=b"u" * 64, password=b"p" * 64),
}


@pytest.mark.parametrize("name", WELCOME)
def test_welcome(box, name):
    data, client = answer(box, WELCOME[name])
    assert data == CONNACK and client.open
    assert box.broker.online() == 1 and box.broker.connects == 1


V5 = encoded(0x10, text(b"MQTT") + b"\x05\x02\x00\x3c" + b"\x05\x11\x00\x00\x00\x0a" + text(b"five"))
REFUSED = {
    "MQTT 5 in its own words": (V5, b"\x20\x03\x00\x84\x00"),
    "a level nobody knows": (connect(b"a", level=6), b"\x20\x02\x00\x01"),
    "level 0": (connect(b"a", level=0), b"\x20\x02\x00\x01"),
    "an id of 129 bytes": (connect(b"x" * 129), b"\x20\x02\x00\x02"),
    "no id for a session that should persist": (connect(b"", clean=False), b"\x20\x02\x00\x02"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(box, name):
    data, expected = REFUSED[name]
    got, client = answer(box, data)
    assert got == expected and client.closed_by_box
    assert box.ended() == {bs.REFUSED: 1} and box.broker.connects == 0
    box.check_idle()


def flagged(flags, rest=b""):
    return encoded(0x10, text(b"MQTT") + bytes([4, flags]) + b"\0\x3c" + text(b"a") + rest)


NOT_MQTT = {
    "another protocol": connect(b"a", name=b"MQXX"),
    "the name of 3.1 with the level of 3.1.1": connect(b"a", name=b"MQIsdp"),
    "the name of 3.1.1 with the level of 3.1": connect(b"a", level=3, name=b"MQTT"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: box\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an empty CONNECT": encoded(0x10, b""),
    "a name that is longer than anything": encoded(0x10, b"\xff\xffMQTT\x04\x02\0\x3c\0\1a"),
    "a CONNECT that ends after the level": encoded(0x10, text(b"MQTT") + b"\x04"),
    "a reserved flag": flagged(0x03),
    "a will with QoS 3": flagged(0x1E, text(b"w") + text(b"m")),
    "a will QoS without a will": flagged(0x0A),
    "a will retain without a will": flagged(0x22),
    "a will without a topic": flagged(0x06, text(b"") + text(b"m")),
    "a will cut short": flagged(0x06, text(b"w")),
    "a password without a user": flagged(0x42, text(b"p")),
    "a password that is announced and missing": flagged(0xC2, text(b"u")),
    "bytes behind the last field": flagged(0x02, b"x"),
    "an id that is longer than the packet": encoded(0x10, text(b"MQTT") + b"\x04\x02\0\x3c\x00\x09a"),
    "an id that is not UTF-8": connect(b"\xff\xfe"),
    "an id with a NUL": connect(b"a\0b"),
    "flags in the first byte": b"\x11" + connect(b"a")[1:],
    "a publish before CONNECT": publish(SET_CURRENT, b"16"),
    "a ping before CONNECT": PINGREQ,
    "a DISCONNECT before CONNECT": DISCONNECT,
    "a subscription before CONNECT": subscribe(b"#"),
    "five length bytes": b"\x10\xff\xff\xff\xff\x01",
}


@pytest.mark.parametrize("name", NOT_MQTT)
def test_what_is_no_connect_ends_the_connection_without_an_answer(box, name):
    got, client = answer(box, NOT_MQTT[name])
    assert got == b"" and client.closed_by_box
    assert box.ended() == {bs.NOT_MQTT: 1}
    box.check_idle()


@pytest.mark.parametrize("data", [connect(b"i" * 128, will=(b"w" * 200, b"m" * 200, 0, False)), b"\x10\xff\xff\xff\x7f"])
def test_a_connect_longer_than_the_buffer_ends_the_connection_as_soon_as_its_length_is_known(box, data):
    _, client = answer(box, data[:5])
    assert client.closed_by_box and box.ended() == {bs.TOO_BIG: 1}


def test_so_does_any_other_packet(box):
    client = box.client()
    client.send(b"\x30\xff\xff\xff\x7f")
    box.settle()
    assert client.closed_by_box and box.ended() == {bs.TOO_BIG: 1}


def test_the_longest_packet_is_as_long_as_the_buffer(box):
    client = box.client()
    for n, alive in ((BODY_BYTES, True), (BODY_BYTES + 1, False)):
        client.send(publish(b"x", b"p" * (n - 3)))
        box.settle()
        assert client.open == alive


def test_who_never_says_connect_is_dropped_after_5_s(box):
    silent, slow = box.dial(), box.dial()
    for byte in connect(b"slow")[:-1]:
        box.run_ms(200)
        slow.send(bytes([byte]))
    box.run_ms(900)
    assert silent.open and slow.open
    box.run_ms(1500)
    assert silent.closed_by_box and slow.closed_by_box and box.ended() == {bs.SILENT: 2}


# -- user and password ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "welcome"),
    [
        ({"user": b"installer", "password": "hühner".encode()}, True),
        ({"user": b"installer", "password": b"other"}, False),
        ({"user": b"Installer", "password": "hühner".encode()}, False),
        ({"user": b"installer"}, False),
        ({}, False),
    ],
)
def test_with_user_and_password_configured_only_those_come_in(login, welcome):
    box = Box(user="installer", password="hühner")
    client = box.dial().send(connect(b"a", **login) + subscribe(b"#"))
    box.settle()
    assert client.open == welcome
    if not welcome:
        assert bytes(client.received) == b"\x20\x02\x00\x04" and box.ended() == {bs.REFUSED: 1}


def test_a_user_without_a_password_configured_needs_none():
    box = Box(user="u")
    assert box.client(user=b"u").open


# -- take-over ------------------------------------------------------------------------------------------------------------


def test_who_comes_with_the_same_id_takes_over_and_nobody_else_is_touched(box):
    old, other, anonymous = box.subscriber(GET, client_id=b"ha"), box.client(b"hb"), box.client(b"")
    new = box.client(b"ha")
    assert old.closed_by_box and other.open and anonymous.open and new.open
    assert box.ended() == {bs.TAKEN_OVER: 1}
    box.run_ms(1500)
    assert new.messages() == [], "subscriptions do not outlive the connection"


def test_who_comes_next_gets_what_it_has_subscribed_to_and_not_what_the_one_before_had(box):
    box.subscriber(GET).hang_up()
    box.settle()
    power = b"openWB/internal_chargepoint/0/get/power"
    client = box.client()
    client.send(subscribe(power))
    box.run_ms(1500)
    assert {topic for topic, _, _ in client.messages()} == {power}


def test_clients_without_an_id_do_not_take_over_from_each_other(box):
    clients = [box.client(b"") for _ in range(4)]
    assert all(client.open for client in clients)


def test_who_is_refused_takes_over_nothing():
    box = Box(user="u", password="p")
    good = box.client(b"ha", user=b"u", password=b"p")
    bad = box.dial().send(connect(b"ha", user=b"u", password=b"x"))
    box.settle()
    assert good.open and bad.closed_by_box


# -- keepalive ------------------------------------------------------------------------------------------------------------


def test_silence_of_one_and_a_half_keepalives_ends_the_connection(box):
    client = box.client(keepalive_s=10)
    box.run_ms(14900, 100)
    assert client.open
    box.run_ms(300, 100)
    assert client.closed_by_box and box.ended() == {bs.SILENT: 1}


def test_a_ping_is_answered_and_keeps_alive(box):
    client = box.client(keepalive_s=10)
    for _ in range(5):
        box.run_ms(12000, 100)
        client.send(PINGREQ)
        box.run_ms(100)
        assert client.take() == [(0xD0, b"")]
    assert client.open


def test_what_the_box_sends_keeps_nobody_alive(box):
    client = box.subscriber(b"#", keepalive_s=5)
    box.run_ms(7800, 100)
    assert client.closed_by_box and box.ended() == {bs.SILENT: 1}


def test_half_a_packet_keeps_nobody_alive(box):
    client = box.client(keepalive_s=2)
    for byte in publish(SET_CURRENT, b"16")[:20]:
        client.send(bytes([byte]))
        box.run_ms(200, 50)
    assert client.closed_by_box


@pytest.mark.parametrize("keepalive_s", [0, 65535])
def test_no_keepalive_and_the_longest_one_last_for_hours(box, keepalive_s):
    client = box.client(keepalive_s=keepalive_s)
    for _ in range(24 * 60):
        box.step(60000)
    assert client.open


# -- the end --------------------------------------------------------------------------------------------------------------


def test_a_fin_without_disconnect_is_normal_life(box):
    client = box.subscriber(GET, client_id=b"collector")
    client.hang_up()
    box.settle()
    assert client.closed_by_box and box.ended() == {bs.BY_PEER: 1}
    box.check_idle()


def test_who_dials_and_leaves_without_a_word_has_done_nothing_wrong(box):
    box.dial().hang_up()
    box.settle()
    assert box.ended() == {bs.BY_PEER: 1}
    box.check_idle()


def test_a_reset_frees_the_slot(box):
    client = box.subscriber(GET)
    client.reset()
    box.settle()
    assert box.ended() == {bs.BY_PEER: 1}
    box.check_idle()


def test_disconnect_frees_the_slot(box):
    client = box.client()
    client.send(DISCONNECT)
    box.settle()
    assert client.closed_by_box and box.ended() == {bs.BY_DISCONNECT: 1}
    box.check_idle()


def test_what_was_sent_before_the_fin_is_obeyed(box):
    client = box.dial()
    client.send(connect() + publish(SET_CURRENT, b"16") + DISCONNECT).hang_up()
    box.settle()
    assert box.points[0].wish.current_ca(box.now_ms) == 1600
    box.check_idle()


BREACHES = {
    "a second CONNECT": connect(b"a"),
    "CONNACK": b"\x20\x02\x00\x00",
    "SUBACK": b"\x90\x03\x00\x01\x00",
    "PINGRESP": b"\xd0\x00",
    "packet type 0": b"\x00\x00",
    "packet type 15": b"\xf0\x00",
    "a ping with a body": b"\xc0\x01a",
    "a ping with flags": b"\xc1\x00",
    "DISCONNECT with a body": b"\xe0\x01a",
    "PUBREL with wrong flags": b"\x60\x02\x00\x01",
    "PUBREL without an id": b"\x62\x00",
    "PUBREL with more than an id": b"\x62\x03\x00\x01a",
    "PUBREL with id 0": b"\x62\x02\x00\x00",
    "PUBACK for what was never sent with QoS 1": b"\x40\x02\x00\x01",
    "QoS 3": b"\x36\x05\x00\x01a\x00\x01",
    "a publish without a topic": publish(b"", b"x"),
    "a publish to a wildcard": publish(b"openWB/set/+", b"x"),
    "a publish to #": publish(b"#", b"x"),
    "a topic with a NUL": publish(b"openWB/set/\0", b"x"),
    "a topic that is not UTF-8": publish(b"openWB/set/\xff", b"x"),
    "a topic longer than the packet": b"\x30\x03\x00\x05a",
    "an empty publish": b"\x30\x00",
    "QoS 1 with packet id 0": publish(b"a", b"x", qos=1, packet_id=0),
    "QoS 2 without a packet id": b"\x34\x03\x00\x01a",
    "SUBSCRIBE with wrong flags": b"\x80" + subscribe(b"#")[1:],
    "SUBSCRIBE with packet id 0": subscribe(b"#", packet_id=0),
    "SUBSCRIBE without a filter": encoded(0x82, b"\0\1"),
    "SUBSCRIBE with an empty filter": subscribe(b""),
    "SUBSCRIBE with a malformed filter": subscribe(b"a/#/b"),
    "SUBSCRIBE with a malformed second filter": subscribe(b"a", b"b+"),
    "SUBSCRIBE with QoS 3": subscribe(b"a", qos=3),
    "SUBSCRIBE without the last QoS": encoded(0x82, b"\0\1" + text(b"a")),
    "SUBSCRIBE without the last QoS, which the packet before it had there": subscribe(b"a") + encoded(0x82, b"\0\2" + text(b"a")),
    "UNSUBSCRIBE without a filter": encoded(0xA2, b"\0\1"),
    "UNSUBSCRIBE with packet id 0": unsubscribe(b"a", packet_id=0),
    "UNSUBSCRIBE with half a filter": encoded(0xA2, b"\0\1\0\5ab"),
    "UNSUBSCRIBE with half a filter, the rest of which the packet before it had there": unsubscribe(b"abcdefgh") + encoded(0xA2, b"\0\2\0\5ab"),
    "five length bytes": b"\x30\xff\xff\xff\xff\x01",
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_of_the_protocol_ends_this_connection_and_no_other(box, name):
    observer, guilty = box.subscriber(b"#"), box.client()
    guilty.send(BREACHES[name])
    box.settle()
    assert guilty.closed_by_box and box.ended() == {bs.NOT_MQTT: 1}
    assert observer.open and box.inbox.accepted == 0
    box.set(box.client(), HEARTBEAT, b'{"heartbeat": 5}')
    assert len(observer.messages()) >= 3


def test_whatever_allocates_is_announced_as_an_episode_and_pings_and_rounds_do_not(box):
    assert not box.broker.episode
    client = box.dial()
    for data, episode in (
        (b"", True),  # it is accepted
        (b"", False),
        (connect(b"a"), True),
        (subscribe(b"#"), True),
        (b"", False),
        (PINGREQ, False),
        (publish(SET_CURRENT, b"16"), True),
        (publish(b"elsewhere", b""), True),
        (unsubscribe(b"#"), True),
        (DISCONNECT, True),
        (b"", False),
    ):
        client.send(data)
        box.broker.episode = False
        box.run_ms(1200)
        assert box.broker.episode == episode, data
