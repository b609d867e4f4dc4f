"""Builds a gateway as app does and keeps it: the ground for live_heap_bytes_32. Ports are empty shells."""

import sys

import config

CONFIG = {
    "mqtt": {"host": "127.0.0.1"},
    "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}],
}


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


def build():
    checked = config.check_config(CONFIG)
    from gateway import Gateway
    from memory import Memory

    gateway = Gateway(checked, NoPort(), NoLink(), 1, 0, [NoRelay()], Memory(NoStore(), NoStore(), 0))
    for now_ms in range(0, 3000, 10):
        gateway.step(now_ms)
    return gateway


gateway = build()
del config, sys.modules["config"]  # as app does after the start
