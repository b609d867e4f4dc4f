"""SNTP (RFC 4330): asks a server for the time now and then. Nothing but timestamps depends on it.

One socket, and only from a question to its answer.
"""

from micropython import const

from backoff import Backoff
from clock import TICKS_MASK, Latch, elapsed_ms
from wall import DAY_S

RESTING = const(0)
RESOLVING = const(1)
ASKING = const(2)
TRANSITIONS = (
    (RESTING, RESOLVING),
    (RESOLVING, ASKING),
    (RESOLVING, RESTING),
    (ASKING, RESTING),
)

PORT = const(123)
PACKET_BYTES = const(48)
RESOLVE_MS = const(20000)  # the name of a host that is not there takes 12 s
ANSWER_MS = const(5000)
_FIRST_MS = const(15000)
_LAST_MS = const(3600000)

_QUESTION = const(0x23)  # version 4, mode 3: client
_SERVER = const(4)  # mode of an answer
_NOT_SET = const(3)  # leap indicator of a server that does not know the time itself
_ORIGIN = const(24)  # where an answer repeats the question's transmit time
_TRANSMIT = const(40)
_STAMP_BYTES = const(8)
_DAYS_1900 = const(25567)  # from 1900-01-01 to 1970-01-01
_FIRST_DAY = const(20454)  # 2026-01-01: no box with this firmware has lived before
_LAST_DAY = const(47481)  # 2099-12-31


class Sntp:
    """
    RESTING --due--> RESOLVING --address--> ASKING --good answer--> RESTING, for every_h
    RESOLVING --unknown, or 20 s--> RESTING     ASKING --no good answer in 5 s, or sent away--> RESTING, for longer each time

    `port`: resolve(host, port), resolved() 1/0/-1, open() (False: no socket), write(buf, n), readinto(buf) (-1: broken), close(),
    random(buf, at, n). `wall`: a WallClock. `pool`: the Connections, whose last door lends the socket; None where there are none.
    """

    def __init__(self, server, every_h, port, wall, box_id, now_ms, pool=None):
        self.state = RESTING
        self.answers = 0
        self.refused = 0  # answers that fail a check: forged, late, or of a server that knows no time
        self._server = server
        self._every_ms = every_h * 3600000
        self._port = port
        self._wall = wall
        self._pool = pool
        self._slot = None  # of the pool, while a socket is open
        self._backoff = Backoff(_FIRST_MS, _LAST_MS, box_id)
        self._pause_ms = 0
        self._since = Latch()  # the state
        self._since.mark(now_ms)
        self._question = bytearray(PACKET_BYTES)
        self._answer = bytearray(PACKET_BYTES)  # what stands behind that is cut off: extensions, which are of no interest

    def _enter(self, state, now_ms):
        if state == RESTING:
            self._close()
        self.state = state
        self._since.mark(now_ms)

    def step(self, now_ms):
        """One look at what is due."""
        if self.state == RESTING:
            if self._since.check(now_ms, self._pause_ms):
                self._port.resolve(self._server, PORT)
                self._enter(RESOLVING, now_ms)
        elif self.state == RESOLVING:
            self._resolve(now_ms)
        else:
            self._listen(now_ms)

    def _resolve(self, now_ms):
        known = self._port.resolved()
        if known > 0:
            self._ask(now_ms)
        elif known < 0 or self._since.check(now_ms, RESOLVE_MS):
            self._rest(now_ms)

    def _ask(self, now_ms):
        """Episode. The transmit time is a number that nobody can guess: who repeats it has seen the question."""
        question = self._question
        question[0] = _QUESTION
        self._port.random(question, _TRANSMIT, _STAMP_BYTES)
        if self._open(now_ms) and self._port.write(question, PACKET_BYTES) == PACKET_BYTES:
            self._enter(ASKING, now_ms)
        else:
            self._rest(now_ms)

    def _open(self, now_ms):
        """Episode. False: there is no socket now."""
        if self._pool is not None:
            self._slot = self._pool.take(self._pool.doors[-1], now_ms)
            if self._slot is None:
                return False
            self._pool.open(self._slot, self._pool.doors[-1], self._port, now_ms)
        return self._port.open()

    def _close(self):
        if self._slot is None:
            self._port.close()
        else:
            self._pool.close(self._slot)  # which closes the port
            self._slot = None

    def _rest(self, now_ms):
        """After a failure: longer each time."""
        self._pause_ms = self._backoff.next_ms()
        self._enter(RESTING, now_ms)

    def _listen(self, now_ms):
        n = self._port.readinto(self._answer)
        if n > 0:
            self._judge(n, now_ms)
        elif n < 0 or self._since.check(now_ms, ANSWER_MS):
            self._rest(now_ms)

    def _judge(self, n, now_ms):
        """Episode. A bad answer ends nothing: the good one may be behind it."""
        answer = self._answer
        if n < PACKET_BYTES or answer[0] & 7 != _SERVER or not self._is_ours():
            self.refused = (self.refused + 1) & 0xFFFFFF
        elif answer[1] == 0:  # a kiss of death: the server wants to be left alone
            self._pause_ms = self._every_ms
            self._enter(RESTING, now_ms)
        elif answer[1] > 15 or answer[0] >> 6 == _NOT_SET or not self._set(now_ms):
            self.refused = (self.refused + 1) & 0xFFFFFF
        else:
            self.answers = (self.answers + 1) & 0xFFFFFF
            self._backoff.reset()
            self._pause_ms = self._every_ms
            self._enter(RESTING, now_ms)

    def _is_ours(self):
        """True when the answer repeats what the question said."""
        for i in range(_STAMP_BYTES):
            if self._answer[_ORIGIN + i] != self._question[_TRANSMIT + i]:
                return False
        return True

    def _set(self, now_ms):
        """Sets the clock to the server's transmit time and half of the way there and back. False: not plausible. Episode."""
        answer = self._answer
        high = answer[_TRANSMIT] << 8 | answer[_TRANSMIT + 1]
        if high < 0x8000:
            high += 0x10000  # the counter of 32 bits begins anew in 2036
        # 65536 s are 512 units of 128 s, a day has 675: nothing exceeds 30 bits
        s = (high * 512 % 675) * 128 + (answer[_TRANSMIT + 2] << 8 | answer[_TRANSMIT + 3])
        days = high * 512 // 675 + s // DAY_S - _DAYS_1900
        if not _FIRST_DAY <= days <= _LAST_DAY:
            return False
        ms = (answer[_TRANSMIT + 4] << 8 | answer[_TRANSMIT + 5]) * 1000 >> 16
        ms += elapsed_ms(now_ms, self._since.at_ms) >> 1
        self._wall.set(days, s % DAY_S, now_ms - ms & TICKS_MASK)
        return True
