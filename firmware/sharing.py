"""Two charge points behind one feeder: what one may have depends on what the EVSE of the other may still signal.

Loaded where shared_ca is configured. Looks every 100 ms; between two looks no grant changes, so nothing above it can be sent.
"""

from micropython import const

from clock import Latch
from guard import IDLE_CA, highest_ca
from modbus import WRITE_MULTIPLE
from points import P_CHARGING, P_PLUGGED
from safety import F_SHARED_CA, MAX_CA, MIN_CA

PATIENCE_MS = const(120000)  # who has the feeder alone and does not charge gives it to the one who waits


def share(first_ca, second_ca, shared_ca):
    """What the first may have when they want that much, each 0 or 600 and more: half, and what the other one leaves."""
    if second_ca < MIN_CA:
        return min(first_ca, shared_ca)
    return min(first_ca, max(shared_ca // 2, shared_ca - second_ca))


class Sharing:
    """Keeps F_SHARED_CA of both charge points. No sum of what both EVSEs may signal is ever above `shared_ca`."""

    def __init__(self, points, shared_ca):
        self.episode = False  # as every extra
        self._points = points
        self._shared_ca = shared_ca
        self._wanted_ca = [0, 0]
        self._granted_ca = [0, 0]
        self._before_ca = [0, 0]  # granted until this look: written since the last one, perhaps
        self._most_ca = [MAX_CA, MAX_CA]  # that each EVSE may be set to: anything, until it was read
        self._first = 0  # who has the feeder where it is too small for both
        self._charged = Latch()  # when the first one last charged, or nobody waited
        self._tell()

    def step(self, now_ms):
        """Grants fall at once; they rise only by what the other one has given back for sure."""
        self._want(now_ms)
        for i in range(2):
            self._before_ca[i] = self._granted_ca[i]
            self._granted_ca[i] = min(self._granted_ca[i], self._share_ca(i))
        for i in range(2):
            self._grant(i)
        self._tell()

    def _want(self, now_ms):
        wanted_ca = self._wanted_ca
        for i in range(2):
            wanted_ca[i] = self._alone_ca(self._points[i])
        if wanted_ca[0] and wanted_ca[1] and self._shared_ca < 2 * MIN_CA:
            self._take_turns(now_ms)
            wanted_ca[1 - self._first] = 0
        else:
            self._charged.mark(now_ms)
            self._first = 1 if wanted_ca[1] and not wanted_ca[0] else 0

    def _share_ca(self, i):
        return share(self._wanted_ca[i], self._wanted_ca[1 - i], self._shared_ca)

    def _take_turns(self, now_ms):
        if self._points[self._first].image.value[P_CHARGING]:
            self._charged.mark(now_ms)
        elif self._charged.check(now_ms, PATIENCE_MS):
            self._first = 1 - self._first
            self._charged.mark(now_ms)

    def _alone_ca(self, point):
        """What the charge point would take if it were alone: 0 while no car is plugged in."""
        wanted_ca = point.unshared_ca()
        return wanted_ca if wanted_ca >= MIN_CA and point.image.value[P_PLUGGED] else 0

    def _grant(self, i):
        free_ca = self._shared_ca - self._possible_ca(1 - i)
        granted_ca = min(self._share_ca(i), free_ca)
        self._granted_ca[i] = granted_ca if granted_ca >= MIN_CA else 0

    def _possible_ca(self, i):
        """The most that EVSE i may tell its car from now on: what it was granted, and what it may still be set to."""
        self._look_at(i, self._points[i].evse)
        point = self._points[i]
        if point.relay.is_open() and not point.guard.latched and highest_ca(point.image.value) < IDLE_CA:
            return self._granted_ca[i]
        return max(self._granted_ca[i], self._most_ca[i])

    def _look_at(self, i, evse):
        shown_ca = max(evse.set_current_ca(), evse.signalled_ca())
        writing = evse.station.function == WRITE_MULTIPLE  # under way, or not followed by a read yet
        if writing or not evse.obeyed():
            shown_ca = max(self._before_ca[i], max(shown_ca, self._most_ca[i]))
        self._most_ca[i] = shown_ca

    def _tell(self):
        for i in range(2):
            self._points[i].facts[F_SHARED_CA] = self._granted_ca[i]
