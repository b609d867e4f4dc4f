"""An energy meter on the line: reads the blocks of its table and decodes them into the image, without a float.

The fast blocks are read in every round; one slow block follows every few rounds; a block with a serial number only once.
"""

from micropython import const

import modbus
from clock import Latch
from drivers.meters import F32, I16, I32, SERIAL, U16
from faults import METER_LOST_MS
from plan import NOTHING, POLL
from points import P_CURRENT_CA, P_VOLTAGE_CV
from safety import R_METER_LOST, R_METER_STARTING, R_METER_VOLTAGE
from station import OK, Station

SILENT_RETRY_MS = const(5000)
SLOW_EVERY = const(5)  # rounds between two slow blocks, once all of them have been read
ACCEPT_CV = const(20000)  # 200 V on L1: below, it is no meter that could guard a charge point


class Meter:
    """STARTING until its first plausible reading, then in use; lost after 10 s without one."""

    def __init__(self, table, unit, gap_ms, image, now_ms):
        self.station = Station(unit, gap_ms, SILENT_RETRY_MS)
        self.again = False
        self.accepted = False  # has shown 200 V on L1 since start-up
        self.lost = False
        self.low = False  # the last reading was below that
        self._fast = table[0]
        self._slow = table[1]
        self._image = image
        self._fast_i = 0
        self._slow_i = 0
        self._slow_good = 0  # slow blocks answered since start-up
        self._rounds = 0  # since the last slow block
        self._in_slow = False
        self._block = self._fast[0]
        image.meter.mark(now_ms)  # a grace of METER_LOST_MS to answer for the first time

    def reason(self):
        """0 when the meter guards the charge point, else why not. A meter once seen below 200 V stays that until accepted."""
        if self.low and not self.accepted:
            return R_METER_VOLTAGE
        if self.lost:
            return R_METER_LOST
        return 0 if self.accepted else R_METER_STARTING

    def age(self, now_ms):
        """Once per step."""
        self.lost = self._image.meter.check(now_ms, METER_LOST_MS)

    def wants(self, now_ms):
        return NOTHING if self.station.rests(now_ms) else POLL

    def prepare(self, now_ms):
        self._block = self._slow[self._slow_i] if self._in_slow else self._fast[self._fast_i]
        self.station.ask(self._block[0], self._block[1], self._block[2])

    def done(self, result, frame, now_ms):
        if result == OK:
            self._decode(frame)
        if self._in_slow:
            self._after_slow(result)
            return
        if result != OK:
            self._fast_i = 0
            self.again = False
            return
        self._after_fast(now_ms)

    def _after_fast(self, now_ms):
        self._fast_i += 1
        if self._fast_i < len(self._fast):
            self.again = True
            return
        self._fast_i = 0
        if self._plausible():
            self._image.meter.mark(now_ms)
            self.low = self._image.value[P_VOLTAGE_CV] < ACCEPT_CV
            self.accepted = self.accepted or not self.low
        self._rounds = min(self._rounds + 1, SLOW_EVERY)
        due = self._slow_good < len(self._slow) or self._rounds == SLOW_EVERY
        self._in_slow = due and not self._block_done()
        self.again = self._in_slow

    def _plausible(self):
        """False when L1 has no numbers: such a meter guards nothing, however well it answers."""
        return self._image.value[P_VOLTAGE_CV] is not None and self._image.value[P_CURRENT_CA] is not None

    def _after_slow(self, result):
        self._in_slow = False
        self.again = False
        self._rounds = 0
        if result == OK:
            self._slow_good = min(self._slow_good + 1, len(self._slow))
        self._slow_i = (self._slow_i + 1) % len(self._slow)
        if self._block_done():
            self._slow_i = (self._slow_i + 1) % len(self._slow)

    def _block_done(self):
        """True when there is no next slow block, or it is a serial number that is known already."""
        if not self._slow:
            return True
        row = self._slow[self._slow_i][3][0]
        return row[2] == SERIAL and self._image.value[row[1]] is not None

    def _decode(self, frame):
        for row in self._block[3]:
            decode(row, frame, self._image.value)


def decode(row, frame, value):
    """Stores one row's value in its point; None where the meter has no number for it. Words start at frame[3]."""
    if row[2] == SERIAL:
        if value[row[1]] is None:
            value[row[1]] = _serial(frame, 3 + 2 * row[0])
        return
    number = _number(row, frame, 3 + 2 * row[0])
    value[row[1]] = None if number == modbus.UNKNOWN else number


def _serial(frame, at):
    """Allocates; a serial number is read once per start-up."""
    return b"%d" % (modbus.word(frame, at) << 16 | modbus.word(frame, at + 2))


def _number(row, frame, at):
    if row[2] == F32:
        return modbus.float_to_int(modbus.word(frame, at), modbus.word(frame, at + 2), row[3])
    if row[2] == U16 or row[2] == I16:
        return _scale(_word(frame, at, row[2] == I16), row)
    return _scale(_double(frame, at, row[2] == I32), row)


def _word(frame, at, signed):
    number = modbus.word(frame, at)
    return number - 0x10000 if signed and number & 0x8000 else number


def _double(frame, at, signed):
    """A 32-bit integer, high word first, saturated at +-INT_MAX."""
    high = _word(frame, at, signed)
    if high >= 0x4000 or high < -0x3FFF:
        return modbus.INT_MAX if high > 0 else -modbus.INT_MAX
    return high * 0x10000 + modbus.word(frame, at + 2)


def _scale(number, row):
    """number * multiplier / divisor towards zero, saturated."""
    limit = modbus.INT_MAX // row[3]
    number = max(-limit, min(limit, number)) * row[3]
    return number // row[4] if number >= 0 else -(-number // row[4])
