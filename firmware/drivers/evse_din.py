"""EVSE-DIN / EVSE-WB: brings the controller to 0 A, learns what it is, then keeps register 1000 at the target.

Registers and firmware steps: reference of the EVSE-DIN as used by openWB, evcc and SimpleEVSE-WiFi. Everything at
2000 and above is EEPROM: written at most once after power-up (bit 7 of 2005), never in steady state.
"""

from micropython import const

import modbus
from clock import Latch, elapsed_ms
from faults import EVSE_SILENT_MS
from plan import NOTHING, POLL, WRITE, ZERO
from safety import R_EVSE_OLD, R_EVSE_SILENT, R_EVSE_STARTING
from station import OK, Station

REG_SET = const(1000)  # raw: 1 A, or 0.01 A in precise mode
REG_COMMAND = const(1004)
REG_FIRMWARE = const(1005)
REG_CONFIG = const(2005)  # read together with 2006 and 2007
REG_POWER_UP = const(2000)  # read together with the next four
PRECISE_BIT = const(0x80)
CLEAR_RCD = const(4)
DISABLED_BITS = const(0x6000)  # bits 13 and 14 of 2005: left behind by other firmware, such an EVSE never charges
FIRMWARE_MIN = const(8)
FIRMWARE_STATUS = const(16)  # from here on 1007 exists; older ones refuse a block that passes 1006
FIRMWARE_PRECISE = const(17)
BLOCK_OLD = const(7)
BLOCK_NEW = const(8)
HIGHEST_A = const(80)  # of register 1001; in precise mode nothing between 0 and 5.00 A is signalled
NOT_SUPPORTED_MAX = const(3)  # exceptions 1..3: no such function, register or length; above: failed or busy

ERASING = const(0)  # writing 0 A
CHECKING = const(1)  # reading it back
NAMING = const(2)  # 1005
ASKING = const(3)  # 2005..2007
REFINING = const(4)  # writing bit 7 of 2005
SETTLING = const(5)
READY = const(6)
REFUSED = const(7)
TRANSITIONS = (
    (ERASING, CHECKING),
    (CHECKING, NAMING),
    (NAMING, ASKING),
    (NAMING, REFUSED),
    (ASKING, REFINING),
    (ASKING, READY),
    (REFINING, SETTLING),
    (SETTLING, ASKING),
    (CHECKING, ERASING), (NAMING, ERASING), (ASKING, ERASING), (SETTLING, ERASING), (READY, ERASING), (REFUSED, ERASING),
)  # fmt: skip

SETTLE_MS = const(1000)
SILENT_RETRY_MS = const(1000)
_NEVER = const(-1)


class EvseDin:
    """
    ERASING -> CHECKING -> NAMING -> ASKING -> READY, with REFINING -> SETTLING -> ASKING once where precise mode is off.
    Any state -> ERASING after more than 1 s of silence, or when 1000 holds a value that is not ours.
    REFUSED: firmware too old; 0 A is still kept.
    """

    def __init__(self, unit, gap_ms):
        self.station = Station(unit, gap_ms, SILENT_RETRY_MS)
        self.again = False
        self.state = ERASING
        self.firmware, self.precise = 0, False
        self.limit_a, self.cable_a = None, 0  # 2007; 1003, kept while plugged
        self.power_up = None  # 2000 to 2004 as bytes: what it does after its own power-up; for whoever looks for trouble
        self.vehicle_state = self.status = 0  # 1002, 0 unknown; 1007
        self.raw = _NEVER  # 1000 as last read
        self.signalled_raw = self.controller = 0  # 1001: what the pilot says; 1006
        # by our relay, the EVSE then sees no car, whoever is plugged in; 1000 held more than was written, or 0 A instead of it
        self.pilot_open = self.defies = False
        self.target_ca = 0
        self.heard = Latch()
        self.foreign_values = self.restarts = 0
        self._missed, self._block = False, BLOCK_OLD  # no answer to the last request
        self._asked_in = ERASING  # the state in which the request in flight was made
        self._since_ms = 0
        self._written = _NEVER  # last raw value sent, confirmed or not
        self._unread = False  # something was written and not read back yet
        self._eeprom = 0  # 2005 as last read
        self._refined = False  # bit 7 was written since power-up: never twice
        self._doubted = False  # started over because 1001 did not fit the scale; once is enough
        self._clear = False  # somebody at the box wants the RCD error cleared
        self._curious = True  # 2000 to 2004 were not asked for yet

    def _enter(self, state, now_ms):
        self.state = state
        self._since_ms = now_ms

    def reason(self):
        """0 when the EVSE is fit for charging, else why not."""
        if self.heard.expired:
            return R_EVSE_SILENT
        if self.state == REFUSED:
            return R_EVSE_OLD
        return 0 if self.state == READY else R_EVSE_STARTING

    def set_current_ca(self):
        """Register 1000 as last read, in 0.01 A; 0 before."""
        if self.raw < 0:
            return 0
        return self.raw if self.precise else self.raw * 100

    def signalled_ca(self):
        """What the pilot tells the car, in 0.01 A; 0 before."""
        return self.signalled_raw if self.precise else self.signalled_raw * 100

    def zero_read(self):
        """True when 0 A is set for sure: read back after the last write, by an EVSE that still answers."""
        return self.state > CHECKING and self.raw == 0 and self._written == 0 and not self._unread

    def obeyed(self):
        """True when 1000 was read back after the last write and holds no more than that."""
        return self.state > CHECKING and not self._unread and self.raw <= self._written

    def clear_rcd(self):
        """A local action: the RCD error in the EVSE is to be cleared, at 0 A."""
        self._clear = True

    def disabled(self):
        """True when its own configuration forbids charging, whatever 1000 says."""
        return self._eeprom & DISABLED_BITS != 0

    def _target_raw(self):
        if self.state != READY:
            return 0
        return self.target_ca if self.precise else self.target_ca // 100

    def age(self, now_ms):
        """Once per step: silence ends in ERASING. A rare poll is not silence, an unanswered one is."""
        if self._missed and self.heard.check(now_ms, EVSE_SILENT_MS) and self.state != ERASING:
            self._restart(now_ms)
        if self.state == SETTLING and elapsed_ms(now_ms, self._since_ms) >= SETTLE_MS:
            self._enter(ASKING, now_ms)

    def _restart(self, now_ms):
        self.restarts = (self.restarts + 1) & 0xFFFFFF
        self._curious = True
        self._enter(ERASING, now_ms)

    # --- what it wants from the line ---

    def wants(self, now_ms):
        if self.state == ERASING:
            return NOTHING if self.station.rests(now_ms) else ZERO
        if self._owes():
            return WRITE if self._target_raw() else ZERO
        return WRITE if self._unread or self.state == CHECKING or self._clears() else POLL

    def _clears(self):
        return self._clear and self.state == READY and self.raw == 0

    def _owes(self):
        """True when the target has to be written: 0 A as soon as it was not the last thing sent, else after reading back."""
        if self.state < READY:
            return False
        if self._written and not self._target_raw():
            return True
        return not self._unread and self.raw != self._target_raw()

    def prepare(self, now_ms):
        self._asked_in = self.state
        if self.state == ERASING:
            self._tell_set(0)
        elif self.state == NAMING:
            self.station.ask(modbus.READ_HOLDING, REG_FIRMWARE, 1)
        elif self.state == ASKING:
            self.station.ask(modbus.READ_HOLDING, REG_CONFIG, 3)
        elif self.state == REFINING:
            self.station.tell(REG_CONFIG, self._eeprom | PRECISE_BIT)
        elif self._owes():
            self._tell_set(self._target_raw())
        elif self._clears() and not self._unread:
            self.station.tell(REG_COMMAND, CLEAR_RCD)
        elif self._curious and not self._unread and self.state == READY:
            self.station.ask(modbus.READ_HOLDING, REG_POWER_UP, 5)
        else:
            self.station.ask(modbus.READ_HOLDING, REG_SET, self._block)

    def _tell_set(self, raw):
        self.station.tell(REG_SET, raw)
        self.station.urgent = raw == 0

    # --- what came back ---

    def done(self, result, frame, now_ms):
        wrote = self.station.function == modbus.WRITE_MULTIPLE
        if wrote:
            self._note_write(now_ms)
        self._curious = self._curious and self.station.address != REG_POWER_UP
        if result < 0:
            self._missed = True
            return
        if self._came_back(now_ms):
            self._restart(now_ms)
        elif self.state != self._asked_in:
            return  # it started over meanwhile: this answers a question of its earlier life
        elif wrote:
            self._wrote(result, now_ms)
        elif result == OK:
            self._read(frame, now_ms)
        else:
            self._refused_read(result, now_ms)

    def _note_write(self, now_ms):
        """Also without a reply: the EVSE may have taken it, and reading back tells."""
        if self.station.address == REG_SET:
            self._written = self.station.word
            self._unread = self.state != ERASING
        elif self.station.address == REG_COMMAND:
            self._clear = False
        else:
            self._refined = True
            if self.state == REFINING:
                self._enter(SETTLING, now_ms)

    def _came_back(self, now_ms):
        """Notes a sign of life; True after more than 1 s of silence."""
        away = self._missed and self.heard.check(now_ms, EVSE_SILENT_MS)
        self._missed = False
        self.heard.mark(now_ms)
        return away and self.state != ERASING

    def _refused_read(self, result, now_ms):
        """A Modbus exception: this firmware lacks what was asked for, or is busy and asked again."""
        if result > NOT_SUPPORTED_MAX:
            return
        if self.station.address == REG_CONFIG:
            self.precise = False
            self._enter(READY, now_ms)
        elif self.station.address == REG_SET:
            self._block = BLOCK_OLD

    def _wrote(self, result, now_ms):
        if self.state == ERASING and result == OK:
            self._enter(CHECKING, now_ms)

    def _read(self, frame, now_ms):
        if self.station.address == REG_FIRMWARE:
            self.firmware = modbus.word(frame, 3)
            self._block = BLOCK_NEW if self.firmware >= FIRMWARE_STATUS else BLOCK_OLD
            self._enter(ASKING if self.firmware >= FIRMWARE_MIN else REFUSED, now_ms)
        elif self.station.address == REG_CONFIG:
            self._read_config(modbus.word(frame, 3), modbus.word(frame, 7), now_ms)
        elif self.station.address == REG_POWER_UP:
            self.power_up = bytes(frame[3:13])  # once per start-up
        else:
            self._read_block(frame, now_ms)

    def _read_config(self, bits, limit_a, now_ms):
        self._eeprom = bits
        self.limit_a = limit_a
        able = self.firmware >= FIRMWARE_PRECISE
        if able and not bits & PRECISE_BIT and not self._refined:
            self._enter(REFINING, now_ms)
            return
        self.precise = able and bits & PRECISE_BIT != 0
        self._enter(READY, now_ms)

    def _read_block(self, frame, now_ms):
        before = self.raw
        self.raw = modbus.word(frame, 3)
        self.signalled_raw = modbus.word(frame, 5)
        self.controller = modbus.word(frame, 15)
        self.defies = self.raw > self._written or self.raw == 0 < self._written
        self.vehicle_state = modbus.word(frame, 7)
        self.status = modbus.word(frame, 17) if self.station.count == BLOCK_NEW else 0
        self._keep_cable(modbus.word(frame, 9))
        if self.state == CHECKING:
            self._enter(ERASING if self.raw else NAMING, now_ms)
        elif self._exchanged(modbus.word(frame, 13)) or self.raw != self._written and not self._explained(before):
            self.foreign_values = (self.foreign_values + 1) & 0xFFFFFF
            self._restart(now_ms)
        self._unread = False

    def _exchanged(self, firmware):
        """True when this is not the EVSE that was set up: other firmware, or 1001 counts in another unit."""
        if firmware != self.firmware:
            return True
        odd = 0 < self.signalled_raw <= HIGHEST_A if self.precise else self.signalled_raw > HIGHEST_A
        again = odd and self._doubted
        self._doubted = odd
        return odd and not again

    def _explained(self, before):
        """True when a value other than the written one comes from our own write: lost, or cut by the EVSE."""
        return self._unread and (self.raw == before or self.raw < self._written)

    def _keep_cable(self, rating_a):
        """While plugged a rating can only fall: no cable grows, and one that is not readable any more is still there."""
        unplugged = self.vehicle_state == 1 and not self.pilot_open
        if unplugged or not self.cable_a:
            self.cable_a = rating_a
        elif rating_a:
            self.cable_a = min(self.cable_a, rating_a)
