"""A broker behind the link port of the client door, for one conversation at a time: it does what it is told, right or wrong.

Its packets are written and read after section 2.2 of MQTT 3.1.1, independently of the firmware's.
"""


def short(value):
    return bytes([value >> 8, value & 255])


def text(data):
    return short(len(data)) + data


def packet(head, body):
    """Any MQTT packet."""
    length, n = b"", len(body)
    while True:
        length += bytes([n % 128 + (128 if n > 127 else 0)])
        n //= 128
        if n == 0:
            return bytes([head]) + length + body


def publish(topic, payload, retain=False, qos=0, packet_id=7):
    return packet(0x30 | retain | qos << 1, text(topic) + (short(packet_id) if qos else b"") + payload)


class Conversation:
    """Answers what the client sends. Attributes are switches a test sets; `packets` is all that came, as (head, body)."""

    def __init__(self):
        self.connack = 0  # return code; None: never answers
        self.suback = 0  # likewise
        self.pings = True
        self.replays = []  # (topic, payload), sent retained after SUBACK
        self.packets = []
        self._rest = b""

    def receive(self, data):
        """Takes bytes of the client; returns the bytes to send back."""
        self._rest += data
        answer = b""
        while True:
            parsed = self._parse()
            if parsed is None:
                return answer
            self.packets.append(parsed)
            answer += self._answer(*parsed)

    def forget(self):
        """The connection ended: half a packet is lost with it."""
        self._rest = b""

    def heads(self):
        return [head for head, _ in self.packets]

    def published(self):
        """(topic, payload) of every QoS 0 publish that came."""
        found = []
        for head, body in self.packets:
            if head & 0xF6 == 0x30:
                n = body[0] << 8 | body[1]
                found.append((body[2 : 2 + n], body[2 + n :]))
        return found

    def _parse(self):
        length, factor = 0, 1
        for at in range(1, min(5, len(self._rest))):
            length += (self._rest[at] & 127) * factor
            factor *= 128
            if self._rest[at] < 128:
                end = at + 1 + length
                if len(self._rest) < end:
                    return None
                head, body = self._rest[0], self._rest[at + 1 : end]
                self._rest = self._rest[end:]
                return head, body
        return None

    def _answer(self, head, body):
        if head == 0x10:
            return b"" if self.connack is None else packet(0x20, bytes([0, self.connack]))
        if head == 0x82:
            if self.suback is None:
                return b""
            replay = b"".join(publish(topic, payload, retain=True) for topic, payload in self.replays)
            return packet(0x90, body[:2] + bytes([self.suback])) + replay
        if head == 0xA2:
            return packet(0xB0, body[:2])
        if head == 0xC0:
            return b"\xd0\0" if self.pings else b""
        return b""


class BrokerLink:
    """The link port (as net.TcpLink) in front of a Conversation. `log` tells which methods were called, in order."""

    def __init__(self, broker):
        self.broker = broker
        self.name = 1  # what resolved() answers
        self.dial_result = 1  # what status() answers
        self.room = None  # bytes that write() still takes; None: as many as are given
        self.portion = 1000  # most bytes per readinto
        self.inbox = b""  # for the client to read
        self.reset = False  # the peer ended the connection: shows when the inbox is read
        self.open = False
        self.log = []
        self.writes = []

    def resolve(self, host, port):
        self.asked = (host, port)
        self.log.append("resolve")

    def resolved(self):
        return self.name

    def dial(self):
        assert not self.open, "dialed again without close"
        self.log.append("dial")
        self.open = True
        self.reset = False
        self.inbox = b""
        self.broker.forget()

    def status(self):
        return self.dial_result

    def readinto(self, buf):
        assert self.open, "read from a closed link"
        if not self.inbox:
            return -1 if self.reset else 0
        n = min(len(self.inbox), len(buf), self.portion)
        buf[:n] = self.inbox[:n]
        self.inbox = self.inbox[n:]
        return n

    def write(self, buf, offset, n):
        assert self.open, "written to a closed link"
        assert n > 0 and offset + n <= len(buf)
        if self.reset:
            return -1
        if self.room is not None:
            n = min(n, self.room)
            self.room -= n
        data = bytes(buf[offset : offset + n])
        if n:
            self.writes.append(data)
        self.inbox += self.broker.receive(data)
        return n

    def close(self):
        self.log.append("close")
        self.open = False
        self.inbox = b""
