"""A record that says whether it is whole: layout version, length, payload, CRC16. Pure functions on a caller's bytearray.

    0        1       2 .. 2 + length - 1   then 2 bytes
    version  length  payload               CRC16 as on the bus, low byte first

Zeros are never sealed right, whatever their number: the CRC starts with ones.
"""

from micropython import const

from modbus import crc16

HEAD_BYTES = const(2)  # where the payload begins
OVERHEAD_BYTES = const(4)

# what check() finds
OK = const(0)
EMPTY = const(1)  # nothing was ever written there: no byte, or zeros only
DAMAGED = const(2)
NEWER = const(3)  # whole, of a version we do not know: start from defaults, at 0 A


def seal(buf, version, n):
    """Closes the record whose payload of n bytes (0..255) stands at buf[HEAD_BYTES:]; version is 1..255. Returns its length."""
    buf[0] = version
    buf[1] = n
    crc = crc16(buf, HEAD_BYTES + n)
    buf[HEAD_BYTES + n] = crc & 0xFF
    buf[HEAD_BYTES + n + 1] = crc >> 8
    return n + OVERHEAD_BYTES


def check(buf, n, version):
    """OK, EMPTY, DAMAGED or NEWER: what stands in buf[:n] for code that knows versions up to `version`.

    After OK the payload has buf[1] bytes: fewer than today's when an older version wrote it. n < 0 is a failed read: EMPTY.
    """
    if _blank(buf, n):
        return EMPTY
    if n < OVERHEAD_BYTES or buf[1] + OVERHEAD_BYTES > n or not buf[0]:
        return DAMAGED
    if crc16(buf, buf[1] + OVERHEAD_BYTES):
        return DAMAGED
    return NEWER if buf[0] > version else OK


def _blank(buf, n):
    for i in range(n):
        if buf[i]:
            return False
    return True
