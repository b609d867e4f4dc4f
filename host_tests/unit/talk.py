"""One station on the firmware's bus master, which hears what a test lets it hear."""
from bus import WAITING, Bus
from station import Station

from host_tests.fakes.wire import reply_frame, sealed

GAP_MS = 20
WORDS = [1600, 1590, 3]
CRC_BROKEN = sealed(b"\x01\x03\x06" + bytes(6))[:-1] + b"\x99"


class Port:
    """What is in `inbox` can be read; `room` limits what a write takes."""

    def __init__(self):
        self.sent = []
        self.inbox = bytearray()
        self.room = 1000
        self.reads = 0

    def write(self, buf, n):
        self.sent.append(bytes(buf[:n]))
        return min(n, self.room)

    def readinto(self, buf):
        self.reads += 1
        n = min(len(buf), len(self.inbox))
        buf[:n] = self.inbox[:n]
        del self.inbox[:n]
        return n


class Talk:
    """One station on one bus; time moves only when bytes are fed one by one, or by a test."""

    def __init__(self, unit=1, start_ms=0, gap_ms=GAP_MS):
        self.port = Port()
        self.bus = Bus(self.port, 9600)
        self.station = Station(unit, gap_ms, 1000)
        self.now_ms = start_ms

    def ask(self, function=3, address=1000, count=3):
        self.station.ask(function, address, count)
        return self._start()

    def tell(self, address=1000, word=1600):
        self.station.tell(address, word)
        return self._start()

    def _start(self):
        while not self.bus.start(self.station, self.now_ms):  # somebody is talking: as the plan does
            self.now_ms += self.station.gap_ms()
        return self.port.sent[-1]

    def hear(self, data, one_by_one=False):
        """True when the transaction has ended with these bytes."""
        pieces = [data[i : i + 1] for i in range(len(data))] if one_by_one else [data]
        for piece in pieces:
            self.now_ms += len(piece)
            self.port.inbox += piece
            while self.port.inbox:
                if self.bus.step(self.now_ms):
                    return True
        return False

    def wait_out(self):
        """Lets the time run out; the ms from the start of the request."""
        for ms in range(1000):
            if self.bus.step(self.now_ms):
                return ms
            self.now_ms += 1
        raise AssertionError("the transaction never ends")

    def fail(self, times=3, data=b""):
        """So many transactions that end in an error: time-outs, or what `data` makes of it."""
        for _ in range(times):
            self.ask()
            self.hear(data)
            if self.bus.state == WAITING:
                self.wait_out()

    def succeed(self, times=1):
        for _ in range(times):
            assert self.hear(reply_frame(self.ask(), WORDS))
