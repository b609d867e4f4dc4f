"""What the broker tells: every topic of every charge point by one number, rendered from the images when it is due."""

from micropython import const

from topics import KEPT, ROOT, SHARED, TOLD, render, room, roots_of

# Flags of a topic, per session.
WANTED = const(1)  # subscribed: told in every round
OWED = const(2)  # just subscribed: its retained message is still to be sent

_ROWS = TOLD + KEPT
_ROW_COUNT = len(_ROWS)
_TOLD_COUNT = len(TOLD)


class Topics:
    """All topics; those of KEPT are told to who subscribes, when there is a value, and not in rounds. Mirrors have none of those.

    Behind them what the charge points share: the tag, told like a value of the box, and the newest accepted heartbeat, kept.
    """

    def __init__(self, prefix, points, mirrors=()):
        """mirrors: ids below openWB/chargepoint/ under which the first charge points are told once more."""
        self._roots = roots_of(prefix, points, mirrors)
        self._points = points + points[: len(mirrors)] + points[:1]
        self._shared = len(self._roots) * _ROW_COUNT
        self._roots.append(prefix + ROOT)
        self.count = self._shared + len(SHARED)
        self._own = len(points) * _ROW_COUNT
        self._row = None  # what is being told
        self._value = None

    def name(self, i):
        """Episode: topic i."""
        if i < self._shared:
            return self._roots[i // _ROW_COUNT] + _ROWS[i % _ROW_COUNT][0]
        return self._roots[-1] + SHARED[i - self._shared][0]

    def next(self, flags, i, flag):
        """The first topic from i on that has this flag and is told for it; `count`: none has."""
        end = self.count if flag == OWED else self.count - 1
        while i < end and not (flags[i] & flag and (flag == OWED or i % _ROW_COUNT < _TOLD_COUNT)):
            i += 1
        return i if i < end else self.count

    def tell(self, tx, i, retain):
        """Puts topic i behind what waits in a Packet. False: there is no room now. What can never fit is left out."""
        if i < self._shared:
            self._row = _ROWS[i % _ROW_COUNT]
            kept = i % _ROW_COUNT >= _TOLD_COUNT
        else:
            self._row = SHARED[i - self._shared]
            kept = i == self.count - 1
        self._value = self._points[i // _ROW_COUNT].image.value
        if kept and (self._own <= i < self._shared or self._value[self._row[1]] is None):
            return True
        if not self._open(tx, self._roots[i // _ROW_COUNT]):
            return tx.start == tx.end
        tx.end = render(tx.buf, tx.end, self._row, self._value)
        tx.close_behind(retain)
        return True

    def _open(self, tx, root):
        n = room(self._row, self._value)
        if tx.open_behind(root, self._row[0], n):
            return True
        if tx.start == tx.end:
            tx.refuse()
        return False
