"""bench_sockets.py PORT: the longest step of the gateway in ms, with the real sockets of the unix port against a broker there.

Prints one JSON line {"longest_step_ms": ..., "steps": ..., "connects": ...}. A collection after an episode counts as part of
its step, as in the loop of app. The figure belongs to the machine it was taken on.
"""

import gc
import json
import sys
import time

import net
from resolver import Resolver
from gateway import Gateway
from host_tests.mpy.steady import CannedBus
from host_tests.sim.world import standard_config

SECONDS = 8
TICKS_MASK = 0x3FFFFFFF


def measure(port):
    config = standard_config()
    config["mqtt"]["port"] = port
    waiter = net.Waiter()
    gateway = Gateway(config, CannedBus(1), net.TcpLink(waiter, Resolver()), 1, time.ticks_ms() & TICKS_MASK)
    longest_us = 0
    steps = 0
    start_ms = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start_ms) < SECONDS * 1000:
        start_us = time.ticks_us()
        wait_ms = gateway.step(time.ticks_ms() & TICKS_MASK)
        if gateway.take_episode():
            gc.collect()
        longest_us = max(longest_us, time.ticks_diff(time.ticks_us(), start_us))
        steps += 1
        waiter.wait(min(20, wait_ms))
    print(json.dumps({"longest_step_ms": longest_us / 1000, "steps": steps, "connects": gateway.client.connects}))


measure(int(sys.argv[1]))
