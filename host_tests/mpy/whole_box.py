"""Builds a whole box as on an ESP32 and keeps it: app and gateway, the broker with every slot taken. The ports are empty shells.

    whole_box.py [SUBSCRIBERS]    so many slots taken instead

Then `import steps`, and one by one, so that between two of them garbage can be collected: steps["seconds"](n) of its life; "call_modbus",
"call_page": a visitor comes in, asks, gets his answer and stays (Modbus) or goes (page). RuntimeError for a visitor who did not get what he asked for.
"""

import sys


class Empty:
    """A module, class or port of the chip: whatever is asked for is there, and does nothing."""

    def __getattr__(self, name):
        return 1 if name.startswith("POLL") else self

    def __call__(self, *_):
        return self


empty = Empty()
for name in ("machine", "network", "socket", "select", "esp32", "_thread"):
    sys.modules[name] = empty
sys.modules["failsafe"] = empty  # told apart, see small_heap: the real one would look for a board

import app

sys.argv[:] = ["build_gateway.py", "box"] + sys.argv[1:]
import build_gateway
from host_tests.mpy.subscribers import Subscriber

MODBUS_READ = b"\x00\x01\x00\x00\x00\x06\x01\x04\x27\x78\x00\x0a"  # ten registers from 10104 on
REQUESTS = (b"GET / HTTP/1.1\r\nHost: box\r\n\r\n", b"GET /status.json HTTP/1.1\r\nHost: box\r\n\r\n")


class Visitor:
    address = "192.168.1.60"

    def __init__(self, says):
        self.says = says
        self.heard = 0
        self.first = b""
        self.gone = False

    def readinto(self, buf):
        n = len(self.says)
        buf[:n] = self.says
        self.says = b""
        return n

    def write(self, buf, offset, n):
        if not self.heard:
            self.first = bytes(buf[offset : offset + 15])
        self.heard += n
        return n

    def close(self):
        self.gone = True


def leave(self):
    pass


Subscriber.close = leave  # who is only looking makes room for those who come
build_gateway.gateway.pool.doors[0].listener.left = 0
now_ms = 1900


def seconds(n):
    global now_ms
    for _ in range(n * 50):
        now_ms += 20
        build_gateway.gateway.step(now_ms)


def visit(listener, says):
    visitor = Visitor(says)
    listener.next = visitor
    seconds(1)
    return visitor


def call_modbus():
    visitor = visit(build_gateway.modbus, MODBUS_READ)
    if visitor.heard != 29 or visitor.gone:
        raise RuntimeError("Modbus: expected an answer of 29 bytes, found %d" % visitor.heard)


def call_page():
    for says in REQUESTS:
        visitor = visit(build_gateway.page, says)
        if not visitor.first.startswith(b"HTTP/1.1 200 OK"):
            raise RuntimeError("page: expected HTTP/1.1 200 OK, found %s" % visitor.first)


# By names that are the same whatever the build makes of the others.
sys.modules["steps"] = {"seconds": seconds, "call_modbus": call_modbus, "call_page": call_page}
