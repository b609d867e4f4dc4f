"""Firmwares with one fault each, for `mutants`: the start of the box, or of an EVSE that comes back, is wrong.

As in `faulty_charging`: each function breaks the firmware of this process, and `patch` mends it.
"""

from backoff import Backoff
from clock import elapsed_ms
from cp_relay import CpRelay
from drivers import evse_din
from drivers.evse_din import EvseDin
from intents import Heartbeat
from safety import R_HEARTBEAT_LOST

import failsafe
import modbus

# --- the first frame ---


def no_zero_at_the_start(patch):
    """The floor writes nothing, and the set-up of an EVSE starts by asking for its firmware."""
    init = EvseDin.__init__

    def born_naming(self, unit, gap_ms):
        init(self, unit, gap_ms)
        self.state = evse_din.NAMING

    patch.setattr(failsafe, "_zero_all", lambda: None)
    patch.setattr(EvseDin, "__init__", born_naming)


def floor_offers_6_a(patch):
    """At the start the floor sets the lowest current instead of 0 A, so that a car goes on."""
    frame = bytearray(modbus.FRAME_BYTES)

    def generous(row, unit):
        failsafe._ports[row["uart"]].write(frame[: modbus.put_write(frame, unit, evse_din.REG_SET, 6)])
        failsafe.time.sleep_ms(48)

    patch.setattr(failsafe, "_zero", generous)


def first_zero_half_a_second_late(patch):
    """The floor writes nothing, and for the first 500 ms an EVSE is only read."""
    patch.setattr(failsafe, "_zero_all", lambda: None)
    _reads_while(patch, lambda self, age_ms: age_ms < 500)


def _reads_while(patch, condition):
    """condition(driver, how long it has existed): while it is true the EVSE is read instead of what the driver wanted."""
    prepare = EvseDin.prepare

    def patient(self, now_ms):
        prepare(self, now_ms)
        self.born_ms = getattr(self, "born_ms", now_ms)
        if condition(self, elapsed_ms(now_ms, self.born_ms)):
            self.station.ask(modbus.READ_HOLDING, evse_din.REG_SET, self._block)

    patch.setattr(EvseDin, "prepare", patient)


# --- an EVSE that comes back ---


def set_up_again_without_zero(patch):
    """An EVSE that was away is asked for everything again, but not written 0 A."""
    enter = EvseDin._enter

    def trusting(self, state, now_ms):
        if state == evse_din.ERASING and self.firmware:
            state = evse_din.NAMING if self.state == evse_din.CHECKING else evse_din.CHECKING
        enter(self, state, now_ms)

    patch.setattr(EvseDin, "_enter", trusting)


def zero_is_not_repeated(patch):
    """An EVSE that comes back while 0 A is wanted anyway is not written 0 A again."""
    _reads_while(patch, lambda self, _: self.state == evse_din.ERASING and self.firmware and not self.target_ca)


def back_at_zero_3_s_late(patch):
    """An EVSE that was away is only read for 3 s before it gets 0 A."""
    prepare = EvseDin.prepare

    def patient(self, now_ms):
        prepare(self, now_ms)
        if self.state == evse_din.ERASING and self.firmware and elapsed_ms(now_ms, self._since_ms) < 3000:
            self.station.ask(modbus.READ_HOLDING, evse_din.REG_SET, self._block)

    patch.setattr(EvseDin, "prepare", patient)


def evse_comes_back_unnoticed(patch):
    """Neither silence nor a value that is not ours is noticed."""

    def trusting(self, now_ms):
        self._missed = False
        self.heard.mark(now_ms)
        return False

    patch.setattr(EvseDin, "age", lambda self, now_ms: None)
    patch.setattr(EvseDin, "_came_back", trusting)
    patch.setattr(EvseDin, "_explained", lambda self, before: True)


def evse_gets_its_set_point_back(patch):
    """An EVSE that was away, or holds a value that is not ours, gets the set point again."""

    def unimpressed(self, now_ms):
        self._unread = False

    patch.setattr(EvseDin, "_restart", unimpressed)


def configuration_believed_for_a_minute(patch):
    """What an EVSE has told of its configuration is not asked again within a minute."""
    enter, read_config = EvseDin._enter, EvseDin._read_config

    def note(self, bits, limit_a, now_ms):
        self.told_ms = now_ms
        read_config(self, bits, limit_a, now_ms)

    def hasty(self, state, now_ms):
        known = self.limit_a is not None and elapsed_ms(now_ms, self.told_ms) < 60000
        if state == evse_din.ASKING and self.state == evse_din.NAMING and known:
            state = evse_din.READY
        enter(self, state, now_ms)

    patch.setattr(EvseDin, "_read_config", note)
    patch.setattr(EvseDin, "_enter", hasty)


# --- the way back ---


def lost_heartbeat_never_comes_back(patch):
    """Who was once given up as lost is not believed again."""
    arrive = Heartbeat.arrive

    def resentful(self, digits, n, now_ms):
        was_lost = self.reason == R_HEARTBEAT_LOST
        arrive(self, digits, n, now_ms)
        if was_lost:
            self.reason = R_HEARTBEAT_LOST

    patch.setattr(Heartbeat, "arrive", resentful)


def pilot_stays_open(patch):
    """A CP relay that has opened does not close again."""

    def stay(self):
        self._calm.check(False, 0, 0)

    patch.setattr(CpRelay, "_close", stay)


def dials_every_5_min(patch):
    """A broker that was gone is dialed 5 min later."""
    patch.setattr(Backoff, "next_ms", lambda self: 300000)
