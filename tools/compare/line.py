"""The desk's RS485 line, with a note of every transaction: when its request had ended, what it was, how many bytes went over the line."""

import statistics
import threading

from host_tests.fakes.car import Car
from host_tests.fakes.evse import EvseDin
from host_tests.fakes.meter import Sdm630
from host_tests.fakes.site import ChargePoint, Site
from tools.desk import line
from tools.desk.line import Line

EVSE, METER = 1, 105
SET_CURRENT = 1000
WRITE_MULTIPLE = 16
BAUD = 9600
SILENCE_CHARS = 3.5  # before every frame, says Modbus
RAMP_DOWN_MS = 1000


class Transaction:
    def __init__(self, end_s, request):
        self.end_s = end_s  # of the request's last byte
        self.unit = request.dev_id
        self.function = request.function_code
        self.address = request.address
        self.writes = list(request.registers) if self.function == WRITE_MULTIPLE else None
        self.request_bytes = 9 + 2 * len(self.writes) if self.writes is not None else 8
        self.reply_bytes = 0

    def sets(self):
        """The raw value it writes to the set current, None when it does something else."""
        if self.unit == EVSE and self.writes and self.address == SET_CURRENT:
            return self.writes[0]
        return None


class TimedLine(Line):
    """A standard box (EVSE, SDM630, a car that is plugged in) on a line of its own. `transactions` is appended to by its thread."""

    def __init__(self, seed):
        self.transactions = []
        self._owed = {}  # unit: whose reply is to come
        self.site = Site([ChargePoint(EvseDin(EVSE), Sdm630(METER), Car(ramp_down_ms=RAMP_DOWN_MS))])
        self.site.charge_points[0].car.plug()
        super().__init__(self.site, threading.RLock(), BAUD, seed)

    def _at(self, when_s, action, argument):
        if action == self._answer:
            transaction = Transaction(when_s, argument)
            self._owed[transaction.unit] = transaction
            self.transactions.append(transaction)
        super()._at(when_s, action, argument)

    def _send(self, frame):
        transaction = self._owed.get(frame[0])
        if transaction:
            transaction.reply_bytes = len(frame)
        super()._send(frame)


def least_s(transaction):
    """What it takes at least on this line: request, the device's latency, reply, the silence before the next one."""
    chars = transaction.request_bytes + transaction.reply_bytes + SILENCE_CHARS
    return chars * line.BITS_PER_BYTE / BAUD + line.LATENCY_S


def cycles(transactions):
    """How often the meter's fast block was read."""
    return sum(t.unit == METER and t.address == 0 for t in transactions)


def ratio_to_limit(transactions):
    """Time from the first to the last of them over what they take at least; None when there are too few."""
    if len(transactions) < 10:
        return None
    took_s = transactions[-1].end_s - transactions[0].end_s
    return took_s / sum(least_s(t) for t in transactions[1:])


def silence_chars(transactions):
    """Median silence between a reply and the next request, in characters; it may come out a little off, as both ends are timed by threads."""
    byte_s = line.BITS_PER_BYTE / BAUD
    quiet_s = [
        new.end_s - old.end_s - line.LATENCY_S - (old.reply_bytes + new.request_bytes) * byte_s
        for old, new in zip(transactions, transactions[1:])
        if old.reply_bytes
    ]
    return statistics.median(quiet_s) / byte_s if quiet_s else None
