"""Lines typed on the console, which is the board's USB. Asked seldom, never waited for."""

import select
import sys

from micropython import const

from clock import Latch

ASK_EVERY_MS = const(200)
LINE_BYTES = const(32)
BITE_BYTES = const(64)  # of one take(): a line, and no more of somebody's flood
PRINTABLE_FIRST = const(0x20)
PRINTABLE_LAST = const(0x7E)
CR = const(13)
LF = const(10)


class Console:
    """Hands out one line after the other. What can not be printed is left out; a line that is empty or longer than LINE_BYTES
    is dropped whole. `stream` is anything poll() takes, with readinto(); the end of it is the end of all asking."""

    def __init__(self, stream=None):
        self._stream = stream or _unbuffered(sys.stdin)
        self._poll = select.poll()
        self._poll.register(self._stream, select.POLLIN)
        self._ipoll = self._poll.ipoll
        self._asked = Latch()
        self._ended = False
        self._byte = bytearray(1)  # the chip's stdin waits until a buffer is full: bytes are taken one by one
        self._line = bytearray(LINE_BYTES)
        self._n = 0  # bytes of the line so far, those without room included

    def take(self, now_ms):
        """A finished line as bytes, or None. Allocates only a line (an episode)."""
        if self._ended or not self._asked.check(now_ms, ASK_EVERY_MS):
            return None
        self._asked.mark(now_ms)
        for _ in range(BITE_BYTES):
            if not self._ready() or not self._read():
                return None
            if self._ends_line():
                return bytes(memoryview(self._line)[: self._finish()])
        return None

    def _ready(self):
        ready = False
        for _ in self._ipoll(0):
            ready = True
        return ready

    def _read(self):
        """True when a byte came. 0 bytes and errors are the end: nobody is there any more."""
        try:
            n = self._stream.readinto(self._byte)
        except OSError:
            n = 0
        if n == 0:
            self._ended = True
        return bool(n)

    def _ends_line(self):
        """Adds the byte to the line; True when it ends one that counts."""
        byte = self._byte[0]
        if byte == CR or byte == LF:
            if 0 < self._n <= LINE_BYTES:
                return True
            self._n = 0
        elif PRINTABLE_FIRST <= byte <= PRINTABLE_LAST:
            if self._n < LINE_BYTES:
                self._line[self._n] = byte
            self._n = min(self._n, LINE_BYTES) + 1
        return False

    def _finish(self):
        n = self._n
        self._n = 0
        return n


def _unbuffered(stream):
    """The bytes below a text stream, and below CPython's buffer, which would hide them from poll(). At boot."""
    stream = getattr(stream, "buffer", stream)
    return getattr(stream, "raw", stream)
