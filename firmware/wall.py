"""The time of day, from a tick and what it was then. Unix seconds exceed 2**30: they exist as text (bytes) only."""

from micropython import const

from clock import TICKS_MASK, elapsed_ms

DAY_S = const(86400)
_HOUR_MS = const(3600000)
_HOUR_S = const(3600)


class WallClock:
    """Not `valid` until it was set; step() keeps it running over the wrap of the ticks."""

    def __init__(self):
        self.valid = False
        self._days = 0  # since 1970-01-01
        self._s = 0  # of that day, UTC
        self._at_ms = 0  # the tick at which it was that time

    def set(self, days, s, at_ms):
        """It was second `s` (0..86399) of day `days` (0 is 1970-01-01) in UTC when the tick was at_ms."""
        self._days = days
        self._s = s
        self._at_ms = at_ms
        self.valid = True

    def step(self, now_ms):
        """To be called at least once per day."""
        while self.valid and elapsed_ms(now_ms, self._at_ms) >= _HOUR_MS:
            self._at_ms = (self._at_ms - TICKS_MASK - 1 + _HOUR_MS) & TICKS_MASK  # stays a small integer
            self._s += _HOUR_S
            if self._s >= DAY_S:
                self._s -= DAY_S
                self._days += 1

    def text(self, then_ms, now_ms):
        """The unix time in seconds (bytes) at then_ms, which is at most a day ago. Only while valid. Episode."""
        s = self._s + (elapsed_ms(now_ms, self._at_ms) - elapsed_ms(now_ms, then_ms)) // 1000
        days = self._days + s // DAY_S
        s %= DAY_S
        return b"%d%02d" % (days * 864 + s // 100, s % 100)
