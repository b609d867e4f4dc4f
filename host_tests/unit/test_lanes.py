"""`make test`: phases side by side, each line with its name; the first that fails ends the run."""
import io
import sys

import pytest

from tools import lanes
from tools.lanes import BACK, FRONT, Phase, Run

pytestmark = pytest.mark.no_cover  # not about the firmware

MEETS = """
import pathlib, time
pathlib.Path({mine!r}).touch()
for _ in range(1000):
    if pathlib.Path({other!r}).exists():
        break
    time.sleep(0.01)
else:
    raise SystemExit(1)
"""
WAITS = "import time; print('waiting', flush=True); time.sleep(60)"


def phase(name, text, nice=FRONT):
    return Phase(name, nice, [sys.executable, "-c", text])


def run(*parallel):
    out = io.StringIO()
    it = Run(parallel, out=out)
    return it.run(), it.results, out.getvalue().splitlines()


def test_lanes_run_side_by_side_and_the_phases_of_a_lane_one_after_the_other(tmp_path):
    mine, other = str(tmp_path / "a"), str(tmp_path / "b")

    passed, results, lines = run(
        [phase("left", MEETS.format(mine=mine, other=other)), phase("after", "print('last')")],
        [phase("right", MEETS.format(mine=other, other=mine))],
    )

    assert passed
    assert {result.name for result in results} == {"left", "after", "right"}
    assert lines == ["after | last"]


def test_every_line_begins_with_its_phase_errors_included():
    _, _, lines = run([phase("a", "import sys; print('one'); print('two', file=sys.stderr, flush=True)"), phase("long", "print('\\n')")])

    assert sorted(lines) == ["a    | one", "a    | two", "long |", "long |"]


def test_what_fails_ends_the_run_and_says_so():
    passed, results, lines = run([phase("bad", "raise SystemExit(3)"), phase("never", "print('never')")], [phase("other", WAITS)])

    assert not passed
    assert [result.name for result in results] == ["bad", "other"]
    assert results[0].code == 3 and results[1].wall_s < 60
    assert "bad   | failed with status 3: that ends the run" in lines
    assert "never" not in "".join(lines)


def test_what_does_not_leave_when_asked_to_is_killed(monkeypatch):
    monkeypatch.setattr(lanes, "LEAVES_S", 0.3)
    stubborn = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    bad = "import time; time.sleep(1); raise SystemExit(1)"

    passed, results, _ = run([phase("bad", bad)], [phase("stubborn", stubborn)])

    assert not passed and results[1].name == "stubborn" and results[1].wall_s < 60


def test_the_time_on_the_processor_is_told_with_that_of_processes_it_waited_for():
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    _, (result,), _ = run([phase("busy", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])", BACK)])

    assert result.cpu_s >= 0.3
    assert list(lanes.table([result._replace(wall_s=61.2, cpu_s=125)])) == ["busy       passed   1:01, 2:05 of CPU time"]


def test_a_phase_keeps_its_bytecode_and_long_ones_know_their_minutes(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    assert "PYTHONDONTWRITEBYTECODE" not in lanes.environment()
    assert lanes.environment(2.5)["LADEPUNKT_MINUTES"] == "2.5"


@pytest.mark.parametrize("what", [lanes.test_lanes(), lanes.long_lanes()], ids=["test", "long"])
def test_every_folder_of_tests_is_run(what):
    words = [word for lane in what for phase in lane for word in phase.command]

    assert {lanes.UNIT, lanes.SIM, lanes.MPY, lanes.INTEROP} <= set(words)
    assert not [word for word in words if word.startswith(("--ignore", "--deselect", "-k"))], "no phase leaves anything out but by its marks"
