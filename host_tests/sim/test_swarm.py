"""Seeded lives of a box: whatever fails, the invariants hold; and a firmware with a fault in it is caught.

One seed again, with its trace: python -m host_tests.sim.swarm SEED SECONDS
"""

import functools
import os

import pytest
from drivers import evse_din
from station import Station

import bus
import gateway
import inbox
import intents
import safety
from host_tests.fakes.wire import ECHO, NOISE
from host_tests.sim import swarm
from host_tests.sim.invariants import SENTENCES, Violation

SECONDS = 200
SEEDS_PER_MINUTE = 22  # so that lives take about half of the time that is given
MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1.2"))
SEEDS = range(1, 1 + int(MINUTES * SEEDS_PER_MINUTE))


@functools.cache
def live(seed):
    """How often each invariant had something to check in this life. Raises Violation."""
    life = swarm.Swarm(seed)
    life.run(SECONDS)
    return life.world.invariants.counts


@pytest.mark.parametrize("seed", SEEDS)
def test_the_invariants_hold(seed):
    try:
        counts = live(seed)
    except Violation as violation:
        pytest.fail(f"{violation}\nreplay: python -m host_tests.sim.swarm {seed} {SECONDS}", pytrace=False)
    assert counts["bounded_wait"] > SECONDS  # at least one step per second


def test_every_invariant_had_something_to_check():
    total = dict.fromkeys(SENTENCES, 0)
    for seed in SEEDS:
        for name, count in live(seed).items():
            total[name] += count
    assert [name for name, count in total.items() if count < 5] == []


def test_the_same_seed_gives_the_same_trace():
    def trace(seed):
        life = swarm.Swarm(seed)
        life.run(60)
        return life.trace

    assert trace(3) == trace(3)
    assert len(trace(3)) > 10
    assert trace(3) != trace(4)


# --- faults in the firmware that must be caught ---


def no_zero_at_the_start(monkeypatch):
    init = evse_din.EvseDin.__init__

    def born_naming(self, unit, gap_ms):
        init(self, unit, gap_ms)
        self.state = evse_din.NAMING

    monkeypatch.setattr(evse_din.EvseDin, "__init__", born_naming)


def no_minimum(monkeypatch):
    monkeypatch.setattr(safety, "MIN_CA", 0)
    monkeypatch.setattr(inbox, "MIN_CA", 0)


def installation_limit_ignored(monkeypatch):
    limits = safety._limits

    def blind(facts, ceilings):
        limits(facts, ceilings)
        ceilings[safety.R_INSTALLATION] = safety.MAX_CA

    monkeypatch.setattr(safety, "_limits", blind)


def evse_and_cable_ignored(monkeypatch):
    limits = safety._limits

    def blind(facts, ceilings):
        limits(facts, ceilings)
        for reason in (safety.R_EVSE_LIMIT, safety.R_EVSE_20A, safety.R_CABLE):
            ceilings[reason] = safety.MAX_CA

    monkeypatch.setattr(safety, "_limits", blind)


def one_heartbeat_is_enough(monkeypatch):
    arrive = intents.Heartbeat.arrive

    def trusting(self, digits, n, now_ms):
        arrive(self, digits, n, now_ms)
        self.reason = 0

    monkeypatch.setattr(intents.Heartbeat, "arrive", trusting)


def repeated_heartbeats_count(monkeypatch):
    arrive = intents.Heartbeat.arrive

    def forgetful(self, digits, n, now_ms):
        self._n = -1
        arrive(self, digits, n, now_ms)

    monkeypatch.setattr(intents.Heartbeat, "arrive", forgetful)


def heartbeat_never_expires(monkeypatch):
    monkeypatch.setattr(intents.Heartbeat, "check", lambda self, now_ms: self.reason)


def zero_is_not_written(monkeypatch):
    wants = evse_din.EvseDin.wants

    def lazy(self, now_ms):
        wish = wants(self, now_ms)
        return evse_din.POLL if wish == evse_din.ZERO and self.state == evse_din.READY else wish

    prepare = evse_din.EvseDin.prepare

    def lazy_too(self, now_ms):
        prepare(self, now_ms)
        if self.state == evse_din.READY and self.station.urgent:
            self.station.ask(3, evse_din.REG_SET, self._block)

    monkeypatch.setattr(evse_din.EvseDin, "wants", lazy)
    monkeypatch.setattr(evse_din.EvseDin, "prepare", lazy_too)


def precise_bit_written_again_and_again(monkeypatch):
    read_config = evse_din.EvseDin._read_config

    def eager(self, bits, limit_a, now_ms):
        self._refined = False
        read_config(self, bits & ~evse_din.PRECISE_BIT, limit_a, now_ms)

    monkeypatch.setattr(evse_din.EvseDin, "_read_config", eager)


def no_gap(monkeypatch):
    monkeypatch.setattr(Station, "gap_ms", lambda self: 0)


def echo_taken_for_the_end(monkeypatch):
    """As soon as the request's own echo is there the next request follows, into the reply."""
    complete = bus.Bus._complete

    def hasty(self, now_ms):
        if self._echo and self.rx_n == self._tx_n:
            self._finish(bus.BAD_CRC, now_ms)
            return True
        return complete(self, now_ms)

    monkeypatch.setattr(bus.Bus, "_complete", hasty)
    monkeypatch.setattr(swarm, "BUS_FAULTS", (ECHO,))


def evse_comes_back_unnoticed(monkeypatch):
    def trusting(self, now_ms):
        self._missed = False
        self.heard.mark(now_ms)
        return False

    monkeypatch.setattr(evse_din.EvseDin, "age", lambda self, now_ms: None)
    monkeypatch.setattr(evse_din.EvseDin, "_came_back", trusting)
    monkeypatch.setattr(evse_din.EvseDin, "_explained", lambda self, before: True)


def answers_of_an_earlier_life_taken(monkeypatch):
    """A reply to a request from before a restart of the driver passes for a current one: shows on a noisy line."""
    done = evse_din.EvseDin.done

    def trusting(self, result, frame, now_ms):
        self._asked_in = self.state
        done(self, result, frame, now_ms)

    monkeypatch.setattr(evse_din.EvseDin, "done", trusting)
    monkeypatch.setattr(swarm, "BUS_FAULTS", (NOISE,))
    monkeypatch.setattr(swarm, "FATES", ((swarm.break_all, swarm.break_all, swarm.break_all, swarm.heal_bus),) * 3)


def set_up_cut_short(monkeypatch):
    enter = evse_din.EvseDin._enter

    def hasty(self, state, now_ms):
        enter(self, evse_din.READY if state == evse_din.NAMING else state, now_ms)

    monkeypatch.setattr(evse_din.EvseDin, "_enter", hasty)


def last_topic_forgotten(monkeypatch):
    monkeypatch.setattr(gateway, "TOLD", gateway.TOLD[:-1])


def wrong_crc_taken(monkeypatch):
    complete = bus.Bus._complete

    def trusting(self, now_ms):
        self._crc = 0
        return complete(self, now_ms)

    monkeypatch.setattr(bus.Bus, "_complete", trusting)


def waits_too_long(monkeypatch):
    monkeypatch.setattr(gateway.Gateway, "_wait_ms", lambda self, bus_ms, now_ms: 5000)


# the fault, the invariant that must break, and the life that showed it first when this was written (others follow)
MUTANTS = (
    (no_zero_at_the_start, "zero_first", 1),
    (no_minimum, "no_gap_values", 11),
    (installation_limit_ignored, "ceilings", 2),
    (evse_and_cable_ignored, "ceilings", 5),
    (one_heartbeat_is_enough, "alive_only", 2),
    (repeated_heartbeats_count, "alive_only", 3),
    (heartbeat_never_expires, "cut_off", 7),
    (zero_is_not_written, "cut_off", 7),
    (precise_bit_written_again_and_again, "eeprom", 3),
    (no_gap, "quiet_line", 1),
    (echo_taken_for_the_end, "quiet_line", 1),
    (evse_comes_back_unnoticed, "back_at_zero", 14),
    (set_up_cut_short, "transitions", 1),
    (answers_of_an_earlier_life_taken, "transitions", 1),
    (last_topic_forgotten, "complete_set", 1),
    (wrong_crc_taken, "no_foreign_data", 8),
    (waits_too_long, "bounded_wait", 1),
)
LIVES = 40  # within which a fault must be caught


@pytest.mark.parametrize("mutate, name, first", MUTANTS, ids=[mutate.__name__ for mutate, _, _ in MUTANTS])
def test_a_fault_in_the_firmware_is_caught(monkeypatch, mutate, name, first):
    mutate(monkeypatch)

    assert name in caught(name, [first, *range(1, LIVES)])


def test_every_invariant_catches_a_fault():
    assert {name for _, name, _ in MUTANTS} == set(SENTENCES)


def caught(name, seeds):
    """The names of the invariants that broke, up to the first life that breaks this one."""
    names = set()
    for seed in seeds:
        try:
            swarm.Swarm(seed).run(SECONDS)
        except Violation as violation:
            names.add(str(violation).split()[0])
            if name in names:
                break
    return names
