"""Modbus Rev2.0: which register shows which point, and any window of 10100..10299 as bytes.

One table for both charge points; 102xx is the second one. A window is rendered from one image within one step, so the two
words of a number always belong together, at whatever register the window begins or ends.
"""

from micropython import const

from points import (
    P_CHARGING,
    P_CURRENT_CA,
    P_EVSE_CURRENT_CA,
    P_EXPORTED_WH,
    P_IMPORTED_WH,
    P_PLUGGED,
    P_POWER_CW,
    P_POWER_L_CW,
    P_RFID,
    P_VOLTAGE_CV,
)

FIRST = const(10100)
END = const(10300)
PER_POINT = const(100)

# What stands in the place of a point where there is none.
SERIES = const(-1)  # the constant 1: openWB series 2
SERIAL = const(-2)  # the gateway's own serial number

# What an unknown value reads as: 0, or one of these.
ALL_ONES = const(1)
BUSY = const(6)  # the exception: a client would book 4294967 kWh

_TEXT_WORDS = const(10)
_INT16_MAX = const(32767)
_QUESTION_MARK = const(0x3F)

# first register (behind 10100 or 10200), how many, point, divisor, when unknown. Two words are a signed number, high word
# first, ten a text; a number that does not fit reads as all ones. Sorted; released rows never change their meaning.
REGISTERS = (
    (0, 2, P_POWER_CW, 100, 0),
    (2, 2, P_IMPORTED_WH, 1, BUSY),
    (4, 1, P_VOLTAGE_CV, 1, ALL_ONES),
    (5, 1, P_VOLTAGE_CV + 1, 1, ALL_ONES),
    (6, 1, P_VOLTAGE_CV + 2, 1, ALL_ONES),
    (7, 1, P_CURRENT_CA, 1, 0),
    (8, 1, P_CURRENT_CA + 1, 1, 0),
    (9, 1, P_CURRENT_CA + 2, 1, 0),
    (14, 1, P_PLUGGED, 1, 0),
    (15, 1, P_CHARGING, 1, 0),
    (16, 1, P_EVSE_CURRENT_CA, 1, 0),  # the divisor is configurable: modbus.actual_current_scale
    (30, 1, P_POWER_L_CW, 100, ALL_ONES),
    (31, 1, P_POWER_L_CW + 1, 100, ALL_ONES),
    (32, 1, P_POWER_L_CW + 2, 100, ALL_ONES),
    (41, 2, P_EXPORTED_WH, 1, BUSY),
    (43, 1, SERIES, 1, 0),
    (50, _TEXT_WORDS, SERIAL, 1, 0),
    (60, _TEXT_WORDS, P_RFID, 1, 0),
)

# Registers that can be written; they read as 0.
W_SET_CURRENT = const(71)
W_PHASES = const(80)
W_TRIGGER = const(81)
W_HEARTBEAT = const(90)
W_CLEAR_TAG = const(97)
W_INTERRUPT = const(98)
W_UPDATE = const(99)
WRITABLE = (W_SET_CURRENT, W_PHASES, W_TRIGGER, W_HEARTBEAT, W_CLEAR_TAG, W_INTERRUPT, W_UPDATE)


class Registers:
    """The windows of one box. `points`: per charge point, with .image; `serial`: bytes."""

    def __init__(self, points, serial, current_divisor):
        """current_divisor: 1 shows the set current in 0.01 A, 100 in whole ampere."""
        self._values = [point.image.value for point in points]
        self._count = PER_POINT * len(points)
        self._serial = serial
        self._current_divisor = current_divisor
        self._row = bytearray(PER_POINT)  # index of the row + 1; 0: no row
        self._direct = bytearray(PER_POINT)  # index of the point + 1 where the register is nothing but its value
        for i in range(len(REGISTERS)):
            row = REGISTERS[i]
            for offset in range(row[0], row[0] + row[1]):
                self._row[offset] = i + 1
            if row[1] == row[3] == 1 and row[2] >= 0 and row[2] != P_EVSE_CURRENT_CA:
                self._direct[row[0]] = row[2] + 1

    def configured(self, register):
        """True when the register belongs to a charge point that there is."""
        return 0 <= register - FIRST < self._count

    def render(self, buf, at, first, count):
        """Writes `count` registers from `first` on, all of them in FIRST..END - 1, to buf[at:]. 0, or the exception BUSY."""
        first -= FIRST
        end = first + count
        while first < end:
            value = self._word(first)
            if value < 0:
                return BUSY
            buf[at] = value >> 8
            buf[at + 1] = value & 0xFF
            at += 2
            first += 1
        return 0

    def _word(self, offset):
        """The register FIRST + offset, 0..0xFFFF; -1: the value is not there yet."""
        i = self._row[offset % PER_POINT]
        if not i or offset >= self._count:
            return 0
        point = self._direct[offset % PER_POINT]
        if point:
            value = self._values[offset // PER_POINT][point - 1]
            if value is not None and -_INT16_MAX <= value <= _INT16_MAX:
                return value & 0xFFFF
        return self._word_of(REGISTERS[i - 1], offset // PER_POINT, offset % PER_POINT)

    def _word_of(self, row, cp, offset):
        if row[2] == SERIES:
            return 1
        value = self._serial if row[2] == SERIAL else self._values[cp][row[2]]
        offset -= row[0]
        if row[1] == _TEXT_WORDS:
            return _text_word(value, 2 * offset)
        return self._number_word(value, row, offset == 0)

    def _number_word(self, value, row, is_first):
        if value is None:
            return -1 if row[4] == BUSY else 0xFFFF if row[4] == ALL_ONES else 0
        divisor = self._current_divisor if row[2] == P_EVSE_CURRENT_CA else row[3]
        value = value // divisor if value >= 0 else -(-value // divisor)
        if row[1] == 2:
            return (value >> 16 if is_first else value) & 0xFFFF
        if value > _INT16_MAX or value < -_INT16_MAX - 1:
            return 0xFFFF
        return value & 0xFFFF


def _text_word(text, at):
    """Two bytes of `text`, high byte first; 0 behind its end and where there is none (None)."""
    if text is None or at >= len(text):
        return 0
    low = _printable(text[at + 1]) if at + 1 < len(text) else 0
    return _printable(text[at]) << 8 | low


def _printable(byte):
    return byte if 0x20 <= byte < 0x7F else _QUESTION_MARK
