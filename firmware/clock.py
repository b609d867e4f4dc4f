"""Elapsed time and deadlines on a millisecond clock that wraps. Reads no clock: `now_ms` is always an argument.

The clock is MicroPython's `time.ticks_ms`: 0 .. 2**30 - 1, then 0 again (every 12.4 days).
"""

from micropython import const

TICKS_MASK = const(0x3FFFFFFF)


def elapsed_ms(now_ms, then_ms):
    """Milliseconds from then to now, 0 .. 2**30 - 1. An age above 12.4 days looks young again: use a Latch."""
    return (now_ms - then_ms) & TICKS_MASK


class Latch:
    """When something last arrived, and whether that is too long ago.

    A latch that was never marked is expired. Once seen as expired it stays so until it is marked again; it must be
    checked at least every 12 days for that (the gateway checks all of them at least every 60 s).
    """

    def __init__(self):
        self.at_ms = 0
        self.expired = True

    def mark(self, now_ms):
        self.at_ms = now_ms
        self.expired = False

    def check(self, now_ms, limit_ms):
        """True when expired: never marked, or marked `limit_ms` or more ago."""
        if not self.expired and (now_ms - self.at_ms) & TICKS_MASK >= limit_ms:
            self.expired = True
        return self.expired


class Hold:
    """How long something has been true without a break. `long`: for the limit, at the last check."""

    def __init__(self):
        self.long = False
        self._since_ms = 0
        self._holds = False

    def check(self, condition, now_ms, limit_ms):
        """True when `condition` has held for limit_ms. To be called in every step; it stays True for as long as it holds."""
        if not condition:
            self._holds = self.long = False
        elif not self._holds:
            self._holds = True
            self._since_ms = now_ms
        if self._holds and (now_ms - self._since_ms) & TICKS_MASK >= limit_ms:
            self.long = True
        return self.long
