"""The Modbus door alone, on real sockets and the real clock, for the bench. Runs on the unix port of MicroPython.

    micropython -m run_modbus '{"ports": [MQTT, Modbus, page], "charge_points": 1}'

A box with ten sockets: three listeners and seven connections. The values change every second.
"""
import gc
import json
import sys
import time

import net
from connections import Connections, Door
from intents import NOBODY, Wish
from modbus_door import ModbusDoor
from points import P_CHARGING, P_CURRENT_CA, P_EVSE_CURRENT_CA, P_IMPORTED_WH, P_PLUGGED, P_POWER_CW, P_VOLTAGE_CV, Image

BACKLOG = 4
TICKS_MASK = 0x3FFFFFFF
SETTINGS = {
    "unit": 1, "idle_s": 120, "controllers": None, "heartbeat_from": "leader", "allow_heartbeat_off": False, "actual_current_scale": 100,
}  # fmt: skip


class Point:
    standing = None

    def __init__(self):
        self.image = Image()
        self.wish = Wish()
        value = self.image.value
        for i in range(3):
            value[P_VOLTAGE_CV + i] = 23012
            value[P_CURRENT_CA + i] = 1598
        value[P_PLUGGED] = value[P_CHARGING] = 1
        value[P_EVSE_CURRENT_CA] = 1600

    def leader_alive(self):
        return self.wish.door != NOBODY


class Loop:
    def __init__(self, settings):
        self.waiter = net.Waiter()
        listeners = [net.TcpListener(self.waiter, port, BACKLOG) for port in settings["ports"]]
        for listener in listeners:
            if listener.error is not None:
                raise OSError(listener.error)
        door = Door("modbus", listeners[1], 1)
        self.pool = Connections([Door("broker", listeners[0], 4), door, Door("page", listeners[2], 1, True), Door("spare", None, 1)])
        self.points = [Point() for _ in range(settings["charge_points"])]
        self.modbus = ModbusDoor(SETTINGS, self.points, self.pool, door, b"ladepunkt-00abcd")
        self.second = 0

    def step(self, now_ms):
        if now_ms // 1000 != self.second:
            self.second = now_ms // 1000
            for point in self.points:
                point.image.value[P_POWER_CW] = self.second % 1000 * 100
                point.image.value[P_IMPORTED_WH] = self.second
        self.modbus.readers.check(now_ms)
        self.pool.step(now_ms)
        self.modbus.step(now_ms)
        if self.modbus.take_episode():
            gc.collect()

    def wait(self):
        self.waiter.wait(min(self.pool.wait_ms(), self.modbus.wait_ms()))


def main():
    loop = Loop(json.loads(sys.argv[1]))
    while True:
        loop.step(time.ticks_ms() & TICKS_MASK)
        loop.wait()


main()
