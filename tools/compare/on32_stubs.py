"""What stock_program.py needs of a board where there is none: UART, pins, sockets, each with just what its packages use. `install` puts them in
place of the modules and says what the line and the clock are."""

import sys

CHAR_US = 1042  # 9600 baud, 8N1
EAGAIN = 11


class _Line:
    bus = clock = None


line = _Line()


class Uart:
    """What umodbus uses of machine.UART."""

    def __init__(self, *_, **__):
        self._buf = bytearray(256)

    def any(self):
        return line.bus.arrived()

    def read(self):
        if not line.bus.arrived():
            return None
        return bytes(self._buf[: line.bus.readinto(self._buf)])

    def write(self, frame):
        self._n = len(frame)
        return line.bus.write(frame, self._n)

    def flush(self):
        line.clock.sleep_us(self._n * CHAR_US)


class Pin:
    pass


class Socket:
    """One that listens and nobody comes, or one to a broker: it swallows what is sent."""

    def __init__(self):
        self.unread = []
        self.at = 0

    def settimeout(self, _):
        pass

    setblocking = bind = listen = connect = settimeout

    def accept(self):
        raise OSError(EAGAIN)

    def write(self, buf, n=None):
        head = buf[0]
        if head == 0x10:
            self.unread.append(b"\x20\x02\x00\x00")
        elif head == 0x82:
            self.unread.append(b"\x90\x03\x00\x01\x00")
        elif head == 0xC0:
            self.unread.append(b"\xd0\x00")
        return len(buf) if n is None else n

    def read(self, n):
        if not self.unread:
            return None
        data = self.unread[0][self.at : self.at + n]
        self.at += len(data)
        if self.at == len(self.unread[0]):
            self.unread.pop(0)
            self.at = 0
        return data


class Sockets:
    def __init__(self):
        self.made = []

    def socket(self):
        self.made.append(Socket())
        return self.made[-1]

    def getaddrinfo(self, host, port):
        return [(0, 0, 0, "", (host, port))]


class Machine:
    UART = Uart
    Pin = Pin


class Silence:
    """A bus on which nobody answers, and a clock on which waiting takes no time."""

    now_us = 0

    def arrived(self):
        return False

    def write(self, _, n):
        return n

    def ticks_us(self):
        return self.now_us

    def ticks_ms(self):
        return self.now_us // 1000

    def ticks_diff(self, new, old):
        return new - old

    def sleep_us(self, us):
        self.now_us += us


def install(bus, clock):
    """Returns the sockets, in the order in which they will be made."""
    line.bus = bus
    line.clock = clock
    sockets = Sockets()
    sys.modules.update({"time": clock, "machine": Machine, "socket": sockets, "usocket": sockets})
    return sockets.made
