"""The input of the grid operator: while it says so, every charge point is limited. Loaded where board.json has one."""

from micropython import const

from clock import Hold
from safety import F_GRID_CA, F_PHASES

RELEASE_MS = const(1000)  # a contact that chatters limits
VOLTS = const(230)


def grid_ca(limit_w, phases):
    """W per charge point to 0.01 A per phase. 0 phases: not known, so three."""
    return limit_w * 100 // (VOLTS * (phases or 3))


class GridLimit:
    """Keeps F_GRID_CA. port: limited(), also with a broken wire."""

    def __init__(self, port, settings, points):
        """settings: `grid` of config.json. Limited until the input has said for a second that it is not."""
        self.episode = False  # as every extra
        self._port = port
        self._limit_w = settings["limit_w"]
        self._limit_ca = settings["limit_ca"]
        self._points = points
        self._free = Hold()
        self._tell(True)

    def step(self, now_ms):
        self._tell(not self._free.check(not self._port.limited(), now_ms, RELEASE_MS))

    def _tell(self, limited):
        for point in self._points:
            point.facts[F_GRID_CA] = self._ca(point) if limited else None

    def _ca(self, point):
        if self._limit_ca is not None:
            return self._limit_ca
        return grid_ca(self._limit_w, point.facts[F_PHASES])  # 0 while a phase relay's position is not known
