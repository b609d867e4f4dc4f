"""Stand-in for the ESP32's `machine`: just the parts the edge of the firmware touches.

Runs on the unix port of MicroPython and on CPython. What a pin, a line or a watchdog does is told by the environment:
    LADEPUNKT_UART<id>     path of the tty (or pty) that is UART <id>
    LADEPUNKT_WDT          path of a FIFO somebody already reads, the supervisor: see below
    LADEPUNKT_RTC          path of the file that is the memory of the RTC; without it the memory ends with the process
    LADEPUNKT_RELAYS       numbers of the output pins the supervisor wants to know about, with commas between
    LADEPUNKT_INPUTS       NUMBER=PATH of input pins, with commas between: a file that begins with 1 is a high level
    LADEPUNKT_RESET_CAUSE  name of a constant below, default PWRON_RESET
    LADEPUNKT_UNIQUE_ID    12 hexadecimal digits
What the supervisor reads: "." for every feed (at most one per 250 ms), and lines: "T<ms>" a watchdog now waits that long,
"P<pin>=<level>" a pin has got this level, "R" reset() was called.
`UART.write`, `readinto`, `txdone`, `WDT.feed` and, without a file, `RTC.memory(data)` allocate nothing, so that a heap figure
taken here is the firmware's own.
"""
import io
import os
import select
import sys
import time

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

EXIT_RESET = 75  # status of a process that ended by reset() and has no supervisor

_MICROPYTHON = sys.implementation.name == "micropython"
_FEED_MS = 250
# Linux numbers its speeds, macOS uses the baud rate itself; MicroPython's termios lacks the slow ones
_LINUX_SPEEDS = {1200: 9, 2400: 11, 4800: 12, 9600: 13, 19200: 14, 38400: 15, 57600: 0x1001, 115200: 0x1002}


def reset_cause():
    """The constant named by LADEPUNKT_RESET_CAUSE."""
    return globals()[os.getenv("LADEPUNKT_RESET_CAUSE") or "PWRON_RESET"]


def unique_id():
    """Six bytes, like the base MAC address of a chip."""
    return bytes.fromhex(os.getenv("LADEPUNKT_UNIQUE_ID") or "020000000001")


def reset():
    """Does not return. Without a supervisor the process ends with status 75 and, unlike on the chip, runs its `finally` blocks."""
    if not _tell("R\n"):
        sys.exit(EXIT_RESET)
    while True:
        time.sleep(1)  # until the supervisor ends this process


_supervisor = [None, None]  # path and file of the FIFO


def _fifo():
    """The FIFO to the supervisor, opened once: without a reader a second opening would wait for ever. None: nobody watches."""
    path = os.getenv("LADEPUNKT_WDT")
    if path != _supervisor[0]:
        _supervisor[0] = path
        _supervisor[1] = open(path, "wb", buffering=0) if path else None
    return _supervisor[1]


def _tell(line):
    """Say a line to the supervisor; False when there is none."""
    fifo = _fifo()
    if fifo:
        fifo.write(line.encode())
    return fifo is not None


def _numbers(name):
    """{number: text behind its "="} of a variable of the environment."""
    found = {}
    for word in (os.getenv(name) or "").split(","):
        if word:
            number, _, text = word.partition("=")
            found[int(number)] = text
    return found


def _raw_tty(path, baud):
    """Open a tty so that reads return what is there, 0 bytes when nothing is. Raises OSError when there is no tty."""
    import termios

    tty = open(path, "r+b", buffering=0)
    fd = tty.fileno()
    if _MICROPYTHON:
        termios.setraw(fd)
        vmin, vtime = (16, 17) if sys.platform == "darwin" else (6, 5)
    else:
        from tty import setraw

        setraw(fd)
        vmin, vtime = termios.VMIN, termios.VTIME
    mode = termios.tcgetattr(fd)
    if baud not in _LINUX_SPEEDS:
        raise ValueError("the stub UART does not know %d baud: add it in host_tests/stubs/machine.py" % baud)
    mode[4] = mode[5] = baud if sys.platform == "darwin" else _LINUX_SPEEDS[baud]
    mode[6][vmin] = mode[6][vtime] = 0
    termios.tcsetattr(fd, termios.TCSANOW, mode)
    return tty


class Pin:
    """A pin is its level. `Pin.made` maps pin numbers to the newest object, for whoever wants to look from outside."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    made = {}

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id
        self.mode = mode
        before = Pin.made.get(id)
        self.level = before.level if before else int(pull == Pin.PULL_UP)
        self._told = before._told if before else None
        self._is_relay = id in _numbers("LADEPUNKT_RELAYS")
        self._input = _numbers("LADEPUNKT_INPUTS").get(id)
        Pin.made[id] = self
        if value is not None:
            self.value(value)

    def value(self, level=None):
        if level is not None:
            self.level = 1 if level else 0
            if self._is_relay and self._told != self.level:
                self._told = self.level
                _tell("P%d=%d\n" % (self.id, self.level))
        elif self._input:
            with open(self._input) as file:
                return int(file.read(1) == "1")
        else:
            return self.level

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    __call__ = value


class UART(io.IOBase):
    """A UART over a tty: `readinto` returns what is there or None, `txdone` keeps the time the line would need.

    A pty knows no parity: it has no effect. Raises ValueError for another frame, and OSError when LADEPUNKT_UART<id> does not lead to a tty.
    """

    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, **pins_and_buffers):
        path = os.getenv("LADEPUNKT_UART%d" % id)
        if not path:
            raise OSError("UART %d has no line: set LADEPUNKT_UART%d to the path of a tty" % (id, id))
        if bits != 8 or parity not in (None, 0, 1) or stop != 1:
            raise ValueError("the stub UART speaks 8N1, 8E1 and 8O1 only: extend host_tests/stubs/machine.py")
        self._tty = _raw_tty(path, baudrate)
        self._byte_us = 10 * 1000000 // baudrate
        self._sent_us = time.ticks_us()
        self._poll = select.poll()
        self._poll.register(self._tty, select.POLLIN)

    def fileno(self):
        return self._tty.fileno()

    def ioctl(self, request, argument):
        """What MicroPython's select.poll asks on registering: 10 is "which file descriptor"."""
        return self._tty.fileno() if request == 10 else 0

    def any(self):
        """1 when at least one byte waits (the chip tells how many), else 0."""
        return 1 if self._poll.poll(0) else 0

    def readinto(self, buf):
        """Bytes read, None when there are none. A line that was unplugged is a silent line."""
        try:
            return self._tty.readinto(buf) or None
        except OSError:
            return None

    def write(self, buf, offset=None, n=None):
        """write(buf), write(buf, n) or write(buf, offset, n), as on the chip. Returns the number of bytes taken."""
        if n is None:
            offset, n = 0, len(buf) if offset is None else offset
        if _MICROPYTHON:
            self._tty.write(buf, offset, n)
        else:
            self._tty.write(memoryview(buf)[offset : offset + n])
        now_us = time.ticks_us()
        if time.ticks_diff(now_us, self._sent_us) > 0:
            self._sent_us = now_us
        self._sent_us = time.ticks_add(self._sent_us, n * self._byte_us)
        return n

    def txdone(self):
        """True once everything written would have left a line of this speed."""
        return time.ticks_diff(time.ticks_us(), self._sent_us) >= 0

    def flush(self):
        while not self.txdone():
            pass

    def deinit(self):
        self._tty.close()


RTC_BYTES = 2048


class _Rtc:
    """Its memory keeps up to RTC_BYTES over every reset but a power loss."""

    def __init__(self):
        self._kept = bytearray(RTC_BYTES)
        self._n = 0
        self._path = None
        self._file = None

    def memory(self, data=None):
        """What was kept, as bytes (none at first); with data: keeps that."""
        if data is None:
            return self._read()
        if len(data) > RTC_BYTES:
            raise ValueError("buffer too long")
        if self._path:
            self._write(data)
        self._n = len(data)
        for i in range(self._n):
            self._kept[i] = data[i]

    def _write(self, data):
        if not self._file or len(data) < self._n:
            self._file = open(self._path, "wb", buffering=0)  # empties it
        self._file.seek(0)
        self._file.write(data)

    def _read(self):
        path = os.getenv("LADEPUNKT_RTC")
        if path != self._path:
            self._n = 0
        self._path = path
        self._file = None
        if not path:
            return bytes(self._kept[: self._n])
        kept = b""
        try:
            self._file = open(path, "r+b", buffering=0)
            kept = self._file.read(RTC_BYTES)
        except OSError:
            self._file = None  # no such file yet
        self._n = len(kept)
        return kept


_rtc = _Rtc()


def RTC():
    """The only one there is."""
    return _rtc


class WDT:
    """Feeds the supervisor, who kills this process when the food stops for `timeout` ms.

    Without LADEPUNKT_WDT nobody watches. A supervisor that has gone away raises OSError in feed(): nobody is left to kill us.
    """

    def __init__(self, id=0, timeout=5000):
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        self._fifo = _fifo()
        self.timeout_ms = timeout
        self._fed_ms = time.ticks_add(time.ticks_ms(), -_FEED_MS)
        _tell("T%d\n" % timeout)
        self.feed()

    def feed(self):
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._fed_ms) < _FEED_MS:
            return
        self._fed_ms = now_ms
        if self._fifo:
            self._fifo.write(b".")
