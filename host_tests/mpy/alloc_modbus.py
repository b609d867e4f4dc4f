"""What polling Modbus clients cost: evcc's reads, the whole window at once, and pipelined reads of one that takes small bites.

Prints one JSON line as test_alloc.py describes; what needed the heap while it was locked is in the traceback on stderr.
"""
import gc
import json
import sys

import micropython

gc.disable()  # nothing is collected, so that every block counts

from connections import Connections, Door
from intents import MODBUS, Wish
from kept import Kept
from modbus_door import ModbusDoor
from points import P_CURRENT_CA, P_EVSE_CURRENT_CA, P_IMPORTED_WH, P_POWER_CW, P_POWER_L_CW, P_RFID, P_SET_CURRENT_CA, P_VOLTAGE_CV, Image

SECONDS = 100
STEP_MS = 20
TICKS_MASK = 0x3FFFFFFF
SETTINGS = {
    "unit": 1, "idle_s": 120, "controllers": None, "heartbeat_from": "leader", "allow_heartbeat_off": False, "actual_current_scale": 100,
}  # fmt: skip


def request(first, count, function=4):
    return bytes((0, 1, 0, 0, 0, 6, 1, function, first >> 8, first & 0xFF, 0, count))


EVCC = [request(10115, 1), request(10114, 1), request(10100, 2), request(10107, 3), request(10102, 2)]
WHOLE = [request(10100, 100, 3), request(10175, 125)]
PIPELINED = [request(10100, 17) * 4, request(10160, 10) * 3 + request(9, 1) + request(10100, 126) + request(10300, 1)]


class Peer:
    """Asks one thing after the other, each when it is told to; takes at most `bite` bytes per write. Allocates nothing."""

    def __init__(self, address, said, bite):
        self.address = address
        self.bite = bite
        self.taken = 0
        self._all = said
        self._next = 0
        self._said = None
        self._at = 0

    def ask(self):
        if self._said is None:
            self._said = self._all[self._next]
            self._next = (self._next + 1) % len(self._all)
            self._at = 0

    def readinto(self, buf):
        said = self._said
        if said is None:
            return 0
        n = 0
        while n < len(buf) and self._at < len(said):
            buf[n] = said[self._at]
            n += 1
            self._at += 1
        if self._at == len(said):
            self._said = None
        return n

    def write(self, buf, offset, n):
        n = min(n, self.bite)
        self.taken = (self.taken + n) & 0xFFFFFF
        return n

    def close(self):
        raise RuntimeError("the door ended a good connection")


class Listener:
    def __init__(self):
        self.next = None

    def waiting(self):
        return self.next is not None

    def accept(self):
        peer = self.next
        self.next = None
        return peer

    def watch(self, on):
        pass


class Memory:
    """As memory.Memory, in the only thing that matters here."""

    def __init__(self):
        self.value = bytearray(36)

    def put(self, i, byte):
        self.value[i] = byte


class Point:
    standing = None

    def __init__(self):
        self.image = Image()
        self.wish = Wish()


class Steady:
    def __init__(self, charge_points):
        listener = Listener()
        door = Door("modbus", listener, 1)
        self.pool = Connections([Door("broker", Listener(), 4), door, Door("page", Listener(), 1, True), Door("spare", None, 1)])
        self.points = [Point() for _ in range(charge_points)]
        self.now_ms = TICKS_MASK - 30000  # the clock wraps on the way
        self.door = ModbusDoor(SETTINGS, self.points, self.pool, door, b"ladepunkt-00abcd")
        self.kept = Kept(Memory(), self.points, None)
        self.peers = [Peer("192.168.1.30", EVCC, 4096), Peer("192.168.1.31", WHOLE, 4096), Peer("192.168.1.32", PIPELINED, 50)]
        for peer in self.peers:
            listener.next = peer
            self.run(10)
        for point in self.points:
            point.wish.offer(MODBUS, 1600, self.now_ms, "192.168.1.30")
            value = point.image.value
            for index in (P_VOLTAGE_CV, P_VOLTAGE_CV + 1, P_VOLTAGE_CV + 2, P_CURRENT_CA, P_EVSE_CURRENT_CA):
                value[index] = 23012
            for index in (P_POWER_CW, P_POWER_L_CW, P_POWER_L_CW + 1):
                value[index] = -TICKS_MASK
            value[P_CURRENT_CA + 1] = -1600
            value[P_IMPORTED_WH] = TICKS_MASK
            value[P_SET_CURRENT_CA] = 1600
            value[P_RFID] = b"0004141661"

    def step(self):
        self.pool.step(self.now_ms)
        self.door.step(self.now_ms)
        self.door.readers.check(self.now_ms)
        self.pool.wait_ms()
        self.door.wait_ms()
        self.kept.look()
        self.now_ms = (self.now_ms - TICKS_MASK + STEP_MS - 1) & TICKS_MASK  # in this order it stays a small integer

    def run(self, steps):
        for _ in range(steps):
            self.step()

    def seconds(self, n):
        for i in range(10 * n):
            self.peers[i % 3].ask()
            self.run(100 // STEP_MS)


def runs_locked(steady):
    """False if anything asks for memory while none is given."""
    micropython.heap_lock()
    try:
        steady.seconds(20)
    except MemoryError as error:
        micropython.heap_unlock()
        sys.print_exception(error, sys.stderr)
        return False
    micropython.heap_unlock()
    return True


def measure(charge_points):
    steady = Steady(charge_points)
    steady.seconds(20)
    before = [peer.taken for peer in steady.peers]
    asked = steady.door.requests
    # an empty run first: the figures themselves cost something
    total = micropython.mem_total()
    net = gc.mem_alloc()
    net = gc.mem_alloc() - net
    total = micropython.mem_total() - total
    total_before = micropython.mem_total()
    net_before = gc.mem_alloc()
    steady.seconds(SECONDS)
    net = gc.mem_alloc() - net_before - net
    total = micropython.mem_total() - total_before - total
    if steady.door.requests - asked < 8 * SECONDS or not steady.door.exceptions or steady.pool.heartbeat_slot.peer is not steady.peers[0]:
        raise RuntimeError("not the steady state: %d requests" % (steady.door.requests - asked))
    for i in range(3):
        if steady.peers[i].taken - before[i] < 10 * SECONDS:
            raise RuntimeError("not the steady state: peer %d got %d bytes" % (i, steady.peers[i].taken - before[i]))
    line = {"name": "modbus with 3 clients, charge points: %d" % charge_points, "net": net, "total": total}
    line["lock"] = runs_locked(steady)
    print(json.dumps(line))


measure(1)
measure(2)
