"""scenario_ticks.py [DAYS]: the clock wraps at 2**30 ms (12.4 days). Starts in the last minute before it, and a silence
of 13 days, or of DAYS.

During a silence the box is woken as rarely as it may be, every 60 s: an age that is young again must not wake the dead.
"""

import sys

from host_tests.fakes.broker import publish_packet
from host_tests.mpy.steady import SET, TICKS_MASK, Steady
from host_tests.mpy.trace import Trace
from host_tests.sim.world import World, standard_config

DAY_MS = 24 * 3600 * 1000
WAKE_MS = 60000


def around_the_wrap(before_ms):
    """Start, charge, and lose the heartbeat while the clock wraps."""
    world = World(1, standard_config(heartbeat_limit_s=30), start_tick=TICKS_MASK + 1 - before_ms)
    trace = Trace(world)
    trace.say("%d ms before the wrap" % before_ms)
    world.plug()
    trace.run(15000)
    trace.say("silence")
    world.controller.beating = False
    trace.run(35000)
    trace.end()


class Sleeper:
    """A box in steady state that is told nothing any more; days pass in steps of WAKE_MS."""

    def __init__(self):
        self.steady = Steady()
        self.steady.warm_up()
        self.days = 0
        self._last = None

    def sleep(self, days):
        for _ in range(days * DAY_MS // WAKE_MS):
            self.steady.tick = (self.steady.tick + WAKE_MS) & TICKS_MASK
            self.steady.gateway.step(self.steady.tick)
            self.show()
            if self.steady.gateway.points[0].limit_ca:
                raise ValueError("current without a controller, after %d days" % self.days)
        self.days += days
        print("after", self.days, "days:", self._text(self._facts()))

    def beat(self, stamp):
        self.steady.link.say(publish_packet(SET + b"global_data", b'{"heartbeat": %s}' % stamp, False))
        for _ in range(100):
            self.steady.step()
            self.show()

    def show(self):
        now = self._facts()
        if now != self._last:
            self._last = now
            print("day", self.days, self._text(now))

    def _facts(self):
        point = self.steady.gateway.points[0]
        heartbeat = self.steady.gateway.heartbeats[0]
        return (point.limit_ca, point.reason, heartbeat.reason, point.evse.state, point.evse.raw, point.meter.lost)

    def _text(self, facts):
        return "limit %d reason %d heartbeat %d evse %d raw %d meter lost %s" % facts


# The clock wraps shortly before the cut-off, while the car charges, and at once.
for before_ms in (40000, 12000, 1):
    around_the_wrap(before_ms)
sleeper = Sleeper()
for _ in range(int(sys.argv[1] if len(sys.argv) > 1 else 13) // 13):
    sleeper.sleep(13)
sleeper.beat(b"1800000000.5")
sleeper.beat(b"1800000005.5")
