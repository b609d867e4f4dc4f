"""One meter: what it is, and whether its numbers can be those of a house."""

import struct

from tools.doctor.finding import fix, hint, ok
from tools.doctor.frames import ANSWER, READ_HOLDING, READ_INPUT

SDM, MPM3PM, B23 = "Eastron SDM", "MPM3PM", "ABB B23"
_KINDS = {(READ_INPUT, 0x0000): SDM, (READ_INPUT, 0x0008): MPM3PM, (READ_HOLDING, 0x5B00): B23}
LOWEST_V, HIGHEST_V = 200, 260
FLOWS_A = 1.0
REVERSED_W = -20.0
TOLERANCE = 0.15


class Meter:
    """`where` is the (function, address) at which unit answered. Reads voltages, currents and powers of three phases."""

    def __init__(self, line, unit, where):
        self.line = line
        self.unit = unit
        self.kind = _KINDS[where]
        self.findings = []

    def run(self):
        values = self._read()
        if values is None:
            self.findings.append(fix(self._name("readings"), "can not be read", "is it a meter with phase currents? SDM72D-M v1 has none"))
            return self
        voltages, currents, powers = values
        if self.kind == SDM and not _looks_like_house(voltages[0]):
            other = Meter(self.line, self.unit, (READ_INPUT, 0x0008))
            read = other._read()
            if read is not None and _looks_like_house(read[0][0]):
                self.kind = MPM3PM
                voltages, currents, powers = read
        self.findings.append(ok(self._name("type"), self.kind))
        self._judge_voltages(voltages)
        self._judge_powers(voltages, currents, powers)
        return self

    def _judge_voltages(self, voltages):
        text = ", ".join(f"{v:.0f} V" for v in voltages)
        if not LOWEST_V <= voltages[0] <= HIGHEST_V:
            self.findings.append(fix(self._name("voltages"), text, f"L1 must be between {LOWEST_V} and {HIGHEST_V} V: wire L1 and N"))
        elif any(v > HIGHEST_V for v in voltages):
            self.findings.append(fix(self._name("voltages"), text, "more than 260 V: N is missing or loose; switch it off"))
        elif voltages[1] < LOWEST_V and voltages[2] >= LOWEST_V:
            self.findings.append(fix(self._name("voltages"), text, "L2 is missing while L3 is there: check the terminals"))
        else:
            self.findings.append(ok(self._name("voltages"), text + (" (one phase)" if voltages[1] < LOWEST_V else "")))

    def _judge_powers(self, voltages, currents, powers):
        wrong = []
        for i in range(3):
            apparent = voltages[i] * abs(currents[i])
            if powers[i] < REVERSED_W:
                wrong.append(f"L{i + 1} counts backwards: exchange in and out, or the transformer's k and l")
            elif abs(currents[i]) >= FLOWS_A and not (1 - TOLERANCE) * 0.5 * apparent <= powers[i] <= (1 + TOLERANCE) * apparent:
                wrong.append(f"L{i + 1}: {powers[i]:.0f} W do not fit {currents[i]:.1f} A: voltage and current are of different phases")
        if wrong:
            self.findings.append(fix(self._name("phase order"), "; ".join(wrong), "correct the wiring at the meter"))
        elif not any(abs(a) >= FLOWS_A for a in currents):
            self.findings.append(hint(self._name("phase order"), "nothing flows", "run the doctor once more while a car charges"))
        else:
            self.findings.append(ok(self._name("phase order"), "power fits voltage and current on every phase"))

    def _read(self):
        """(voltages, currents, powers), each of three phases, or None."""
        if self.kind == SDM:
            words = self._words(READ_INPUT, 0, 18)
            numbers = None if words is None else _floats(words)
            return None if numbers is None else (numbers[0:3], numbers[3:6], numbers[6:9])
        if self.kind == MPM3PM:
            parts = (self._words(READ_INPUT, 0x08, 6), self._words(READ_INPUT, 0x0E, 6), self._words(READ_INPUT, 0x14, 6))
            return _scaled(parts, (10, 100, 100))
        parts = (self._words(READ_HOLDING, 0x5B00, 6), self._words(READ_HOLDING, 0x5B0C, 6), self._words(READ_HOLDING, 0x5B16, 6))
        return _scaled(parts, (10, 100, 100))

    def _words(self, function, address, count):
        reply = self.line.read(self.unit, function, address, count)
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
