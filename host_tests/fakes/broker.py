"""An MQTT broker and the way to it, in virtual time: the link of the firmware's client door (see net.TcpLink).

Plain Python that also runs on MicroPython. One subscriber, the gateway; controllers publish by a method call. Knows just
enough of MQTT 3.1.1 to keep retained messages, deliver them, and fail in the ways real brokers fail.
"""

FINE = "fine"
REFUSING = "refusing"  # the dial fails at once
DROPPING = "dropping"  # no answer to SYN
MUTE = "mute"  # accepts and never says anything
STOPPED = "stopped"  # as by SIGSTOP: connections stay, nothing is read or answered


def packet(head, body):
    """An MQTT packet with its remaining length (up to 16383)."""
    n = len(body)
    if n < 128:
        return bytes((head, n)) + body
    return bytes((head, n & 0x7F | 0x80, n >> 7)) + body


def publish_packet(topic, payload, retain):
    return packet(0x31 if retain else 0x30, bytes((len(topic) >> 8, len(topic) & 0xFF)) + topic + payload)


class Broker:
    """`retained` maps topic to payload, `log` holds (topic, payload, retain) of what the gateway published."""

    def __init__(self):
        self.mode = FINE
        self.retained = {}
        self.log = []
        self.keep_log = 4000
        self.link = None
        self.published = 0
        self.delivered = []  # what controllers published and the gateway was handed live; the reader empties it
        self.replayed = []  # likewise what it was handed because it was retained
        self.lies = b""
        self.intruded = False  # somebody whom nobody has counted has set something
        self.portion = None  # bytes that the gateway gets, and gets rid of, at once; None: no limit
        self.room = None

    def send(self, topic, payload, retain=False):
        """A controller publishes."""
        if self.mode != FINE:
            return
        self._store(topic, payload, retain)
        if self.link is not None and self.link.deliver(topic, payload, False):
            self.delivered.append((topic, payload))

    def _store(self, topic, payload, retain):
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)

    def take(self, topic, payload, retain):
        """The gateway published."""
        self.published += 1
        self.log.append((topic, payload, retain))
        if len(self.log) > self.keep_log:
            del self.log[: self.keep_log // 2]
        self._store(topic, payload, retain)
        if self.link is not None:
            self.link.deliver(topic, payload, False)

    def recover(self):
        """Whatever was wrong with it is over."""
        self.mode = FINE
        self.portion = self.room = None

    def reset_all(self):
        """RST for the gateway."""
        if self.link is not None:
            self.link.cut()

    def intrude(self, data, room=None, vanishes=False):
        """Somebody else dials in: that is nothing to the gateway."""

    def hush(self):
        """... and goes."""

    def lie(self, data):
        """The next bytes that the gateway gets, when nothing else is on the way, are these."""
        self.lies = data

    def crowded(self):
        """True while not everything can be told in time."""
        return self.room is not None

    def die(self):
        """As by kill -9: the connection is gone, and so is what is not retained."""
        self.mode = REFUSING
        if self.link is not None:
            self.link.cut()


class Link:
    """The client's side of one TCP connection."""

    def __init__(self, broker):
        self.broker = broker
        self.up = False
        self.dead = False
        self.filters = []
        self._inbox = bytearray()
        self._outbox = bytearray()
        self._dialed = False

    # what the client door calls

    def resolve(self, host, port):
        pass

    def resolved(self):
        return 1

    def dial(self):
        self.close()
        self._dialed = True

    def status(self):
        mode = self.broker.mode
        if not self._dialed or mode == REFUSING:
            return -1
        if mode == DROPPING:
            return 0
        self.up = True
        self.dead = False
        self.broker.link = self
        return 1

    def readinto(self, buf):
        if self.broker.mode != STOPPED:
            self._serve()
            if self.broker.lies and not self._inbox:
                self._inbox, self.broker.lies = bytearray(self.broker.lies), b""
        n = min(len(buf), len(self._inbox))
        if self.broker.portion is not None:
            n = min(n, self.broker.portion)
        if not n:
            return -1 if self.dead else 0
        buf[:n] = self._inbox[:n]
        self._inbox = self._inbox[n:]
        return n

    def write(self, buf, offset, n):
        if self.dead or not self.up:
            return -1
        if self.broker.room is not None:
            n = min(n, self.broker.room)
        self._outbox += buf[offset : offset + n]
        return n

    def close(self):
        self.up = False
        self._dialed = False
        self.filters = []
        self._inbox = bytearray()
        self._outbox = bytearray()
        if self.broker.link is self:
            self.broker.link = None

    # what the broker does

    def cut(self):
        self.dead = True
        self.broker.link = None

    def has_bytes(self):
        """True while the client has something to read."""
        return len(self._inbox) > 0

    def deliver(self, topic, payload, retain):
        """True when the client is subscribed to it."""
        if not self._wants(topic):
            return False
        self._inbox += publish_packet(topic, payload, retain)
        return True

    def _wants(self, topic):
        for one in self.filters:
            if topic.startswith(one):
                return True
        return False

    def _serve(self):
        """Reads the packets the client has sent so far and answers them."""
        while self.up and self.broker.mode == FINE:
            size = self._whole_packet()
            if not size:
                return
            data = bytes(self._outbox[:size])
            self._outbox = self._outbox[size:]
            self._answer(data[0], data[2 if data[1] < 0x80 else 3 :])

    def _whole_packet(self):
        """Length of the first packet in the outbox, 0 while it is incomplete."""
        box = self._outbox
        if len(box) < 2 or (box[1] & 0x80 and len(box) < 3):
            return 0
        size = box[1] + 2 if box[1] < 0x80 else (box[1] & 0x7F | box[2] << 7) + 3
        return size if len(box) >= size else 0

    def _answer(self, head, body):
        kind = head & 0xF0
        if kind == 0x10:
            self._inbox += b"\x20\x02\x00\x00"
        elif kind == 0x80:
            wanted = bytes(body[4:-1]).rstrip(b"#")
            self.filters.append(wanted)
            self._inbox += bytes((0x90, 3, body[0], body[1], 0))
            for topic in sorted(self.broker.retained):
                if topic.startswith(wanted) and self.deliver(topic, self.broker.retained[topic], True):
                    self.broker.replayed.append((topic, self.broker.retained[topic]))
        elif kind == 0xC0:
            self._inbox += b"\xd0\x00"
        elif kind == 0x30:
            end = 2 + (body[0] << 8 | body[1])
            self.broker.take(bytes(body[2:end]), bytes(body[end:]), bool(head & 1))
