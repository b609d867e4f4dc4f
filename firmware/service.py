"""What somebody at the box can ask for on the console: to clear what is latched, and maintenance.

Maintenance means 0 A, confirmed, before the loop is left. While a car charges it is refused, unless forced.
"""

import sys

from micropython import const

from clock import elapsed_ms

WAIT_MS = const(10000)
MAINTENANCE = b"maintenance"
FORCED = b"maintenance force"
CLEAR = b"clear"
EVENTS = b"events"


class Service:
    """Waits for a line; after `maintenance` waits for 0 A. Answers are lines on the console."""

    def __init__(self, gateway, console):
        self._gateway = gateway
        self._console = console
        self._wanted = False
        self._forced = False
        self._since_ms = 0

    def step(self, now_ms):
        """True when the loop is to be left now. Allocates only when there is a line."""
        line = self._console.take(now_ms)
        if line is not None:
            self._do(line, now_ms)
        if not self._wanted:
            return False
        if self._gateway.at_zero():
            return True
        return elapsed_ms(now_ms, self._since_ms) >= WAIT_MS and self._give_up()

    def _do(self, line, now_ms):
        """One line of the console. Episode."""
        if line == MAINTENANCE or line == FORCED:
            self._ask(line == FORCED, now_ms)
        elif line == CLEAR:
            self._gateway.clear(now_ms)
            print("ladepunkt: latched faults cleared; what still lasts comes back")
        elif line == EVENTS:
            tell_events(self._gateway.events, now_ms)
        else:
            print("ladepunkt: unknown command; there are: maintenance, maintenance force, clear, events")

    def _ask(self, forced, now_ms):
        """Episode."""
        cp = self._gateway.charging()
        if cp >= 0 and not forced:
            say("refused: charge point %d is charging; stop it first, or ask with force" % cp)
            return
        self._wanted = True
        self._forced = forced
        self._since_ms = now_ms
        self._gateway.maintain(True)
        say("waiting for 0 A")

    def _give_up(self):
        """Nobody confirms 0 A. True when the loop is to be left all the same: the floor then opens the pilot. Episode."""
        if self._forced:
            say("0 A is not confirmed; leaving all the same, with the control pilot open")
            return True
        self._wanted = False
        self._gateway.maintain(False)
        say("0 A is not confirmed; check the EVSE and its wires, or ask with force")
        return False


def tell_events(events, now_ms):
    """What has happened lately, the oldest first. What makes text of it is in memory only for that long. Episode."""
    import event_text

    del sys.modules["event_text"]
    for text in event_text.lines(events, now_ms):
        print("ladepunkt: event", text)


def say(text):
    """Tools read these lines: see tools/maintenance.py."""
    print("ladepunkt: maintenance:", text)
