"""One meter: what it is, and whether its numbers can be those of a house."""

import struct

from tools.doctor.finding import fix, hint, ok
from tools.doctor.frames import ANSWER, READ_HOLDING, READ_INPUT, TRIES
from tools.doctor.values import judge_phases, judge_voltages

SDM, MPM3PM, B23 = "Eastron SDM", "MPM3PM", "ABB B23"
_KINDS = {(READ_INPUT, 0x0000): SDM, (READ_INPUT, 0x0008): MPM3PM, (READ_HOLDING, 0x5B00): B23}
TYPES = {SDM: ("sdm630", "sdm72", "sdm120", "sdm230"), MPM3PM: ("mpm3pm",), B23: ("b23",)}  # in config.json
SDM_BLOCK = 18
LEAST_BLOCK = 10  # of the shortest plan in firmware/drivers/eastron.py


class Meter:
    """`where` is the (function, address) at which unit answered; `wanted` is meter.type of config.json, None where it is not known.
    Reads voltages, currents and powers of three phases."""

    def __init__(self, line, unit, where, wanted=None):
        self.line = line
        self.unit = unit
        self.kind = _KINDS[where]
        self.findings = []
        self._wanted = wanted
        self._longest = None  # most registers it answered at once, where that was not all

    def run(self):
        values = self._read()
        if values is None:
            self.findings.append(fix(self._name("readings"), "can not be read", "is it a meter with phase currents? SDM72D-M v1 has none"))
            return self
        if self.kind == SDM and not _looks_like_house(values[0][0]):
            other = Meter(self.line, self.unit, (READ_INPUT, 0x0008))
            read = other._read()
            if read is not None and _looks_like_house(read[0][0]):
                self.kind, values = MPM3PM, read
        voltages, currents, powers = values
        self._judge_kind()
        self._judge_block()
        self.findings.append(judge_voltages(self._name("voltages"), voltages))
        self.findings.append(judge_phases(self._name("phase order"), voltages, currents, powers))
        return self

    def _judge_kind(self):
        if self._wanted in (None, "auto") or self._wanted in TYPES[self.kind]:
            self.findings.append(ok(self._name("type"), self.kind))
            return
        todo = f"set charge_points[].meter.type to {' or '.join(TYPES[self.kind])}: make configure"
        self.findings.append(fix(self._name("type"), f"it is a {self.kind}, config.json says {self._wanted}", todo))

    def _judge_block(self):
        what = self._name("registers at once")
        found = f"{SDM_BLOCK} are too many, {self._longest} are answered"
        if self._longest is None:
            self.findings.append(ok(what, "as many as are asked for"))
        elif self._longest < LEAST_BLOCK:
            self.findings.append(fix(what, found, f"the firmware needs {LEAST_BLOCK}: take another meter, or check termination and GND of the line"))
        else:
            self.findings.append(hint(what, found, "it works: the firmware finds that out, too, and asks in pieces"))

    def _read(self):
        """(voltages, currents, powers), each of three phases, or None."""
        if self.kind == SDM:
            words = self._words(READ_INPUT, 0, SDM_BLOCK) or self._in_pieces()
            numbers = None if words is None else _floats(words)
            return None if numbers is None else (numbers[0:3], numbers[3:6], numbers[6:9])
        if self.kind == MPM3PM:
            parts = (self._words(READ_INPUT, 0x08, 6), self._words(READ_INPUT, 0x0E, 6), self._words(READ_INPUT, 0x14, 6))
            return _scaled(parts, (10, 100, 100))
        parts = (self._words(READ_HOLDING, 0x5B00, 6), self._words(READ_HOLDING, 0x5B0C, 6), self._words(READ_HOLDING, 0x5B16, 6))
        return _scaled(parts, (10, 100, 100))

    def _in_pieces(self):
        """What a production lot that refuses long blocks is read by."""
        for self._longest in (LEAST_BLOCK, 2):
            starts = range(0, SDM_BLOCK, self._longest)
            parts = [self._words(READ_INPUT, at, min(self._longest, SDM_BLOCK - at)) for at in starts]
            if None not in parts:
                return [word for part in parts for word in part]
        return None

    def _words(self, function, address, count):
        reply = self.line.read(self.unit, function, address, count, TRIES)
        return reply.words if reply.kind == ANSWER and len(reply.words) == count else None

    def _name(self, what):
        return f"meter {self.unit}, {what}"


def _looks_like_house(volts):
    return 50 <= volts <= 500


def _floats(words):
    numbers = struct.unpack(f">{len(words) // 2}f", struct.pack(f">{len(words)}H", *words))
    return [0.0 if n != n else n for n in numbers]


def _scaled(parts, divisors):
    if None in parts:
        return None
    return tuple([_signed(w[i], w[i + 1]) / divisor for i in (0, 2, 4)] for w, divisor in zip(parts, divisors, strict=True))


def _signed(high, low):
    value = high << 16 | low
    if value in (0xFFFFFFFF, 0x7FFFFFFF):  # how a B23 says that there is none
        return 0
    return value - (1 << 32) if value & 0x80000000 else value
