"""Readers of tags at the edge: the UART of an RDM6300, and a reader.py that the user has put on the device. Loaded where configured."""

import sys

import machine

REST_POLLS = 50  # about 5 s: after an exception of the user's module


class SerialIn:
    """A UART that only receives."""

    def __init__(self, row):
        """row: board.json's rfid."""
        self.uart = machine.UART(row["uart"], baudrate=row["baud"], tx=row["tx"], rx=row["rx"], timeout=0, timeout_char=0, rxbuf=256)

    def readinto(self, buf):
        """What has arrived, up to len(buf); returns the number of bytes."""
        return self.uart.readinto(buf) or 0


class UserReader:
    """Keeps what the user's module raises away from the charge point: it is told on the console once, and counted."""

    def __init__(self, reader):
        self.errors = 0
        self._reader = reader
        self._rest = 0

    def poll(self, now_ms):
        """The bytes of a UID, or None."""
        if self._rest:
            self._rest -= 1
            return None
        try:
            uid = self._reader.poll(now_ms)
            if isinstance(uid, (int, str)):
                raise TypeError("poll() returns bytes or None")
            return None if uid is None else bytes(uid)
        except Exception as error:
            if not self.errors:
                print("ladepunkt: reader.py: poll() failed, tried again every 5 s:")
                sys.print_exception(error)
            self.errors += 1
            self._rest = REST_POLLS
            return None


def open_reader(kind, row):
    """The reader that config.json asks for; row: board.json's rfid, or None. At boot; raises SystemExit."""
    if kind == "rdm6300":
        from rdm6300 import Rdm6300

        return Rdm6300(SerialIn(row))
    try:
        from reader import Reader
    except ImportError:
        raise SystemExit("reader.py: missing, or it has no class Reader; config.json rfid.reader is module: see docs/rfid.md")
    return UserReader(Reader())
