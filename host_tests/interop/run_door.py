"""The client door alone, on real sockets and the real clock, for test_mosquitto.py. Runs on the unix port of MicroPython.

    micropython run_door.py '{"host":..., "port":..., "user":..., "password":..., "keepalive_s":..., "speed":...}'

Publishes the retained topics box/get/0 .. 25 once per second, answers every message on set/# at echo/live/TOPIC or
echo/replay/TOPIC, and prints a JSON line with its counters every 50 ms. The door's time runs `speed` times faster than the clock.
`worst_ms` is the longest step of the loop without the waiting.
"""
import gc
import json
import sys
import time

import mqtt_client
import net
from resolver import Resolver
import tls_link

TOPICS = [b"%d" % i for i in range(26)]
TICKS_MASK = 0x3FFFFFFF
REPORT_MS = 50


class Loop:
    def __init__(self, settings):
        self.speed = settings["speed"]
        self.waiter = net.Waiter()
        link = net.TcpLink(self.waiter, Resolver())
        if settings.get("ca_file"):
            link = tls_link.TlsLink(self.waiter, Resolver(), tls_link.read_ca(settings["ca_file"]), settings["ca_file"])
        self.client = mqtt_client.MqttClient(settings, b"door-under-test", link, 1)
        self.client.topic_filter = b"set/#"
        self.client.set_callback(self.on_message)
        self.client.set_last_will(b"box/will", b"gone", True)
        self.now_ms = 0
        self.topic = len(TOPICS)
        self.second_ms = time.ticks_ms()
        self.count = 0
        self.echo = None

    def on_message(self, topic, payload):
        prefix = b"echo/replay/" if self.client.retained else b"echo/live/"
        self.echo = (prefix + topic, payload)
        self.client.hold = True

    def step(self):
        self.now_ms = time.ticks_ms() * self.speed & TICKS_MASK
        client = self.client
        client.step(self.now_ms)
        if not client.online:
            client.hold = False
            self.echo = None
        if self.echo and client.idle():
            client.publish(self.echo[0], self.echo[1])
            client.hold = False
            self.echo = None
            client.flush(self.now_ms)
        if time.ticks_diff(time.ticks_ms(), self.second_ms) >= 1000:
            self.second_ms = time.ticks_ms()
            self.topic = 0
            self.count += 1
        while self.topic < len(TOPICS) and client.idle():
            self.publish(TOPICS[self.topic])
            self.topic += 1
        if client.episode:
            client.episode = False
            gc.collect()

    def publish(self, name):
        packet = self.client.packet
        packet.open_publish(b"box/get/", name)
        packet.buf[packet.end] = 0x30 + self.count % 10
        packet.end += 1
        packet.close_publish(True)
        self.client.flush(self.now_ms)

    def wait(self):
        ms = 0 if self.topic < len(TOPICS) and self.client.idle() else self.client.wait_ms(self.now_ms) // self.speed
        self.waiter.wait(min(ms, 10))


def main():
    loop = Loop(json.loads(sys.argv[1]))
    client = loop.client
    worst_us = 0
    reported_ms = time.ticks_ms()
    while True:
        begin = time.ticks_us()
        loop.step()
        worst_us = max(worst_us, time.ticks_diff(time.ticks_us(), begin))
        loop.wait()
        if time.ticks_diff(time.ticks_ms(), reported_ms) >= REPORT_MS:
            reported_ms = time.ticks_ms()
            report = {"state": client.state, "worst_ms": worst_us // 1000, "connects": client.connects, "last_error": client.last_error}
            report["messages"], report["drops"], report["dials_failed"] = client.messages, client.drops, client.dials_failed
            report["trouble"] = getattr(client.link, "trouble", None)
            print(json.dumps(report))


main()
