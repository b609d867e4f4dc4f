"""What it costs the broker door to tell one subscriber one message: three of them, everything told every second.

Prints one JSON line (for a processor that counts, tools.wasi with clock "fuel": time.ticks_us counts operations):
    ops       per message rendered and handed over: whole seconds of pool and broker, beyond what their idle steps cost
    step_ops  an idle step of both
    bytes     asked for in all per message, rounded up: what is freed at once counts, too
"""

import gc
import json
import time

import micropython

gc.disable()  # nothing is collected, so that every block counts

from broker_door import BrokerDoor
from connections import Connections, Door
from host_tests.mpy.subscribers import Crowd
from intents import Senders
from points import P_CURRENT_CA, P_FAULT_STR, P_IMPORTED_WH, P_POWER_CW, P_SET_CURRENT_CA, P_VOLTAGE_CV, Image
from topics import TOLD

SUBSCRIBERS = 3
SECONDS = 20
TOLD_COUNT = len(TOLD) + 1  # and last_tag
TICKS_MASK = 0x3FFFFFFF
MQTT = {"prefix": "", "user": None, "password": None, "controllers": None, "first_come": 0, "sockets": 10}


class Point:
    def __init__(self):
        self.image = Image()
        value = self.image.value
        for index in (P_VOLTAGE_CV, P_VOLTAGE_CV + 1, P_VOLTAGE_CV + 2, P_CURRENT_CA, P_CURRENT_CA + 1, P_CURRENT_CA + 2):
            value[index] = 23012
        value[P_POWER_CW] = 1104000
        value[P_IMPORTED_WH] = 0x3FFFFFFE
        value[P_SET_CURRENT_CA] = 1600
        value[P_FAULT_STR] = b"Kein Fehler."


class Box:
    """The door in virtual time; `ops` are those of its `steps`, `nothing` is what the counting itself costs."""

    def __init__(self):
        self.crowd = Crowd(SUBSCRIBERS)
        self.now_ms = TICKS_MASK - 30000  # the clock wraps on the way
        door = Door("broker", self.crowd, 4)
        self.pool = Connections([door], 8)
        self.door = BrokerDoor({"mqtt": MQTT}, [Point()], Senders(60000), self.pool, door, self.now_ms)
        self.clear()
        start = time.ticks_us()
        self.nothing = time.ticks_diff(time.ticks_us(), start)

    def clear(self):
        self.ops = 0
        self.steps = 0
        self.least_ops = TICKS_MASK

    def second(self):
        """Steps as the loop makes them: at once while there is something to do, else when the time is up; 20 ms at most."""
        left_ms = 1000
        while left_ms > 0:
            left_ms -= self._step()

    def _step(self):
        """Returns how long the loop then waits. (A larger function would have its frame on the heap, and be counted.)"""
        start = time.ticks_us()
        self.pool.step(self.now_ms)
        self.door.step(self.now_ms)
        wait_ms = max(1, min(20, self.pool.wait_ms(), self.door.wait_ms(self.now_ms)))
        self._count(time.ticks_diff(time.ticks_us(), start) - self.nothing)
        self.now_ms = (self.now_ms - TICKS_MASK + wait_ms - 1) & TICKS_MASK  # in this order it stays a small integer
        return wait_ms

    def _count(self, ops):
        self.ops += ops
        self.steps += 1
        self.least_ops = min(self.least_ops, ops)

    def taken(self):
        return sum([peer.taken for peer in self.crowd.peers])


def count_messages(data):
    """Complete PUBLISH packets in what one subscriber was handed; RuntimeError when it is anything else."""
    found = at = 0
    while at < len(data):
        if data[at] & 0xF0 != 0x30:
            raise RuntimeError("not a PUBLISH: nothing was measured")
        length = data[at + 1] & 0x7F
        at += 2
        if data[at - 1] > 127:
            length |= data[at] << 7
            at += 1
        at += length
        found += 1
    return found


def messages_per_second(box):
    """As a subscriber sees them. The three get the same bytes."""
    peer = box.crowd.peers[0]
    peer.kept = []
    before = box.taken()
    box.second()
    kept = b"".join(peer.kept)
    peer.kept = None
    if box.taken() - before != SUBSCRIBERS * len(kept) or count_messages(kept) != TOLD_COUNT:
        raise RuntimeError("not one whole round for everybody: nothing was measured")
    return SUBSCRIBERS * TOLD_COUNT


def measure():
    box = Box()
    for _ in range(5):
        box.second()
    messages = messages_per_second(box) * SECONDS
    before = box.taken()
    total = micropython.mem_total()
    total = micropython.mem_total() - total
    total_before = micropython.mem_total()
    box.clear()
    for _ in range(SECONDS):
        box.second()
    total = micropython.mem_total() - total_before - total
    if box.taken() - before < messages * 40:
        raise RuntimeError("the subscribers were not told everything: nothing was measured")
    return {"ops": (box.ops - box.steps * box.least_ops) // messages, "step_ops": box.least_ops, "bytes": -(-total // messages)}


print(json.dumps(measure()))
