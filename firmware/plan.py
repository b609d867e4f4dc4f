"""Who is next on the line: 0 A before writes before polls, polls in turn."""

from micropython import const

from bus import IDLE

# What a driver wants, from its wants(now_ms).
NOTHING = const(0)
AFTER_OTHERS = const(1)
POLL = const(2)
WRITE = const(3)
ZERO = const(4)


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

    def step(self, now_ms):
        """Hands a finished transaction to its driver."""
        if self.bus.step(now_ms):
            driver = self._drivers[self._current]
            driver.done(self.bus.result, self.bus.rx, now_ms)
            if self._polling:
                self._pass_turn(self._current if driver.again else self._current + 1)

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
            return 1000
        driver = self._drivers[i]
        driver.prepare(now_ms)
        rest_ms = self.bus.rest_ms(driver.station, now_ms)
        if rest_ms:
            return rest_ms
        self._current = i
        self._polling = driver.wants(now_ms) <= POLL
        self.bus.start(driver.station, now_ms)
        return self.bus.wait_ms(now_ms)

    def _pick(self, now_ms):
        """Index of the driver with the strongest wish, in turn where they are equal; -1 when nobody wants anything."""
        best = -1
        strongest = NOTHING
        i = self._turn
        while True:
            wish = self._wish(i, now_ms)
            if wish > strongest:
                strongest = wish
                best = i
            i = i + 1 if i + 1 < len(self._drivers) else 0
            if i == self._turn:
                return best

    def _wish(self, i, now_ms):
        driver = self._drivers[i]
        wish = driver.wants(now_ms)
        if wish > POLL and i == self._current and driver.station.last_result < 0:
            return AFTER_OTHERS  # a deaf EVSE must not starve the other stations
        return wish
