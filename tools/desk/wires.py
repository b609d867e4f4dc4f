"""What the stub of `machine` tells its supervisor, read from a FIFO: food for the watchdog, its limit, levels of pins, resets."""

import os
import re
import time

_WORD = re.compile(rb"\.|T(\d+)\n|P(\d+)=([01])\n|(R)\n")
_UNFINISHED = re.compile(rb"[TPR][\d=]*$")


class WatchdogLine:
    """Makes the FIFO at `path`. `moved(pin, level)` is called when a pin has got a level. `fd` can be given to select.

    `fed_s`: when the watchdog was fed last.
    """

    def __init__(self, path, moved):
        self.path = path
        self.limit_s = None
        self.reset = False
        self._moved = moved
        self.fed_s = 0.0
        self._unread = b""
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        # A second end keeps the FIFO from reporting "closed" while no firmware runs.
        self._keep_fd = os.open(path, os.O_WRONLY)

    def begin(self, limit_s):
        """A new life: what the last one said is forgotten, and until this one sets a watchdog, `limit_s` holds."""
        self._chunk()
        self._unread = b""
        self.limit_s = limit_s
        self.reset = False
        self.fed_s = time.monotonic()

    def hungry(self):
        return time.monotonic() - self.fed_s > self.limit_s

    def read(self):
        """Take what waits."""
        self._unread += self._chunk()
        at = 0
        for word in _WORD.finditer(self._unread):
            at = word.end()
            self._take(word)
        rest = _UNFINISHED.search(self._unread, at)
        self._unread = rest[0] if rest else b""

    def close(self):
        os.close(self.fd)
        os.close(self._keep_fd)

    def _take(self, word):
        limit_ms, pin, level, reset = word.groups()
        if pin is not None:
            self._moved(int(pin), int(level))
        elif reset is not None:
            self.reset = True
        else:
            self.fed_s = time.monotonic()
            if limit_ms is not None:
                self.limit_s = int(limit_ms) / 1000

    def _chunk(self):
        try:
            return os.read(self.fd, 4096)
        except BlockingIOError:
            return b""
