"""Stand-in for the ESP32's `machine`: just the parts the edge of the firmware touches.

Runs on the unix port of MicroPython and on CPython. What a pin, a line or a watchdog does is told by the environment:
    LADEPUNKT_UART<id>     path of the tty (or pty) that is UART <id>
    LADEPUNKT_WDT          path of a FIFO somebody already reads; every feed (at most one per 250 ms) writes one byte
    LADEPUNKT_RESET_CAUSE  name of a constant below, default PWRON_RESET
    LADEPUNKT_UNIQUE_ID    12 hexadecimal digits
`UART.write`, `readinto`, `txdone` and `WDT.feed` allocate nothing, so that a heap figure taken here is the firmware's own.
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

EXIT_RESET = 75  # status of a process that ended by reset(): whoever started it starts it again

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
    """Leave the process with status 75. Unlike on the chip, `finally` blocks still run on the way out."""
    sys.exit(EXIT_RESET)


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
        self.level = 0
        Pin.made[id] = self
        if value is not None:
            self.value(value)

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = 1 if level else 0

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    __call__ = value


class UART(io.IOBase):
    """A UART over a tty: `readinto` returns what is there or None, `txdone` keeps the time the line would need.

    Raises ValueError for a frame other than 8N1 and OSError when LADEPUNKT_UART<id> does not lead to a tty.
    """

    def __init__(self, id, baudrate=9600, bits=8, parity=None, stop=1, **pins_and_buffers):
        path = os.getenv("LADEPUNKT_UART%d" % id)
        if not path:
            raise OSError("UART %d has no line: set LADEPUNKT_UART%d to the path of a tty" % (id, id))
        if bits != 8 or parity is not None or stop != 1:
            raise ValueError("the stub UART speaks 8N1 only: extend host_tests/stubs/machine.py")
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


class WDT:
    """Feeds somebody outside, who kills this process when the food stops for `timeout` ms.

    Without LADEPUNKT_WDT nobody watches. A reader that has gone away raises OSError in feed(): nobody is left to kill us.
    """

    def __init__(self, id=0, timeout=5000):
        path = os.getenv("LADEPUNKT_WDT")
        self._fifo = open(path, "wb", buffering=0) if path else None
        self.timeout_ms = timeout
        self._fed_ms = time.ticks_add(time.ticks_ms(), -_FEED_MS)
        self.feed()

    def feed(self):
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._fed_ms) < _FEED_MS:
            return
        self._fed_ms = now_ms
        if self._fifo:
            self._fifo.write(b".")
