"""The heartbeat of Modbus: whoever reads registers is there. Kept apart by address, as a dashboard proves nothing about a controller."""

from micropython import const

from clock import Latch
from intents import MODBUS, SENDERS, Senders
from safety import R_HEARTBEAT_LOST, R_HEARTBEAT_NEVER

READ_LIMIT_MS = const(80000)
ENABLED_LIMIT_MS = const(60000)  # once a client has written that it wants a heartbeat


class Reads:
    """Liveness of one reader. `reason` is 0 while alive, else the R_HEARTBEAT_... that applies."""

    def __init__(self, limit_ms):
        self.limit_ms = limit_ms
        self.reason = R_HEARTBEAT_NEVER
        self.slow_text = b""
        self.last = Latch()

    def arrive(self, now_ms):
        self.reason = 0
        self.last.mark(now_ms)

    def forget(self):
        """As if it had never been heard."""
        self.reason = R_HEARTBEAT_NEVER
        self.last.expired = True

    def check(self, now_ms):
        """Ages it; to be called in every step."""
        if not self.reason and self.last.check(now_ms, self.limit_ms):
            self.reason = R_HEARTBEAT_LOST


class Readers(Senders):
    """The reads by address. A leader counts as alive by its own reads; or, where the owner says so, by those of others:
    of any (`anybody`), or of the `controllers`, a list of addresses that are the only ones who may lead."""

    def __init__(self, points, controllers, anybody):
        """points: per charge point, with .wish."""
        super().__init__(READ_LIMIT_MS, Reads)
        self.off = False  # switched off by a client, which the owner has allowed
        self._points = points
        self._controllers = controllers
        self._anybody = anybody
        self._shared = Reads(READ_LIMIT_MS)
        self._off = Reads(READ_LIMIT_MS)
        self._off.reason = 0

    def of(self, sender):
        if self.off:
            return self._off
        if self._anybody or self._controllers is not None:
            return self._shared
        return Senders.of(self, sender)

    def arrive(self, sender, now_ms):
        """`sender` has read something. Allocates only for one who was not known."""
        if self._anybody or self._controllers is not None and sender in self._controllers:
            self._shared.arrive(now_ms)
        elif self._controllers is None:
            self.admit(sender).arrive(now_ms)

    def tighten(self):
        """A client wants the heartbeat: from now on, and for all of them, the shorter limit applies."""
        self.off = False
        self._shared.limit_ms = ENABLED_LIMIT_MS
        for i in range(SENDERS):
            self.heartbeats[i].limit_ms = ENABLED_LIMIT_MS

    def check(self, now_ms):
        """Ages all of them; to be called in every step."""
        self._shared.check(now_ms)
        Senders.check(self, now_ms)

    def leads(self, sender):
        """True when this address has sent the last set point of a charge point."""
        for point in self._points:
            if point.wish.is_leader(MODBUS, sender):
                return True
        return False

    def _place(self):
        """Episode: as for other doors, but dashboards, however many, never take the place of one who leads."""
        i = Senders._place(self)
        while self.leads(self.addresses[i]):
            i = (i + 1) % SENDERS
        return i
