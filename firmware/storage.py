"""What outlives the program: small files on flash, and the part of RTC memory that is ours.

A flash write stalls the box for 0.2 .. 1 s: `memory` decides when that may be.
"""

import errno
import os

from micropython import const

NEW = ".new"

CP_AT = const(4)  # failsafe.record: one byte per charge point
OURS_AT = const(16)
OURS_BYTES = const(48)


class Flash:
    """Files of one folder, each replaced as a whole: a power cut leaves the old or the new content, never a mixture."""

    def __init__(self, folder=""):
        self.errors = 0
        self._prefix = folder if not folder or folder.endswith("/") else folder + "/"
        self._remove_leftovers(folder or ".")

    def load(self, name, buf):
        """Bytes read into buf, as many as fit; -1 when there is no such file or it can not be read."""
        try:
            with open(self._prefix + name, "rb") as file:
                return file.readinto(buf)
        except OSError as error:
            if error.errno != errno.ENOENT:
                self.errors += 1
            return -1

    def save(self, name, buf, n):
        """Makes buf[:n] the file's content; False when that failed, then the old content stands."""
        path = self._prefix + name
        try:
            with open(path + NEW, "wb") as file:
                file.write(memoryview(buf)[:n])
            os.rename(path + NEW, path)  # littlefs commits at close, and renames at once
            return True
        except OSError:
            self.errors += 1
            return False

    def _remove_leftovers(self, folder):
        """What a power cut left half-way; at boot."""
        try:
            for name in os.listdir(folder):
                if name.endswith(NEW):
                    os.remove(self._prefix + name)
        except OSError:
            self.errors += 1


class RtcMemory:
    """Our bytes of the floor's record, which survive a reset but no power loss. `floor` is the module failsafe: it owns the
    record, seals it and writes it in save()."""

    def __init__(self, floor):
        self._floor = floor

    def load(self, buf):
        """Copies what fits into buf; returns the number of bytes."""
        n = min(len(buf), OURS_BYTES)
        for i in range(n):
            buf[i] = self._floor.record[OURS_AT + i]
        return n

    def save(self, buf, n):
        """Keeps buf[:n], n at most OURS_BYTES."""
        for i in range(n):
            self._floor.record[OURS_AT + i] = buf[i]
        self._floor.save()

    def set_cp(self, i, byte):
        """What the floor does to the CP relay of charge point i after a reset: see failsafe for the bits."""
        if self._floor.record[CP_AT + i] != byte:
            self._floor.record[CP_AT + i] = byte
            self._floor.save()


class Asset:
    """A file that came with the firmware, so it lies where that lies. It is read bit by bit and by several at a time: nothing is
    kept open. size: -1 when there is none."""

    def __init__(self, name, folders):
        """folders: where to look, the first one wins."""
        self.size = -1
        self._path = name
        for folder in folders:
            path = folder + "/" + name if folder else name
            try:
                self.size = os.stat(path)[6]
            except OSError:
                continue
            self._path = path
            break

    def read(self, at, buf):
        """Bytes from `at` on, as many as fit into buf; 0 at the end, and when the file has gone."""
        try:
            with open(self._path, "rb") as file:
                file.seek(at)
                return file.readinto(buf)
        except OSError:
            return 0
