"""Clients of the box over virtual sockets: the listener and peer ports of a pool, and MQTT as a client speaks it.

A Client writes bytes with send(), and what the box answered is in `received`; everything happens when the pool and the
doors step. Faults: `room` limits what the box may send, hang_up() is a FIN, reset() a RST.
"""


def encoded(head, body):
    """A whole MQTT packet."""
    out = bytearray([head])
    n = len(body)
    while True:
        out.append(n & 0x7F | (0x80 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(out) + body


def text(data):
    """A string as MQTT writes it."""
    return len(data).to_bytes(2, "big") + data


def connect(client_id=b"", *, level=4, name=None, clean=True, keepalive_s=60, will=None, user=None, password=None):
    """CONNECT. will: (topic, payload, qos, retain)."""
    flags = 2 if clean else 0
    rest = text(client_id)
    if will:
        topic, payload, qos, retain = will
        flags |= 4 | qos << 3 | (0x20 if retain else 0)
        rest += text(topic) + text(payload)
    if user is not None:
        flags |= 0x80
        rest += text(user)
    if password is not None:
        flags |= 0x40
        rest += text(password)
    if name is None:
        name = b"MQIsdp" if level & 0x7F == 3 else b"MQTT"
    return encoded(0x10, text(name) + bytes([level, flags]) + keepalive_s.to_bytes(2, "big") + rest)


def publish(topic, payload=b"", *, qos=0, retain=False, dup=False, packet_id=1):
    head = 0x30 | qos << 1 | (1 if retain else 0) | (8 if dup else 0)
    return encoded(head, text(topic) + (packet_id.to_bytes(2, "big") if qos else b"") + payload)


def subscribe(*filters, packet_id=1, qos=0):
    return encoded(0x82, packet_id.to_bytes(2, "big") + b"".join(text(f) + bytes([qos]) for f in filters))


def unsubscribe(*filters, packet_id=1):
    return encoded(0xA2, packet_id.to_bytes(2, "big") + b"".join(text(f) for f in filters))


PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
CONNACK = b"\x20\x02\x00\x00"


def split(data):
    """[(first byte, body)] of whole packets. ValueError when something is left over."""
    found, at = split_whole(data)
    if at != len(data):
        raise ValueError("half a packet: %r" % data[at:])
    return found


def split_whole(data):
    """([(first byte, body)] of the whole packets, where what is left over begins)."""
    found = []
    at = 0
    while True:
        start, n = _body(data, at)
        if start is None or start + n > len(data):
            return found, at
        found.append((data[at], bytes(data[start : start + n])))
        at = start + n


def _body(data, at):
    """(where the body of the packet at `at` begins, its length); None when that can not be told yet."""
    n = shift = 0
    for i in range(at + 1, len(data)):
        n |= (data[i] & 0x7F) << shift
        shift += 7
        if data[i] < 0x80:
            return i + 1, n
    return None, 0


class Client:
    """The far end of one connection. `open`: neither side has ended it."""

    def __init__(self, listener, address="192.168.1.50"):
        self.address = address
        self.received = bytearray()
        self.room = None  # bytes the box can still send; None: no end of them
        self.portion = 1 << 20  # most bytes the box gets at once
        self.accepted = False
        self.closed_by_box = False
        self.writes = 0  # calls that took something
        self._sent = bytearray()
        self._finished = False
        self.broken = False
        listener.backlog.append(self)

    @property
    def open(self):
        return not (self.closed_by_box or self._finished or self.broken)

    @property
    def readable(self):
        """True when a read by the box would tell something."""
        return not self.closed_by_box and (len(self._sent) > 0 or self._finished or self.broken)

    def send(self, data):
        self._sent += data
        return self

    def unread(self):
        """Bytes that the box has not read yet."""
        return len(self._sent)

    def hang_up(self):
        """FIN: what was sent is still read by the box."""
        self._finished = True
        return self

    def reset(self):
        """RST: nothing more is read or written."""
        self.broken = True
        return self

    def take(self):
        """[(first byte, body)] received since the last call."""
        found = split(self.received)
        self.received = bytearray()
        return found

    def whole(self):
        """The same, but half a packet may be left over: it is kept for the next call."""
        found, at = split_whole(self.received)
        self.received = self.received[at:]
        return found

    def messages(self):
        """[(topic, payload, retained)] of the publishes received since the last call; QoS 0 all of them."""
        return self._publishes(self.take())

    def whole_messages(self):
        """The same, but half a packet may be left over."""
        return self._publishes(self.whole())

    def _publishes(self, packets):
        found = []
        for head, body in packets:
            if head & 0xF0 == 0x30:
                if head & 0x0E:
                    raise ValueError("not QoS 0: %r" % head)
                end = 2 + int.from_bytes(body[:2], "big")
                found.append((body[2:end], body[end:], bool(head & 1)))
        return found

    # -- the port of the box

    def readinto(self, buf):
        if self.broken:
            return -1
        n = min(len(self._sent), len(buf), self.portion)
        if not n:
            return -1 if self._finished else 0
        buf[:n] = self._sent[:n]
        self._sent = self._sent[n:]
        return n

    def write(self, buf, offset, n):
        if self.broken:
            return -1
        if n <= 0 or offset + n > len(buf):
            raise ValueError("nothing, or more than the buffer holds: %d bytes at %d" % (n, offset))
        if self.room is not None:
            n = min(n, self.room)
            self.room -= n
        self.received += buf[offset : offset + n]
        self.writes += n > 0
        return n

    def close(self):
        if self.closed_by_box:
            raise ValueError("closed twice")
        self.closed_by_box = True


class Listener:
    """The port of a door: who dials waits in `backlog` until accept()."""

    def __init__(self):
        self.backlog = []
        self.watched = True

    def waiting(self):
        return len(self.backlog) > 0

    def accept(self):
        client = self.backlog.pop(0)
        if client.broken:
            return None
        client.accepted = True
        return client

    def watch(self, on):
        self.watched = on
