"""EVSE-DIN / EVSE-WB at register level, firmware 8 to 18 and newer.

Plain Python that also runs on MicroPython. Where nobody knows what the real controller does, the model does the worst thing it
could do, so that a test fails rather than a car: a set point far above the range is clipped to 80 A instead of being refused.
"""

from .car import STATE_A, STATE_C, elapsed_ms

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3

READ_HOLDING = 3
WRITE_MULTIPLE = 16

STATE_FAILURE = 5
HIGHEST_A = 80

PRECISE = 1 << 7  # bits of register 2005
DISABLED = (1 << 13) | (1 << 14)
BOOTLOADER = 1 << 15
RELAY_ON = 1 << 0  # bits of register 1007
RCD_ERROR = 1 << 5
CLEAR_RCD_ERROR = 1 << 2  # bit of register 1004

SIGNAL_LAG_MS = 100  # from a written set point to the pulse width on the pilot
DOWN_MS = 2000  # how long a power cycle keeps it silent

_CURRENT, _UNIT, _MINIMUM, _ANALOG, _CONFIG, _FIXED_LIMIT = 0, 1, 2, 3, 5, 7  # offsets from 2000


class EvseDin:
    """One controller. `request` is its bus, `step` its pilot, `power_cycle` its fuse.

    `writes` counts accepted write requests, `eeprom_writes` registers written at 2000 and above. `unit` is register 2001.
    `cable_a` is what the PP resistor says (0: not readable). `state_5` and `deaf_to_writes` are faults of its own. `analog_ca`: it tells
    the car this, whatever it is told itself, and reads 0 A back. `answers` turns False for ever when the bootloader bit is set.
    """

    def __init__(self, unit=1, firmware=18, cable_a=32, power_on_a=32, fixed_limit_a=32):
        self.firmware = firmware
        self.cable_a = cable_a
        self.rcd_error = False
        self.state_5 = False  # a failure of the vehicle side
        self.deaf_to_writes = False  # answers, and keeps register 1000 as it is
        self.analog_ca = None
        self.relay_on = False
        self.state = STATE_A
        self.writes = 0
        self.eeprom_writes = 0
        self.answers = True
        self._eeprom = [power_on_a, unit, 5, 1, 0, 0x0209, 0, fixed_limit_a, 0, 1, 6, 10, 16, 25, 32, 48, 63, 80]
        if firmware < 17:
            self._eeprom[_CONFIG] = 0x0009
        self._down_since_ms = None
        self._signalled_ca = 0
        self._pending_ca = 0
        self._pending_since_ms = 0
        self.set_current_raw = 0
        self._load_power_on_current()

    @property
    def unit(self):
        return self._eeprom[_UNIT]

    @property
    def precise(self):
        """True while registers 1000 and 1001 count 0.01 A."""
        return self.firmware >= 17 and bool(self._eeprom[_CONFIG] & PRECISE)

    @property
    def powered(self):
        return self._down_since_ms is None

    @property
    def signalled_ca(self):
        """What the pilot tells the car: 0.01 A, 0 for a pilot without pulses, None without power."""
        return self._signalled_ca if self.powered else None

    def power_cycle(self, now_ms):
        """A dip of the supply: silent for DOWN_MS, then register 1000 is what register 2000 says."""
        self._down_since_ms = now_ms
        self._signalled_ca = 0
        self._pending_ca = 0
        self.relay_on = False

    def set_power_on_current(self, amperes):
        """Commissioning by other means than this bus: register 2000, not counted as a write."""
        self._eeprom[_CURRENT] = amperes

    @property
    def registers(self):
        """2000 to 2017 by the text of their number. Assigning some of them is commissioning, as in configure."""
        return {str(2000 + i): word for i, word in enumerate(self._eeprom)}

    @registers.setter
    def registers(self, changed):
        for name in changed:
            self.configure(int(name), changed[name])

    def configure(self, register, value):
        """Preset a register at 2000 and above (for tests of odd units), not counted as a write."""
        self._eeprom[register - 2000] = value

    def step(self, now_ms, car_state):
        """Let time pass; `car_state` is what the pilot line shows: A, B or C as 1, 2, 3."""
        if not self.powered:
            if elapsed_ms(now_ms, self._down_since_ms) < DOWN_MS:
                return
            self._down_since_ms = None
            self._load_power_on_current()
        wanted_ca = self._wanted_ca()
        if wanted_ca != self._pending_ca:
            self._pending_ca = wanted_ca
            self._pending_since_ms = now_ms
        if elapsed_ms(now_ms, self._pending_since_ms) >= SIGNAL_LAG_MS:
            self._signalled_ca = self._pending_ca
        self.state = STATE_FAILURE if self.rcd_error or self.state_5 else car_state
        # The contactor follows the car, not the set point: a car that ignores the pilot keeps it closed.
        self.relay_on = self.state == STATE_C

    def request(self, function, address, payload):
        """One Modbus request: a list of words (empty after a write), an exception code, or None for silence."""
        if not self.powered or not self.answers or self.unit == 0:
            return None
        if function == READ_HOLDING:
            return self._read(address, payload)
        if function == WRITE_MULTIPLE:
            return self._write(address, payload)
        return ILLEGAL_FUNCTION

    def _load_power_on_current(self):
        self.set_current_raw = self._eeprom[_CURRENT] * (100 if self.precise else 1)

    def _wanted_ca(self):
        if self.analog_ca is not None:
            return self.analog_ca
        raw = self.set_current_raw
        current_ca = min(raw if self.precise else raw * 100, HIGHEST_A * 100)
        limit_a = self.limit_a
        if limit_a:
            current_ca = min(current_ca, limit_a * 100)
        if self._eeprom[_CONFIG] & DISABLED or self.rcd_error or self.state_5 or current_ca < self._eeprom[_MINIMUM] * 100:
            return 0
        return current_ca

    @property
    def limit_a(self):
        """What register 1003 shows: the fixed limit, else the cable."""
        return self._eeprom[_FIXED_LIMIT] or self.cable_a

    def _read(self, address, count):
        if count < 1 or count > 125:
            return ILLEGAL_VALUE
        last = address + count - 1
        volatile_last = 1009 if self.firmware > 15 else 1006
        if 1000 <= address and last <= volatile_last:
            words = self._volatile()
            return words[address - 1000 : last - 999]
        if 2000 <= address and last <= 2017:
            return self._eeprom[address - 2000 : last - 1999]
        return ILLEGAL_ADDRESS

    def _volatile(self):
        if self.analog_ca is not None:
            self.set_current_raw = 0
        signalled = self._signalled_ca if self.precise else self._signalled_ca // 100
        if self._signalled_ca == 0:
            controller = 3
        elif self.state == STATE_A:
            controller = 1
        else:
            controller = 2
        status = (RELAY_ON if self.relay_on else 0) | (RCD_ERROR if self.rcd_error else 0)
        return [self.set_current_raw, signalled, self.state, self.limit_a, 0, self.firmware, controller, status, 0, 0]

    def _write(self, address, values):
        if not values:
            return ILLEGAL_VALUE
        last = address + len(values) - 1
        if 2000 <= address and last <= 2017:
            self._store(address - 2000, values)
        elif address == last == 1000:
            if self._eeprom[_ANALOG] != 0 and not self.deaf_to_writes:  # 0: the analog input decides and the write has no effect
                self.set_current_raw = min(values[0], HIGHEST_A * (100 if self.precise else 1))
        elif address == last == 1004:
            if values[0] & CLEAR_RCD_ERROR:
                self.rcd_error = False
        else:
            return ILLEGAL_ADDRESS
        self.writes += 1
        return []

    def _store(self, offset, values):
        for index in range(len(values)):
            self._eeprom[offset + index] = values[index]
        self.eeprom_writes += len(values)
        if self._eeprom[_CONFIG] & BOOTLOADER:
            self.answers = False
