"""A Modbus set point outlives a reboot: evcc sends one only when it changes, and would wait at 0 A for ever."""

from intents import MODBUS, NOBODY
from memory import M_LEADER, M_SET
from points import P_SET_CURRENT_CA
from safety import MAX_CA


class Kept:
    """Per charge point: the set point and the IPv4 address of who sent it, while Modbus led last; zeros while MQTT did.

    What is restored is a wish like any other: it has no effect before its leader reads registers.
    """

    def __init__(self, memory, points, controllers):
        """At boot: restores. controllers: who may lead, None: everybody."""
        self._memory = memory
        self._points = points
        self._senders = [None] * len(points)  # as last seen
        self._set_ca = [0] * len(points)
        for i in range(len(points)):
            self._restore(i, points[i], controllers)

    def _restore(self, i, point, controllers):
        """At boot."""
        value = self._memory.value
        at = M_LEADER + 4 * i
        leader = "%d.%d.%d.%d" % (value[at], value[at + 1], value[at + 2], value[at + 3])
        set_ca = value[M_SET + 2 * i] << 8 | value[M_SET + 2 * i + 1]
        if leader == "0.0.0.0" or set_ca > MAX_CA or controllers is not None and leader not in controllers:
            return
        point.wish.restore(MODBUS, set_ca, leader)
        point.image.value[P_SET_CURRENT_CA] = set_ca
        self._senders[i] = leader
        self._set_ca[i] = set_ca

    def look(self):
        """To be called now and then: keeps what has changed since."""
        for i in range(len(self._points)):
            door = self._points[i].wish.door
            if door == MODBUS:
                self._keep(i, self._points[i].wish.sender, self._points[i].image.value[P_SET_CURRENT_CA])
            elif door != NOBODY:
                self._keep(i, None, 0)

    def _keep(self, i, sender, set_ca):
        if sender is not self._senders[i] or set_ca != self._set_ca[i]:
            self._senders[i] = sender
            self._set_ca[i] = set_ca
            self._write(M_SET + 2 * i, M_LEADER + 4 * i, sender, set_ca)

    def _write(self, set_at, leader_at, sender, set_ca):
        """Episode. Byte by byte: a reset in between finds a set point below 6 A."""
        self._memory.put(set_at, 0)
        for part in (sender or "0.0.0.0").split("."):
            self._memory.put(leader_at, int(part))
            leader_at += 1
        self._memory.put(set_at + 1, set_ca & 0xFF)
        self._memory.put(set_at, set_ca >> 8)
