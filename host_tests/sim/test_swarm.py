"""Seeded lives of a box: whatever fails, the invariants hold. That each of them can fail: test_mutants.

One seed again, with its trace: python -m host_tests.sim.swarm SEED SECONDS. A repair and its rest add 40 s to each life, so that
`make test` lives for two hours.
"""

import functools
import os

import pytest

from host_tests.sim import swarm
from host_tests.sim.invariants import SENTENCES, Violation
from tools import sim

SECONDS = 200
SEEDS_PER_MINUTE = 18  # so that lives take about half of the time that is given
MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1.2"))
# Lives in which rare things happen: a reset with an open pilot, a car that takes too much, a weld, late replies that are in time again.
RARE = (24, 26, 34, 1219)
SWITCHING = range(swarm.SWITCHING, swarm.SWITCHING + 2 + int(MINUTES * SEEDS_PER_MINUTE) // 4)
SHARING = range(swarm.SHARING, swarm.SHARING + 2 + int(MINUTES * SEEDS_PER_MINUTE) // 8)
LEADING = range(swarm.LEADING, swarm.LEADING + 3 + int(MINUTES * SEEDS_PER_MINUTE) // 8)
SEEDS = sorted({*RARE, *range(1, 1 + int(MINUTES * SEEDS_PER_MINUTE)), *SWITCHING, *SHARING, *LEADING})


lived_s = {}  # by seed


@functools.cache
def live(seed):
    """How often each invariant had something to check in this life. Raises Violation."""
    life = swarm.Swarm(seed)
    life.run(SECONDS)
    lived_s[seed] = life.world.now_ms / 1000
    return life.world.invariants.counts


@pytest.mark.parametrize("seed", range(1, 2 + int(MINUTES * SEEDS_PER_MINUTE) // 4))
def test_the_invariants_hold_whatever_the_network_does(seed):
    *_, broken = sim.live(seed, SECONDS)
    if broken:
        pytest.fail(f"{broken.violation}\nreplay: make sim SEEDS={seed} HOURS={SECONDS / 3600:.3f}", pytrace=False)


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
    assert [name for name, count in total.items() if count < 2] == []


def test_the_lives_together_are_two_hours():
    for seed in SEEDS:
        live(seed)
    assert sum(lived_s.values()) >= 7200 or MINUTES < 1.2


def test_the_same_seed_gives_the_same_trace():
    def trace(seed):
        life = swarm.Swarm(seed)
        life.run(60)
        return life.trace

    assert trace(3) == trace(3)
    assert len(trace(3)) > 10
    assert trace(3) != trace(4)
