"""The RS485 lines of the box: a bus and a plan of its own for each, so that trouble on one never slows down the other."""

from bus import Bus
from plan import Plan


class Lines:
    """`plans` holds one for every line that is in use, in the order of board.json."""

    def __init__(self, ports, drivers, baud):
        """ports: one per line of board.json, None where it is not used. drivers: the list for each line."""
        self.plans = []
        for i in range(len(ports)):
            if drivers[i]:
                self.plans.append(Plan(Bus(ports[i], baud), drivers[i]))

    def step(self, now_ms):
        """Hands finished transactions to their drivers."""
        for plan in self.plans:
            plan.step(now_ms)

    def start(self, now_ms):
        """Starts at most one request per line; returns the ms until the next call is wanted."""
        wait_ms = self.plans[0].start(now_ms)
        for i in range(1, len(self.plans)):
            wait_ms = min(wait_ms, self.plans[i].start(now_ms))
        return wait_ms
