"""Builds a gateway as app does and keeps it: the ground for live_heap_bytes_32 and live_heap_broker_bytes_32. Ports are empty shells.

    build_gateway.py [client | broker | box [SUBSCRIBERS]]    which MQTT door; client when not given; box: the broker, and the page beside it

The broker door has every slot taken by somebody who is subscribed to everything: more is never on the heap; or so many of them.
"""

import sys

import config

DOOR = sys.argv[1] if len(sys.argv) > 1 else "client"
MODE = "client" if DOOR == "client" else "broker"
CONFIG = {"mqtt": {"mode": MODE}, "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}]}


class NoPort:
    def write(self, buf, n):
        return n

    def readinto(self, buf):
        return 0


class NoLink:
    def resolve(self, host, port):
        pass

    def resolved(self):
        return 0

    def close(self):
        pass


class NoListener:
    """Of the Modbus door, which is open unless somebody switches it off, or of the page: nobody comes but `next`."""

    next = None

    def waiting(self):
        return self.next is not None

    def accept(self):
        peer = self.next
        self.next = None
        return peer

    def watch(self, on):
        pass


class NoStore:
    def load(self, *_):
        return 0

    def save(self, *_):
        return True

    def set_cp(self, i, byte):
        pass


class NoRelay:
    starts_open = False

    def open(self):
        pass

    def close(self):
        pass


def net_port():
    if MODE == "client":
        CONFIG["mqtt"]["host"] = "127.0.0.1"
        return NoLink()
    from host_tests.mpy.subscribers import Crowd

    return Crowd(int(sys.argv[2]) if len(sys.argv) > 2 else None)


class NoFile:
    size = 3000

    def read(self, at, buf):
        return min(len(buf), self.size - at)


class NoVitals:
    uptime_s = longest_step_ms = 0

    def free_bytes(self):
        return 1 << 20

    used_bytes = idf_free_bytes = rssi_dbm = free_bytes


def build():
    """At boot."""
    port = net_port()
    checked = config.check_config(CONFIG)
    from gateway import Gateway
    from memory import Memory

    memory = Memory(NoStore(), NoStore(), 0)
    gateway = Gateway(checked, NoPort(), port, 1, 0, [NoRelay()], memory, modbus=modbus, page=(page, NoFile(), NoVitals()) if DOOR == "box" else None)
    from forget import forget

    forget()
    for now_ms in range(0, 1900, 10):  # after 2 s the first ones in the crowd could be evicted
        gateway.step(now_ms)
    if MODE == "broker" and gateway.door.broker.online() != (len(port.peers) if port.left == 0 else len(gateway.pool.slots)):
        raise RuntimeError("not every slot is taken by a subscriber: nothing was measured")
    return gateway


modbus, page = NoListener(), NoListener()
gateway = build()
del config, sys.modules["config"], sys.modules["config_rows"]  # as app does after the start
