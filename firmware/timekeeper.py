"""What the time is good for: when a tag was scanned, and since when there is an error. Only where a time server is configured."""

from micropython import const

from clock import Latch
from points import P_ERROR_TIMESTAMP_S, P_FAULT_STATE, P_RFID, P_RFID_TIMESTAMP_S, UNSTAMPED
from sntp import Sntp
from wall import WallClock

ERROR = const(2)  # P_FAULT_STATE
LATE_MS = const(3600000)  # a clock that comes up within this time still dates what was before


class Timekeeper:
    """`settings`: config["time"]; `points`: per charge point .image and .tag; `port` and `pool`: see Sntp."""

    def __init__(self, settings, points, port, box_id, now_ms, pool=None):
        self.episode = False  # True after something has allocated; whoever sees it resets it
        self.wall = WallClock()
        self.sntp = Sntp(settings["server"], settings["every_h"], port, self.wall, box_id, now_ms, pool)
        self._points = points
        self._began = [Latch() for _ in points]
        self._faulty = [False] * len(points)

    def step(self, now_ms):
        """To be called about every 100 ms; so exact the time is."""
        before = self.sntp.state
        self.sntp.step(now_ms)
        if self.sntp.state != before:
            self.episode = True
        self.wall.step(now_ms)
        for i in range(len(self._points)):
            self._date_tag(self._points[i], now_ms)
            self._date_fault(i, now_ms)

    def _date_tag(self, point, now_ms):
        tag = point.tag
        value = point.image.value
        if tag.stamped or not self.wall.valid or value[P_RFID_TIMESTAMP_S] is UNSTAMPED:
            return  # the latter: a newer one, which the tag machine has not seen yet
        tag.stamped = True
        if value[P_RFID] is not None and not tag.scanned.expired:
            value[P_RFID_TIMESTAMP_S] = self._text(tag.scanned.at_ms, now_ms)

    def _date_fault(self, i, now_ms):
        value = self._points[i].image.value
        began = self._began[i]
        if value[P_FAULT_STATE] != ERROR:
            self._faulty[i] = False
            value[P_ERROR_TIMESTAMP_S] = None
            return
        if not self._faulty[i]:
            self._faulty[i] = True
            began.mark(now_ms)
        if not began.check(now_ms, LATE_MS) and self.wall.valid and value[P_ERROR_TIMESTAMP_S] is None:
            value[P_ERROR_TIMESTAMP_S] = self._text(began.at_ms, now_ms)

    def _text(self, then_ms, now_ms):
        """Episode."""
        self.episode = True
        return self.wall.text(then_ms, now_ms)
