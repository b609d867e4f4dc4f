"""Modbus RTU as the doctor sees it: a request goes out, and whatever comes back is sorted by how it looks."""

import dataclasses

from pymodbus.framer import FramerRTU

READ_HOLDING, READ_INPUT, WRITE_MULTIPLE = 3, 4, 16
TRIES = 3
WAIT_MS = 300  # the slowest device that openWB knows answers within 250 ms

SILENT, ANSWER, REFUSED, GARBLED = "silent", "answer", "refused", "garbled"


@dataclasses.dataclass
class Reply:
    """`kind` is one of the words above; `words` of an ANSWER, `code` of what was REFUSED; `echo`: our own request came back, too."""

    kind: str
    words: list = dataclasses.field(default_factory=list)
    code: int = 0
    echo: bool = False
    raw: bytes = b""


def with_crc(body):
    crc = FramerRTU.compute_CRC(body)
    return body + bytes((crc >> 8, crc & 0xFF))


def read_request(unit, function, address, count):
    return with_crc(bytes((unit, function)) + address.to_bytes(2, "big") + count.to_bytes(2, "big"))


def write_request(unit, address, word):
    return with_crc(bytes((unit, WRITE_MULTIPLE)) + address.to_bytes(2, "big") + b"\0\1\2" + word.to_bytes(2, "big"))


def sort(request, received):
    """The Reply in `received`, everything that came after `request` was sent."""
    echo = received.startswith(request)
    rest = received[len(request) :] if echo else received
    rest = rest.lstrip(b"\0") if rest[:1] == b"\0" and request[0] != 0 else rest  # a driver that switches off may look like zeros
    if not rest:
        return Reply(SILENT, echo=echo, raw=received)
    for end in range(len(rest), 4, -1):  # noise may follow
        frame = rest[:end]
        if frame[0] == request[0] and frame[1] & 0x7F == request[1] and with_crc(frame[:-2]) == frame:
            return _good(frame, echo, received)
    return Reply(GARBLED, echo=echo, raw=received)


def _good(frame, echo, received):
    if frame[1] & 0x80:
        return Reply(REFUSED, code=frame[2], echo=echo, raw=received)
    if frame[1] == WRITE_MULTIPLE:
        return Reply(ANSWER, echo=echo, raw=received)
    data = frame[3:-2]
    return Reply(ANSWER, [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)], echo=echo, raw=received)


class Line:
    """Requests over `exchange(frame, wait_ms, baud, parity) -> bytes`, which returns all that was heard afterwards."""

    def __init__(self, exchange, baud=9600, parity="N"):
        self.baud = baud
        self.parity = parity
        self.heard = self.damaged = 0  # answers, and how many of them were none to be used
        self._exchange = exchange

    def read(self, unit, function, address, count, tries=1):
        """The last Reply: asked again, `tries` times in all, while there is none or a damaged one. Noise comes and goes."""
        request = read_request(unit, function, address, count)
        for _ in range(tries):
            reply = sort(request, self._exchange(request, WAIT_MS, self.baud, self.parity))
            self.heard += reply.kind != SILENT
            self.damaged += reply.kind == GARBLED
            if reply.kind in (ANSWER, REFUSED):
                break
        return reply

    def write(self, unit, address, word):
        request = write_request(unit, address, word)
        return sort(request, self._exchange(request, WAIT_MS, self.baud, self.parity))

    def at(self, baud, parity):
        """The same wire at another speed."""
        return Line(self._exchange, baud, parity)
