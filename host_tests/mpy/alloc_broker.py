"""What a steady second of the broker costs: three subscribers told everything, one of them taking small bites, PINGREQs.

Prints one JSON line as test_alloc.py describes; what needed the heap while it was locked is in the traceback on stderr.
"""
import gc
import json
import sys

import micropython

gc.disable()  # nothing is collected, so that every block counts

from broker import Broker
from connections import Connections, Door
from host_tests.fakes.peer import PINGREQ, connect, subscribe
from inbox import Inbox
from intents import Heartbeat
from points import P_CURRENT_CA, P_FAULT_STR, P_IMPORTED_WH, P_POWER_CW, P_SET_CURRENT_CA, P_VOLTAGE_CV, Image

SECONDS = 100
STEP_MS = 20
ROUND = 26  # told topics


class Peer:
    """Takes at most `bite` bytes per write and says what `say` was given; allocates nothing after that."""

    def __init__(self, bite):
        self.address = "192.168.1.50"
        self.bite = bite
        self.taken = 0
        self._said = None
        self._at = 0

    def say(self, data):
        self._said = data
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
        raise RuntimeError("the broker ended a good connection")


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


class Point:
    def __init__(self):
        self.image = Image()


class Steady:
    def __init__(self, charge_points):
        listener = Listener()
        door = Door("broker", listener, 4)
        doors = [door, Door("modbus", Listener(), 1), Door("page", Listener(), 1, True), Door("spare", None, 1)]
        self.pool = Connections(doors)
        self.points = [Point() for _ in range(charge_points)]
        self.now_ms = 0x3FFFFFFF - 30000  # the clock wraps on the way
        settings = {"prefix": "", "user": None, "password": None, "controllers": None}
        inbox = Inbox(b"", self.points, Heartbeat(60000))
        self.broker = Broker(self.pool, door, self.points, inbox, settings, self.now_ms)
        self.peers = [Peer(4096), Peer(4096), Peer(130)]
        for i in range(3):
            listener.next = self.peers[i]
            self.peers[i].say(connect(b"observer %d" % i))
            self.run(10)
            self.peers[i].say(subscribe(b"openWB/#"))
            self.run(100)
        for point in self.points:
            value = point.image.value
            for index in (P_VOLTAGE_CV, P_VOLTAGE_CV + 1, P_VOLTAGE_CV + 2, P_CURRENT_CA, P_POWER_CW):
                value[index] = 23012
            value[P_IMPORTED_WH] = 0x3FFFFFFE
            value[P_SET_CURRENT_CA] = 1600
            value[P_FAULT_STR] = b"Kein Fehler." * 8  # so long that the header has two length bytes

    def step(self):
        self.pool.step(self.now_ms)
        self.broker.step(self.now_ms)
        self.pool.wait_ms()
        self.broker.wait_ms(self.now_ms)
        self.now_ms = (self.now_ms - 0x3FFFFFFF + STEP_MS - 1) & 0x3FFFFFFF  # in this order it stays a small integer

    def run(self, steps):
        for _ in range(steps):
            self.step()

    def seconds(self, n):
        for i in range(n):
            self.peers[i % 3].say(PINGREQ)
            self.run(1000 // STEP_MS)


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
    steady.seconds(60)
    before = [peer.taken for peer in steady.peers]
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
    for i in range(3):
        if (steady.peers[i].taken - before[i]) & 0xFFFFFF < SECONDS * ROUND * 40 * charge_points:
            raise RuntimeError("not the steady state: peer %d got %d bytes" % (i, steady.peers[i].taken - before[i]))
    line = {"name": "broker with 3 subscribers, charge points: %d" % charge_points, "net": net, "total": total}
    line["lock"] = runs_locked(steady)
    print(json.dumps(line))


measure(1)
measure(2)
