"""The board: pins, RS485, watchdog, reset cause. With main, net and storage the only modules that touch hardware."""

import machine
import time

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


def watchdog(seconds):
    """From here on the loop must feed() at least every `seconds`; it can not be stopped."""
    return machine.WDT(timeout=seconds * 1000)


def box_id():
    """An integer that differs from box to box, from the chip's serial number."""
    total = 0
    for byte in machine.unique_id():
        total = (total * 31 + byte) & 0x3FFFFFFF
    return total
