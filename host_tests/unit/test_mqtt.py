"""Packet bytes against MQTT 3.1.1. What is expected stands here byte by byte, not computed by the code under test."""

import random

import mqtt
import pytest
from mqtt import Packet
from mqtt_inbound import Inbound

from host_tests.fakes.broker_link import packet, publish


def waiting(p):
    return bytes(p.buf[p.start : p.end])


def fill(p, payload):
    """Writes a payload as the owner of a Packet does."""
    p.buf[p.end : p.end + len(payload)] = payload
    p.end += len(payload)


# -- Packet ---------------------------------------------------------------------------------------------------------------


def test_a_retained_publish_is_header_length_topic_and_payload():
    p = Packet(64)
    assert p.open_publish(b"a/", b"b")
    fill(p, b"12")
    assert p.close_publish(True)
    assert waiting(p) == b"\x31\x07\x00\x03a/b12"


def test_a_publish_without_retain_differs_in_the_lowest_bit_only():
    p = Packet(64)
    p.open_publish(b"", b"t")
    assert p.close_publish(False)
    assert waiting(p) == b"\x30\x03\x00\x01t"


@pytest.mark.parametrize(
    ("payload_bytes", "header"),
    [(0, b"\x31\x03"), (124, b"\x31\x7f"), (125, b"\x31\x80\x01"), (126, b"\x31\x81\x01"), (252, b"\x31\xff\x01"), (253, b"\x31\x80\x02")],
)
def test_the_remaining_length_takes_as_few_bytes_as_possible(payload_bytes, header):
    p = Packet(512)
    p.open_publish(b"", b"t")
    fill(p, b"x" * payload_bytes)
    p.close_publish(True)
    assert waiting(p) == header + b"\x00\x01t" + b"x" * payload_bytes


def test_the_topic_length_takes_two_bytes():
    p = Packet(512)
    p.open_publish(b"p" * 200, b"n" * 100)
    p.close_publish(True)
    assert waiting(p)[:5] == b"\x31\xae\x02\x01\x2c"


def test_nothing_waits_before_close_publish_has_set_the_header():
    p = Packet(64)
    p.open_publish(b"a/", b"b")
    assert p.start == p.end


def test_a_publish_fills_the_buffer_to_its_last_byte_and_one_more_is_refused():
    p = Packet(32)
    p.open_publish(b"", b"t")
    fill(p, b"x" * 26)
    assert p.close_publish(True) and p.end == 32
    p = Packet(32)
    p.open_publish(b"", b"t")
    p.end += 27
    assert not p.close_publish(True)
    assert (p.start, p.end, p.refused) == (0, 0, 1)


def test_a_topic_that_does_not_fit_is_refused_and_the_buffer_keeps_its_size():
    p = Packet(32)
    assert not p.open_publish(b"p" * 20, b"n" * 8)
    assert (p.start, p.end, p.refused, len(p.buf)) == (0, 0, 1, 32)


def test_a_topic_that_fills_the_buffer_to_its_last_byte_is_a_publish_without_payload():
    p = Packet(32)
    assert p.open_publish(b"p" * 20, b"n" * 7) and p.end == 32
    assert p.close_publish(False)
    assert waiting(p) == b"\x30\x1d\x00\x1b" + b"p" * 20 + b"n" * 7


def test_what_two_length_bytes_can_not_say_is_refused_whatever_the_buffer_holds():
    for payload_bytes, fits in ((16380, True), (16381, False)):
        p = Packet(16400)
        p.open_publish(b"", b"t")
        p.end += payload_bytes
        assert p.close_publish(False) is fits
        assert (waiting(p)[:3], p.refused) == ((b"\x30\xff\x7f", 0) if fits else (b"", 1))
        p.clear()
        assert p.open(mqtt.PUBLISH, payload_bytes + 3) is fits
        assert (waiting(p), p.refused) == ((b"\x30\xff\x7f", 0) if fits else (b"", 2))


def test_a_publish_is_refused_while_another_one_waits():
    p = Packet(64)
    p.open_publish(b"a/", b"b")
    p.close_publish(True)
    before = waiting(p)
    assert not p.open_publish(b"c/", b"d")
    assert waiting(p) == before and p.refused == 1


def test_other_packets_queue_behind_each_other():
    p = Packet(64)
    assert p.open(mqtt.PUBACK, 2)
    p.append_short(0x1234)
    assert p.open(mqtt.PUBLISH, 5)
    p.append_text(b"ab")
    p.append(b"c")
    assert waiting(p) == b"\x40\x02\x12\x34" + b"\x30\x05\x00\x02abc"


def test_a_queued_packet_longer_than_127_bytes_has_two_length_bytes():
    p = Packet(512)
    assert p.open(mqtt.PUBLISH, 300)
    assert waiting(p) == b"\x30\xac\x02"


def test_what_waits_moves_to_the_front_when_the_room_behind_it_is_too_small():
    p = Packet(16)
    p.open(mqtt.PUBLISH, 11)
    p.append(b"abcdefghijk")
    p.start = 10  # sent so far
    assert waiting(p) == b"ijk"
    assert p.reserve(13)
    p.append(b"0123456789ABC")
    assert waiting(p) == b"ijk0123456789ABC"
    assert not p.reserve(1)


def test_what_waits_up_to_the_last_byte_of_the_buffer_moves_to_the_front_whole():
    p = Packet(203)
    p.open(mqtt.PUBLISH, 200)
    p.append(b"x" * 196 + b"klmn")
    p.start = 199
    assert p.end == 203 and p.reserve(199)
    assert waiting(p) == b"klmn" and not p.reserve(200)


@pytest.mark.parametrize("n", [1, 5, 6])
def test_what_waits_is_not_moved_while_there_is_room_behind_it(n):
    p = Packet(16)
    p.open(mqtt.PUBLISH, 8)
    p.append(b"abcdefgh")
    p.start = 6
    assert p.reserve(n) and (p.start, p.end) == (6, 10)


def test_a_packet_that_does_not_fit_behind_what_waits_is_refused_whole():
    p = Packet(16)
    p.open(mqtt.PUBLISH, 8)
    p.append(b"abcdefgh")
    before = waiting(p)
    assert not p.open(mqtt.PUBACK, 6)
    assert waiting(p) == before and p.refused == 1


# -- Inbound --------------------------------------------------------------------------------------------------------------

PINGRESP = b"\xd0\x00"
CONNACK = b"\x20\x02\x00\x05"
# topic "a/b", payload "12", QoS 0, retained
MESSAGE = b"\x31\x07\x00\x03a/b12"
# the same with QoS 1 and packet id 0x0102
MESSAGE_1 = b"\x33\x09\x00\x03a/b\x01\x0212"
LONG = publish(b"long/topic", b"y" * 300)
STREAM = PINGRESP + CONNACK + MESSAGE + LONG + MESSAGE_1 + b"\x90\x03\x00\x01\x80" + PINGRESP


def parse(inbound, data, portion):
    """Everything that came out: (first byte, body as far as it was kept)."""
    found = []
    for begin in range(0, len(data), portion):
        chunk = data[begin : begin + portion]
        at = 0
        while at < len(chunk):
            at = inbound.feed(chunk, at, len(chunk))
            if inbound.bad:
                return found
            if inbound.complete:
                found.append((inbound.head, bytes(inbound.buf[: min(inbound.length, inbound.size)])))
    return found


EXPECTED = [
    (0xD0, b""),
    (0x20, b"\x00\x05"),
    (0x31, b"\x00\x03a/b12"),
    (0x30, b"\x00\x0along/topic" + b"y" * 300),
    (0x33, b"\x00\x03a/b\x01\x0212"),
    (0x90, b"\x00\x01\x80"),
    (0xD0, b""),
]


@pytest.mark.parametrize("portion", [1, 2, 3, 7, 256, 10000])
def test_packets_come_out_the_same_in_whatever_portions_they_come_in(portion):
    assert parse(Inbound(512), STREAM, portion) == EXPECTED


def test_feed_stops_behind_one_packet():
    inbound = Inbound(64)
    assert inbound.feed(PINGRESP + MESSAGE, 0, 11) == 2
    assert inbound.complete and inbound.head == 0xD0
    assert inbound.feed(PINGRESP + MESSAGE, 2, 11) == 11
    assert inbound.complete and inbound.head == 0x31


def test_a_packet_is_not_complete_one_byte_early():
    inbound = Inbound(64)
    inbound.feed(MESSAGE, 0, len(MESSAGE) - 1)
    assert not inbound.complete
    inbound.feed(MESSAGE, len(MESSAGE) - 1, len(MESSAGE))
    assert inbound.complete


@pytest.mark.parametrize("portion", [1, 100, 10000])
def test_a_packet_longer_than_the_buffer_is_skipped_counted_and_costs_nothing_else(portion):
    inbound = Inbound(64)
    found = parse(inbound, MESSAGE + LONG + MESSAGE_1, portion)
    assert [head for head, _ in found] == [0x31, 0x30, 0x33]
    assert found[2] == (0x33, b"\x00\x03a/b\x01\x0212")
    assert inbound.oversize == 1 and len(inbound.buf) == 64


def test_a_packet_of_exactly_the_size_of_the_buffer_is_kept():
    inbound = Inbound(64)
    body = b"\x00\x01t" + b"z" * 61
    assert parse(inbound, packet(0x30, body), 5) == [(0x30, body)]
    assert inbound.oversize == 0


def test_the_longest_length_mqtt_knows_is_accepted_and_five_length_bytes_are_not():
    inbound = Inbound(16)
    inbound.feed(b"\x30\xff\xff\xff\x7f", 0, 5)
    assert not inbound.bad and inbound.length == 268435455
    inbound.reset()
    inbound.feed(b"\x30\xff\xff\xff\xff\x01", 0, 6)
    assert inbound.bad and not inbound.complete
    inbound.reset()
    assert parse(inbound, PINGRESP, 1) == [(0xD0, b"")]


@pytest.mark.parametrize("length", [0, 1, 126, 127, 128, 129, 16256, 16383, 16384])
def test_a_packet_of_any_length_ends_where_its_length_says(length):
    body = b"b" * length
    assert parse(Inbound(20000), packet(0x30, body) + PINGRESP, 1000) == [(0x30, body), (0xD0, b"")]


def test_a_length_written_with_needless_bytes_is_understood():
    assert parse(Inbound(16), b"\xd0\x80\x80\x00" + PINGRESP, 1) == [(0xD0, b""), (0xD0, b"")]


def test_noise_neither_raises_nor_grows_the_buffer():
    lot = random.Random(1)
    for _ in range(300):
        inbound = Inbound(32)
        parse(inbound, bytes(lot.randrange(256) for _ in range(200)), lot.randrange(1, 50))
        assert len(inbound.buf) == 32
        if inbound.complete and inbound.head & 0xF0 == 0x30 and inbound.length >= 2:
            inbound.open_publish()


def opened(data, size=64):
    inbound = Inbound(size)
    inbound.feed(data, 0, len(data))
    assert inbound.complete
    return inbound.open_publish(), inbound


def test_topic_payload_and_retain_bit_of_a_message():
    good, inbound = opened(MESSAGE)
    assert good and inbound.retained and inbound.qos == 0
    assert (inbound.topic(), inbound.payload()) == (b"a/b", b"12")


def test_the_packet_id_of_a_qos_1_message_is_not_part_of_its_payload():
    good, inbound = opened(MESSAGE_1)
    assert good and inbound.retained and inbound.qos == 1
    assert (inbound.topic(), inbound.payload(), inbound.short(inbound.topic_end)) == (b"a/b", b"12", 0x0102)


def test_an_empty_payload_is_a_message_too():
    good, inbound = opened(b"\x30\x05\x00\x03a/b")
    assert good and inbound.payload() == b"" and not inbound.retained


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\x05\x00\x04a/b",  # a topic one byte longer than the packet
        b"\x30\x05\xff\xffa/b",
        b"\x32\x06\x00\x03a/b\x01",  # half a packet id
        b"\x30\x02\x00\x00",  # no topic
        b"\x30\x00",  # not even its length
        b"\x30\x01\x00",
        b"\x34\x07\x00\x03a/b\x00\x01",  # QoS 2: never subscribed to
        b"\x36\x07\x00\x03a/b\x00\x01",  # QoS 3: does not exist
    ],
)
def test_a_message_whose_lengths_contradict_each_other_is_not_opened(data):
    inbound = Inbound(64)
    inbound.buf[:64] = b"\x00\x03" * 32  # what an earlier packet left must not help
    inbound.feed(data, 0, len(data))
    assert inbound.complete and not inbound.open_publish()


# -- whole messages that queue ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retain", "packet_id", "expected"),
    [(False, 0, b"\x30\x04\x00\x01tp"), (True, 0, b"\x31\x04\x00\x01tp"), (False, 0x102, b"\x32\x06\x00\x01t\x01\x02p"), (True, 7, b"\x33\x06\x00\x01t\x00\x07p")],
)
def test_a_message_is_head_length_topic_packet_id_and_payload(retain, packet_id, expected):
    p = Packet(64)

    assert p.put_publish(b"t", b"p", retain, packet_id) is True
    assert waiting(p) == expected
    assert p.put_publish(b"t", b"p", retain, packet_id) is True
    assert waiting(p) == 2 * expected


def test_a_message_without_room_is_refused_whole_and_counted():
    p = Packet(10)

    assert p.put_publish(b"topic", b"payload", False, 0) is False
    assert (waiting(p), p.refused) == (b"", 1)


@pytest.mark.parametrize(("size", "length"), [(124, b"\x7f"), (125, b"\x80\x01"), (126, b"\x81\x01"), (200, b"\xcb\x01")])
def test_from_128_bytes_on_the_length_has_two_bytes(size, length):
    p = Packet(256)

    assert p.put_publish(b"t", bytes(size), False, 0)
    assert waiting(p) == b"\x30" + length + b"\x00\x01t" + bytes(size)


def test_what_waits_is_moved_to_the_front_byte_by_byte_and_nothing_behind_it():
    p = Packet(16)
    p.put_publish(b"a", b"12345", False, 0)
    p.start += 4
    rest = waiting(p)

    assert p.put_publish(b"b", b"1", False, 0) is True
    assert waiting(p) == rest + b"\x30\x04\x00\x01b1"


def test_a_receipt_without_room_is_refused_and_says_so():
    p = Packet(8)
    p.put_receipt(mqtt.PUBACK, 1)
    assert p.put_receipt(mqtt.PUBACK, 2) is False
    assert (waiting(p), p.refused) == (b"\x40\x02\x00\x01", 1)


def test_a_receipt_is_queued_and_says_so():
    p = Packet(8)

    assert p.put_receipt(mqtt.PUBACK, 0x102) is True
    assert waiting(p) == b"\x40\x02\x01\x02"
