"""The gateway on the desk: the firmware as a child process, with the watchdog and the reset an ESP32 has.

The firmware feeds a FIFO. When no byte comes for the watchdog's time the child is killed and started again with the reset
cause of a watchdog. A program that ended by an error waits for the watchdog too, as it would on the chip.
"""

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

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STUBS = os.path.join(ROOT, "host_tests", "stubs")
UMQTT = os.path.join(ROOT, "build", "umqtt")
RUN_FIRMWARE = os.path.join(ROOT, "tools", "desk", "run_firmware.py")
# An ESP32 without PSRAM leaves MicroPython about 160 KB. A block of its heap is four words; here a word is twice as wide, and
# so the same number of blocks takes twice the bytes.
HEAP_BLOCKS = 160 * 1024 // 16
HEAP_BYTES = HEAP_BLOCKS * 4 * struct.calcsize("P")

EXIT_RESET = 75  # the stub's machine.reset()
PAUSE_S = 0.5  # a chip needs this long to boot, too
STATE_PREFIX = "#state "
RUNNING, RESTARTING, STOPPED = "running", "restarting", "stopped"


def find_micropython():
    """The unix port in the environment of this Python, or None."""
    return shutil.which("micropython", path=os.path.dirname(sys.executable))


def firmware_command(runtime, compiled_dir):
    """(argv, additional environment) that starts the firmware on `runtime`; MicroPython finds it in `compiled_dir`."""
    if runtime == "micropython":
        search = ":".join((STUBS, UMQTT, compiled_dir, ".frozen"))
        return [find_micropython(), "-X", "heapsize=%d" % HEAP_BYTES, "-m", "run_firmware"], {"MICROPYPATH": search}
    return [sys.executable, "-u", RUN_FIRMWARE], {"PYTHONDONTWRITEBYTECODE": "1"}


class Gateway:
    """The supervised child. `state` is running, restarting or stopped; `report` is the last `#state` object or None.

    `say` is called with every other line the firmware prints and with what happens to it.
    """

    def __init__(self, command, environment, work_dir, watchdog_s, say):
        self.state = STOPPED
        self.report = None
        self.reported_s = None
        self.restarts = 0
        self.watchdog_resets = 0
        self._command = command
        self._environment = dict(os.environ, **environment)
        self._work_dir = work_dir
        self._watchdog_s = watchdog_s
        self._say = say
        self._child = None
        self._unread = b""
        self._end = threading.Event()
        self._reset_wanted = threading.Event()
        self._fifo_path = os.path.join(work_dir, "watchdog")
        os.mkfifo(self._fifo_path)
        self._fifo_fd = os.open(self._fifo_path, os.O_RDONLY | os.O_NONBLOCK)
        # A second end keeps the FIFO from reporting "closed" while no firmware runs.
        self._fifo_keep_fd = os.open(self._fifo_path, os.O_WRONLY)
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    def start(self):
        self._thread.start()

    def reset(self):
        """The supply of the gateway goes away and comes back."""
        self._reset_wanted.set()

    def stop(self):
        """End the firmware the way Ctrl-C does, so that it can write 0 A; kill it when it does not go."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._fifo_fd)
        os.close(self._fifo_keep_fd)

    def _run(self):
        cause = "PWRON_RESET"
        while not self._end.is_set():
            self._spawn(cause)
            cause = self._supervise()
            self._child.stdout.close()
            if self._end.is_set():
                break
            self.restarts += 1
            self.state = RESTARTING
            self._end.wait(PAUSE_S)
        self.state = STOPPED

    def _spawn(self, cause):
        _drain(self._fifo_fd)
        self._unread = b""
        self._reset_wanted.clear()
        environment = dict(self._environment, LADEPUNKT_WDT=self._fifo_path, LADEPUNKT_RESET_CAUSE=cause)
        self._child = subprocess.Popen(
            self._command,
            cwd=self._work_dir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.state = RUNNING

    def _supervise(self):
        """Watch one life of the firmware. Returns the reset cause of the next one."""
        fed_s = time.monotonic()
        ended = False
        while not self._end.is_set():
            watched = [self._fifo_fd] if ended else [self._fifo_fd, self._child.stdout]
            readable, _, _ = select.select(watched, [], [], 0.1)
            if self._fifo_fd in readable and _drain(self._fifo_fd):
                fed_s = time.monotonic()
            if self._child.stdout in readable and not self._read_output():
                ended = True
                cause = self._explain_end()
                if cause is not None:
                    return cause
            if self._reset_wanted.is_set():
                self._kill()
                return "PWRON_RESET"
            if time.monotonic() - fed_s > self._watchdog_s:
                self._say("the watchdog was not fed for %d s: reset" % self._watchdog_s)
                self.watchdog_resets += 1
                self._kill()
                return "WDT_RESET"
        self._ask_to_end()
        return "PWRON_RESET"

    def _explain_end(self):
        """The firmware has ended by itself. Returns the reset cause, or None when only the watchdog can start it again."""
        status = self._child.wait()
        self.state = RESTARTING
        if status == EXIT_RESET:
            self._say("the gateway resets itself")
            return "SOFT_RESET"
        if status < 0:
            self._say("the gateway was ended by signal %d" % -status)
            return "PWRON_RESET"
        self._say("the gateway ended with status %d; its watchdog will start it again" % status)
        return None

    def _ask_to_end(self):
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
        deadline_s = time.monotonic() + 2
        while self._child.poll() is None and time.monotonic() < deadline_s:
            readable, _, _ = select.select([self._child.stdout], [], [], 0.05)
            if readable:
                self._read_output()  # an unread pipe would keep it from ending
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
                self._say(text)
        return bool(chunk)

    def _read_report(self, text):
        try:
            self.report = json.loads(text)
        except ValueError:
            self._say("unreadable report: " + text)
            return
        self.reported_s = time.monotonic()


def _drain(fd):
    """Read everything that waits; True when there was something."""
    try:
        return bool(os.read(fd, 4096))
    except BlockingIOError:
        return False
