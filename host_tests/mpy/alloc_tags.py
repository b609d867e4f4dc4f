"""What 1,000 looks at reader, tags and clock allocate while a tag stays at the reader, a fault lasts, and both are dated.

Prints JSON lines as test_alloc.py describes. Each round is one look of the gateway (100 ms) and the payloads of a charge point.
"""

from host_tests.fakes.rdm6300 import frame, uid_of
from host_tests.fakes.time_server import TimeServer
from host_tests.mpy.heap_cost import cost, runs_locked, tell
from points import P_ERROR_TIMESTAMP_S, P_FAULT_STATE, P_PLUGGED, P_RFID_TIMESTAMP_S, Image
from rdm6300 import Rdm6300
from rfid import Rfid
from tag import Tag
from timekeeper import Timekeeper
from topics import TOLD, render

ROUNDS = 1000
TICKS_MASK = 0x3FFFFFFF


class Held:
    """A UART at whose reader a tag lies: a frame and a half per look."""

    def __init__(self):
        self.data = frame(uid_of(8844356)) * 3
        self.at = 0

    def readinto(self, buf):
        for i in range(21):
            buf[i] = self.data[self.at]
            self.at += 1
            if self.at == 42:
                self.at = 0
        return 21


class Point:
    def __init__(self):
        self.image = Image()
        self.tag = Tag(self.image)


class Box:
    """Two charge points, one with a car, in their steady state; ticks wrap on the way."""

    def __init__(self):
        self.points = [Point(), Point()]
        self.tick = TICKS_MASK - 30000
        self.buf = bytearray(200)
        self.keeper = Timekeeper({"server": "pool.example", "every_h": 24}, self.points, TimeServer(), 1, self.tick)
        self.reader = Rdm6300(Held())
        self.rfid = Rfid(self.reader, self.points, True)
        for point in self.points:
            point.image.value[P_PLUGGED] = 1
            point.image.value[P_FAULT_STATE] = 2

    def run(self, rounds):
        for _ in range(rounds):
            self.tick = (self.tick - TICKS_MASK - 1 + 100) & TICKS_MASK
            self.rfid.step(self.tick)
            self.keeper.step(self.tick)
            for point in self.points:
                point.tag.step(self.tick)
                for row in TOLD:
                    render(self.buf, 0, row, point.image.value)


def measure():
    box = Box()
    box.run(100)
    frames = box.reader.frames
    value = box.points[1].image.value
    if value[P_RFID_TIMESTAMP_S] is None or value[P_ERROR_TIMESTAMP_S] is None or box.rfid.scans != 1:
        raise RuntimeError("not the steady state: nothing was measured")
    box.run(2)
    costs = cost(box.run, ROUNDS)
    lock = runs_locked(box.run, ROUNDS)
    if box.rfid.scans != 1 or box.reader.frames <= frames + ROUNDS:
        raise RuntimeError("the tag was not read all the time")
    tell("tags", costs, lock)


measure()
