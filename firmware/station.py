"""A station on the RS485 line as the master sees it: its next request, how well it answers, and how gently to ask."""

from micropython import const

import modbus
from clock import elapsed_ms

# Results of a transaction; those above 0 are Modbus exception codes.
OK = const(0)
TIMEOUT = const(-1)
BAD_CRC = const(-2)
WRONG_REPLY = const(-3)  # other unit, function, byte count or register than asked
SEND_FAILED = const(-4)

BURST = const(3)  # errors in a row that lengthen the gap; when the last one is a time-out, the station is silent
CALM = const(100)  # good replies in a row that shorten it again
GAPS_MS = (20, 50, 100, 250)
COUNT_MASK = const(0x3FFFFFF)


class Station:
    """One device on the line. Its driver sets the next request (ask, tell), the bus reports the result (judge)."""

    def __init__(self, unit, base_gap_ms, silent_retry_ms):
        self.unit = unit
        self.function = modbus.READ_HOLDING
        self.address = 0
        self.count = 0
        self.word = 0  # the one register of a write
        self.urgent = False  # 0 A: ignores back-off
        self.requests = 0
        self.timeouts = 0
        self.crc_errors = 0
        self.wrong_replies = 0
        self.exceptions = 0
        self.echoes = 0
        self.latency_ms = 0  # of the last reply: end of request to its first byte, as seen by the loop
        self.latency_max_ms = 0
        self.silent = False
        self.last_result = OK
        self._base_gap_ms = base_gap_ms
        self._silent_retry_ms = silent_retry_ms
        self._level = -1  # index into GAPS_MS once backed off
        self._errors = 0  # in a row
        self._good = 0  # in a row
        self._asked_ms = 0

    def gap_ms(self):
        """Idle time on the line before the next request to this station."""
        if self.urgent or self._level < 0:
            return self._base_gap_ms
        return max(self._base_gap_ms, GAPS_MS[self._level])

    def rests(self, now_ms):
        """True while a silent station is left alone so that it does not slow down the others."""
        return self.silent and elapsed_ms(now_ms, self._asked_ms) < self._silent_retry_ms

    def ask(self, function, address, count):
        self.function = function
        self.address = address
        self.count = count
        self.urgent = False

    def tell(self, address, word):
        self.function = modbus.WRITE_MULTIPLE
        self.address = address
        self.word = word
        self.urgent = False

    def sent(self, now_ms):
        self.requests = (self.requests + 1) & COUNT_MASK
        self._asked_ms = now_ms

    def judge(self, result):
        """Counts a result and moves gap and silence accordingly."""
        self.last_result = result
        if result >= 0:
            if result:
                self.exceptions = (self.exceptions + 1) & COUNT_MASK
            self._well()
            return
        if result == BAD_CRC:
            self.crc_errors = (self.crc_errors + 1) & COUNT_MASK
        elif result == WRONG_REPLY:
            self.wrong_replies = (self.wrong_replies + 1) & COUNT_MASK
        else:
            self.timeouts = (self.timeouts + 1) & COUNT_MASK
        self._badly(result)

    def _well(self):
        self.silent = False
        self._errors = 0
        self._good += 1
        if self._good >= CALM:
            self._good = 0
            self._level = max(-1, self._level - 1)

    def _badly(self, result):
        self._good = 0
        self._errors += 1
        if self._errors < BURST:
            return
        self._errors = 0
        if self.silent:
            return  # a longer gap does not help a station that is not there
        self.silent = result == TIMEOUT
        self._level = min(self._level + 1, len(GAPS_MS) - 1)
        while GAPS_MS[self._level] <= self._base_gap_ms and self._level < len(GAPS_MS) - 1:
            self._level += 1
