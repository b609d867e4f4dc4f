"""The floor in virtual time: a chip whose pins, watchdog, RTC memory and bus line note what happens to them, and when."""

import importlib.util
import io
import json
import sys
import types

import modbus

from host_tests.fakes.uart import DirectionPin, VirtualClock, VirtualMachine, VirtualUart
from host_tests.fakes.wire import reply_frame
from host_tests.stubs.cpython import install

BAUD = 9600
PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
NC = {"pin": 1, "contact": "nc", "active": 1}
AGE, AGES, FLAGS, CP = 6, slice(7, 11), 3, 4  # where they are in the record
FAULT = 0x80
LATCHED, ASKED = 1, 2
BOARD = {"board": "b", "rs485": [{"uart": 1, "tx": 17, "rx": 18}], "evse_ids": [1, 2], "cp_relays": [NC, {**NC, "pin": 2}]}


class Clock(VirtualClock):
    """`interrupt_at_us`: when somebody presses Ctrl-C, once."""

    interrupt_at_us = None

    def sleep_ms(self, ms):
        super().sleep_ms(ms)
        if self.interrupt_at_us is not None and self.now_us >= self.interrupt_at_us:
            self.interrupt_at_us = None
            raise KeyboardInterrupt


class Uart(VirtualUart):
    """Notes every frame in `log`."""

    def __init__(self, log, clock, *arguments):
        super().__init__(clock, *arguments)
        self._log = log
        self._time = clock

    def write(self, buf):
        self._log.append((self._time.now_us, "frame", buf[0]))
        return super().write(buf)


class Chip(VirtualMachine):
    """Stands for `machine`. `log` holds (time in us, kind, value): pin (number, level), watchdog ms, frame unit, fed.

    `broken` names what raises OSError when it is asked for: "UART", "WDT", "RTC" or the number of a pin.
    """

    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5

    def __init__(self, clock, baud, de):
        self.log = []
        self.clock = clock
        self.cause = PWRON_RESET
        self.kept = b""
        self.broken = ()
        self.drive = DirectionPin(clock)
        answer = lambda request: reply_frame(request, [])  # noqa: E731
        self.uart = Uart(self.log, clock, baud, None if de is None else self.drive, answer)
        super().__init__(self.uart, self.drive)
        self.Pin = _Pins(self, de)

    def note(self, kind, value=None):
        self.log.append((self.clock.now_us, kind, value))

    def need(self, name):
        if name in self.broken:
            raise OSError(f"{name} is broken")

    def UART(self, *positional, **named):
        self.need("UART")
        return super().UART(*positional, **named)

    def WDT(self, timeout):
        self.need("WDT")
        self.note("watchdog", timeout)
        return self

    def feed(self):
        self.note("fed")

    def RTC(self):
        self.need("RTC")
        return self

    def memory(self, data=None):
        if data is None:
            return self.kept
        self.kept = bytes(data)

    def reset_cause(self):
        return self.cause


class _Pins:
    IN, OUT = 1, 3

    def __init__(self, chip, de):
        self._chip = chip
        self._de = de

    def __call__(self, number, mode, value=None):
        self._chip.need(number)
        if number == self._de:
            return self._chip.drive
        self._chip.note("pin", (number, int(value)))


class Floor:
    """A freshly imported failsafe on such a chip. `said` collects what it prints; `board` may be text, or None for no file."""

    def __init__(self, board=BOARD, start_us=0):
        try:
            row = dict(board["rs485"][0])
        except (TypeError, KeyError, IndexError):
            row = {}  # odd on purpose
        self.board = board
        self.clock = Clock(start_us)
        self.chip = Chip(self.clock, row.get("baud", BAUD), row.get("de"))
        self.said = []
        self.files = {}
        self.begin(PWRON_RESET)

    def begin(self, cause):
        """The next life: everything forgotten but what the RTC keeps. Not started yet."""
        install.install()
        spec = importlib.util.find_spec("failsafe")
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.module.machine = self.chip
        self.module.time = self.clock
        self.module.open = self._open
        self.module.sys = types.SimpleNamespace(path=["", "/lib"])
        self.module.print = lambda *words: self.said.append((self.clock.now_us, " ".join(map(str, words))))
        self.chip.cause = cause
        return self

    def start(self, cause=PWRON_RESET):
        self.begin(cause).module.start()
        return self.module

    def of(self, kind):
        """What was noted of a kind, in order."""
        return [value for _, noted, value in self.chip.log if noted == kind]

    def relays(self):
        """{pin: level} of the relays now."""
        return dict(self.of("pin"))

    def frames(self):
        """Every frame sent so far, as bytes."""
        return self.chip.uart.sent

    def texts(self):
        return [text for _, text in self.said]

    def forget(self):
        """Nothing was noted so far."""
        self.chip.log.clear()
        self.chip.uart.sent.clear()
        self.said.clear()

    def _open(self, name, mode="r"):
        if mode == "w":
            return _Written(self.files, name)
        if name in self.files:
            return io.StringIO(self.files[name])
        if name != "board.json" or self.board is None:
            raise OSError(2, "ENOENT")
        return io.StringIO(self.board if isinstance(self.board, str) else json.dumps(self.board))


class _Written(io.StringIO):
    """A file that is there once it is closed, or not at all (`files` may refuse it)."""

    def __init__(self, files, name):
        super().__init__()
        self._files = files
        self._name = name

    def close(self):
        if not self.closed:
            self._files[self._name] = self.getvalue()
        super().close()


def first_zero_frame_ms(board=BOARD):
    """Virtual milliseconds from start() to the end of the first 0 A frame, at the cost of a look at the clock and of the line."""
    floor = Floor(board)
    module = floor.begin(PWRON_RESET).module
    begun_us = floor.clock.now_us
    module.start()
    row = board["rs485"][0]
    first_us = next(when_us for when_us, kind, _ in floor.chip.log if kind == "frame")
    frame_us = len(floor.frames()[0]) * 10 * 1000000 // row.get("baud", BAUD)
    return (first_us + frame_us - begun_us) / 1000


def zero_frame(unit):
    frame = bytearray(11)
    modbus.put_write(frame, unit, 1000, 0)
    return bytes(frame)


def press_after(floor, ms):
    """Ctrl-C, that much later."""
    floor.clock.interrupt_at_us = floor.clock.now_us + ms * 1000


def put_app(monkeypatch, run):
    """What the floor imports as its app."""
    monkeypatch.setitem(sys.modules, "app", types.SimpleNamespace(run=run))
