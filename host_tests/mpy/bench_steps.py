"""Operations of the gateway's steps, for a processor that counts them (tools.wasi, clock "fuel": time.ticks_us).

Prints one JSON line: step_ops (mean of steady steps with everything published every second), longest_step_ops (the
longest one, those of the episodes included: a heartbeat, a set point with its echo, a connection that is lost and comes
back). The ports count, too: they hand over prepared bytes (see steady).
"""

import json
import time

from host_tests.fakes.broker import publish_packet
from host_tests.mpy.steady import SET, Steady

STEPS = 2000
EPISODE_STEPS = 300
PAUSE_STEPS = 400  # 8 s of 20 ms: the pause after a lost connection is over by then


class Meter:
    """Steps a gateway and keeps count; `nothing` is what the counting itself costs."""

    def __init__(self, steady):
        self.steady = steady
        self.longest = 0
        self.total = 0
        start = time.ticks_us()
        self.nothing = time.ticks_diff(time.ticks_us(), start)

    def run(self, steps):
        steady = self.steady
        for _ in range(steps):
            start = time.ticks_us()
            wait_ms = steady.gateway.step(steady.tick)
            ops = time.ticks_diff(time.ticks_us(), start) - self.nothing  # the count wraps at 2**30
            self.total += ops
            self.longest = max(self.longest, ops)
            steady.advance(wait_ms)


def episodes(meter):
    steady = meter.steady
    steady.link.say(publish_packet(SET + b"global_data", b'{"heartbeat": 1795327222.5, "parent_ip": "192.0.2.1"}', False))
    meter.run(EPISODE_STEPS)
    steady.link.say(publish_packet(SET + b"0/data/set_current", b"10.5", False))
    meter.run(EPISODE_STEPS)
    if steady.gateway.points[0].evse.raw != 1050:
        raise RuntimeError("the set point did not arrive: nothing was measured")
    connects = steady.gateway.client.connects
    steady.link.say(b"\x00\x00")  # no broker may say that: the client hangs up
    meter.run(PAUSE_STEPS)
    if steady.gateway.client.connects != connects + 1:
        raise RuntimeError("the connection was not lost and made again: nothing was measured")


def measure(charge_points):
    steady = Steady(charge_points)
    steady.warm_up()
    meter = Meter(steady)
    meter.run(STEPS)
    mean = meter.total // STEPS
    steady_longest = meter.longest
    episodes(meter)
    return {
        "charge_points": charge_points,
        "step_ops": mean,
        "longest_steady_step_ops": steady_longest,
        "longest_step_ops": meter.longest,
    }


print(json.dumps(measure(1)))
print(json.dumps(measure(2)))
