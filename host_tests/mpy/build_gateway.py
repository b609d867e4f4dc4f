"""Builds a gateway as app does and keeps it: the ground for live_heap_bytes_32 and live_heap_broker_bytes_32. Ports are empty shells.

    build_gateway.py [client | broker | box]    which MQTT door; client when not given; box: the broker, and the page beside it

The broker door has every slot taken by somebody who is subscribed to everything: more is never on the heap.
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
    """Of the Modbus door, which is open unless somebody switches it off."""

    def waiting(self):
        return False

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

    return Crowd()


class NoFile:
    size = -1


def build():
    """At boot."""
    port = net_port()
    checked = config.check_config(CONFIG)
    from gateway import Gateway
    from memory import Memory

    memory = Memory(NoStore(), NoStore(), 0)
    page = (NoListener(), NoFile(), None) if DOOR == "box" else None
    gateway = Gateway(checked, NoPort(), port, 1, 0, [NoRelay()], memory, modbus=NoListener(), page=page)
    from forget import forget

    forget()
    for now_ms in range(0, 1900, 10):  # after 2 s the first ones in the crowd could be evicted
        gateway.step(now_ms)
    if MODE == "broker" and gateway.door.broker.online() != len(gateway.pool.slots):
        raise RuntimeError("not every slot is taken by a subscriber: nothing was measured")
    return gateway


gateway = build()
del config, sys.modules["config"], sys.modules["config_rows"]  # as app does after the start
