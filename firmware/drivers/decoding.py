"""From the words of a meter's reply to the integers of the image, without a float. Pure functions.

A row of a table is (word offset, point, encoding, multiplier, divisor): point = value * multiplier / divisor.
"""

from micropython import const

import modbus
from points import P_IMPORTED_WH

F32 = const(0)  # IEEE-754 single
U32 = const(1)
I32 = const(2)
U16 = const(3)
I16 = const(4)
SERIAL = const(5)  # unsigned 32 bit as decimal text
U64 = const(6)
FACTOR = const(7)  # a power factor in tenths, hundredths or thousandths, 32 bit: who tells 1 as 10, 100 or 1000 is understood


def decode(row, frame, value):
    """Stores one row's value in its point; None where the meter has no number for it, but energy stays. Words start at frame[3]."""
    if row[2] == SERIAL:
        if value[row[1]] is None:
            value[row[1]] = _serial(frame, 3 + 2 * row[0])
        return
    number = read(row, frame)
    if number != modbus.UNKNOWN:
        value[row[1]] = number
    elif row[1] != P_IMPORTED_WH:
        value[row[1]] = None


def read(row, frame):
    """The number of a row, scaled; modbus.UNKNOWN where the meter has none."""
    if row[2] == F32:
        return _float(frame, 3 + 2 * row[0], row[3])
    number = _integer(frame, 3 + 2 * row[0], row[2])
    if number == modbus.UNKNOWN:
        return number
    return _hundredths(number) if row[2] == FACTOR else _scale(number, row)


def _serial(frame, at):
    """Allocates; a serial number is read once per start-up."""
    return b"%d" % (modbus.word(frame, at) << 16 | modbus.word(frame, at + 2))


def _float(frame, at, scale):
    return modbus.float_to_int(modbus.word(frame, at), modbus.word(frame, at + 2), scale)


def _integer(frame, at, encoding):
    """All ones, or the highest number of a signed one, is the meter's way to say that it has none."""
    if encoding == U16 or encoding == I16:
        number = modbus.word(frame, at)
        if number == (0xFFFF if encoding == U16 else 0x7FFF):
            return modbus.UNKNOWN
        return number - 0x10000 if encoding == I16 and number & 0x8000 else number
    if encoding == U64:
        return _long(frame, at)
    return _double(frame, at, encoding != U32)


def _long(frame, at):
    """An unsigned 64-bit integer, high word first, saturated: what a house uses fits into the lower half."""
    first = modbus.word(frame, at)
    second = modbus.word(frame, at + 2)
    if not first | second:
        return _double(frame, at + 4, False)
    none = first & second & modbus.word(frame, at + 4) & modbus.word(frame, at + 6) == 0xFFFF
    return modbus.UNKNOWN if none else modbus.INT_MAX


def _double(frame, at, signed):
    """A 32-bit integer, high word first, saturated at +-INT_MAX."""
    high = modbus.word(frame, at)
    if high == (0x7FFF if signed else 0xFFFF) and modbus.word(frame, at + 2) == 0xFFFF:
        return modbus.UNKNOWN
    if signed and high & 0x8000:
        high -= 0x10000
    if high >= 0x4000 or high < -0x3FFF:
        return modbus.INT_MAX if high > 0 else -modbus.INT_MAX
    return high * 0x10000 + modbus.word(frame, at + 2)


def _scale(number, row):
    """number * multiplier / divisor towards zero, saturated."""
    limit = modbus.INT_MAX // row[3]
    number = max(-limit, min(limit, number)) * row[3]
    return number // row[4] if number >= 0 else -(-number // row[4])


def _hundredths(number):
    size = abs(number)
    if size <= 10:
        return number * 10
    while size > 100:
        size //= 10
    return size if number > 0 else -size
