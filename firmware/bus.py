"""Modbus RTU master: one request in flight on one RS485 line.

Retries, order and meaning are not decided here: `plan` picks the next station, the drivers say what they want.
"""

from micropython import const

import modbus
from clock import elapsed_ms
from station import BAD_CRC, COUNT_MASK, OK, SEND_FAILED, TIMEOUT, WRONG_REPLY

IDLE = const(0)
WAITING = const(1)
TRANSITIONS = ((IDLE, WAITING), (WAITING, IDLE))

CHUNK_BYTES = const(64)
DEFER_MAX = const(3)  # a line that never falls silent must not silence us
REPLY_SLACK_MS = const(155)  # from the end of a request to the first byte: EVSE-DIN and Eastron answer well below 150 ms


class Bus:
    """
    IDLE --start--> WAITING --reply, error or time-out--> IDLE

    On boards with a direction pin `port.write` returns only when the last stop bit has left (see board.Rs485).
    """

    def __init__(self, port, baud):
        self.state = IDLE
        self.result = OK
        self.station = None  # whose request is, or was last, in flight
        self.rx = bytearray(modbus.FRAME_BYTES)
        self.rx_n = 0
        self.late_bytes = 0  # stale bytes dropped before sending
        self.noise_bytes = 0  # bytes in front of a reply that belong to no frame of ours
        self._port = port
        self._char_us = 10000000 // baud  # 8N1
        self._tx = bytearray(modbus.FRAME_BYTES)
        self._tx_n = 0
        self._chunk = bytearray(CHUNK_BYTES)
        self._crc = 0
        self._want = 0  # length of the expected frame
        self._echo = False  # everything received so far is what we sent
        self._skipped = False
        self._limit_ms = 0  # for the first byte of the reply
        self._tx_ms = 0
        self._since_ms = 0
        self._quiet_ms = 0  # since when the line is idle
        self._deferred = 0  # starts in a row that found the line busy

    def _enter(self, state, now_ms):
        self.state = state
        self._since_ms = now_ms

    def wire_ms(self, chars):
        """Time of `chars` characters on the wire, rounded up."""
        return (chars * self._char_us + 999) // 1000

    def rest_ms(self, station, now_ms):
        """0 when the line has been idle long enough for a request to this station, else the ms that are missing."""
        return max(0, station.gap_ms() - elapsed_ms(now_ms, self._quiet_ms))

    def start(self, station, now_ms):
        """Sends the station's request. Only in IDLE and after its gap. False: somebody is still talking, try after the gap."""
        if self._drop_stale() and not station.urgent and self._deferred < DEFER_MAX:
            self._deferred += 1
            self._quiet_ms = now_ms
            return False
        self._deferred = 0
        self.station = station
        if station.function == modbus.WRITE_MULTIPLE:
            self._tx_n = modbus.put_write(self._tx, station.unit, station.address, station.word)
        else:
            self._tx_n = modbus.put_read(self._tx, station.unit, station.function, station.address, station.count)
        self._restart()
        self._skipped = False
        self._tx_ms = self.wire_ms(self._tx_n)
        self._limit_ms = self._tx_ms + REPLY_SLACK_MS
        station.sent(now_ms)
        self._enter(WAITING, now_ms)
        if self._port.write(self._tx, self._tx_n) != self._tx_n:
            self._limit_ms = 0  # the next step ends it, so that the driver hears of it
        return True

    def _drop_stale(self):
        """True when there was something to drop."""
        n = self._port.readinto(self._chunk)
        bites = 0
        while n and bites < 8:  # a babbling line must not hold the loop
            self.late_bytes = (self.late_bytes + n) & COUNT_MASK
            n = self._port.readinto(self._chunk)
            bites += 1
        return bites > 0

    def _restart(self):
        """Waits for the first byte of a frame again, be it an echo or the reply."""
        self.rx_n = 0
        self._crc = modbus.CRC_START
        self._echo = True
        if self.station.function == modbus.WRITE_MULTIPLE:
            self._want = modbus.WRITE_REPLY_BYTES
        else:
            self._want = 5 + 2 * self.station.count

    def step(self, now_ms):
        """True when a transaction has ended in this step: see `station`, `result` and `rx`."""
        if self.state == IDLE:
            return False
        n = self._port.readinto(self._chunk)
        if n and not self.rx_n:
            self._note_latency(n, now_ms)
        for i in range(n):
            self._take(self._chunk[i])
            if self._want == self.rx_n and self._complete(now_ms):
                break
        if self.state == WAITING and not self._left_ms(now_ms):
            self._finish(self._blame(), now_ms)
        return self.state == IDLE

    def _note_latency(self, n, now_ms):
        latency_ms = elapsed_ms(now_ms, self._since_ms) - self._tx_ms - self.wire_ms(n)
        self.station.latency_ms = max(0, latency_ms)
        self.station.latency_max_ms = max(self.station.latency_max_ms, self.station.latency_ms)

    def _take(self, c):
        """One received byte; drops what can not belong to the reply."""
        n = self.rx_n
        if n == 0 and c != self.station.unit or n == 1 and c & 0x7F != self.station.function:
            self._drop(c)
            return
        self.rx[n] = c
        self._crc = (self._crc >> 8) ^ modbus.CRC_TABLE[(self._crc ^ c) & 0xFF]
        if self._echo and self._tx[n] != c:
            self._echo = False
        self.rx_n = n + 1
        if n == 2:
            self._expect(c)

    def _drop(self, c):
        """This byte, and those before it, start no reply: noise, or a frame of somebody else."""
        self.noise_bytes = (self.noise_bytes + 1) & COUNT_MASK
        if self.rx_n:
            self._skipped = True  # our unit, but another function or length
            self._restart()
        if c == self.station.unit:
            self._take(c)

    def _expect(self, third):
        """The third byte tells how long the frame is, and whether it is the one that was asked for."""
        if self.rx[1] & modbus.EXCEPTION_FLAG:
            self._want = modbus.EXCEPTION_BYTES
        elif self.station.function != modbus.WRITE_MULTIPLE and third != 2 * self.station.count:
            if self._echo:
                self._want = self._tx_n
            else:
                self._drop(third)

    def _complete(self, now_ms):
        """A frame of the expected length is here. True when the transaction is over."""
        if self._echo and self.rx_n == self._tx_n:
            self.station.echoes = (self.station.echoes + 1) & COUNT_MASK
            self._restart()
            return False
        if self._crc:
            if self._echo:
                self._want = self._tx_n  # a write's echo starts like its reply
                return False
            self._finish(BAD_CRC, now_ms)
        elif self.rx[1] & modbus.EXCEPTION_FLAG:
            self._finish(max(1, self.rx[2]), now_ms)
        elif self.station.function == modbus.WRITE_MULTIPLE and not self._same_write():
            self._finish(WRONG_REPLY, now_ms)
        else:
            self._finish(OK, now_ms)
        return True

    def _same_write(self):
        for i in range(2, 6):
            if self.rx[i] != self._tx[i]:
                return False
        return True

    def _blame(self):
        """Why a transaction that ran out of time failed."""
        if not self._limit_ms:
            return SEND_FAILED
        if self._skipped:
            return WRONG_REPLY
        return BAD_CRC if self.rx_n > 2 else TIMEOUT

    def _finish(self, result, now_ms):
        self.result = result
        self._quiet_ms = now_ms
        self.station.judge(result)
        self._enter(IDLE, now_ms)

    def _left_ms(self, now_ms):
        """Until the transaction has failed. Who has not begun to reply in time will not: only a begun one gets wire time."""
        limit_ms = self._limit_ms + self.wire_ms(self._want) if self.rx_n else self._limit_ms
        return max(0, limit_ms - elapsed_ms(now_ms, self._since_ms))

    def wait_ms(self, now_ms):
        """While WAITING: ms until the next step is worth it. More bytes wake the loop before (see hungry)."""
        left_ms = self._left_ms(now_ms)
        if self.rx_n:
            return min(self.wire_ms(self._want - self.rx_n), left_ms)
        return left_ms

    def hungry(self):
        """True when the first byte of a reply shall wake the loop; inside a frame the remaining time is known."""
        return self.state == WAITING and not self.rx_n
