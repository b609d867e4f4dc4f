"""The gateway on the desk: the firmware as a child process, with the watchdog, the reset and the relays an ESP32 has.

The firmware feeds a FIFO and tells there what its watchdog and its relays are set to (see host_tests/stubs/machine.py). When no
food comes for the watchdog's time the child is killed and started again with the reset cause of a watchdog. A program that
ended waits for the watchdog too, with its relays as they are, as it would on the chip. The memory of the RTC is a file: it
survives every reset, and goes with the supply.
"""

import collections
import contextlib
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

from tools.desk.wires import WatchdogLine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STUBS = os.path.join(ROOT, "host_tests", "stubs")
UMQTT = os.path.join(ROOT, "build", "umqtt")
RUN_FIRMWARE = os.path.join(ROOT, "tools", "desk", "run_firmware.py")
RECORD = os.path.join(ROOT, "tools", "desk", "recorder.py")
# An ESP32 without PSRAM leaves MicroPython about 160 KB. A block of its heap is four words; here a word is twice as wide, and
# so the same number of blocks takes twice the bytes.
HEAP_BLOCKS = 160 * 1024 // 16
HEAP_BYTES = HEAP_BLOCKS * 4 * struct.calcsize("P")

EVENTS_KEPT = 256
PAUSE_S = 0.5  # a chip needs this long to boot, too
STATE_PREFIX = "#state "
HOLD_PREFIX = "ladepunkt: stays at 0 A"
RUNNING, HOLDING, MAINTENANCE, RESTARTING, STOPPED = "running", "holding", "maintenance", "restarting", "stopped"
CRASHES = ("hang", "exception", "memory", "interrupt")
CRASH_FILE = "crash"  # in the work directory: what run_firmware.py shall do, "exception" or "memory"


def find_micropython():
    """The unix port in the environment of this Python, or None."""
    return shutil.which("micropython", path=os.path.dirname(sys.executable))


def firmware_command(runtime, compiled_dir):
    """(argv, additional environment) that starts the firmware on `runtime`; MicroPython finds it in `compiled_dir`."""
    if runtime == "micropython":
        search = ":".join((STUBS, UMQTT, compiled_dir, ".frozen"))
        return [find_micropython(), "-X", "heapsize=%d" % HEAP_BYTES, "-m", "run_firmware"], {"MICROPYPATH": search}
    return [sys.executable, "-u", RUN_FIRMWARE], {"PYTHONDONTWRITEBYTECODE": "1"}


class NoRelays:
    """What Gateway asks of relays, for a board that has none."""

    def pins(self):
        return ""

    def move(self, pin, level):
        """A pin that is no relay of ours has got a level."""

    def drop(self):
        """No pin is driven any more."""


class Gateway:
    """The supervised child. `state` is one of the words above; `report` is the last `#state` object or None.

    `say` is called with every other line the firmware prints and with what happens to it; `relays` is like NoRelays.
    """

    def __init__(self, command, environment, work_dir, watchdog_s, say, relays=None):
        self.state = STOPPED
        self.report = None
        self.reported_s = None
        self.events = collections.deque(maxlen=EVENTS_KEPT)  # [number, ms, kind, a, b]
        self._events_told = -1  # number of the newest of this life
        self.restarts = 0
        self.watchdog_resets = 0
        self._command = command
        self._environment = dict(os.environ, **environment)
        self._work_dir = work_dir
        self._watchdog_s = watchdog_s
        self._say = say
        self._relays = relays or NoRelays()
        self._child = None
        self._unread = b""
        self._end = threading.Event()
        self._reset_wanted = threading.Event()
        self._wire = WatchdogLine(os.path.join(work_dir, "watchdog"), self._relays.move)
        self._rtc_path = os.path.join(work_dir, "rtc")
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    def start(self):
        self._thread.start()

    def reset(self):
        """The supply of the gateway goes away and comes back."""
        self._reset_wanted.set()

    def crash(self, how):
        """Let the firmware end by one of CRASHES. Raises ValueError."""
        if how not in CRASHES:
            raise ValueError('"how" must be one of ' + ", ".join(CRASHES))
        if how in ("hang", "interrupt"):
            self._alive().send_signal(signal.SIGSTOP if how == "hang" else signal.SIGINT)
            return
        self._alive()
        with open(os.path.join(self._work_dir, CRASH_FILE), "w", encoding="utf-8") as file:
            file.write(how)

    def type_line(self, text):
        """Somebody types a line on the console of the gateway. Raises ValueError."""
        try:
            self._alive().stdin.write(text.encode() + b"\n")
        except OSError as error:
            raise ValueError("the gateway reads no console just now") from error

    def stop(self):
        """End the firmware the way Ctrl-C does, so that it can write 0 A; kill it when it does not go."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        self._wire.close()

    def _alive(self):
        child = self._child
        if child is None or child.poll() is not None:
            raise ValueError("the gateway does not run just now")
        return child

    def _run(self):
        cause = "PWRON_RESET"
        while not self._end.is_set():
            self._spawn(cause)
            cause = self._supervise()
            self._child.stdout.close()
            self._child.stdin.close()
            if self._end.is_set():
                break
            self._relays.drop()
            self.restarts += 1
            self.state = RESTARTING
            self._end.wait(PAUSE_S)
        self.state = STOPPED

    def _spawn(self, cause):
        if cause == "PWRON_RESET":
            with contextlib.suppress(FileNotFoundError):
                os.remove(self._rtc_path)
        self._wire.begin(self._watchdog_s)
        self._unread = b""
        self._events_told = -1
        self._reset_wanted.clear()
        of_this_life = {
            "LADEPUNKT_WDT": self._wire.path,
            "LADEPUNKT_RTC": self._rtc_path,
            "LADEPUNKT_RELAYS": self._relays.pins(),
            "LADEPUNKT_RESET_CAUSE": cause,
        }
        self._child = subprocess.Popen(
            self._command,
            cwd=self._work_dir,
            env=dict(self._environment, **of_this_life),
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.state = RUNNING

    def _supervise(self):
        """Watch one life of the firmware. Returns the reset cause of the next one."""
        ended = False
        while not self._end.is_set():
            watched = [self._wire.fd] if ended else [self._wire.fd, self._child.stdout]
            readable, _, _ = select.select(watched, [], [], 0.1)
            if self._wire.fd in readable:
                self._wire.read()
            if self._child.stdout in readable and not self._read_output():
                ended = True
                if self._has_died():
                    return "HARD_RESET"
            if self._wire.reset:
                self._say("the gateway resets itself")
                self._kill()
                return "HARD_RESET"
            if self._reset_wanted.is_set():
                self._kill()
                return "PWRON_RESET"
            if self._wire.hungry():
                self._say("the watchdog was not fed for %g s: reset" % self._wire.limit_s)
                self.watchdog_resets += 1
                self._kill()
                return "WDT_RESET"
        self._ask_to_end()
        return "PWRON_RESET"

    def _has_died(self):
        """The firmware has ended by itself. True when it starts again at once, False when only the watchdog can do that."""
        status = self._child.wait()
        self.state = RESTARTING
        if status < 0 and status != -signal.SIGINT:
            self._say("the gateway was ended by signal %d" % -status)
            return True
        if status == 0:
            self.state = MAINTENANCE
            self._say("the gateway is in maintenance; its watchdog will start it again within %g s" % self._wire.limit_s)
        else:
            self._say("the gateway ended with status %d; its watchdog will start it again" % status)
        return False

    def _ask_to_end(self):
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
        deadline_s = time.monotonic() + 3
        while self._child.poll() is None and time.monotonic() < deadline_s:
            readable, _, _ = select.select([self._child.stdout, self._wire.fd], [], [], 0.05)
            if self._child.stdout in readable:
                self._read_output()  # an unread pipe would keep it from ending
            if self._wire.fd in readable:
                self._wire.read()
        self._kill()

    def _kill(self):
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()

    def _read_output(self):
        """Use every complete line the firmware has printed; False at the end of its output."""
        chunk = os.read(self._child.stdout.fileno(), 65536)
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            if self._end.is_set():
                continue  # what it prints while it is being ended is of no use to anybody
            if text.startswith(STATE_PREFIX):
                self._read_report(text[len(STATE_PREFIX) :])
            elif text:
                if text.startswith(HOLD_PREFIX):
                    self.state = HOLDING
                self._say(text)
        return bool(chunk)

    def _read_report(self, text):
        try:
            self.report = json.loads(text)
        except ValueError:
            self._say("unreadable report: " + text)
            return
        self.reported_s = time.monotonic()
        self._keep_events(self.report.pop("events", ()))

    def _keep_events(self, rows):
        """Those that this life has not told before."""
        for row in rows:
            if row[0] > self._events_told:
                self._events_told = row[0]
                self.events.append(row)
