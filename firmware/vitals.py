"""How the box itself is doing: how long it runs, what its longest step took, how much heap is left."""

import gc

from clock import elapsed_ms


class Vitals:
    """step() is called in every turn of the loop and allocates nothing."""

    def __init__(self, now_ms):
        self.uptime_s = 0  # wraps after 34 years
        self.longest_step_ms = 0
        self._second_ms = now_ms

    def step(self, begun_ms, now_ms):
        """A step of the gateway began at begun_ms and is over now."""
        self.longest_step_ms = max(self.longest_step_ms, elapsed_ms(now_ms, begun_ms))
        while elapsed_ms(now_ms, self._second_ms) >= 1000:
            self._second_ms = (self._second_ms - 0x3FFFFFFF + 999) & 0x3FFFFFFF  # in this order it stays a small integer
            self.uptime_s += 1

    def free_bytes(self):
        return gc.mem_free()

    def used_bytes(self):
        return gc.mem_alloc()
