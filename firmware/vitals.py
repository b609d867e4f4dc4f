"""How the box itself is doing: how long it runs, what its longest step took, memory and reception."""

import gc

from clock import elapsed_ms


class Vitals:
    """step() is called in every turn of the loop and allocates nothing. link: see Wlan; or None."""

    def __init__(self, now_ms, link=None):
        self.uptime_s = 0  # wraps after 34 years
        self.longest_step_ms = 0
        self._second_ms = now_ms
        self._link = link

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

    def idf_free_bytes(self):
        """What is left for Wi-Fi and sockets, outside Python's heap; None where there is no such thing. Episode."""
        try:
            import esp32

            return sum([region[1] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])
        except (ImportError, AttributeError):
            return None

    def rssi_dbm(self):
        """How well the access point is heard; None without Wi-Fi, or without a connection. Episode."""
        return None if self._link is None else self._link.rssi_dbm()
