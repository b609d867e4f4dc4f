"""Hears a box start, until it says that it is healthy, or why it can not be."""

import time

from tools import maintenance
from tools.flash import FlashError

HEALTHY = "ladepunkt: healthy: version "
ADDRESS = "ladepunkt: address "
HOLDS = "ladepunkt: stays at 0 A: "
BACK = "ladepunkt: floor: three starts of "
SAYS = "ladepunkt: "
LIMIT_S = 120.0  # three starts that hang, 10 s of watchdog each, and the version before
ADDRESS_S = 30.0  # from healthy on: Wi-Fi, DHCP


def wait(device, say, clock=time.monotonic, limit_s=LIMIT_S, address_s=ADDRESS_S):
    """(version, address or None) of the box that is starting. Raises FlashError."""
    start = _Start(say)
    end_s = clock() + limit_s
    talk = device.listen()
    while clock() < end_s:
        try:
            line = talk.next(min(end_s, clock() + 1))
        except maintenance.MaintenanceError:  # the port of an S3 goes away with the reset
            device.reopen()
            talk = device.listen()
            continue
        if line is not None and start.take(line):
            end_s = min(end_s, clock() + address_s)
        if start.address and start.version:
            break
    return start.result()


class _Start:
    """What a start has said so far."""

    def __init__(self, say):
        self.version = self.address = None
        self._say = say
        self._back = self._error = None

    def take(self, line):
        """True when the box is healthy now. Raises FlashError when it will never be."""
        if line.startswith(HOLDS):
            reason = line.removeprefix(HOLDS)
            raise FlashError(f"the box started, but stays at 0 A: {reason}; then run it again")
        if line.startswith(BACK):
            self._back = line.removeprefix("ladepunkt: floor: ")
        if line.startswith(SAYS):
            self._say("the box says: " + line.removeprefix(SAYS))
        elif "Error" in line and not line.startswith(" "):
            self._error = line
        if line.startswith(ADDRESS):
            self.address = line.removeprefix(ADDRESS).strip()
        if line.startswith(HEALTHY):
            self.version = line.removeprefix(HEALTHY).strip()
            return True
        return False

    def result(self):
        why = f"; the last error was {self._error}" if self._error else ""
        if self._back:
            now = f"which runs: version {self.version}" if self.version else "which has not said that it is healthy"
            raise FlashError(f"the new version does not start ({self._back}){why}. The box has taken the one before, {now}. Report this to the project")
        if self.version is None:
            raise FlashError(f"the box does not say that it is healthy{why}: press its reset button and watch its console")
        return self.version, self.address
