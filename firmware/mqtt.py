"""MQTT 3.1.1: packet types, and the bytes that wait to be sent. Knows no socket and no clock. What comes in: mqtt_inbound.

Types carry their flags, as they stand in the first byte on the wire.
"""

from micropython import const

CONNECT = const(0x10)
CONNACK = const(0x20)
PUBLISH = const(0x30)
PUBACK = const(0x40)
PUBREC = const(0x50)
PUBREL = const(0x62)
PUBCOMP = const(0x70)
SUBSCRIBE = const(0x82)
SUBACK = const(0x90)
UNSUBSCRIBE = const(0xA2)
UNSUBACK = const(0xB0)
PINGREQ = const(0xC0)
PINGRESP = const(0xD0)
DISCONNECT = const(0xE0)

TYPE_MASK = const(0xF0)
RETAIN = const(1)
_QOS_1 = const(2)

RECEIPT_BYTES = const(4)

_TOPIC_AT = const(3)  # type and a remaining length of at most two bytes fit in front of it
HEADER_BYTES = const(3)
_LENGTH_MAX = const(16383)  # what two length bytes can say


class Packet:
    """The bytes that wait to be sent: buf[start:end]; start == end: none do.

    One publish per second and topic: `open_publish`, write the payload to buf[end:], move `end`, `close_publish`; or
    `open_behind` and `close_behind`, which may queue. All other packets: `open`, then `append` exactly the announced
    bytes; they may queue behind each other. What does not fit is refused as a whole: False, and `refused` counts.
    Allocates nothing.
    """

    def __init__(self, size):
        self.buf = bytearray(size)
        self.size = size
        self.start = 0
        self.end = 0
        self.refused = 0
        self._head_at = 0  # of the publish that open_behind began
        self._body_at = 0

    def clear(self):
        self.start = 0
        self.end = 0

    def open_publish(self, prefix, name):
        """Starts a PUBLISH of topic prefix + name (bytes). False: something else waits, or the topic is too long."""
        at = _TOPIC_AT + 2 + len(prefix)
        end = at + len(name)
        if self.start != self.end or end > self.size:
            return self.refuse()
        self.put_short(_TOPIC_AT, end - _TOPIC_AT - 2)
        self.buf[_TOPIC_AT + 2 : at] = prefix
        self.buf[at:end] = name
        self.start = end
        self.end = end
        return True

    def close_publish(self, retain):
        """Puts the fixed header in front of topic and payload. False: `end` lies outside, nothing waits now."""
        length = self.end - _TOPIC_AT
        if self.end > self.size or length > _LENGTH_MAX:
            self.clear()
            return self.refuse()
        start = 1
        if length > 127:
            start = 0
            self.buf[1] = length & 0x7F | 0x80
            length >>= 7
        self.buf[2] = length
        self.buf[start] = PUBLISH | RETAIN if retain else PUBLISH
        self.start = start
        return True

    def open_behind(self, prefix, name, room):
        """Starts a PUBLISH of topic prefix + name behind what waits, its payload at most `room` bytes. False: not now."""
        length = 2 + len(prefix) + len(name)
        if not self.reserve(HEADER_BYTES + length + room):
            return False
        self._head_at = self.end
        self._body_at = self.end + (2 if length + room < 128 else 3)
        self.put_short(self._body_at, length - 2)
        self.end = self._body_at + 2
        self.append(prefix)
        self.append(name)
        return True

    def close_behind(self, retain):
        """Puts the fixed header in front of topic and payload, which now end at `end`."""
        at = self._head_at
        length = self.end - self._body_at
        self.buf[at] = PUBLISH | RETAIN if retain else PUBLISH
        if length > 127:
            self.buf[at + 1] = length & 0x7F | 0x80
            self.buf[at + 2] = length >> 7
            return
        self.buf[at + 1] = length
        if self._body_at == at + HEADER_BYTES:  # the payload turned out shorter than it might have been
            self._move(self._body_at, self.end, at + 2)
            self.end -= 1

    def open(self, head, length):
        """Starts any packet behind what waits: first byte `head` and the remaining length. False: no room for it all."""
        if length > _LENGTH_MAX or not self.reserve(HEADER_BYTES + length):
            return self.refuse()
        self.buf[self.end] = head
        self.end += 1
        if length > 127:
            self.buf[self.end] = length & 0x7F | 0x80
            self.end += 1
            length >>= 7
        self.buf[self.end] = length
        self.end += 1
        return True

    def put_publish(self, topic, payload, retain, packet_id):
        """Queues one message; packet_id 0: QoS 0, else QoS 1. False: no room."""
        length = 2 + len(topic) + len(payload)
        if packet_id:
            length += 2
        if not self.open(PUBLISH | (RETAIN if retain else 0) | (_QOS_1 if packet_id else 0), length):
            return False
        self.append_text(topic)
        if packet_id:
            self.append_short(packet_id)
        self.append(payload)
        return True

    def put_receipt(self, head, packet_id):
        """Queues what names a packet id and nothing else (PUBACK, PUBREC, ...): RECEIPT_BYTES. False: no room."""
        if not self.open(head, RECEIPT_BYTES - 2):
            return False
        self.append_short(packet_id)
        return True

    def append(self, data):
        """Adds bytes that `open` or `reserve` made room for."""
        end = self.end + len(data)
        self.buf[self.end : end] = data
        self.end = end

    def append_short(self, value):
        self.put_short(self.end, value)
        self.end += 2

    def append_text(self, data):
        """Adds a string as MQTT writes it: two bytes of length, then the bytes."""
        self.append_short(len(data))
        self.append(data)

    def reserve(self, n):
        """True when n more bytes fit behind `end`; moves what waits to the front if that is needed."""
        if self.start == self.end:
            self.clear()
        elif self.end + n > self.size and self.end - self.start + n <= self.size:
            self._move(self.start, self.end, 0)
            self.end -= self.start
            self.start = 0
        return self.end + n <= self.size

    def refuse(self):
        self.refused += 1
        return False

    def put_short(self, at, value):
        self.buf[at] = value >> 8
        self.buf[at + 1] = value & 0xFF

    def _move(self, at, end, to):
        """Copies buf[at:end] to an earlier place; byte by byte, as that allocates nothing."""
        while at < end:
            self.buf[to] = self.buf[at]
            at += 1
            to += 1
