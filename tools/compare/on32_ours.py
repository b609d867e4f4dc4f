"""What a cycle of the firmware costs on 32-bit MicroPython: MQTT client, Modbus TCP door with nobody at it, one charge point. See on32_parts."""

from gateway import Gateway
from host_tests.mpy.steady import CannedLink, IdleCoils, IdleRelay, NoStore
from host_tests.sim.world import standard_config
from memory import Memory
from tools.compare.on32_parts import Clock, Controller, TimedBus, measure

LONGEST_MS = 1000


class NoListener:
    """Of the Modbus door: nobody comes."""

    def waiting(self):
        return False

    def watch(self, on):
        pass


class Box:
    def __init__(self):
        self.clock = Clock()
        self.link = CannedLink()
        self.bus = TimedBus(self.clock)
        self.controller = Controller(self.clock, self.link.say)
        config = standard_config(gap_ms=5, modbus=True)
        memory = Memory(NoStore(), NoStore(), 0)
        self.gateway = Gateway(config, self.bus, self.link, 1, 0, [IdleRelay()], memory, coils=[IdleCoils()], modbus=NoListener())

    def run_until(self, end_us):
        while self.clock.now_us < end_us:
            self.controller.step()
            self.advance(self.gateway.step(self.clock.now_us // 1000))

    def advance(self, wait_ms):
        """As the loop of app waits: for as long as the gateway has asked for, or until a reply is there."""
        clock, bus = self.clock, self.bus
        next_us = clock.now_us + max(1, min(LONGEST_MS, wait_ms)) * 1000
        if bus.waits() and self.gateway.hungry(0):
            next_us = min(next_us, bus.due_us)
        if clock.waited:
            next_us = min(next_us, self.controller.next_us())
        clock.now_us = max(clock.now_us, next_us)
        if clock.waited:
            clock.waited()

    def rounds(self):
        return self.gateway.lines.plans[0].rounds


box = Box()
measure(box.controller, box.bus, box.rounds, box.run_until)
if box.gateway.points[0].evse.raw < 800:
    raise RuntimeError("the box does not charge: nothing was measured")
