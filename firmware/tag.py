"""The tag of one charge point: how long it is shown. Where it came from (reader, MQTT) makes no difference."""

from micropython import const

from clock import Latch
from points import P_LAST_TAG, P_PLUGGED, P_RFID, P_RFID_TIMESTAMP_S, UNSTAMPED

NONE = const(0)
WAITING = const(1)
WITH_CAR = const(2)
TRANSITIONS = (
    (NONE, WAITING),
    (WAITING, WITH_CAR),
    (WAITING, NONE),
    (WITH_CAR, WAITING),
    (WITH_CAR, NONE),
)

WAIT_MS = const(300000)  # a primary forgets a tag after that time, too


class Tag:
    """
    NONE --a tag--> WAITING --a car is plugged--> WITH_CAR --unplugged, or cleared--> NONE
    WAITING --5 min without a car, or cleared--> NONE      WITH_CAR --another tag--> WAITING
    """

    def __init__(self, image):
        self.state = NONE
        self.scanned = Latch()  # the tag that is shown; expired after 5 min whether there is a car or not
        self.stamped = True  # False from the scan until somebody who knows the time has seen it
        self._value = image.value

    def _enter(self, state):
        self.state = state

    def step(self, now_ms):
        """To be called at least once per second: so often the plug is looked at."""
        self.scanned.check(now_ms, WAIT_MS)
        if self._value[P_RFID] is None:
            if self.state != NONE:
                self._enter(NONE)
            return
        if self._value[P_RFID_TIMESTAMP_S] is UNSTAMPED:
            self._take(now_ms)
        plugged = self._value[P_PLUGGED]
        if self.state == WAITING and plugged:
            self._enter(WITH_CAR)
        elif self.state == WITH_CAR and plugged == 0 or self.state == WAITING and self.scanned.expired:
            self._clear()

    def _take(self, now_ms):
        """A tag that was not there before, or again."""
        self._value[P_RFID_TIMESTAMP_S] = None
        self.scanned.mark(now_ms)
        self.stamped = False
        if self.state != WAITING:
            self._enter(WAITING)

    def _clear(self):
        self._value[P_RFID] = self._value[P_LAST_TAG] = self._value[P_RFID_TIMESTAMP_S] = None
        self._enter(NONE)
