"""A board on this machine: MicroPython behind a raw terminal, with a folder as its flash, a watchdog that really kills it, and an
RS485 line with a simulated EVSE. What a tool opens as a USB port is `StandIn.path`.

    tool -- raw pty (path) -- bridge, as slow as a UART -- pty of the interpreter, on which Ctrl-C interrupts -- MicroPython
"""

import fcntl
import os
import pty
import select
import subprocess
import termios
import threading
import time
import tty

from host_tests.fakes.car import Car
from host_tests.fakes.evse import EvseDin
from host_tests.fakes.site import ChargePoint, Site
from tools.desk.line import Line
from tools.desk.process import HEAP_BYTES
from tools.desk.wires import WatchdogLine
from tools.runtimes import STUBS, UMQTT, micropython

# What the chip does after a reset: boot.py, main.py, then the prompt.
RUN = """
import sys, os
sys.path[:] = ["", %r, %r, ".frozen"]
for name in ("boot", "main"):
    if name + ".py" in os.listdir():
        __import__(name)
"""
BOOT_S = 0.3
NEVER_S = 1e9
CHUNK_BYTES = 256  # like the chip's buffer for input


class StandIn:
    """Ends with the `with`. `said`: all that went to the tool; `starts`: the reset causes so far; `sent`: bytes from the tool.

    `site` and `line` are what hangs at its RS485 port.
    To be set from outside: `watchdogs` {seconds that are asked for: seconds it is}, `bytes_per_s` the speed of the port, `cut`.
    """

    def __init__(self, folder):
        self.flash = folder / "flash"
        self.flash.mkdir()
        self.said = b""
        self.starts = []
        self.sent = 0
        self.cut = False  # set it: the supply goes and comes
        self.watchdogs = {}
        self.bytes_per_s = None
        self._folder = folder
        (folder / "run.py").write_text(RUN % (str(STUBS), str(UMQTT)))
        self._outer, self._keep = os.openpty()
        tty.setraw(self._keep)
        self.path = os.ttyname(self._keep)
        self._wire = WatchdogLine(str(folder / "watchdog"), lambda *_moved: None)
        self.site = Site([ChargePoint(EvseDin(1), None, Car())])
        self.line = Line(self.site, threading.RLock())
        self._end = threading.Event()
        self._child = None
        self._inner = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.line.start()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        self.line.stop()
        self._wire.close()
        os.close(self._outer)
        os.close(self._keep)

    def files(self):
        """{path: bytes} of its flash."""
        return {path.relative_to(self.flash).as_posix(): path.read_bytes() for path in self.flash.rglob("*") if path.is_file()}

    def wait_for(self, text, limit_s=30):
        end_s = time.monotonic() + limit_s
        while text not in self.said:
            assert time.monotonic() < end_s, f"{text!r}: not within {limit_s} s; it said:\n{self.said.decode(errors='replace')[-2000:]}"
            time.sleep(0.02)

    def _run(self):
        cause = "PWRON_RESET"
        while not self._end.is_set():
            self.starts.append(cause)
            self._spawn(cause)
            cause = self._supervise()
            self._child.kill()
            self._child.wait()
            os.close(self._inner)
            self._end.wait(BOOT_S)

    def _spawn(self, cause):
        self._wire.begin(NEVER_S)
        self._inner, slave = pty.openpty()
        tty.setraw(slave)
        mode = termios.tcgetattr(slave)
        mode[3] |= termios.ISIG
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        environment = {
            "MICROPYPATH": ".frozen",
            "HOME": str(self._folder),
            "LADEPUNKT_UART1": self.line.path,
            "LADEPUNKT_WDT": self._wire.path,
            "LADEPUNKT_RTC": str(self._folder / "rtc"),
            "LADEPUNKT_RESET_CAUSE": cause,
        }
        self._child = subprocess.Popen(
            [str(micropython()), "-X", f"heapsize={HEAP_BYTES}", "-i", str(self._folder / "run.py")],
            cwd=self.flash,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def _supervise(self):
        """One life. Returns the reset cause of the next one."""
        watched = [self._outer, self._inner, self._wire.fd]
        while not self._end.is_set():
            readable, _, _ = select.select(watched, [], [], 0.05)
            if self._wire.fd in readable:
                self._wire.read()
            if self._inner in readable and not self._tell():
                watched.remove(self._inner)
            if self._outer in readable:
                self._hear()
            if self.cut:
                self.cut = False
                return "PWRON_RESET"
            if self._wire.reset:
                return "HARD_RESET"
            limit_s = self._wire.limit_s
            if time.monotonic() - self._wire.fed_s > self.watchdogs.get(limit_s, limit_s):
                return "WDT_RESET"
            if self._child.poll() is not None and self._wire.limit_s >= NEVER_S:
                return "SOFT_RESET"  # Ctrl-D; with a watchdog that one decides
        return "PWRON_RESET"

    def _hear(self):
        """From the tool, at the speed of the port."""
        data = os.read(self._outer, CHUNK_BYTES)
        self.sent += len(data)
        if self.bytes_per_s:
            time.sleep(len(data) / self.bytes_per_s)
        os.write(self._inner, data)

    def _tell(self):
        """To the tool; False when the interpreter is gone."""
        try:
            data = os.read(self._inner, 4096)
        except OSError:
            return False
        self.said += data
        os.write(self._outer, data)
        return bool(data)
