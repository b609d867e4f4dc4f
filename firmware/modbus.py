"""Modbus RTU bytes: CRC, requests, and words to integers. Pure functions on caller-owned buffers.

Facts: Modbus over serial line 1.02 (CRC, frame), Modbus application protocol 1.1b3 (PDUs).
"""

from array import array
from micropython import const

READ_HOLDING = const(3)
READ_INPUT = const(4)
WRITE_MULTIPLE = const(16)
EXCEPTION_FLAG = const(0x80)

FRAME_BYTES = const(256)  # the longest RTU frame
EXCEPTION_BYTES = const(5)
REQUEST_BYTES = const(8)
WRITE_REPLY_BYTES = const(8)

INT_MAX = const(0x3FFFFFFF)  # ESP32 small integers have 31 bits: anything above would be allocated
UNKNOWN = const(-0x40000000)  # float_to_int of NaN or infinity; no value is ever that low


def _crc_table():
    table = array("H", bytes(512))
    for i in range(256):
        crc = i
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table[i] = crc
    return table


CRC_START = const(0xFFFF)
CRC_TABLE = _crc_table()


def crc16(buf, n):
    """CRC of buf[:n]; 0 for a frame that ends with its own, correct CRC."""
    crc = CRC_START
    for i in range(n):
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ buf[i]) & 0xFF]
    return crc


def _close(buf, n):
    crc = crc16(buf, n)
    buf[n] = crc & 0xFF
    buf[n + 1] = crc >> 8
    return n + 2


def put_head(buf, unit, function, address, count):
    """Writes unit, function, address and register count: 6 bytes."""
    buf[0] = unit
    buf[1] = function
    buf[2] = address >> 8
    buf[3] = address & 0xFF
    buf[4] = count >> 8
    buf[5] = count & 0xFF


def put_read(buf, unit, function, address, count):
    """A read request (function 3 or 4); returns its length."""
    put_head(buf, unit, function, address, count)
    return _close(buf, 6)


def put_write(buf, unit, address, value):
    """Function 16 with one register; returns the request's length."""
    put_head(buf, unit, WRITE_MULTIPLE, address, 1)
    buf[6] = 2
    buf[7] = value >> 8
    buf[8] = value & 0xFF
    return _close(buf, 9)


def word(frame, at):
    """The unsigned 16-bit word at frame[at:at + 2], high byte first."""
    return frame[at] << 8 | frame[at + 1]


def float_to_int(high, low, scale):
    """IEEE-754 single, given as two words, times `scale` (1..1000), rounded, without a float.

    Saturates at +-INT_MAX; UNKNOWN for NaN and infinity. The result is within 1 of the exact one.
    """
    exponent = (high >> 7) & 0xFF
    if exponent == 0xFF:
        return UNKNOWN
    if not exponent:
        return 0  # zero and subnormal numbers
    size = _scaled(((high & 0x7F) | 0x80) << 16 | low, exponent - 150, scale)
    return -size if high & 0x8000 else size


def _scaled(mantissa, exponent, scale):
    """mantissa (24 bit) * scale * 2**exponent, in two halves of 12 bit so that nothing exceeds 30 bits."""
    if exponent >= 0:
        if exponent > 6 or mantissa > (INT_MAX // scale) >> exponent:
            return INT_MAX
        return (mantissa << exponent) * scale
    shift = -exponent
    high = (mantissa >> 12) * scale
    low = (mantissa & 0xFFF) * scale
    if shift > 12:
        high += low >> 12
        shift -= 12
        if shift > 24:
            return 0
        return (high + (1 << (shift - 1))) >> shift
    if high > INT_MAX >> (12 - shift):
        return INT_MAX
    low = (low + (1 << shift >> 1)) >> shift
    high <<= 12 - shift
    return high + low if high < INT_MAX - low else INT_MAX
