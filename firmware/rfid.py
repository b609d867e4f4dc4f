"""From a reader to the text of a tag, which all charge points then show.

A reader is an object with poll(now_ms): it returns the bytes of a tag's UID once when the tag comes near, else None, at once.
"""

from micropython import const

import commands

_UID_BYTES_MAX = const(10)
EM4100_BYTES = const(5)  # a version that is not printed on the tag, and the number


class Rfid:
    """`decimal`: as printed on EM4100 tags, 10 digits at least; else hexadecimal, upper case."""

    def __init__(self, reader, points, decimal):
        self.episode = False  # True after something has allocated; whoever sees it resets it
        self.scans = 0
        self.refused = 0  # no bytes, or too many
        self._reader = reader
        self._points = points
        self._decimal = decimal

    def step(self, now_ms):
        """To be called about every 100 ms, and once per second at least."""
        uid = self._reader.poll(now_ms)
        if uid is not None:
            self._take(uid)

    def _take(self, uid):
        """Episode: a tag has come near."""
        self.episode = True
        if not 1 <= len(uid) <= _UID_BYTES_MAX:
            self.refused = (self.refused + 1) & 0xFFFFFF
            return
        self.scans = (self.scans + 1) & 0xFFFFFF
        commands.set_tag(self._points, as_decimal(uid) if self._decimal else as_hex(uid))


def as_decimal(uid):
    """The number of a tag, 10 digits at least: 0008844356. Of an EM4100 tag what is printed on it. Episode."""
    if len(uid) == EM4100_BYTES:
        uid = uid[1:]
    return b"%010d" % int.from_bytes(uid, "big")


def as_hex(uid):
    """Every byte in two digits, upper case: 04A1B2C3D4E5F6. Episode."""
    return b"".join([b"%02X" % byte for byte in uid])
