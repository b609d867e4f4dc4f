"""Who is next on the line: 0 A before writes before polls, equal wishes in turn, and nobody is left out for long."""

from micropython import const

from bus import IDLE
from station import OK

# What a driver wants, from its wants(now_ms).
NOTHING = const(0)
AFTER_OTHERS = const(1)
POLL = const(2)
WRITE = const(3)
ZERO = const(4)

FAVOURS = const(2)  # a write and its read-back; then its driver lets the others pass
LOOK_AGAIN_MS = const(100)  # while everybody rests


class Plan:
    """
    Picks the next driver for one bus. A driver has `station`, `again` (it wants one more turn in this round),
    wants(now_ms), prepare(now_ms) (fills the station's request) and done(result, frame, now_ms).
    """

    def __init__(self, bus, drivers):
        self.bus = bus
        self.rounds = 0  # how often the turn went through all drivers
        self._drivers = drivers
        self._turn = 0  # who is asked first
        self._current = 0  # whose request is, or was last, in flight
        self._polling = False  # that request was a poll
        self._retried = False  # the last poll was the second try
        self._favours = 0  # requests in a row that overtook the polls
        self._zeroed = False  # one of them was 0 A

    def step(self, now_ms):
        """Hands a finished transaction to its driver."""
        if self.bus.step(now_ms):
            driver = self._drivers[self._current]
            driver.done(self.bus.result, self.bus.rx, now_ms)
            if self._polling:
                self._retried = self.bus.result < 0 and not self._retried and not driver.station.silent
                self._pass_turn(self._current if driver.again or self._retried else self._current + 1)

    def _pass_turn(self, i):
        if i == len(self._drivers):
            i = 0
            self.rounds = (self.rounds + 1) & 0xFFFFFF
        self._turn = i

    def start(self, now_ms):
        """Starts the next request when the line is free; returns the ms until the next call is wanted, at most 1000."""
        if self.bus.state != IDLE:
            return self.bus.wait_ms(now_ms)
        i = self._pick(now_ms)
        if i < 0:
            return LOOK_AGAIN_MS
        driver = self._drivers[i]
        driver.prepare(now_ms)
        rest_ms = self.bus.rest_ms(driver.station, now_ms)
        if rest_ms:
            return rest_ms
        favoured = self._wish(i, now_ms) > POLL
        self._polling = driver.wants(now_ms) <= POLL
        if not self.bus.start(driver.station, now_ms):
            return driver.station.gap_ms()
        self._favours = self._favours + 1 if favoured else 0
        self._zeroed = driver.station.urgent or favoured and self._zeroed
        self._current = i
        return self.bus.wait_ms(now_ms)

    def _pick(self, now_ms):
        """Index of the driver with the strongest wish, in turn where they are equal; -1 when nobody wants anything."""
        i = self._strongest((self._current + 1) % len(self._drivers), now_ms)
        if i < 0 or self._wish(i, now_ms) > POLL:
            return i
        return self._strongest(self._turn, now_ms)

    def _strongest(self, first, now_ms):
        """The first of the strongest, looking from `first` on."""
        best = -1
        strongest = NOTHING
        i = first
        while True:
            wish = self._wish(i, now_ms)
            if wish > strongest:
                strongest = wish
                best = i
            i = i + 1 if i + 1 < len(self._drivers) else 0
            if i == first:
                return best

    def _wish(self, i, now_ms):
        """What driver i wants, but that an EVSE which is deaf, refuses or does not obey must not starve the others."""
        wish = self._drivers[i].wants(now_ms)
        if wish <= POLL or self._favours < FAVOURS * len(self._drivers) and not self._must_yield(i, wish):
            return wish
        return AFTER_OTHERS

    def _must_yield(self, i, wish):
        """True right after requests of its own that failed, or were enough. The first 0 A never waits."""
        if i != self._current or wish == ZERO and not self._zeroed:
            return False
        return self._favours >= FAVOURS or self._drivers[i].station.last_result != OK
