"""What must survive a reset and a power loss: PAYLOAD_BYTES numbers 0..255, by index (M_... of who uses them).

RTC memory takes every change at once and survives a reset; flash follows while nobody charges and survives a power loss.

    boot --> RTC sealed right? -- yes --> its value
                 | no
                 v
             flash sealed right? -- yes --> its value
                 | no
                 v
             zeros            (a record of a newer version, wherever it is met first: zeros, and `newer`)

    value == flash --- put --> differs --- step, at rest, 60 s after the last try --> value == flash
                                  ^------- the write failed -------|
"""

from micropython import const

from clock import Latch
from record import DAMAGED, HEAD_BYTES, NEWER, OK, check, seal

VERSION = const(1)
PAYLOAD_BYTES = const(36)
RECORD_BYTES = const(48)  # room for what a later version may have written: it must be told from a damaged one
FLASH_EVERY_MS = const(60000)
NAME = "memory.bin"

# What stands where; these numbers never change their meaning. One per charge point each.
M_CP = const(0)  # state of the CP relay, see cp_relay
M_LATCHED = const(2)  # latched faults, see guard
M_PHASES = const(4)  # position of the phase relay, see phases
M_METER = const(18)  # kind of the meter that was found, 0 none yet, see drivers.meters
M_BLOCK = const(20)  # registers of its longest block, 0 not known yet
M_SET = const(6)  # two bytes each: set point of Modbus, see kept
M_LEADER = const(10)  # four bytes each: who sent it


class Memory:
    """`value` is read by index and changed by put() only.

    rtc: load(buf) -> bytes, save(buf, n), set_cp(i, byte). flash: load(name, buf) -> bytes or -1, save(name, buf, n) -> bool.
    `newer`: the record was written by a newer firmware. `damaged`: flash's record was needed and not whole.
    `cold`: the RTC knew nothing, so the last life ended by a loss of power.
    `failures` counts flash writes that failed.
    """

    def __init__(self, rtc, flash, now_ms):
        self.value = bytearray(PAYLOAD_BYTES)
        self.newer = False
        self.damaged = False
        self.cold = True
        self.failures = 0
        self._rtc = rtc
        self._flash = flash
        self._record = bytearray(RECORD_BYTES)
        self._in_flash = bytearray(PAYLOAD_BYTES)  # what the next boot would read there
        self._tried = Latch()  # the last flash write
        self._load(now_ms)
        self._dirty = self.value != self._in_flash

    def put(self, i, byte):
        """Changes one number, 0..255. RTC memory has it when this returns."""
        if self.value[i] == byte:
            return
        self.value[i] = byte
        self._dirty = self.value != self._in_flash
        self._rtc.save(self._record, self._sealed())

    def cp(self, i):
        """What put_cp() has kept of charge point i."""
        return self.value[M_CP + i]

    def put_cp(self, i, byte):
        """State of a CP relay: the floor must find it, too, as it restores the relay before anything else runs."""
        self._rtc.set_cp(i, byte)  # also when it is no news here: after a power loss flash knows, the floor does not
        self.put(M_CP + i, byte)

    def step(self, now_ms, at_rest):
        """Writes flash when that is due and nobody charges. True when it tried: that was an episode, and took its time."""
        due = self._tried.check(now_ms, FLASH_EVERY_MS)
        return due and at_rest and self.write(now_ms)

    def write(self, now_ms):
        """Writes flash now, if there is news. True when it tried: an episode, for when nobody charges."""
        if not self._dirty:
            return False
        self._tried.mark(now_ms)
        if self._flash.save(NAME, self._record, self._sealed()):
            self._in_flash[:] = self.value
            self._dirty = False
        else:
            self.failures += 1
        return True

    def _load(self, now_ms):
        """At boot. Flash is read in any case: what it holds need not be written again."""
        found = check(self._record, self._flash.load(NAME, self._record), VERSION)
        if found == OK:
            self._take(self._in_flash)
        in_rtc = check(self._record, self._rtc.load(self._record), VERSION)
        if in_rtc == OK:
            self.cold = False
            self._take(self.value)
            self._tried.mark(now_ms)  # after a mere reset: who restarts again and again must not write each time
        elif in_rtc == NEWER:
            self.newer = True
        else:
            self.value[:] = self._in_flash
            self.newer = found == NEWER
            self.damaged = found == DAMAGED

    def _take(self, target):
        """The payload of a checked record. A shorter one is of an older version: what it lacks stays 0. At boot."""
        for i in range(min(PAYLOAD_BYTES, self._record[1])):
            target[i] = self._record[HEAD_BYTES + i]

    def _sealed(self):
        """Builds the record of `value`; returns its length."""
        for i in range(PAYLOAD_BYTES):
            self._record[HEAD_BYTES + i] = self.value[i]
        return seal(self._record, VERSION, PAYLOAD_BYTES)
