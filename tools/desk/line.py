"""The simulated RS485 line: a pty whose far end answers like the devices of a site, at the speed of a real line.

The firmware opens `Line.path` as its UART. Framing and PDUs are pymodbus'; what the devices say comes from the models in
host_tests/fakes. A pty has no baud rate, so this module keeps it: a request is complete when its last byte would have arrived,
a device answers after its latency, the bytes of the answer come one after the other. Two senders at once spoil each other.
"""

import heapq
import logging
import os
import random
import select
import termios
import threading
import time
import tty

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    WriteMultipleRegistersResponse,
)

from host_tests.fakes.car import MASK_MS

BITS_PER_BYTE = 10  # 8N1
FAULTS = ("none", "silent", "noise", "crc", "slow", "double")  # double: two devices have this id and answer at once
LATENCY_S = 0.020
SLOW_S = (0.100, 0.400)  # some answers come in time, some after the master gave up
TICK_S = 0.020  # the world goes on without requests, too
REQUEST_GAP_S = 0.020  # an unfinished request older than this is dropped
CHUNK_BYTES = 8

# pymodbus complains about every spoiled frame; here they are made on purpose and counted.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

_READ_INPUT = 4
_WRITE_MULTIPLE = 16
_RESPONSES = {3: ReadHoldingRegistersResponse, _READ_INPUT: ReadInputRegistersResponse}


def monotonic_ms():
    """The desk's clock for the models: milliseconds, 30 bits, wraps."""
    return int(time.monotonic() * 1000) & MASK_MS


class Line:
    """One bus, run by its own thread between `start` and `stop`.

    `lock` guards `site`: hold it to touch a model from another thread.
    To be set from outside: `echoes`, the master's transceiver returns what it sends; `deaf`, nobody hears the master;
    `other_speed`, a speed of termios that the devices speak instead of the master's usual one.
    `counters`: requests understood, replies sent, collisions, garbage (bytes that were no request).
    """

    def __init__(self, site, lock, baud=9600, seed=1):
        self.counters = {"requests": 0, "replies": 0, "collisions": 0, "garbage": 0}
        self.echoes = self.deaf = False
        self.other_speed = None
        self._site = site
        self._lock = lock
        self._byte_s = BITS_PER_BYTE / baud
        self._random = random.Random(seed)
        self._faults = {}
        self._framer = FramerRTU(DecodePDU(is_server=True))
        self._received = bytearray()
        self._received_s = 0.0
        self._due = []
        self._order = 0
        self._busy_until_s = 0.0
        self._spoiled_until_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._master_fd, self._slave_fd = os.openpty()
        tty.setraw(self._slave_fd)
        os.set_blocking(self._master_fd, False)
        # The slave end stays open here, so that the line survives a gateway that restarts.
        self.path = os.ttyname(self._slave_fd)

    def start(self):
        self._thread.start()

    def stop(self):
        """End the thread and remove the pty; harmless when called twice or before `start`."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._master_fd >= 0:
            os.close(self._master_fd)
            os.close(self._slave_fd)
            self._master_fd = self._slave_fd = -1

    def set_fault(self, fault, device="all", charge_point=None):
        """Break or mend the line to a device: `device` evse, meter or all, `charge_point` an index or None for every one."""
        for index in range(len(self._site.charge_points)):
            if charge_point is None or charge_point == index:
                for kind in ("evse", "meter") if device == "all" else (device,):
                    self._faults[(index, kind)] = fault

    def faults(self, charge_point):
        """The faults in force, as {"evse": ..., "meter": ...}."""
        return {kind: self._faults.get((charge_point, kind), "none") for kind in ("evse", "meter")}

    def _run(self):
        while not self._stop.is_set():
            now_s = time.monotonic()
            while self._due and self._due[0][0] <= now_s:
                _, _, action, argument = heapq.heappop(self._due)
                action(argument)
                now_s = time.monotonic()
            wait_s = TICK_S
            if self._due:
                wait_s = max(0.0, min(wait_s, self._due[0][0] - now_s))
            readable, _, _ = select.select([self._master_fd], [], [], wait_s)
            if readable:
                self._take(os.read(self._master_fd, 512))
            else:
                with self._lock:
                    self._site.step(monotonic_ms())

    def _at(self, when_s, action, argument):
        self._order += 1
        heapq.heappush(self._due, (when_s, self._order, action, argument))

    def _take(self, chunk):
        """Bytes from the master; a complete request is answered when its last byte would have crossed the line."""
        now_s = time.monotonic()
        if self.echoes:
            self._at(now_s + len(chunk) * self._byte_s, self._deliver, chunk)
        if self.deaf or self.other_speed not in (None, termios.tcgetattr(self._slave_fd)[4]):
            return
        if now_s - self._received_s > REQUEST_GAP_S:
            self._received.clear()
        self._received_s = now_s
        self._received += chunk
        size = len(self._received)
        try:
            used, request = self._framer.handleFrame(bytes(self._received), 0, 0)
        except ModbusException:
            used, request = size, None
        del self._received[:used]
        if request is None:
            self.counters["garbage"] += used
        elif now_s < self._busy_until_s:
            self._collide()
        else:
            self.counters["requests"] += 1
            self._at(now_s + size * self._byte_s, self._answer, request)

    def _answer(self, request):
        fault = self._fault_of(request.dev_id)
        luck = self._random.random()
        if fault == "silent" or (fault == "noise" and luck < 0.10):
            return
        function = request.function_code
        payload = request.registers if function == _WRITE_MULTIPLE else request.count
        with self._lock:
            answer = self._site.request(request.dev_id, function, request.address, payload, monotonic_ms())
        if answer is None:
            return
        frame = bytearray(self._framer.buildFrame(_response(request, answer)))
        latency_s = LATENCY_S
        if fault == "slow":
            latency_s = self._random.uniform(*SLOW_S)
        elif fault == "crc":
            frame[-1] ^= 0x55
        elif fault == "double":
            frame[1:] = bytes(byte & frame[i] for i, byte in enumerate(frame[1:]))
        elif fault == "noise":
            self._disturb(frame, luck)
        self._at(time.monotonic() + latency_s, self._send, frame)

    def _fault_of(self, unit):
        for index, charge_point in enumerate(self._site.charge_points):
            if charge_point.evse.unit == unit:
                return self._faults.get((index, "evse"), "none")
            if charge_point.meter is not None and charge_point.meter.unit == unit:
                return self._faults.get((index, "meter"), "none")
        return "none"

    def _disturb(self, frame, luck):
        """What a bad cable does to four answers in ten (a tenth of the requests is lost before)."""
        if luck < 0.25:
            frame[self._random.randrange(len(frame))] ^= 1 << self._random.randrange(8)
        elif luck < 0.35:
            frame.insert(0, 0x00)
        elif luck < 0.40:
            del frame[-self._random.randrange(1, 4) :]

    def _send(self, frame):
        now_s = time.monotonic()
        collides = now_s < self._busy_until_s
        self._busy_until_s = max(self._busy_until_s, now_s + len(frame) * self._byte_s)
        if collides:
            self._collide()
        self.counters["replies"] += 1
        for start in range(0, len(frame), CHUNK_BYTES):
            chunk = bytes(frame[start : start + CHUNK_BYTES])
            self._at(now_s + (start + len(chunk)) * self._byte_s, self._deliver, chunk)

    def _collide(self):
        self.counters["collisions"] += 1
        self._spoiled_until_s = self._busy_until_s

    def _deliver(self, chunk):
        if time.monotonic() < self._spoiled_until_s:
            chunk = bytes(byte ^ 0x5A for byte in chunk)
        try:
            os.write(self._master_fd, chunk)
        except BlockingIOError:
            self.counters["garbage"] += len(chunk)  # nobody reads: a UART would overrun as well


def _response(request, answer):
    """The pymodbus PDU for what a model answered: words, or an exception code."""
    if isinstance(answer, int):
        return ExceptionResponse(request.function_code, answer, device_id=request.dev_id)
    if request.function_code == _WRITE_MULTIPLE:
        count = len(request.registers)
        return WriteMultipleRegistersResponse(address=request.address, count=count, dev_id=request.dev_id)
    return _RESPONSES[request.function_code](registers=answer, dev_id=request.dev_id)
