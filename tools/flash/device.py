"""The board behind its USB port: one connection for the console and, through mpremote, for its files.

Nothing here resets the board but reset(): mpremote alone would do so at every connection (its `resume` is what we use).
"""

import ast
import hashlib
import time

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from tools import maintenance
from tools.flash import FlashError

CHUNK_BYTES = 1024
FEED_EVERY_S = 5.0  # maintenance lasts ten minutes; every feeding begins them anew
LINE_S = maintenance.READ_S
ANSWER_S = 5.0  # of a raw REPL to two bytes
REOPEN_S = 10.0  # USB of an S3 goes away with a reset and comes back
FRESH = "a board without Ladepunkt"

# Names of its own: mpremote keeps an open file as f and its write as w in the same place.
_FEED = "import sys\nfloor = sys.modules.get('failsafe')\nif floor and floor.wdt: floor.wdt.feed()"
_FACTS = """
import sys, os
i = sys.implementation
print(repr({'name': i[0], 'version': tuple(i[1][:3]), 'machine': i._machine, 'platform': sys.platform, 'files': os.listdir(),
    'abi': i._mpy & 0xff, 'versions': hasattr(sys.modules.get('failsafe'), 'choose')}))
"""
_HASHES = """
import os, hashlib
def walk(folder, name):
    for row in os.ilistdir(folder + name or '.'):
        path = name + '/' + row[0] if name else row[0]
        if row[1] == 0x4000:
            if folder: walk(folder, path)
        else:
            h = hashlib.sha256()
            with open(folder + path, 'rb') as file:
                while True:
                    data = file.read(1024)
                    if not data: break
                    h.update(data)
            print(repr((path, h.digest())))
try:
    walk(%r, '')
except OSError as e:
    if e.errno != 2: raise
"""
_CLONE = """
with open(%r, 'rb') as a, open(%r, 'wb') as b:
    while True:
        data = a.read(1024)
        if not data: break
        b.write(data)
"""


class Connection(SerialTransport):
    """mpremote's transport over a port that maintenance has opened: its explanations are the better ones."""

    def __init__(self, port, baud):
        self.serial = maintenance.open_port(port, baud)
        self.device_name = port
        self.in_raw_repl = False
        self.use_raw_paste = True
        self.mounted = False
        self.is_pty = self._is_pty_device(port)


class Device:
    """`say(text)` is told about progress. Every method raises FlashError."""

    def __init__(self, port, baud, say):
        self.port = port
        self._baud = baud
        self._say = say
        self._fed_s = 0.0
        self._link = None
        self.open()

    def open(self):
        self._link = self._guarded(Connection, self.port, self._baud)

    def close(self):
        if self._link is not None:
            try:
                self._link.close()
            except OSError:  # it was pulled out: closed is closed
                pass
        self._link = None

    def enter(self, force):
        """To the raw REPL, at 0 A. Returns False for a board that has MicroPython, but no floor.

        Raises maintenance.NoPromptError where nobody answers, or no MicroPython.
        """
        self._link.serial.timeout = LINE_S
        has_floor = True
        try:
            maintenance.enter(self._link.serial, force, self._say)
        except maintenance.NoFloorError:
            has_floor = False
            self._say(f"{FRESH}: nothing can charge yet")
        except maintenance.NoPromptError:
            raise
        except maintenance.MaintenanceError as error:
            raise FlashError(str(error)) from error
        self._link.serial.timeout = ANSWER_S
        self._guarded(self._link.enter_raw_repl, soft_reset=False)
        return has_floor

    def facts(self):
        """{name, version, machine, platform, files, abi, versions (the floor knows two versions)}"""
        return ast.literal_eval(self.run(_FACTS))

    def hashes(self, folder):
        """{path below the folder: SHA-256}; empty for a folder that is not there. "": the files of the root, without its folders."""
        prefix = folder and folder.rstrip("/") + "/"
        return dict(ast.literal_eval(line) for line in self.run(_HASHES % prefix).splitlines())

    def read(self, name):
        """The file's bytes, None when there is none."""
        if name not in ast.literal_eval(self.run("import os\nprint(os.listdir())")):
            return None
        return bytes(self._guarded(self._link.fs_readfile, name, CHUNK_BYTES))

    def make_folders(self, names):
        for name in names:
            self.run(f"import os\ntry: os.mkdir({name!r})\nexcept OSError as e:\n if e.errno != 17: raise")

    def write(self, name, data, progress=None):
        """The whole file, checked by its hash on the device. A file of that name is replaced only after that."""
        fresh = name + ".new"
        self._guarded(self._link.fs_writefile, fresh, data, CHUNK_BYTES, lambda done, _: self._wrote(done, progress))
        found = self._guarded(self._link.fs_hashfile, fresh, "sha256")
        if found != hashlib.sha256(data).digest():
            raise FlashError(f"{name} did not arrive as it was sent: check the cable and its plugs, then run it again")
        self.run(f"import os\nos.rename({fresh!r}, {name!r})")

    def clone(self, source, name):
        """Copies a file that is there already, on the device."""
        self.run(_CLONE % (source, name))
        self.feed()

    def remove(self, name):
        self.run(f"import os\nos.remove({name!r})")

    def run(self, code):
        """What the code prints."""
        return self._guarded(self._link.exec, code).decode()

    def feed(self):
        """The ten minutes begin again."""
        self._fed_s = time.monotonic()
        self.run(_FEED)

    def reset(self):
        """As if the supply went and came; listen() hears what it says then."""
        self._guarded(self._link.exec_raw_no_follow, "import machine\nmachine.reset()")
        self._link.in_raw_repl = False

    def listen(self):
        """A maintenance.Talk of the console."""
        self._link.serial.timeout = LINE_S
        return maintenance.Talk(self._link.serial, time.monotonic)

    def reopen(self):
        """The port went away with a reset; it comes back under the same name."""
        self.close()
        end_s = time.monotonic() + REOPEN_S
        while True:
            try:
                return self.open()
            except FlashError:
                if time.monotonic() > end_s:
                    raise
                time.sleep(0.2)

    def _wrote(self, done, progress):
        if time.monotonic() - self._fed_s > FEED_EVERY_S:
            self.feed()
        if progress:
            progress(done)

    def _guarded(self, action, *arguments, **named):
        try:
            return action(*arguments, **named)
        except maintenance.MaintenanceError as error:
            raise FlashError(str(error)) from error
        except TransportExecError as error:
            last = (error.error_output.strip().splitlines() or ["nothing"])[-1]
            raise FlashError(f"the board says: {last}: {_todo(last)}") from error
        except (TransportError, OSError, ValueError, SyntaxError) as error:
            todo = "check the cable and the power, close other programs that use the port, reset the board and run it again"
            raise FlashError(f"the talk with the board broke off ({error}): {todo}") from error


def _todo(last):
    if "ENOSPC" in last or "28" in last.split():
        return "its flash is full: copy what you need from it, erase it (--erase) and run it again"
    return "reset the board and run it again; if it stays, run it with --erase --image"
