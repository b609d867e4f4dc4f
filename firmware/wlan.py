"""Wi-Fi as the port of the supervisor. The driver reconnects by itself; nothing here waits."""

import network

from supervisor import JOINED, NOT_FOUND, TRYING, WRONG_PASSWORD


class Wlan:
    """join() and leave() are episodes of up to 0.2 s; state() allocates nothing. None of them raises: a driver in a state that it does
    not like is switched off and on by the supervisor, and no reason to stop a charge."""

    def __init__(self, ssid, password, hostname):
        """hostname: the box answers to it with .local behind it."""
        self._ssid = ssid
        self._password = password
        network.hostname(hostname)
        self._wlan = network.WLAN(network.STA_IF)

    def join(self):
        self._guarded(self._join)

    def leave(self):
        self._guarded(self._leave)

    def _guarded(self, action):
        try:
            action()
        except (OSError, RuntimeError) as error:  # the latter where the driver has no word for its trouble
            print("ladepunkt: Wi-Fi:", error)

    def _join(self):
        wlan = self._wlan
        wlan.active(True)
        wlan.config(pm=network.WLAN.PM_NONE)  # power saving adds hundreds of ms to every answer
        if not wlan.isconnected():
            wlan.connect(self._ssid, self._password)

    def _leave(self):
        self._wlan.active(False)

    def state(self):
        """JOINED or why not, in the words of the supervisor."""
        wlan = self._wlan
        if wlan.isconnected():
            return JOINED
        status = wlan.status()
        if status == network.STAT_WRONG_PASSWORD:
            return WRONG_PASSWORD
        return NOT_FOUND if status == network.STAT_NO_AP_FOUND else TRYING

    def address(self):
        return self._wlan.ifconfig()[0]

    def router(self):
        """Its address, "0.0.0.0" while it is not known."""
        return self._wlan.ifconfig()[2]

    def rssi_dbm(self):
        """How well the access point is heard; None while it is not. Episode."""
        try:
            return self._wlan.status("rssi") if self._wlan.isconnected() else None
        except (OSError, RuntimeError):
            return None  # lost in between
