"""Keeps the box in the network: joins, notices what was lost, and begins anew when the driver got stuck. Never blocks.

The drivers of Wi-Fi and Ethernet reconnect by themselves; this helps where that does not. Whatever the network does, charging is
decided by heartbeats only.
"""

from micropython import const

from clock import Latch, elapsed_ms

# What the port answers to state().
JOINED = const(1)  # with an address
TRYING = const(0)
WRONG_PASSWORD = const(-1)
NOT_FOUND = const(-2)
UNPLUGGED = const(-3)

DOWN = const(0)  # this box has another way into the network, or none
JOINING = const(1)
UP = const(2)
RESTING = const(3)
TRANSITIONS = ((DOWN, JOINING), (JOINING, UP), (JOINING, RESTING), (UP, JOINING), (RESTING, JOINING))

LOOK_MS = const(500)
JOIN_MS = const(60000)  # association, DHCP and all; then the interface is switched off and on
REST_MS = const(5000)
REST_MAX_MS = const(60000)

_WORDS = ((WRONG_PASSWORD, b"wrong password"), (NOT_FOUND, b"no such network in reach"), (UNPLUGGED, b"no cable"))


class Supervisor:
    """
    DOWN --port--> JOINING --address--> UP --lost--> JOINING
    JOINING --60 s without an address--> RESTING --5 s, each time longer up to 60 s--> JOINING
    """

    def __init__(self, port, now_ms):
        """port: join(), leave(), state(), address() (text); or None. At boot: joins at once."""
        self.address = None  # while UP
        self.joins = 0
        self.losses = 0
        self.changed = False  # of address; the owner tells about it and takes it back
        self.state = DOWN
        self._port = port
        self._since = Latch()
        self._looked_ms = now_ms
        self._last = TRYING  # what the port has said
        self._rest_ms = REST_MS
        if port is not None:
            self._join(now_ms)

    def _enter(self, state, now_ms):
        self.state = state
        self._since.mark(now_ms)

    def step(self, now_ms):
        """A look twice a second; allocates only when something has changed."""
        if self.state == DOWN or elapsed_ms(now_ms, self._looked_ms) < LOOK_MS:
            return
        self._looked_ms = now_ms
        if self.state == RESTING:
            if self._since.check(now_ms, self._rest_ms):
                self._rest_ms = min(REST_MAX_MS, 2 * self._rest_ms)
                self._join(now_ms)
            return
        self._last = self._port.state()
        if self._last == JOINED:
            if self.state != UP:
                self._arrive(now_ms)
        elif self.state == UP:
            self._lose(now_ms)
        elif self._since.check(now_ms, JOIN_MS):
            self._rest(now_ms)

    def _join(self, now_ms):
        """Episode."""
        self.joins = (self.joins + 1) & 0xFFFFFF
        self._last = TRYING
        self._enter(JOINING, now_ms)
        self._port.join()

    def _arrive(self, now_ms):
        """Episode."""
        self._rest_ms = REST_MS
        self.address = self._port.address()
        self.changed = True
        self._enter(UP, now_ms)

    def _lose(self, now_ms):
        """Episode."""
        self.losses = (self.losses + 1) & 0xFFFFFF
        self.address = None
        self.changed = True
        self._enter(JOINING, now_ms)

    def _rest(self, now_ms):
        """Episode: the driver had its time. Off and on again."""
        self._port.leave()
        self._enter(RESTING, now_ms)

    def trouble(self):
        """Why there is no network, as bytes; None while there is, or while nobody knows."""
        for code, words in _WORDS:
            if code == self._last:
                return words
        return None
