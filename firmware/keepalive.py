"""Is the other end of a connection still there? Pure; time is an argument."""

from micropython import const

from clock import Latch, elapsed_ms

ALL_WELL = const(0)
ASK_NOW = const(1)
NO_ANSWER = const(2)
NO_ROOM = const(3)


class KeepAlive:
    """One question every half keepalive time; its answer, and room for all that waits to be sent, must come within the
    next half. So a dead connection is noticed after one whole keepalive time at the latest."""

    def __init__(self, keepalive_s):
        self._half_ms = keepalive_s * 500
        self._asked = Latch()
        self._emptied = Latch()  # nothing was waiting to be sent
        self._answer_due = False

    def start(self, now_ms):
        """The connection has just come up."""
        self._asked.mark(now_ms)
        self._emptied.mark(now_ms)
        self._answer_due = False

    def answered(self):
        self._answer_due = False

    def check(self, now_ms, empty):
        """What to do. empty: nothing waits to be sent. After ASK_NOW the question counts as asked."""
        if empty:
            self._emptied.mark(now_ms)
        elif self._emptied.check(now_ms, self._half_ms):
            return NO_ROOM
        if not self._asked.check(now_ms, self._half_ms):
            return ALL_WELL
        if self._answer_due:
            return NO_ANSWER
        if not empty:
            return ALL_WELL
        self._answer_due = True
        self._asked.mark(now_ms)
        return ASK_NOW

    def left_ms(self, now_ms):
        """Until the next question is due; 0 when it is overdue."""
        return max(0, self._half_ms - elapsed_ms(now_ms, self._asked.at_ms))
