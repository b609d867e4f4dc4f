"""What a cycle of stock_program.py costs on 32-bit MicroPython. Its UART, its sockets and its clock are those of on32_parts."""

import sys

from tools.compare import on32_parts, on32_stubs
from tools.compare.on32_parts import Clock, Controller, TimedBus, measure


class Run:
    def __init__(self):
        from tools.compare import stock_program

        self.box = stock_program.Box({"prefix": "", "heartbeat_limit_s": 60, "mqtt_port": 1883, "modbus_port": 1502})
        self.broker = sockets[-1]
        self.controller = Controller(clock, self.broker.unread.append)

    def run_until(self, end_us):
        while clock.now_us < end_us:
            self.controller.step()
            self.box.cycle()

    def cycles(self):
        return self.box.cycles


clock = Clock()
bus = TimedBus(clock)
sys.path.append(on32_parts.__file__.rsplit("/tools/", 1)[0] + "/build/compare/lib")
sockets = on32_stubs.install(bus, clock)
run = Run()
measure(run.controller, bus, run.cycles, run.run_until)
if run.box.written_a < 8:
    raise RuntimeError("the box does not charge: nothing was measured")
