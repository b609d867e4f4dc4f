"""What the status page costs while nobody asks, while a browser has dialled ahead and says nothing, and for one request.

Prints one JSON line each as test_alloc.py describes. A request is an episode: `asked` is what it asks the heap for in all, which
must be small beside what is free; nothing of it is left after the collection that follows.
"""

import sys

from connections import Connections, Door
from host_tests.fakes.vitals import Vitals
from host_tests.mpy.heap_cost import cost, runs_locked, tell
from host_tests.mpy.peers import Listener, Peer
from host_tests.mpy.steady import Steady
from page import Page
from status import Status

STEP_MS = 20
STEPS = 200  # 4 s: then who says nothing is sent away
ASKED_MAX_BYTES = (24 if sys.maxsize > 1 << 32 else 12) * 1024
REQUEST = b"GET /status.json HTTP/1.1\r\nHost: box\r\n\r\n"


class Browser(Peer):
    closed = False

    def close(self):
        self.closed = True


class File:
    size = -1


class Box:
    def __init__(self):
        steady = Steady(2)
        steady.warm_up()
        self.listener = Listener()
        door = Door("page", self.listener, 1, True)
        self.pool = steady.gateway.pool = Connections([door, Door("spare", None, 1)], 5)
        self.page = Page(self.pool, door, File(), Status(steady.gateway, Vitals()))
        self.now_ms = 0x3FFFFFFF - 1000  # the clock wraps on the way

    def run(self, steps):
        for _ in range(steps):
            self.pool.step(self.now_ms)
            self.page.step(self.now_ms)
            self.pool.wait_ms()
            self.page.wait_ms(self.now_ms)
            self.now_ms = (self.now_ms - 0x3FFFFFFF + STEP_MS - 1) & 0x3FFFFFFF  # in this order it stays a small integer

    def dial(self):
        peer = self.listener.next = Browser("192.168.1.60")
        self.run(3)
        return peer


def one_request(box):
    peer = box.dial()
    peer.say(REQUEST)
    _, asked = cost(box.run, 60)  # 1.2 s: the connection is closed in this time
    if not peer.closed or peer.taken < 2000:
        raise RuntimeError("not a whole request: %d bytes" % peer.taken)
    return asked


def main():
    box = Box()
    box.run(100)
    tell("page, nobody asks", cost(box.run, STEPS // 2), runs_locked(box.run, STEPS // 4))
    silent = box.dial()
    tell("page, a browser has dialled ahead", cost(box.run, STEPS // 2), runs_locked(box.run, STEPS // 4))
    if silent.closed:
        raise RuntimeError("not the steady state: who says nothing was sent away")
    box.run(STEPS)
    one_request(box)  # loads what only a request needs
    asked = one_request(box)
    tell("page, one request", (0, 0), asked <= ASKED_MAX_BYTES, asked=asked)


main()
