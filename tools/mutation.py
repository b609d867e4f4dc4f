"""Mutation testing with cosmic-ray: small changes to the code, of which the unit tests must notice each.

    python -m tools.mutation [MODULE...] [--sample 60] [--seed 1]     --sample 0: all of them, which takes hours

In a copy of the project, so that nothing here is touched. Prints the score of each module and every survivor; a survivor that is no
gap is a row of EXPLAINED. Exit status 1 when one is left that nobody has explained.
"""
import argparse
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("firmware", "host_tests", "tools", "boards", "pytest.ini", "docs", "README.md", "Makefile")
UNIT = "host_tests/unit"
# What is mutated, and the tests that must notice.
MODULES = {
    "safety": ("test_safety.py",),
    "modbus": ("test_modbus.py",),
    "intents": ("test_intents.py", "test_senders.py", "test_leadership.py"),
}
TIMEOUT_S = 60  # of one run of the tests: a mutant may loop for ever
# (module, text of the line before): why a mutant of it may live.
EXPLAINED = {
    ("intents", "self._ca = [0] * DOOR_COUNT"): "no difference: the value of a door is read after that door has offered one",
}
CONFIG = """[cosmic-ray]
module-path = ["firmware/{module}.py"]
timeout = {timeout_s}
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"

[cosmic-ray.distributor]
name = "local"
"""
ORDER = "SELECT job_id FROM mutation_specs ORDER BY start_pos_row, start_pos_col, operator_name, occurrence"
SURVIVORS = """
SELECT s.start_pos_row, s.operator_name, r.diff FROM mutation_specs s JOIN work_results r ON r.job_id = s.job_id
WHERE r.test_outcome = 'SURVIVED' ORDER BY s.start_pos_row
"""


def copy(folder):
    """The project without what is large, in `folder`."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / "build").mkdir()
    os.symlink(ROOT / "build" / "umqtt", folder / "build" / "umqtt")


def cosmic_ray(folder, *arguments):
    command = [sys.executable, "-m", "cosmic_ray.cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"mutation: cosmic-ray {arguments[0]} ended with status {done.returncode}: {done.stderr.strip()[-500:]}")


def thin_out(session, sample, seed):
    """Leaves `sample` mutants, drawn from the seed; returns (how many are left, how many there were)."""
    with sqlite3.connect(session) as database:
        jobs = [row[0] for row in database.execute(ORDER)]
        kept = set(random.Random(seed).sample(jobs, min(sample or len(jobs), len(jobs))))
        for job in jobs:
            if job not in kept:
                database.execute("DELETE FROM mutation_specs WHERE job_id = ?", (job,))
                database.execute("DELETE FROM work_items WHERE job_id = ?", (job,))
    return len(kept), len(jobs)


def mutate(folder, module, sample, seed):
    """(mutants tried, mutants in all, [(line, operator, changed line)] that survived)."""
    tests = " ".join(f"{UNIT}/{name}" for name in MODULES[module])
    config, session = f"{module}.toml", f"{module}.sqlite"
    (folder / config).write_text(CONFIG.format(module=module, timeout_s=TIMEOUT_S, python=sys.executable, tests=tests))
    cosmic_ray(folder, "baseline", config)  # else every mutant is killed by tests that fail without it
    cosmic_ray(folder, "init", config, session)
    tried, in_all = thin_out(folder / session, sample, seed)
    cosmic_ray(folder, "exec", config, session)
    with sqlite3.connect(folder / session) as database:
        return tried, in_all, [(row, name.rpartition("/")[2], changed(diff)) for row, name, diff in database.execute(SURVIVORS)]


def changed(diff):
    """(the line before, the line after) of a diff."""
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    before = [line[1:].strip() for line in lines if line[0] == "-"]
    after = [line[1:].strip() for line in lines if line[0] == "+"]
    return " ".join(before), " ".join(after)


def report(module, tried, in_all, survivors):
    """Prints the score; returns the survivors that nobody has explained."""
    left = []
    print(f"{module}: {tried} of {in_all} mutants tried, {tried - len(survivors)} killed ({100 * (tried - len(survivors)) / max(1, tried):.0f} %)")
    for row, operator, (before, after) in survivors:
        why = EXPLAINED.get((module, before))
        if why is None:
            left.append((module, row))
        print(f"  {module}.py:{row}: {operator}: {before!r} -> {after!r}: {why or 'SURVIVED'}", flush=True)
    return left


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="default: " + ", ".join(MODULES))
    parser.add_argument("--sample", type=int, default=60, metavar="N", help="mutants of each module, drawn from the seed; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    for name in options.modules:
        if name not in MODULES:
            parser.error(f"unknown module {name}: use {', '.join(MODULES)}, or add a row to MODULES")
    left = []
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        for module in options.modules or MODULES:
            left += report(module, *mutate(Path(folder), module, options.sample, options.seed))
    print(f"mutation: {len(left)} survivors that nobody has explained")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
