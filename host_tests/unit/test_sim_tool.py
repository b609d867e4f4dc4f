"""make sim: what a life drew can be drawn again, a broken life shrinks to what breaks it, and its trace plays again."""

import argparse
import json
import random
import subprocess
import sys
import time

import pytest
from charge_point import ChargePoint

from host_tests.sim import faulty_talking, fates, fates_leads, swarm
from host_tests.sim.draws import Draws, Replay
from host_tests.sim.invariants import Violation
from tools import sim, sim_shrink
from tools.sim_shrink import Life

pytestmark = pytest.mark.no_cover  # not about the firmware


def test_draws_are_those_of_random_and_can_be_drawn_again():
    plain, draws = random.Random(7), Draws(random.Random(7))
    expected = [plain.choice("abc"), plain.randrange(5, 9), plain.random()]

    assert [draws.choice("abc"), draws.randrange(5, 9), draws.random()] == expected
    replay = Replay(draws.take())
    assert [replay.choice("abc"), replay.randrange(5, 9), replay.random()] == expected
    assert draws.take() == []


def test_more_draws_than_there_were_are_refused():
    with pytest.raises(ValueError, match="another version"):
        Replay([]).random()


def test_seeds_are_ranges_and_numbers():
    assert sim.seeds_of("3,9-11") == [3, 9, 10, 11]
    with pytest.raises(argparse.ArgumentTypeError, match="1-200"):
        sim.seeds_of("1-x")


def test_every_action_of_a_row_is_found_by_its_name():
    for row in (*swarm.FATES, swarm.ALWAYS, (swarm.mend, swarm.recover), *fates.ROWS):
        for action in row:
            assert swarm.named(action.__name__) is action
    assert swarm.named("abandon") is fates_leads.abandon


def test_no_two_actions_have_one_name():
    assert not set(fates.actions()) & set(vars(swarm))
    all_rows = [row for part in fates.PARTS + fates.LATER for row in part.ROWS]
    assert len(fates.actions()) == len({action for row in all_rows for action in row})


def test_a_life_with_a_modbus_leader_and_torn_files_goes_the_same_way_again():
    first = swarm.Swarm(3003)
    first.run(40)
    again = swarm.Swarm(3003, None, first.setup)
    again.replay(first.events, first.world.now_ms)

    assert again.trace == first.trace and first.world.leaders


def test_a_life_goes_the_same_way_again_with_all_its_events():
    first = swarm.Swarm(3, fates.ROWS)
    first.run(40)
    again = swarm.Swarm(3, fates.ROWS, first.setup)
    again.replay(first.events, first.world.now_ms)

    assert again.trace == first.trace
    assert len(first.events) > 3


@pytest.fixture(scope="module")
def broken():
    """A life that breaks: a firmware that sleeps too long while its broker is away."""
    with pytest.MonkeyPatch.context() as patch:
        faulty_talking.sleeps_until_the_next_dial(patch)
        *_, life = sim.live(7, 200)
        yield life


def test_a_broken_life_shrinks_to_what_breaks_it(broken):
    less = sim_shrink.shrink(broken, 20)

    assert broken.invariant == less.invariant == "bounded_wait"
    assert len(less.events) <= 2 < len(broken.events)
    assert less.again() is not None


def test_an_event_that_matters_stays(broken):
    harmless = Life(broken.seed, broken.setup, [], broken.end_ms, broken.violation)

    assert harmless.again() is None


def test_what_escapes_a_step_breaks_a_life_and_shrinks_like_a_broken_invariant(monkeypatch):
    def raises(point, now_ms):
        if point.limit_ca:
            raise IndexError("beyond the ring")
        return step(point, now_ms)

    step = ChargePoint.step
    monkeypatch.setattr(ChargePoint, "step", raises)
    *_, life = sim.live(7, 200)

    assert life.invariant == "escaped" and "IndexError('beyond the ring') in test_sim_tool.py:" in life.violation
    assert sim_shrink.shrink(life, 5).events == []


def test_what_breaks_in_the_middle_of_an_action_can_be_played_again(monkeypatch):
    def breaks(world, rng):
        rng.choice((1, 2))
        raise Violation("broken")

    monkeypatch.setattr(swarm, "breaks", breaks, raising=False)
    box = swarm.Swarm(3, fates.ROWS)
    box.rng.take()
    with pytest.raises(Violation):
        box._act(breaks)
    again = Life(3, box.setup, box.events, 1, "broken").again()

    assert len(box.events[-1][2]) == 1 and again.events == box.events


def test_a_life_that_can_not_be_lived_ends_the_run_at_once(monkeypatch):
    monkeypatch.setattr(sim, "live", one_that_raises)
    start_s = time.monotonic()

    with pytest.raises(ZeroDivisionError):
        sim.run([1, *range(2, 200)], 1, 1, lambda *_: None)
    assert time.monotonic() - start_s < 10, "not after 199 lives of 0.1 s"


def one_that_raises(seed, seconds):
    time.sleep(0.1)
    return seconds / (seed - 1)


def test_a_trace_plays_again_and_says_what_broke(broken, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sim, "TRACES", tmp_path)
    monkeypatch.setattr(sim, "ROOT", tmp_path)
    path = tmp_path / sim.save(broken)

    assert sim.play(path) == 1
    assert "bounded_wait" in capsys.readouterr().out.splitlines()[-1]


def test_what_is_no_trace_is_named(tmp_path):
    with pytest.raises(SystemExit, match="expected a trace"):
        sim.play(tmp_path / "none.json")


def test_nothing_has_to_come_back_in_a_life_in_which_nothing_was_mended():
    """Seed 20: shrunk, it was a different life that broke the same invariant."""
    life = Life(1, [], [[20000, "recover", []]], 60000, "resumes (...)")
    assert life.again() is None


def test_only_a_pypy_that_is_new_enough_is_changed_to(monkeypatch, tmp_path):
    for status, expected in ((0, str(tmp_path / "pypy3")), (1, None)):
        (tmp_path / "pypy3").write_text(f"#!/bin/sh\nexit {status}\n")
        (tmp_path / "pypy3").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        assert sim.pypy() == expected
    monkeypatch.setenv("PATH", "")
    assert sim.pypy() is None


@pytest.mark.long
@pytest.mark.parametrize("seed", [24, 1219, 2003, 3003])
def test_pypy_lives_the_same_life(seed):
    command = ["-m", "host_tests.sim.swarm", str(seed), "200"]
    here, there = (subprocess.run([path, *command], cwd=sim.ROOT, capture_output=True, text=True, check=True) for path in (sys.executable, sim.pypy()))
    assert here.stdout == there.stdout and len(here.stdout.splitlines()) > 20


def test_a_run_that_is_to_be_remembered_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sim, "STORED", tmp_path / "sim.json")

    assert sim.main(["--seeds", "1-2", "--hours", "0.001", "--store"]) == 0
    stored = json.loads((tmp_path / "sim.json").read_text())
    assert stored["command"] == "make sim SEEDS=1-2 HOURS=0.001" and stored["found"].startswith("2 lives")
    assert f"sim: {stored['found']}" in capsys.readouterr().out.splitlines()


def test_the_last_line_says_what_was_run_and_found(broken):
    line = sim.report([1, 2], 7200, 72000, 40, 30, [broken])

    assert line == (
        "sim: 2 lives, 2.00 simulated hours in 30 s; 180 simulated seconds and 1800 steps per second and core of cpython; 1 violations, seed 7"
    )
