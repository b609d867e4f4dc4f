"""An RDM6300 and its tags. Plain Python that also runs on MicroPython."""

FRAME_EVERY_MS = 65


def frame(uid):
    """What the reader sends for the 5 bytes of a tag."""
    check = 0
    for byte in uid:
        check ^= byte
    return b"\x02" + b"".join(b"%02X" % byte for byte in uid) + b"%02X" % check + b"\x03"


def uid_of(number, version=0x10):
    """The 5 bytes of the tag with this number printed on it."""
    return bytes([version]) + number.to_bytes(4, "big")


class Rdm6300Uart:
    """The UART behind such a reader: readinto(buf) as the port of the firmware has it. `send` puts bytes on the line."""

    def __init__(self):
        self.waiting = b""
        self.bite = 1 << 30  # bytes handed out at once

    def send(self, data):
        self.waiting += data

    def readinto(self, buf):
        n = min(len(self.waiting), len(buf), self.bite)
        buf[:n] = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return n
