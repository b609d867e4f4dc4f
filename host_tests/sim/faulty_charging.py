"""Firmwares with one fault each, for `mutants`: they allow, set or stop the current wrongly.

Each function breaks the firmware of this process; `patch` is a pytest.MonkeyPatch, which mends it. A module that imported a name
has its own copy: it is replaced where it is used.
"""

from charge_point import ChargePoint
from clock import Latch, elapsed_ms
from drivers import evse_din
from drivers.evse_din import EvseDin
from inbox import Inbox
from intents import R_HEARTBEAT_FIRST, R_HEARTBEAT_SLOW, Heartbeat
from safety import F_WANTED_CA

import commands
import safety

# --- what a pilot can not say ---


def no_minimum(patch):
    """Set points and ceilings below 6 A are passed on."""
    patch.setattr(safety, "MIN_CA", 0)
    patch.setattr(commands, "MIN_CA", 0)


def precise_scale_forgotten(patch):
    """An EVSE that counts 0.01 A is told whole amperes."""
    read_config = EvseDin._read_config

    def coarse(self, bits, limit_a, now_ms):
        read_config(self, bits, limit_a, now_ms)
        self.precise = False

    patch.setattr(EvseDin, "_read_config", coarse)


def scale_of_before_the_change(patch):
    """Once precise mode is switched on and the EVSE has settled, the scale read before that goes on counting."""
    age = EvseDin.age

    def satisfied(self, now_ms):
        if self.state == evse_din.SETTLING and elapsed_ms(now_ms, self._since_ms) >= evse_din.SETTLE_MS:
            self._enter(evse_din.READY, now_ms)
        age(self, now_ms)

    patch.setattr(EvseDin, "age", satisfied)


def soft_start(patch):
    """The current rises from 0 by 1 A per second."""
    step = ChargePoint.step

    def soft(self, now_ms):
        step(self, now_ms)
        if not self.limit_ca:
            self.rising_ms = now_ms
        self.evse.target_ca = min(self.limit_ca, elapsed_ms(now_ms, self.rising_ms) // 10)

    patch.setattr(ChargePoint, "step", soft)


# --- ceilings ---


def installation_limit_ignored(patch):
    """The installation's limit is no ceiling."""
    _without(patch, safety.R_INSTALLATION)


def evse_and_cable_ignored(patch):
    """The limits of EVSE and cable are no ceilings."""
    _without(patch, safety.R_EVSE_LIMIT, safety.R_EVSE_20A, safety.R_CABLE)


def _without(patch, *reasons):
    limits = safety._limits

    def blind(facts, ceilings):
        limits(facts, ceilings)
        for reason in reasons:
            ceilings[reason] = safety.MAX_CA

    patch.setattr(safety, "_limits", blind)


def soft_stop(patch):
    """The current falls by 1 A per second, down to 6 A, before it obeys a lower limit."""
    step = ChargePoint.step

    def soft(self, now_ms):
        before_ca = self.evse.target_ca
        step(self, now_ms)
        if self.limit_ca >= before_ca or before_ca <= safety.MIN_CA:
            self.falling_ms = now_ms
        elif elapsed_ms(now_ms, self.falling_ms) < 1000:
            self.evse.target_ca = before_ca
        else:
            self.falling_ms = now_ms
            self.evse.target_ca = max(self.limit_ca, before_ca - 100)

    patch.setattr(ChargePoint, "step", soft)


def set_points_taken_late(patch):
    """A set point counts 8 s after it has arrived."""
    state_facts = ChargePoint._state_facts

    def late(self, now_ms):
        state_facts(self, now_ms)
        kept = self.kept = getattr(self, "kept", None) or [(now_ms, None)]
        if kept[-1][1] != self.facts[F_WANTED_CA]:
            kept.append((now_ms, self.facts[F_WANTED_CA]))
        if len(kept) > 1 and elapsed_ms(now_ms, kept[1][0]) >= 8000:
            del kept[0]
        self.facts[F_WANTED_CA] = kept[0][1]

    patch.setattr(ChargePoint, "_state_facts", late)


# --- heartbeats ---


def one_heartbeat_is_enough(patch):
    """The first heartbeat makes alive."""
    arrive = Heartbeat.arrive

    def trusting(self, digits, n, now_ms):
        arrive(self, digits, n, now_ms)
        self.reason = 0

    patch.setattr(Heartbeat, "arrive", trusting)


def repeated_heartbeats_count(patch):
    """A heartbeat with the same value as before counts."""
    arrive = Heartbeat.arrive

    def forgetful(self, digits, n, now_ms):
        self._n = -1
        arrive(self, digits, n, now_ms)

    patch.setattr(Heartbeat, "arrive", forgetful)


def replayed_heartbeats_count(patch):
    """A heartbeat that a broker has kept counts as one that was sent now."""
    offer = Inbox.offer
    patch.setattr(Inbox, "offer", lambda self, topic, payload, retained, now_ms: offer(self, topic, payload, False, now_ms))


def one_heartbeat_after_a_silence_is_enough(patch):
    """After a silence, however long, the next heartbeat makes alive."""
    arrive = Heartbeat.arrive

    def loyal(self, digits, n, now_ms):
        known = self._n > 0
        arrive(self, digits, n, now_ms)
        if known and self.reason in (R_HEARTBEAT_FIRST, R_HEARTBEAT_SLOW):
            self.reason = 0

    patch.setattr(Heartbeat, "arrive", loyal)


def ages_of_15_bits(patch):
    """Ages are kept in 15 bits and deadlines do not latch: after 33 s an old heartbeat is young again."""

    def short(self, now_ms, limit_ms):
        return self.expired or (now_ms - self.at_ms) & 0x7FFF >= limit_ms

    patch.setattr(Latch, "check", short)


def heartbeat_never_expires(patch):
    """Once alive is always alive."""
    patch.setattr(Heartbeat, "check", lambda self, now_ms: self.reason)


def heartbeat_limit_3_s_too_long(patch):
    """A heartbeat is alive for 3 s longer than configured."""
    init = Heartbeat.__init__

    def patient(self, limit_ms):
        init(self, limit_ms + 3000)

    patch.setattr(Heartbeat, "__init__", patient)


def ages_without_the_wrap(patch):
    """When the clock starts again at 0, what arrived before does not age any more."""

    def naive(self, now_ms, limit_ms):
        if not self.expired and now_ms - self.at_ms >= limit_ms:
            self.expired = True
        return self.expired

    patch.setattr(Latch, "check", naive)


# --- 0 A ---


def zero_is_not_written(patch):
    """An EVSE that is set up is never written 0 A."""
    wants, prepare = EvseDin.wants, EvseDin.prepare

    def lazy(self, now_ms):
        wish = wants(self, now_ms)
        return evse_din.POLL if wish == evse_din.ZERO and self.state == evse_din.READY else wish

    def lazy_too(self, now_ms):
        prepare(self, now_ms)
        if self.state == evse_din.READY and self.station.urgent:
            self.station.ask(3, evse_din.REG_SET, self._block)

    patch.setattr(EvseDin, "wants", lazy)
    patch.setattr(EvseDin, "prepare", lazy_too)


def zero_every_5_s(patch):
    """An EVSE that does not answer is written 0 A every 5 s only."""
    patch.setattr(evse_din, "SILENT_RETRY_MS", 5000)


def zero_2_s_late(patch):
    """A limit of 0 A is obeyed when it has lasted for 2 s."""
    step = ChargePoint.step

    def calm(self, now_ms):
        before_ca = self.evse.target_ca
        step(self, now_ms)
        if self.limit_ca or not before_ca:
            self.zero_ms = now_ms
        elif elapsed_ms(now_ms, self.zero_ms) < 2000:
            self.evse.target_ca = before_ca

    patch.setattr(ChargePoint, "step", calm)
