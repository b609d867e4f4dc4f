"""The chip under the virtual world: what the floor sees as `machine`, `time` and files. The floor itself is the real one.

Plain Python that also runs on MicroPython.
"""

import io
import json

import failsafe

BOOT_MS = 1500  # from the reset to boot.py: what an ESP32 needs at most
IMPORT_MS = 300  # from the floor's last frame to the gateway's first step
PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
FIRST_RELAY_PIN = 1
FIRST_COIL_PIN = 41
NC, NO = "nc", "no"
MODE, AGE = 3, 6  # in failsafe.record
AGE_EVERY_MS, AGE_MAX = 10000, 255  # as app counts it


PAIR, HELD_1, HELD_3 = "pair", "held, 1 phase while on", "held, 3 phases while on"


def coil_row(i, kind):
    """A line of board.json's coils."""
    row = {"one_pin": None, "three_pin": None, "hold_pin": None, "hold_is": None, "hardware_interlock": False, "active": 1, "pulse_ms": 1000}
    if kind == PAIR:
        row.update(one_pin=FIRST_COIL_PIN + 2 * i, three_pin=FIRST_COIL_PIN + 2 * i + 1)
    else:
        row.update(hold_pin=FIRST_COIL_PIN + i, hold_is=1 if kind == HELD_1 else 3, hardware_interlock=True)
    return row


def board_of(config, contact, coils=None):
    """board.json for a configuration: a CP relay for every charge point with this contact, or none (None); likewise their coils."""
    relays = []
    if contact is not None:
        relays = [{"pin": FIRST_RELAY_PIN + i, "contact": contact, "active": 1} for i in range(len(config["charge_points"]))]
    ids = [point["evse"] for point in config["charge_points"]]
    lines = [{"uart": 1, "tx": 17, "rx": 16}]
    if max([point["bus"] for point in config["charge_points"]]):
        lines.append({"uart": 2, "tx": 18, "rx": 19})
    rows = [] if coils is None or contact is None else [coil_row(i, coils) for i in range(len(config["charge_points"]))]
    return {"board": "virtual", "rs485": lines, "evse_ids": ids, "cp_relays": relays, "coils": rows, "watchdog_s": 10}


class _Pin:
    """Made anew for every change, as the floor does it."""

    OUT = 3

    def __init__(self, chip):
        self._chip = chip

    def __call__(self, number, mode, value=0):
        self._chip.drive(number, value)


class _Uart:
    def __init__(self, chip, n):
        self._chip = chip
        self._n = n

    def write(self, buf):
        return self._chip.send(self._n, buf)

    def readinto(self, buf):
        return self._chip.world.lines[self._n].readinto(buf) or None

    def txdone(self):
        return True


class Watchdog:
    """`fed_ms`: world time of the last feed."""

    def __init__(self, chip, timeout_ms):
        self._chip = chip
        self.timeout_ms = timeout_ms
        self.feed()

    def feed(self):
        self.fed_ms = self._chip.world.now_ms


class _Rtc:
    def __init__(self, chip):
        self._chip = chip

    def memory(self, data=None):
        if data is None:
            return self._chip.rtc
        self._chip.rtc = bytes(data)


class Chip:
    """One per world. `start(cause)` is a reset: relays drop, then the floor runs, frame by frame, in the world's time."""

    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5

    def __init__(self, world, board):
        self.world = world
        self.board = board
        self.rtc = b""
        self.cause = PWRON_RESET
        self.watchdog = None
        self.starting = False  # between a reset and the first step of the application
        self._began_ms = None  # when the application did
        self.pilots_at_first_frame = None  # of the last start: is the CP relay open, by charge point
        self.Pin = _Pin(self)

    # --- as machine ---

    def UART(self, id, **settings):
        return _Uart(self, id - 1)

    def WDT(self, timeout):
        self.watchdog = Watchdog(self, timeout)
        return self.watchdog

    def RTC(self):
        return _Rtc(self)

    def reset_cause(self):
        return self.cause

    # --- as time ---

    def ticks_us(self):
        return self.world.now_ms * 1000

    def ticks_ms(self):
        return self.world.now_ms

    def ticks_diff(self, new, old):
        return new - old

    def sleep_ms(self, ms):
        self.world.wait(ms)

    # --- the rest ---

    def open(self, name, mode="r"):
        return io.StringIO(json.dumps(self.board))

    def start(self, cause):
        """Everything up to the first step of the application, where the floor lets it begin; see `held`."""
        self.cause = cause
        self._count_age()
        if cause == PWRON_RESET:
            self.rtc = b""
        self.pilots_at_first_frame = None
        self.starting = True
        for row in self.board["cp_relays"]:
            self.drive(row["pin"], 1 - row["active"])
        for row in self.board["coils"]:
            for key in ("one_pin", "three_pin", "hold_pin"):
                if row[key] is not None:
                    self.drive(row[key], 1 - row["active"])
        self.world.wait(BOOT_MS)
        failsafe.machine = failsafe.time = self
        failsafe.open = self.open
        failsafe.start()
        self.world.wait(IMPORT_MS)
        self.starting = False
        self._began_ms = self.world.now_ms

    @property
    def held(self):
        """True when the floor stays at 0 A, as too many lives were too short."""
        return failsafe.record[MODE] & failsafe.LATCHED

    def _count_age(self):
        """What the application has counted in the life that ends."""
        if self._began_ms is not None:
            failsafe.record[AGE] = min((self.world.now_ms - self._began_ms) // AGE_EVERY_MS, AGE_MAX)
            failsafe.save()

    def drive(self, pin, level):
        """A relay's coil: what it does to the pilot depends on the contact that is used."""
        for i, row in enumerate(self.board["cp_relays"]):
            if row["pin"] == pin:
                energised = bool(level) == bool(row["active"])
                self.world.move_pilot(i, energised == (row["contact"] == NC))
        for i, row in enumerate(self.board["coils"]):
            self._drive_coil(i, row, pin, bool(level) == bool(row["active"]))

    def _drive_coil(self, i, row, pin, on):
        if pin == row["one_pin"]:
            self.world.move_coil(i, 1, on)
        elif pin == row["three_pin"]:
            self.world.move_coil(i, 3, on)
        elif pin == row["hold_pin"]:
            self.world.hold_phases(i, row["hold_is"] if on else 4 - row["hold_is"])

    def send(self, n, buf):
        if self.pilots_at_first_frame is None:
            self.pilots_at_first_frame = [point.cp_wanted for point in self.world.site.charge_points]
        return self.world.lines[n].write(buf, len(buf))


class CpRelay:
    """The port of the CP relay machine, through the floor."""

    def __init__(self, index, row):
        self.starts_open = row["contact"] == NO
        self._index = index

    def open(self):
        failsafe.cp(self._index, True)

    def close(self):
        failsafe.cp(self._index, False)


class Coils:
    """The port of the phase relay, through the floor."""

    def __init__(self, index, row):
        self.pulse_ms = row["pulse_ms"]
        self.rests_at = None if row["hold_pin"] is None else 4 - row["hold_is"]
        self._index = index

    def set(self, phases):
        failsafe.coil(self._index, phases)


class PowerCut(BaseException):
    """Comes out of a step in whose middle the power has gone. Nothing of the firmware catches it."""


class WorldFlash:
    """Files that survive everything; `writes` holds the world time of each. `full`: nothing can be written. `sure`: the last write
    left what was meant."""

    def __init__(self, world):
        self.files = {}
        self.writes = []
        self.full = False
        self.sure = True
        self._world = world

    def start(self):
        """At every start of the box."""

    def found(self):
        """What a start has found that nobody has written; None: nothing can be wrong here."""

    def load(self, name, buf):
        data = self.files.get(name)
        if data is None:
            return -1
        buf[: len(data)] = data
        return len(data)

    def save(self, name, buf, n):
        self.writes.append(self._world.now_ms)
        self.sure = not self.full
        if not self.full:
            self.files[name] = bytes(buf[:n])
        return not self.full
