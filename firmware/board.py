"""The board: RS485, CP relays, button, reset cause. Like app, net and storage it touches hardware; failsafe has done so before."""

import machine
import time

import failsafe

TX_SLACK_US = 2000  # beyond the frame time; a driver that never reports its end must not hold the line


class Rs485:
    """
    The port of the bus. write(buf, n) sends; on boards with a direction pin it returns when the last stop bit has left
    and the pin is low again (frame time + 2 ms at most: the only busy wait there is), because the first bit of a reply
    may follow 3.5 characters later. Boards with automatic direction (de None) do not wait.
    """

    def __init__(self, row, baud):
        """row: one line of board.json's rs485 list."""
        self._de = None if row["de"] is None else machine.Pin(row["de"], machine.Pin.OUT, value=0)
        self.uart = machine.UART(
            row["uart"], baudrate=baud, tx=row["tx"], rx=row["rx"], timeout=0, timeout_char=0, rxbuf=512, txbuf=256
        )
        self._char_us = 10000000 // baud

    def write(self, buf, n):
        """Sends buf[:n]; returns how many bytes were taken."""
        if self._de is None:
            return self.uart.write(buf, n) or 0
        self._de(1)
        sent = self.uart.write(buf, n) or 0
        limit_us = n * self._char_us + TX_SLACK_US
        start_us = time.ticks_us()
        while not self.uart.txdone() and time.ticks_diff(time.ticks_us(), start_us) < limit_us:
            pass
        self._de(0)
        return sent

    def readinto(self, buf):
        """What has arrived, up to len(buf); returns the number of bytes."""
        return self.uart.readinto(buf) or 0


class CpRelay:
    """The relay in the control pilot of one charge point. `starts_open`: without power CP is open, until close()."""

    def __init__(self, index):
        """index: that of the charge point, and of the row in board.json's cp_relays."""
        self._index = index
        self.starts_open = failsafe.board["cp_relays"][index]["contact"] == "no"

    def open(self):
        failsafe.cp(self._index, True)

    def close(self):
        failsafe.cp(self._index, False)


class Coils:
    """The phase relay of one charge point: a pair of coils, or a held output that rests at `rests_at` phases (None: a pair)."""

    def __init__(self, index, row):
        """row: one line of board.json's coils list, as checked."""
        self._index = index
        self.pulse_ms = row["pulse_ms"]
        self.rests_at = None if row["hold_pin"] is None else 4 - row["hold_is"]

    def set(self, phases):
        """1 or 3: that coil on, or the output at its level. None: at rest, for a pair."""
        failsafe.coil(self._index, phases)


class Button:
    """A push button at the box."""

    def __init__(self, row):
        """row: board.json's button. A pull resistor of the chip holds the other level."""
        self._level = row["pressed"]
        pull = machine.Pin.PULL_DOWN if self._level else machine.Pin.PULL_UP
        self._pin = machine.Pin(row["pin"], machine.Pin.IN, pull)

    def pressed(self):
        return self._pin() == self._level


class GridInput:
    """The contact of the grid operator. Open, also by a broken wire, it limits: the pull resistor of the chip gives that level."""

    def __init__(self, row):
        """row: board.json's grid_input."""
        self._level = row["limited"]
        pull = machine.Pin.PULL_UP if self._level else machine.Pin.PULL_DOWN
        self._pin = machine.Pin(row["pin"], machine.Pin.IN, pull)

    def limited(self):
        return self._pin() == self._level


RESET_CAUSES = (
    (machine.PWRON_RESET, b"power on"),
    (machine.HARD_RESET, b"panic or hard reset"),
    (machine.WDT_RESET, b"watchdog"),
    (machine.DEEPSLEEP_RESET, b"deep sleep"),
    (machine.SOFT_RESET, b"soft reset"),
)


def reset_cause():
    """Why the chip started, as text (bytes)."""
    cause = machine.reset_cause()
    for value, text in RESET_CAUSES:
        if value == cause:
            return text
    return b"cause %d" % cause


def box_id():
    """An integer that differs from box to box, from the chip's serial number."""
    total = 0
    for byte in machine.unique_id():
        total = (total * 31 + byte) & 0x3FFFFFFF
    return total
