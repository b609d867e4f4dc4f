"""RDM6300: a reader of 125 kHz tags (EM4100) that sends a frame every 65 ms for as long as a tag is near.

    0x02   10 hexadecimal digits: 5 bytes, version and number   2 digits: XOR of the 5 bytes   0x03
"""

from micropython import const

from clock import Latch

REARM_MS = const(500)  # that long without a frame: the tag was taken away

_START = const(0x02)
_END = const(0x03)
_DIGITS = const(12)
_UID_BYTES = const(5)
_BITE_BYTES = const(64)


class Rdm6300:
    """A reader as Rfid wants one. `port`: readinto(buf) of the UART."""

    def __init__(self, port):
        self.frames = 0  # good ones
        self._port = port
        self._buf = bytearray(_BITE_BYTES)
        self._bytes = bytearray(_UID_BYTES + 1)  # of the frame that is coming in, its check behind them
        self._n = 0  # characters of it, its start included; 0: none
        self._uid = bytearray(_UID_BYTES)
        self._near = Latch()  # a tag; marked by each of its frames

    def poll(self, now_ms):
        """The 5 bytes of a tag that has just come near, else None. Takes what has arrived."""
        self._near.check(now_ms, REARM_MS)
        found = None
        for i in range(self._port.readinto(self._buf)):
            if self._feed(self._buf[i]):
                self.frames = (self.frames + 1) & 0xFFFFFF
                if self._near.expired or not self._same():
                    found = self._report()
                self._near.mark(now_ms)
        return found

    def _feed(self, byte):
        """True when this byte ends a good frame. A start begins a new frame wherever it stands: it is no digit."""
        if byte == _START:
            self._n = 1
            return False
        if not self._n:
            return False
        if self._n > _DIGITS:
            self._n = 0
            return byte == _END and self._check() == 0
        digit = _digit(byte)
        if digit < 0:
            self._n = 0
            return False
        at = (self._n - 1) >> 1
        self._bytes[at] = (self._bytes[at] << 4 | digit) & 0xFF
        self._n += 1
        return False

    def _check(self):
        total = 0
        for i in range(_UID_BYTES + 1):
            total ^= self._bytes[i]
        return total

    def _same(self):
        for i in range(_UID_BYTES):
            if self._uid[i] != self._bytes[i]:
                return False
        return True

    def _report(self):
        """Episode."""
        self._uid[:] = self._bytes[:_UID_BYTES]
        return bytes(self._uid)


def _digit(byte):
    """The value of a hexadecimal digit, -1 for what is none."""
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    byte &= 0xDF  # upper case
    return byte - 0x37 if 0x41 <= byte <= 0x46 else -1
