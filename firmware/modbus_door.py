"""The Modbus door: Rev2.0 registers for controllers that dial in. Ties sessions, registers, heartbeat and wishes together."""

from micropython import const

import commands
from intents import MODBUS
from modbus import word
from modbus_server import END_COUNT, ILLEGAL_ADDRESS, Session
from points import P_NOTICE
from reads import Readers
from registers import (
    END, FIRST, PER_POINT, W_CLEAR_TAG, W_INTERRUPT, W_HEARTBEAT, W_PHASES, W_SET_CURRENT, W_TRIGGER, WRITABLE, Registers,
)  # fmt: skip

WAIT_MS = const(1000)

TOO_HIGH = b"set point above 32 A rejected: register 10171 counts 0.01 A"
STAYS_ON = b"register 10190 = 0 ignored: the heartbeat stays on"
OFF = b"the Modbus heartbeat is switched off: nothing stops charging when the controller dies"


class ModbusDoor:
    """`pool`, `door`: whose connections these are. `points`: per charge point; `serial`: bytes, of the gateway."""

    def __init__(self, settings, points, pool, door, serial):
        """settings: the section modbus of config.json."""
        self.pool = pool
        self.door = door
        self.unit = settings["unit"]
        self.idle_ms = settings["idle_s"] * 1000
        self.controllers = settings["controllers"]  # addresses that may write; None: everybody
        self.episode = False  # something was allocated; the owner clears it
        self.requests = 0
        self.exceptions = 0  # answers
        self.refused = 0  # writes of those who may only read
        self.rejected = 0  # values that were echoed, but not taken
        self.ended = [0] * END_COUNT
        self.readers = Readers(points, self.controllers, settings["heartbeat_from"] == "any")
        self._points = points
        self._standing = [point.standing for point in points]
        self._may_switch_off = settings["allow_heartbeat_off"]
        self._registers = Registers(points, serial, 100 // settings["actual_current_scale"])
        self._sessions = [Session(slot, self) for slot in pool.slots]

    def take_episode(self):
        """True once after something has allocated."""
        episode = self.episode
        self.episode = False
        return episode

    def step(self, now_ms):
        """One bite for every session, in and out."""
        for session in self._sessions:
            if session.state or session.slot.door is self.door:
                session.step(now_ms)

    def wait_ms(self):
        """How long until the next step is wanted, if no socket has something to tell before."""
        for session in self._sessions:
            if session.busy():
                return 0
        return WAIT_MS

    # -- for the sessions ---------------------------------------------------------------------------------------------

    def count_end(self, reason):
        self.ended[reason] = (self.ended[reason] + 1) & 0xFFFFFF
        self.episode = True

    def read(self, slot, first, count, now_ms):
        """Registers into slot.tx, and a heartbeat. 0, or an exception code."""
        if first < FIRST or first + count > END:
            return ILLEGAL_ADDRESS
        if self._registers.configured(first):
            self.readers.arrive(slot.peer.address, now_ms)
            if self.pool.heartbeat_slot is not slot and self.readers.leads(slot.peer.address):
                self.pool.heartbeat_slot = slot
        return self._registers.render(slot.tx.buf, 9, first, count)

    def may_write(self, slot):
        if self.controllers is None or slot.peer.address in self.controllers:
            return True
        self.refused = (self.refused + 1) & 0xFFFFFF
        return False

    def write(self, slot, first, count, buf, at, now_ms):
        """The values at buf[at:], in ascending order; all of them, or none and an exception code. Episode."""
        for register in range(first, first + count):
            if not self._registers.configured(register) or (register - FIRST) % PER_POINT not in WRITABLE:
                return ILLEGAL_ADDRESS
        self.episode = True
        slot.controller = True
        for i in range(count):
            value = word(buf, at + 2 * i)
            if not self._wish(first + i - FIRST, value, slot.peer.address, now_ms):
                self.rejected = (self.rejected + 1) & 0xFFFFFF
        return 0

    # -- what a write means -------------------------------------------------------------------------------------------

    def _wish(self, register, value, sender, now_ms):
        """Hands one value on. False: it was not taken; the client is not told, as openWB does not. Episode."""
        point = self._points[register // PER_POINT]
        register %= PER_POINT
        if value > 0x7FFF:
            value -= 0x10000
        if register == W_SET_CURRENT:
            return commands.set_current(point, MODBUS, sender, value, TOO_HIGH, now_ms) != commands.REFUSED
        if register == W_PHASES:
            return commands.set_phases(point, value)
        if register == W_HEARTBEAT:
            return self._switch_heartbeat(value)
        if register == W_CLEAR_TAG:
            return value == 1 and self._clear_tag()
        if register == W_TRIGGER or register == W_INTERRUPT:
            return self._act(point, register, value, sender, now_ms)
        return True  # an update: acknowledged, as there is no way to update yet

    def _act(self, point, register, value, sender, now_ms):
        """A trigger or an interruption: from the leader, or while nobody leads from somebody alive. Episode."""
        if value == 0:
            return True
        if not commands.may_act(point, MODBUS, sender, not self.readers.of(sender).reason):
            return False
        if register == W_INTERRUPT:
            return commands.interrupt_cp(point, value, now_ms) > 0
        if value == 1:
            commands.switch_phases(point, now_ms)
        return value == 1

    def _clear_tag(self):
        commands.set_tag(self._points, None)
        return True

    def _switch_heartbeat(self, value):
        """1: on, with the shorter limit. 0: off, where the owner allows that; else it is only shown. Episode."""
        if value == 1:
            self.readers.tighten()
            self._show(False)
        elif value == 0 and self._may_switch_off:
            self.readers.off = True
            self._show(True)
        elif value == 0:
            for point in self._points:
                point.image.value[P_NOTICE] = STAYS_ON
        return value == 1 or value == 0 and self._may_switch_off

    def _show(self, off):
        """A notice that stays for as long as the heartbeat is off. Episode."""
        for i in range(len(self._points)):
            point = self._points[i]
            usual = self._standing[i]
            wanted = usual if not off else OFF if usual is None else usual + b"; " + OFF
            if point.standing != wanted:
                point.standing = point.image.value[P_NOTICE] = wanted
