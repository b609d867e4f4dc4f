"""MQTT 3.1.1: whole packets out of the bytes that come in. Knows no socket and no clock."""

from mqtt import RETAIN


class Inbound:
    """One packet after another out of a stream of bytes that arrive in any portions. Only topic() and payload() allocate.

        header --> length --> body --> complete --(next feed)--> header ...
                     `--> bad (a length of more than four bytes: nothing after it can be trusted; until reset)

    Complete: `head` is the first byte, `length` the announced bytes, of which the first `size` are in buf; the rest of a
    longer packet was skipped and `oversize` counted. Then open_publish() may tell `qos`, `retained`, `topic_end` (the
    packet id is there, with a qos above 0) and `payload_at`.
    """

    def __init__(self, size):
        self.buf = bytearray(size)
        self.view = memoryview(self.buf)
        self.size = size
        self.oversize = 0
        self.qos = 0
        self.retained = False
        self.topic_end = 2
        self.payload_at = 2
        self.reset()

    def reset(self):
        """Forgets a packet that was begun or completed."""
        self.head = 0
        self.length = 0
        self.complete = False
        self.bad = False
        self._shift = -7  # of the next length byte; -7: the first byte is still to come
        self._have = 0  # bytes of the body so far
        self._in_body = False

    def feed(self, chunk, at, end):
        """Takes chunk[at:end], at most up to the end of one packet; returns the index behind what it took."""
        if self.complete:
            self.reset()
        while at < end and not self.complete and not self.bad:
            if self._in_body:
                at = self._take_body(chunk, at, end)
            else:
                self._take_header(chunk[at])
                at += 1
        return at

    def short(self, at):
        """The 16-bit number at buf[at]."""
        return self.buf[at] << 8 | self.buf[at + 1]

    def open_publish(self, qos_max=1):
        """Finds the parts of a complete PUBLISH. False: its lengths contradict each other, or its QoS is above qos_max."""
        self.qos = self.head >> 1 & 3
        self.retained = self.head & RETAIN == RETAIN
        self.topic_end = 2 + self.short(0)
        self.payload_at = self.topic_end + (2 if self.qos else 0)
        return self.topic_end > 2 and self.qos <= qos_max and self.payload_at <= self.length

    def topic(self):
        """Episode: a copy."""
        return bytes(self.view[2 : self.topic_end])

    def payload(self):
        """Episode: a copy."""
        return bytes(self.view[self.payload_at : self.length])

    def _take_header(self, byte):
        if self._shift < 0:
            self.head = byte
            self._shift = 0
        elif self._shift > 21:
            self.bad = True
        else:
            self.length |= (byte & 0x7F) << self._shift
            self._shift += 7
            if byte < 0x80:
                self._begin_body()

    def _begin_body(self):
        self._in_body = True
        self.complete = self.length == 0
        if self.length > self.size:
            self.oversize += 1

    def _take_body(self, chunk, at, end):
        end = min(end, at + self.length - self._have)
        self._keep(chunk, at, end)
        self._have += end - at
        self.complete = self._have == self.length
        return end

    def _keep(self, chunk, at, end):
        """Copies what still fits; byte by byte, as that allocates nothing."""
        have = self._have
        end = min(end, at + self.size - have)
        while at < end:
            self.buf[have] = chunk[at]
            have += 1
            at += 1
