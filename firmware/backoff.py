"""How long to wait before the next try. Repeatable: the lot is drawn from a seed."""

from micropython import const

_LOT_MASK = const(0x7FFF)


class Backoff:
    """Pauses that double from first_ms to last_ms. The second half of each is drawn by lot, so that devices which lost
    their broker together do not come back together."""

    def __init__(self, first_ms, last_ms, seed):
        self._first_ms = first_ms
        self._last_ms = last_ms
        self._lot = seed & _LOT_MASK
        self._full_ms = first_ms

    def next_ms(self):
        """The pause to make now; the next one is twice as long."""
        half_ms = self._full_ms >> 1
        self._lot = (self._lot * 25173 + 13849) & _LOT_MASK
        self._full_ms = min(self._full_ms * 2, self._last_ms)
        return half_ms + (self._lot * half_ms >> 15)

    def reset(self):
        """The last try was a success: the next pause is short again."""
        self._full_ms = self._first_ms
