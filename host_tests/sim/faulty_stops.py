"""Firmwares with one fault each, for `mutants`: the second stop, what watches the current, or what is kept is wrong.

As in `faulty_charging`: each function breaks the firmware of this process, and `patch` mends it.
"""

from charge_point import ChargePoint
from clock import elapsed_ms
from cp_relay import OPEN, CpRelay
from drivers.evse_din import EvseDin
from guard import Guard
from intents import Heartbeat
from memory import Memory
from points import P_PLUGGED
from safety import F_WANTED_CA

import charge_point
import cp_relay
import failsafe
import guard
import memory

# --- the second stop ---


def zero_set_point_ignored(patch):
    """A set point of 0 A leaves the one before."""
    _zero_set_point_counts_after(patch, 1 << 29)


def zero_set_point_10_s_late(patch):
    """A set point of 0 A counts when it has lasted for 10 s."""
    _zero_set_point_counts_after(patch, 10000)


def _zero_set_point_counts_after(patch, limit_ms):
    state_facts = ChargePoint._state_facts

    def patient(self, now_ms):
        before_ca = self.facts[F_WANTED_CA]
        state_facts(self, now_ms)
        if self.facts[F_WANTED_CA] or not before_ca:
            self.wanted_ms = now_ms
        elif elapsed_ms(now_ms, self.wanted_ms) < limit_ms:
            self.facts[F_WANTED_CA] = before_ca

    patch.setattr(ChargePoint, "_state_facts", patient)


def sent_is_obeyed(patch):
    """A 0 A that was sent counts as read back."""
    patch.setattr(EvseDin, "zero_read", lambda self: self._written == 0)


def pilot_never_opens(patch):
    """The CP relay is not told to open."""
    _relay_step(patch, lambda self, unconfirmed, calm, fault: (False, calm, False))


def pilot_opens_after_30_s(patch):
    """The CP relay opens when 0 A has not been read back for 30 s."""
    patch.setattr(cp_relay, "NOT_CONFIRMED_MS", 30000)


def pilot_closes_without_zero(patch):
    """The CP relay closes after its time, whatever the EVSE is set to."""
    _relay_step(patch, lambda self, unconfirmed, calm, fault: (unconfirmed, True, fault))


def pilot_closes_after_3_s(patch):
    """The CP relay closes when it was open for 3 s and nothing flowed for 1 s."""
    patch.setattr(cp_relay, "OPEN_MIN_MS", 3000)
    patch.setattr(cp_relay, "CALM_MS", 1000)


def pilot_closes_when_zero_is_read(patch):
    """The CP relay closes as soon as 0 A is read back."""
    step = CpRelay.step

    def hasty(self, now_ms, unconfirmed, calm, fault):
        step(self, now_ms, unconfirmed, calm, fault)
        if self.state == OPEN and not unconfirmed:
            self._close()

    patch.setattr(CpRelay, "step", hasty)


def _relay_step(patch, what):
    """what(relay, unconfirmed, calm, fault) gives the three that the relay's machine is told instead."""
    step = CpRelay.step

    def wrong(self, now_ms, unconfirmed, calm, fault):
        step(self, now_ms, *what(self, unconfirmed, calm, fault))

    patch.setattr(CpRelay, "step", wrong)


def floor_forgets_the_relay(patch):
    """The floor leaves every CP relay without power."""
    patch.setattr(failsafe, "_set_relays", lambda all_open=True: None)


def relay_not_kept(patch):
    """The state of the CP relay is not kept over a reset."""
    patch.setattr(Memory, "put_cp", lambda self, i, byte: None)


def relay_kept_30_s_late(patch):
    """The state of the CP relay is kept every 30 s."""
    put_cp, step = Memory.put_cp, Memory.step

    def slow(self, i, byte):
        if self.now_ms >> 15 != self.kept_at:
            put_cp(self, i, byte)

    def clock(self, now_ms, at_rest):
        self.kept_at = self.now_ms >> 15
        self.now_ms = now_ms
        return step(self, now_ms, at_rest)

    patch.setattr(Memory, "now_ms", 0, raising=False)
    patch.setattr(Memory, "kept_at", 0, raising=False)
    patch.setattr(Memory, "put_cp", slow)
    patch.setattr(Memory, "step", clock)


def relay_restored_after_the_frames(patch):
    """The floor restores the CP relay when its frames are sent."""
    set_relays, count = failsafe._set_relays, failsafe._count_resets

    def late():
        set_relays(failsafe.record[3])
        count()

    patch.setattr(failsafe, "_set_relays", lambda all_open=True: None)
    patch.setattr(failsafe, "_count_resets", late)


def open_pilot_is_an_unplug(patch):
    """While the pilot is open a car is told as gone."""
    derive = ChargePoint._derive_evse

    def literal(self, now_ms):
        derive(self, now_ms)
        if self.relay.state == OPEN:
            self.image.value[P_PLUGGED] = 0

    patch.setattr(ChargePoint, "_derive_evse", literal)


def relay_state_not_told(patch):
    """The charge point does not ask whether its CP relay is open."""
    patch.setattr(CpRelay, "is_open", lambda self: False)


def plug_believed_at_once(patch):
    """The plug is told at once when the pilot closes, from what was read before."""
    patch.setattr(charge_point, "PLUG_SETTLE_MS", 0)
    derive = ChargePoint._derive_evse

    def believing(self, now_ms):
        before = self.evse.vehicle_state
        self.evse.pilot_open = False  # nothing to wait for
        derive(self, now_ms)
        self.evse.vehicle_state = before

    patch.setattr(ChargePoint, "_derive_evse", believing)


# --- what flows ---


def weld_not_seen(patch):
    """Current at 0 A is no fault."""
    _latches_without(patch, guard._WELD)


def weld_opens_nothing(patch):
    """A weld suspicion is told, but the pilot stays closed."""
    patch.setattr(charge_point, "OPENS_CP", 0)


def weld_seen_after_20_s(patch):
    """Current at 0 A is a fault after 20 s."""
    patch.setattr(guard, "WELD_MS", 20000)


def over_current_not_seen(patch):
    """More current than signalled is no fault."""
    _latches_without(patch, guard._OVER_CURRENT)


def over_current_of_half_as_much(patch):
    """More current than signalled is a fault when it is half as much again."""
    patch.setattr(guard, "OVER_CA", 3200)


def over_current_seen_after_30_s(patch):
    """More current than signalled is a fault after 30 s."""
    patch.setattr(guard, "OVER_CURRENT_MS", 30000)


def set_point_clears(patch):
    """A set point clears what is latched."""

    def is_new(self, latched_ms):
        seen_ca, self.seen_ca = getattr(self, "seen_ca", None), self.facts[F_WANTED_CA]
        return self.seen_ca != seen_ca

    _cleared_when(patch, is_new)


def heartbeat_clears(patch):
    """A heartbeat clears what is latched."""
    arrive = Heartbeat.arrive

    def count(self, *what):
        Heartbeat.arrivals += 1
        arrive(self, *what)

    def is_new(self, latched_ms):
        seen, self.seen = getattr(self, "seen", 0), Heartbeat.arrivals
        return self.seen != seen

    patch.setattr(Heartbeat, "arrivals", 0, raising=False)
    patch.setattr(Heartbeat, "arrive", count)
    _cleared_when(patch, is_new)


def cleared_by_itself_after_10_s(patch):
    """What is latched is cleared by the box itself after 10 s."""
    _cleared_when(patch, lambda self, latched_ms: latched_ms >= 10000)


def _cleared_when(patch, condition):
    """condition(charge point, for how long something is latched) is asked in every step."""
    state_facts = ChargePoint._state_facts

    def obliging(self, now_ms):
        state_facts(self, now_ms)
        if not self.guard.latched:
            self.fine_ms = now_ms
        if condition(self, elapsed_ms(now_ms, getattr(self, "fine_ms", now_ms))):
            self.clear(now_ms)

    patch.setattr(ChargePoint, "_state_facts", obliging)


def _latches_without(patch, bit):
    watch_current = Guard.watch_current

    def blind(self, now_ms, *what):
        watch_current(self, now_ms, *what)
        self.latched &= ~bit

    patch.setattr(Guard, "watch_current", blind)


# --- flash ---


def flash_written_while_charging(patch):
    """Flash is written whoever charges."""
    patch.setattr(ChargePoint, "at_rest", lambda self: True)


def flash_written_before_zero_is_read(patch):
    """Flash is written as soon as 0 A is wanted."""
    patch.setattr(ChargePoint, "at_rest", lambda self: self.limit_ca == 0)


def flash_written_at_once(patch):
    """Flash is written with every change."""
    patch.setattr(memory, "FLASH_EVERY_MS", 100)
