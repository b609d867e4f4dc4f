"""Drivers of the firmware on a simulated line, stepped in virtual time as the gateway steps them, without MQTT around."""
from collections import namedtuple

from bus import Bus
from plan import Plan

from host_tests.fakes.site import standard_site
from host_tests.fakes.wire import Line

TICKS_MASK = (1 << 30) - 1

# value: what a write writes; None for a read. count: registers of a read.
Frame = namedtuple("Frame", "start_ms end_ms unit function address count value")


def parse(entry):
    """A Frame from one entry of Line.frames."""
    start_us, end_us, data = entry
    address, count = data[2] << 8 | data[3], data[4] << 8 | data[5]
    value = data[7] << 8 | data[8] if data[1] == 16 else None
    return Frame(start_us / 1000, end_us / 1000, data[0], data[1], address, count, value)


def recorded(machine):
    """A list to which every later change of state of `machine` is added as (from, to)."""
    enter, seen = machine._enter, []

    def note(state, now_ms):
        seen.append((machine.state, state))
        enter(state, now_ms)

    machine._enter = note
    return seen


class Bench:
    """`now_ms` never wraps; the drivers see ticks that begin at `start_tick` and do.

    `tamper(unit, function, address, words)` may replace what a device answers (None: the answer is lost).
    """

    def __init__(self, drivers, site=None, start_tick=0, latency_us=20000):
        self.drivers = drivers
        self.site = site or standard_site()
        self.line = Line(self._answer, latency_us=latency_us)
        self.line.keep_frames = 1000000
        self.bus = Bus(self.line, 9600)
        self.plan = Plan(self.bus, drivers)
        self.now_ms = 0
        self.start_tick = start_tick
        self.longest_ms = 1000  # between two steps; less: something else wakes the loop
        self.tamper = None
        self.on_step = None

    def _answer(self, unit, function, address, payload, now_us):
        words = self.site.request(unit, function, address, payload, now_us // 1000)
        return words if self.tamper is None else self.tamper(unit, function, address, words)

    def tick(self):
        return (self.start_tick + self.now_ms) & TICKS_MASK

    def step(self):
        self.line.now_us = self.now_ms * 1000
        self.site.step(self.now_ms)
        self.plan.step(self.tick())
        for driver in self.drivers:
            driver.age(self.tick())
        if self.on_step:
            self.on_step()
        wait_ms = self.plan.start(self.tick())
        byte_us = self.line.next_us()
        if self.bus.hungry() and byte_us is not None:
            wait_ms = min(wait_ms, (byte_us + 999) // 1000 - self.now_ms)
        self.now_ms += max(1, min(wait_ms, self.longest_ms))

    def run(self, ms):
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.step()

    def until(self, condition, limit_ms=10000):
        """Runs until condition() holds; returns the ms it took, fails after `limit_ms`."""
        start_ms = self.now_ms
        while not condition():
            assert self.now_ms - start_ms <= limit_ms, f"not true within {limit_ms} ms"
            self.step()
        return self.now_ms - start_ms

    def frames(self, unit=None, since_ms=0):
        """Every request sent since then, to one unit or to all."""
        found = [parse(entry) for entry in self.line.frames if entry[0] >= since_ms * 1000]
        return [frame for frame in found if unit is None or frame.unit == unit]

    def writes(self, unit=1, since_ms=0):
        """(address, value) of every write."""
        return [(f.address, f.value) for f in self.frames(unit, since_ms) if f.value is not None]
