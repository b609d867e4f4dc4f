"""The firmware on MicroPython with an ESP32-sized heap, real sockets and Mosquitto, while everything around it is killed again and again.

    python -m tools.soak --minutes 10 [--seed 1]

Seeded: broker, primary, wire, EVSE supply and plug fail for some seconds each, alone and together. Prints a JSON summary; exit status 1
when the live heap grows, the watchdog bites, or the car does not charge again at the end.
"""
import argparse
import collections
import contextlib
import json
import os
import random
import re
import statistics
import sys
import threading
import time

from tools.desk import settings
from tools.desk.controller import Controller
from tools.desk.desk import Desk

GROWTH_BYTES = 1024  # of the live heap, last third over first third; a block is 32 bytes on this machine
SETTLE_S = 15  # of the start, and of connections that come and go: left out
RESUMES_S = 40  # the last fault over, the car charges again (the simulation holds it to 30 s of undisturbed time)
EVERY_S = (4, 12)  # from one fault to the next
LASTS_S = (2, 15)
MAX_FREE = re.compile(r"max free sz: (\d+)")
BLOCK_BYTES = 32
LARGEST_BYTES = 2048  # what a new connection or a long message may ask for at once
DESK = ("--headless", "--client", "--control-port", "0", "--broker-port", "0", "--modbus-port", "0", "--http-port", "0")


class Box:
    """The desk, and how each part of it dies and comes back."""

    def __init__(self, say):
        self.blocks = []  # largest free block at each report
        self._say = say
        os.environ["LADEPUNKT_SOAK"] = "1"
        self.desk = Desk(settings.parser().parse_args(DESK), threading.Event(), self._hear)
        self.faults = {
            "broker": (self._kill_broker, self._start_broker),
            "primary": (self._kill_primary, self._start_primary),
            "wire": (lambda: self._bus("silent"), lambda: self._bus("none")),
            "noise": (lambda: self._bus("noise"), lambda: self._bus("none")),
            "evse": (lambda: self.do(do="restart", what="evse"), lambda: None),
            "plug": (lambda: self.do(do="unplug"), lambda: self.do(do="plug")),
        }

    def _hear(self, text):
        found = MAX_FREE.search(text)
        if found:
            self.blocks.append(int(found[1]) * BLOCK_BYTES)
        elif not re.search("GC:|stack:|mem: total", text):
            self._say(text)

    def do(self, **command):
        return self.desk.commands.do(command)

    def _bus(self, fault):
        self.do(do="bus", fault=fault)

    def _kill_broker(self):
        self.desk.broker._child.kill()  # not asked to end: it has no time for a goodbye
        self.desk.broker._child.wait()

    def _start_broker(self):
        self.desk.broker.start()

    def _kill_primary(self):
        self.desk.controller.stop()

    def _start_primary(self):
        self.desk.controller = Controller(self.desk.config["mqtt"], self.desk.mqtt_address, 1)
        self.desk.controller.start()

    def charges(self):
        return bool(self.desk.gateway.report["cp"][0]["charging"])


class Schedule:
    """Which fault begins and ends when, drawn from the seed."""

    def __init__(self, seed, faults):
        self.counts = collections.Counter()
        self._random = random.Random(seed)
        self._faults = faults
        self._until = {}  # running ones: name -> when they end
        self._next_s = 0

    def step(self, now_s):
        for name in [name for name, end_s in self._until.items() if now_s >= end_s]:
            self._heal(name)
        if now_s >= self._next_s:
            self._next_s = now_s + self._random.uniform(*EVERY_S)
            name = self._random.choice(sorted(self._faults))
            if name not in self._until:
                self.counts[name] += 1
                self._until[name] = now_s + self._random.uniform(*LASTS_S)
                self._faults[name][0]()

    def heal_all(self):
        for name in list(self._until):
            self._heal(name)

    def _heal(self, name):
        self._faults[name][1]()  # raises while what it needs is down itself: then it is tried again
        del self._until[name]


def growth_bytes(used):
    """By how much the live heap has grown: the median of the last third over that of the first."""
    third = len(used) // 3
    return round(statistics.median(used[-third:]) - statistics.median(used[:third])) if third else 0


def summary(seed, minutes, reports, blocks, box_state, charges, counts):
    used = [report["heap_used"] for report in reports]
    return {
        "seed": seed,
        "minutes": minutes,
        "faults": dict(sorted(counts.items())),
        "live_heap_growth_bytes": growth_bytes(used),
        "live_heap_high_bytes": max(used),
        "heap_low_water_bytes": min(report["heap_free"] for report in reports),
        "largest_free_block_low_bytes": min(blocks, default=None),
        "longest_step_ms": max(report["longest_step_ms"] for report in reports),
        "steps": reports[-1]["steps"],
        "bus": reports[-1]["bus"],
        "watchdog_resets": box_state["watchdog_resets"],
        "restarts": box_state["restarts"],
        "charges_at_the_end": charges,
    }


def problems(found):
    """What is wrong with a summary, as texts."""
    if found["live_heap_growth_bytes"] > GROWTH_BYTES:
        yield f"live heap: expected at most {GROWTH_BYTES} bytes more in the last third than in the first, found {found['live_heap_growth_bytes']}"
    for name in ("watchdog_resets", "restarts"):
        if found[name]:
            yield f"{name}: expected none, found {found[name]}; nothing of this schedule may end the firmware"
    if (found["largest_free_block_low_bytes"] or 0) < LARGEST_BYTES:
        yield f"largest free block: expected at least {LARGEST_BYTES} bytes, found {found['largest_free_block_low_bytes']}: the heap is in pieces"
    if not found["charges_at_the_end"]:
        yield f"the car: expected it to charge within {RESUMES_S} s after the last fault, found that it does not"


def run(minutes, seed, say):
    """One soak; returns its summary."""
    box = Box(say)
    reports = []
    try:
        box.desk.start()
        box.do(do="plug")
        schedule = Schedule(seed, box.faults)
        start_s = time.monotonic()
        _watch(box, reports, SETTLE_S, lambda: None)
        del reports[:], box.blocks[:]
        _watch(box, reports, minutes * 60 - SETTLE_S, lambda: schedule.step(time.monotonic() - start_s))
        schedule.heal_all()
        box.do(do="console", line="clear")  # an EVSE that was away that often has latched the CP relay, as it should
        charges = _watch(box, reports, RESUMES_S, lambda: None, box.charges)
        return summary(seed, minutes, reports, box.blocks, box.do(do="state"), charges, schedule.counts)
    finally:
        box.desk.stop()


def _watch(box, reports, seconds, act, done=lambda: False):
    """Collects reports for so long; True when done() came true before."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        with contextlib.suppress(ValueError):  # a part that is down can not be told to fail
            act()
        time.sleep(0.25)
        report = box.desk.gateway.report
        if report is not None and (not reports or reports[-1] is not report):
            reports.append(report)
        if done():
            return True
    return done()


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="also what desk and firmware say")
    options = parser.parse_args(arguments)
    found = run(options.minutes, options.seed, (lambda text: print(text, file=sys.stderr)) if options.verbose else lambda text: None)
    print(json.dumps(found))
    wrong = list(problems(found))
    for text in wrong:
        print("soak:", text, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
