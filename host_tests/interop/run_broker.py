"""The broker door alone, on real sockets and the real clock, for test_broker_live.py. Runs on the unix port of MicroPython.

    micropython -m run_broker '{"ports": [MQTT, Modbus, page], "charge_points": 1, "user":..., "password":..., "controllers":...}'

A box with ten sockets: three listeners and seven connections. The values of its charge points change every second. Prints a
JSON line with its counters every 50 ms; `worst_ms` is the longest step of the loop without the waiting, `live` the bytes
in use after a collection while nobody is connected.
"""
import gc
import json
import sys
import time

import broker
import net
from connections import Connections, Door
from inbox import Inbox
from intents import NOBODY, Heartbeat, Wish
from points import P_IMPORTED_WH, P_POWER_CW, P_SERIAL_NUMBER, P_SET_CURRENT_CA, P_TRIGGER, P_VERSION, Image

REPORT_MS = 50
BACKLOG = 4


class Point:
    def __init__(self):
        self.image = Image()
        self.image.value[P_VERSION] = b"1.0"
        self.image.value[P_SERIAL_NUMBER] = b"12345678"
        self.standing = None
        self.wish = Wish()

    def leader_alive(self):
        return self.wish.door != NOBODY


class Loop:
    def __init__(self, settings):
        self.waiter = net.Waiter()
        listeners = [net.TcpListener(self.waiter, port, BACKLOG) for port in settings["ports"]]
        for listener in listeners:
            if listener.error is not None:
                raise OSError(listener.error)
        self.door = Door("broker", listeners[0], 4)
        doors = [self.door, Door("modbus", listeners[1], 1), Door("page", listeners[2], 1, True), Door("spare", None, 1)]
        self.pool = Connections(doors)
        self.points = [Point() for _ in range(settings["charge_points"])]
        self.heartbeat = Heartbeat(60000)
        self.inbox = Inbox(settings["prefix"].encode(), self.points, self.heartbeat)
        self.now_ms = time.ticks_ms()
        self.broker = broker.Broker(self.pool, self.door, self.points, self.inbox, settings, self.now_ms)
        self.second = 0
        self.live = 0

    def step(self):
        self.now_ms = time.ticks_ms()
        if self.now_ms // 1000 != self.second:
            self.second = self.now_ms // 1000
            for point in self.points:
                point.image.value[P_POWER_CW] = self.second % 1000 * 100
                point.image.value[P_IMPORTED_WH] = self.second
        self.heartbeat.check(self.now_ms)
        self.pool.step(self.now_ms)
        self.broker.step(self.now_ms)
        if self.broker.episode:
            self.broker.episode = False
            gc.collect()
            if self.door.used == 0:
                self.live = gc.mem_alloc()

    def wait(self):
        self.waiter.wait(min(REPORT_MS, self.pool.wait_ms(), self.broker.wait_ms(self.now_ms)))

    def report(self):
        box = self.broker
        report = {"used": self.door.used, "online": box.online(), "connects": box.connects, "ended": box.ended, "sets": box.sets}
        report["refused"], report["lost"], report["ignored"], report["live"] = box.refused, box.lost, box.ignored, self.live
        report["accepted"], report["rejected"], report["replays"] = self.inbox.accepted, self.inbox.rejected, self.inbox.replays
        report["evicted"], report["pool_lost"], report["alive"] = self.door.evicted, self.pool.lost, not self.heartbeat.reason
        report["set_current_ca"] = [point.image.value[P_SET_CURRENT_CA] for point in self.points]
        report["triggers"] = [point.image.value[P_TRIGGER] for point in self.points]
        return report


def main():
    loop = Loop(json.loads(sys.argv[1]))
    worst_us = 0
    reported_ms = time.ticks_ms()
    while True:
        begin = time.ticks_us()
        loop.step()
        worst_us = max(worst_us, time.ticks_diff(time.ticks_us(), begin))
        loop.wait()
        if time.ticks_diff(time.ticks_ms(), reported_ms) >= REPORT_MS:
            reported_ms = time.ticks_ms()
            report = loop.report()
            report["worst_ms"] = worst_us // 1000
            print(json.dumps(report))


main()
