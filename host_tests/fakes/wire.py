"""The RS485 line in virtual time: every byte takes its time at the baud rate, and seeded faults hit frames by station.

Plain Python that also runs on MicroPython. It is the port of the firmware's Bus: write(buf, n), readinto(buf). CRC and
framing are written a second time here, bit by bit, so that an error in the firmware's own can not hide.
"""

NONE = "none"
SILENT = "silent"
NOISE = "noise"  # a stray byte in front of every reply, and a flipped bit in one of `damaged_one_in`
CRC = "crc"  # every reply has a wrong CRC
SLOW = "slow"  # replies after 120 ms
LATE = "late"  # replies after the master has given up, and hears nothing until then: devices do one thing after the other
ECHO = "echo"  # the transceiver hears its own request
FOREIGN = "foreign"  # a frame of another unit in front of the reply
FAULTS = (NONE, SILENT, NOISE, CRC, SLOW, LATE, ECHO, FOREIGN)

SLOW_US = 120000
LATE_US = 400000
NEVER_US = 1000000000


def _shifted(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_SHIFTED = [_shifted(byte) for byte in range(256)]  # the eight bits of a byte at once: the simulation is a fifth faster


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _SHIFTED[(crc ^ byte) & 0xFF]
    return crc


def sealed(data):
    """The frame `data` with its CRC, low byte first."""
    crc = crc16(data)
    return bytes(data) + bytes((crc & 0xFF, crc >> 8))


def reply_frame(request, words):
    """The reply to a request frame: words of a read, [] of a write, an int for an exception."""
    if isinstance(words, int):
        return sealed(bytes((request[0], request[1] | 0x80, words)))
    if request[1] == 16:
        return sealed(request[:6])
    data = bytearray(request[:2])
    data.append(2 * len(words))
    for word in words:
        data.append(word >> 8)
        data.append(word & 0xFF)
    return sealed(data)


class Random:
    """A small generator that gives the same numbers on CPython and MicroPython."""

    def __init__(self, seed):
        self._state = seed * 2654435761 % 0x7FFFFFFF or 1

    def below(self, n):
        self._state = self._state * 48271 % 0x7FFFFFFF
        return self._state % n


class Line:
    """
    `answer(unit, function, address, payload, now_us)` gives what the devices say (see site.Site.request). `faults` maps a
    unit to one of FAULTS. The world moves `now_us`. `frames` holds (start_us, end_us, bytes) of every request sent.
    """

    def __init__(self, answer, seed=1, baud=9600, latency_us=20000):
        self.now_us = 0
        self.char_us = 10000000 // baud
        self.latency_us = latency_us
        self.damaged_one_in = 4  # replies under NOISE
        self.faults = {}
        self.frames = []
        self.keep_frames = 1000
        self.busy_collisions = 0  # requests sent while a reply was still on the line
        self.shortest_quiet_us = NEVER_US  # between the last byte on the line, of whomever, and a request; the reader resets it
        self._busy_until_us = -NEVER_US
        self._owing = {}  # unit: when it has sent a late reply, and hears requests again
        self._answer = answer
        self._random = Random(seed)
        self._arriving = []  # (time in us, byte) in order of time

    def write(self, buf, n):
        request = bytes(buf[:n])
        end_us = self.now_us + n * self.char_us
        self.shortest_quiet_us = min(self.shortest_quiet_us, self.now_us - self._busy_until_us)
        self._busy_until_us = max(self._busy_until_us, end_us)
        if self._arriving and self._arriving[-1][0] > self.now_us:
            self.busy_collisions += 1
        self.frames.append((self.now_us, end_us, request))
        if len(self.frames) > self.keep_frames:
            del self.frames[: self.keep_frames // 2]
        if crc16(request):
            raise ValueError("the firmware sent a frame with a wrong CRC")
        fault = self.faults.get(request[0], NONE)
        if fault == ECHO:
            self._put(request, self.now_us)
        if fault != SILENT:
            self._reply(request, end_us, fault)
        return n

    def _reply(self, request, end_us, fault):
        if self._owing.get(request[0], end_us) > end_us:
            return
        payload = (request[4] << 8) | request[5]
        if request[1] == 16:
            payload = [(request[7 + 2 * i] << 8) | request[8 + 2 * i] for i in range(payload)]
        words = self._answer(request[0], request[1], (request[2] << 8) | request[3], payload, end_us)
        if words is None:
            return
        frame = bytearray(reply_frame(request, words))
        at_us = end_us + self.latency_us
        if fault == SLOW:
            at_us = end_us + SLOW_US
        elif fault == LATE:
            busy_until_us = self._busy_until_us
            self._owing[request[0]] = self._put(frame, end_us + LATE_US)
            self._busy_until_us = busy_until_us  # nobody can know that there is something to wait for
            return
        elif fault == CRC:
            frame[-1] ^= 0x55
        elif fault == FOREIGN:
            at_us = self._put(sealed(bytes((request[0] ^ 0x40, 3, 2, 0, 42))), at_us) + 4 * self.char_us
        elif fault == NOISE:
            at_us = self._put(b"\x00", at_us)
            if self._random.below(self.damaged_one_in) == 0:
                frame[self._random.below(len(frame))] ^= 1 << self._random.below(8)
        self._put(frame, at_us)

    def _put(self, data, at_us):
        """Puts bytes on the line; returns when the last one has arrived."""
        arriving = self._arriving
        in_order = not arriving or arriving[-1][0] <= at_us + self.char_us
        for byte in data:
            at_us += self.char_us
            arriving.append((at_us, byte))
        if not in_order:
            arriving.sort(key=_when)
        self._busy_until_us = max(self._busy_until_us, at_us)
        return at_us

    def next_us(self):
        """When the next byte arrives, None when none is under way."""
        return self._arriving[0][0] if self._arriving else None

    def readinto(self, buf):
        arriving = self._arriving
        if not arriving or arriving[0][0] > self.now_us:
            return 0
        n = 0
        room = min(len(buf), len(arriving))
        while n < room and arriving[n][0] <= self.now_us:
            buf[n] = arriving[n][1]
            n += 1
        del arriving[:n]
        return n


def _when(item):
    return item[0]
