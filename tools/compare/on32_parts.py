"""For on32_ours.py and on32_stock.py, on a processor that counts its instructions: a virtual clock, a line that answers from prepared bytes when
a line of 9600 baud would, and a controller. Both run in virtual time; what these parts cost themselves is counted for both alike."""

import gc
import json
import time

import micropython

from host_tests.fakes.broker import publish_packet
from host_tests.mpy.steady import SET, CannedBus

CHAR_US = 1042  # 9600 baud, 8N1
LATENCY_US = 20000
WRITE_MULTIPLE = 16
SILENCE_US = 7 * CHAR_US // 2
SETTLE_S, QUIET_S, TALK_S = 12, 30, 20
COMMANDS, COMMAND_EVERY_MS = 100, 397  # for the latency: at any moment of a cycle
NEVER_US = 1000000000
END_S = SETTLE_S + QUIET_S + TALK_S
FIRST_BEATS_S, FIRST_SET_S = (3, 6), 4
SIX_AMPERES = (0x40C0, 0)  # never more than what is set: who draws more is cut off
KWH = (0x4640, 0xE400)  # 12345.0
_count, _diff = time.ticks_us, time.ticks_diff  # executed instructions, see tools.wasi


class Clock:
    """Stands in for the module `time`."""

    def __init__(self):
        self.now_us = 0
        self.waited = None  # called when time has passed

    def ticks_us(self):
        return self.now_us

    def ticks_ms(self):
        return self.now_us // 1000

    def ticks_diff(self, new, old):
        return new - old

    def sleep_us(self, us):
        self.now_us += us
        if self.waited:
            self.waited()


class TimedBus(CannedBus):
    """The reply is there as a whole when its last byte has arrived, as a UART with a receive buffer tells."""

    def __init__(self, clock):
        super().__init__(1, SIX_AMPERES)
        self._can(105, 4, 0x48, KWH + KWH)
        self.clock = clock
        self.due_us = 0
        self.sets = None  # (when its last byte is out, raw value) of every set current, once somebody wants to know
        self.least_us = 0  # what the frames so far take at least, see line.least_s

    def write(self, buf, n):
        super().write(buf, n)
        took_us = LATENCY_US + (n + len(self._reply)) * CHAR_US
        self.due_us = self.clock.now_us + took_us
        self.least_us += took_us + SILENCE_US
        if self.sets is not None and buf[1] == WRITE_MULTIPLE:
            self.sets.append((self.clock.now_us + n * CHAR_US, buf[7] << 8 | buf[8]))
        return n

    def waits(self):
        return self._reply is not None

    def arrived(self):
        return self._reply is not None and self.clock.now_us >= self.due_us

    def readinto(self, buf):
        """All of it at once: as much as the receive buffer of a chip holds."""
        if not self.arrived():
            return 0
        reply, n = self._reply, 0
        while n < len(reply):
            buf[n] = reply[n]
            n += 1
        self._reply = None
        return n


class Controller:
    """Says what `say` hands over: at first what makes the box charge, and every second a heartbeat and another set point while it `talks`."""

    def __init__(self, clock, say):
        self.talks = False
        self.commands = 0
        self._clock = clock
        self._say = say
        self._second = 0
        # prepared: a message costs nobody anything before it arrives
        self._beats = [publish_packet(SET + b"global_data", b'{"heartbeat": %d.5}' % (1795327212 + second), False) for second in range(END_S)]
        self._sets = [publish_packet(SET + b"0/data/set_current", b"%d" % (8 + second % 8), False) for second in range(END_S)]

    def step(self):
        second = self._clock.now_us // 1000000
        if second == self._second or second >= END_S:
            return
        self._second = second
        if self.talks or second in FIRST_BEATS_S:
            self._say(self._beats[second])
        if self.talks or second == FIRST_SET_S:
            self.commands += 1
            self._say(self._sets[second])

    def command_at_its_time(self):
        """Part of the latency: says the next set point as soon as its time has come."""
        if self._clock.now_us >= self.next_us():
            self._say(self._sets[self.commands % 8])
            self.commands += 1

    def next_us(self):
        return END_S * 1000000 + self.commands * COMMAND_EVERY_MS * 1000 if self.commands < COMMANDS else NEVER_US


def latencies_us(controller, clock, bus, run_until):
    """From the arrival of a set point to the last byte of its frame, in order; the processor is infinitely fast."""
    controller.commands = 0
    bus.sets = []
    clock.waited = controller.command_at_its_time
    run_until(controller.next_us() + (COMMANDS + 5) * COMMAND_EVERY_MS * 1000)
    found = []
    for i in range(COMMANDS):
        sent_us = (END_S * 1000 + i * COMMAND_EVERY_MS) * 1000
        amperes = 8 + i % 8
        found += [at_us - sent_us for at_us, raw in bus.sets if at_us > sent_us and raw in (amperes, 100 * amperes)][:1]
    return sorted(found)


def measure(controller, bus, cycles, run_until):
    """Prints a JSON line: operations and bytes of a cycle in which nobody speaks, and what a command (heartbeat and set point) costs more.

    cycles(): how often the line was gone through; run_until(us): let the box live until then.
    """
    run_until(SETTLE_S * 1000000)
    least_us = bus.least_us
    done = [_one_part(cycles, run_until, SETTLE_S, QUIET_S)]
    permille = QUIET_S * 1000000 // ((bus.least_us - least_us) // 1000)
    controller.talks = True
    controller.commands = 0
    done.append(_one_part(cycles, run_until, SETTLE_S + QUIET_S, TALK_S))
    quiet, talk = done
    found = {"cycles": quiet[0], "kops_per_cycle": quiet[1] // quiet[0], "bytes_left_per_cycle": quiet[2] // quiet[0], "bytes_asked_per_cycle": quiet[3] // quiet[0]}
    found["bus_cycle_permille"] = permille  # of the least that the same frames take
    found["commands"] = controller.commands
    for name, i in (("kops_per_command", 1), ("bytes_left_per_command", 2), ("bytes_asked_per_command", 3)):
        found[name] = (talk[i] - quiet[i] * talk[0] // quiet[0]) // controller.commands
    took_us = latencies_us(controller, bus.clock, bus, run_until)
    found["virtual_commands_lost"] = COMMANDS - len(took_us)
    found["command_p50_virtual_ms"] = took_us[len(took_us) // 2] // 1000
    found["command_p99_virtual_ms"] = took_us[len(took_us) * 99 // 100 - 1] // 1000
    print(json.dumps(found))


def _one_part(cycles, run_until, from_s, seconds):
    """(cycles, thousands of operations, bytes left on the heap, bytes asked for in all)"""
    before, thousands = (cycles(), gc.mem_alloc(), micropython.mem_total()), 0
    for second in range(from_s + 1, from_s + seconds + 1):
        began = _count()
        run_until(second * 1000000)
        thousands += _diff(_count(), began) // 1000  # the count wraps at 2**30
    return cycles() - before[0], thousands, gc.mem_alloc() - before[1], micropython.mem_total() - before[2]
