"""What outsiders wish: heartbeats and set points, by door, with arrival times. Never an action.

A heartbeat is alive after two different accepted values closer together than the limit, the last one younger
than the limit; per charge point the door of the last accepted set point leads, and its heartbeat is the one that counts.
"""

from micropython import const

from clock import Latch, elapsed_ms
from safety import R_HEARTBEAT_FIRST, R_HEARTBEAT_LOST, R_HEARTBEAT_NEVER, R_HEARTBEAT_SLOW
from text import NUMBER_DIGITS, put_bytes, put_number

MQTT = const(0)
MODBUS = const(1)
DOOR_COUNT = const(2)
NOBODY = const(-1)

SENDERS = const(4)  # whose heartbeats a door keeps apart
LIMIT_MAX_S = const(120)  # the highest heartbeat_limit_s that config accepts
CONTEST_MS = const(60000)  # two doors that both want current within this time: the lower one wins
# A sender whose interval is the limit itself jitters around it; without this margin it would come alive now and then
# and cycle the contactor.
MARGIN_MS = const(500)


class Heartbeat:
    """Liveness of one door. `reason` is 0 while alive, else the R_HEARTBEAT_... that applies.

    Two values must be closer together than the limit less MARGIN_MS to come alive.
    """

    def __init__(self, limit_ms):
        self.limit_ms = limit_ms
        self.reason = R_HEARTBEAT_NEVER
        self.repeats = 0  # values that were the same as before, and so proved nothing
        self.slow_text = b""  # what to do about R_HEARTBEAT_SLOW
        self.last = Latch()
        self._window = Latch()  # longer than the limit: measures an interval that is too long
        self._digits = bytearray(NUMBER_DIGITS)
        self._n = 0

    def of(self, _sender):
        """This door does not tell its senders apart; see Senders."""
        return self

    admit = of

    def arrive(self, digits, n, now_ms):
        """An accepted heartbeat: the digits of its integer part, digits[:n]. Episode."""
        if n == self._n and digits[:n] == self._digits[:n]:
            self.repeats = (self.repeats + 1) & 0xFFFFFF
            return
        self._digits[:n] = digits[:n]
        self._n = n
        gap_ms = elapsed_ms(now_ms, self.last.at_ms)
        if not self.last.check(now_ms, self.limit_ms - MARGIN_MS):
            self.reason = 0
        elif self._window.check(now_ms, 2 * self.limit_ms):
            self.reason = R_HEARTBEAT_FIRST
        else:
            self._say_slow((gap_ms + 999) // 1000)
            self.reason = R_HEARTBEAT_SLOW
        self.last.mark(now_ms)
        self._window.mark(now_ms)

    def forget(self):
        """As if it had never been heard. Episode."""
        self.reason = R_HEARTBEAT_NEVER
        self.last.expired = self._window.expired = True
        self._n = 0

    def _say_slow(self, interval_s):
        """Episode: part of an arrival."""
        buf = bytearray(80)
        at = put_number(buf, put_bytes(buf, 0, b"heartbeat interval "), interval_s, 0)
        if interval_s < LIMIT_MAX_S:
            at = put_bytes(buf, at, b" s: set heartbeat_limit_s to ")
            at = put_number(buf, at, min(LIMIT_MAX_S, interval_s + 20), 0)
        else:
            at = put_bytes(buf, at, b" s: send it more often")
        self.slow_text = bytes(buf[:at])

    def check(self, now_ms):
        """Ages the heartbeat; to be called in every step. Returns `reason`."""
        if self.last.check(now_ms, self.limit_ms) and (not self.reason or self.reason == R_HEARTBEAT_FIRST):
            self.reason = R_HEARTBEAT_LOST
        if self._window.check(now_ms, 2 * self.limit_ms) and self.reason == R_HEARTBEAT_SLOW:
            self.reason = R_HEARTBEAT_LOST
        return self.reason


class Senders:
    """The heartbeats of a door that knows its senders by address: each counts for the one who sends it only."""

    def __init__(self, limit_ms, kind=Heartbeat):
        self.addresses = [None] * SENDERS
        self.heartbeats = [kind(limit_ms) for _ in range(SENDERS)]
        self._newest = 0
        self._unknown = kind(limit_ms)  # never heard

    def of(self, sender):
        """The heartbeat of this address. None: of whoever was heard last, for saying what is missing while nobody leads."""
        if sender is None:
            return self.heartbeats[self._newest]
        for i in range(SENDERS):
            if self.addresses[i] == sender:
                return self.heartbeats[i]
        return self._unknown

    def admit(self, sender):
        """The same for one who is heard now. A new one takes the place of somebody who is not alive. Episode."""
        if sender not in self.addresses:
            i = self._place()
            self.addresses[i] = sender
            self.heartbeats[i].forget()
        self._newest = self.addresses.index(sender)
        return self.heartbeats[self._newest]

    def _place(self):
        """Episode: the first that was never used, else not alive; if all are alive the next one in turn has to go."""
        for i in range(SENDERS):
            if self.addresses[i] is None:
                return i
        for i in range(SENDERS):
            if self.heartbeats[i].reason:
                return i
        return (self._newest + 1) % SENDERS

    def check(self, now_ms):
        """Ages all of them; to be called in every step."""
        for i in range(SENDERS):
            self.heartbeats[i].check(now_ms)


class Wish:
    """The set points of one charge point, and who leads it. An older set point of the other door never comes back."""

    def __init__(self):
        self.door = NOBODY  # of the last accepted set point
        self.sender = None  # ... and its address, where the door knows it
        self.contested = False  # two doors want current: the lower one is used
        self._ca = [0] * DOOR_COUNT
        self._at = (Latch(), Latch())

    def offer(self, door, set_ca, now_ms, sender=None):
        """An accepted set point in 0.01 A, 0 included: who sends it leads from now on."""
        self._ca[door] = set_ca
        self._at[door].mark(now_ms)
        self.door = door
        self.sender = sender

    def restore(self, door, set_ca, sender):
        """At boot: who led before. Nothing was sent in this life, so it contests nobody."""
        self._ca[door] = set_ca
        self.door = door
        self.sender = sender

    def current_ca(self, now_ms):
        """The set point that counts, None when there was none. To be called in every step: it ages the contest."""
        mqtt_old = self._at[MQTT].check(now_ms, CONTEST_MS)
        modbus_old = self._at[MODBUS].check(now_ms, CONTEST_MS)
        self.contested = not mqtt_old and not modbus_old and self._ca[MQTT] > 0 and self._ca[MODBUS] > 0
        if self.door == NOBODY:
            return None
        if self.contested:
            return min(self._ca[MQTT], self._ca[MODBUS])
        return self._ca[self.door]

    def is_leader(self, door, sender):
        """True for who sent the last accepted set point."""
        return door == self.door and sender == self.sender

    def may_command(self, door, leader_alive, sender=None):
        """Triggers and CP interruptions: from the leader, or from anybody alive while nobody leads."""
        return self.is_leader(door, sender) or not leader_alive
