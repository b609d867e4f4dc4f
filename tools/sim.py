"""Lives of the whole firmware in the virtual world, checked after every step: which faults exist is drawn from each seed.

    python -m tools.sim --seeds 1-200 --hours 1      exit status 1 when an invariant broke; the last line says what was run and found
    python -m tools.sim --trace FILE                 the life of such a run again, with everything it decided

A life that breaks an invariant is shrunk: events are left out for as long as the same invariant breaks. What is left is written
to build/traces, and the command that plays it again is printed.

PyPy does all this three times as fast as CPython: the command line changes to it where there is one.
"""
import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from host_tests.stubs.cpython import install
from tools.sim_shrink import Life, shrink

ROOT = Path(__file__).resolve().parents[1]
TRACES = ROOT / "build" / "traces"
STORED = ROOT / "host_tests" / "golden" / "sim.json"  # the largest run so far, for docs/safety.md and the README
OLDEST_PYPY = (3, 9)
SHRINK_S = 120  # at most, per broken life


def live(seed, seconds):
    """One life in this process: (seed, simulated s, steps, processor s, Life that broke or None)."""
    from host_tests.sim import fates, invariants, swarm

    start_s = time.process_time()
    life = swarm.Swarm(seed, fates.ROWS)
    broken = None
    try:
        life.run(seconds)
    except invariants.Violation as violation:
        broken = Life(seed, life.setup, life.events, life.world.now_ms + 1, str(violation))
    return seed, life.world.now_ms / 1000, life.world.steps, time.process_time() - start_s, broken


def run(seeds, seconds, processes, say):
    """All lives; returns (simulated s, steps, processor s, [Life that broke])."""
    total_s = total_steps = total_cpu_s = 0
    broken = []
    with ProcessPoolExecutor(processes, initializer=install.install) as pool:
        lives = [pool.submit(live, seed, seconds) for seed in seeds]
        for done, future in enumerate(as_completed(lives), 1):
            if future.exception():
                pool.shutdown(cancel_futures=True)  # else it would be told after the last life
            seed, lived_s, steps, cpu_s, violated = future.result()
            total_s += lived_s
            total_steps += steps
            total_cpu_s += cpu_s
            if violated:
                broken.append(violated)
                say(f"seed {seed}: {violated.violation}", True)
            say(f"{done} of {len(seeds)} lives, {total_s / 3600:.2f} h, {len(broken)} broken", False)
    return total_s, total_steps, total_cpu_s, broken


def store(line, options):
    """Remembers what was run and found."""
    command = f"make sim SEEDS={options.seeds[0]}-{options.seeds[-1]} HOURS={options.hours:g}"
    row = {"date": datetime.date.today().isoformat(), "command": command, "cores": options.processes, "found": line.removeprefix("sim: ")}
    STORED.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    print("sim: stored in host_tests/golden; now run python -m tools.safety_page, which quotes it")


def report(seeds, total_s, total_steps, total_cpu_s, wall_s, broken):
    """The last line."""
    cpu_s = max(total_cpu_s, 1e-9)
    return (
        f"sim: {len(seeds)} lives, {total_s / 3600:.2f} simulated hours in {wall_s:.0f} s;"
        f" {total_s / cpu_s:.0f} simulated seconds and {total_steps / cpu_s:.0f} steps per second and core of {sys.implementation.name};"
        f" {len(broken)} violations" + "".join(f", seed {life.seed}" for life in broken)
    )


def save(life):
    """Writes the trace of a life; returns its path."""
    TRACES.mkdir(parents=True, exist_ok=True)
    path = TRACES / f"seed-{life.seed}-{life.invariant}.json"
    path.write_text(life.to_json(), encoding="utf-8")
    return path.relative_to(ROOT)


def play(path):
    """The life of a trace again, with everything that was decided in it; the exit status: 1 when it breaks, as it did."""
    install.install()
    from host_tests.sim import invariants

    try:
        life = Life.from_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as problem:
        sys.exit(f"sim: {path}: expected a trace as build/traces has them, found {problem!r}; give the path that a broken run has printed")
    box = life.born()
    try:
        box.replay(life.events, life.end_ms)
        ending = "sim: nothing broke: the fault is gone, or the code draws otherwise than it did"
    except invariants.Violation as violation:
        ending = f"sim: {violation}"
    print("\n".join(box.trace))
    print(ending)
    return int(not ending.startswith("sim: nothing"))


def seeds_of(text):
    """1-200, or 7, or 3,9-12. Raises ArgumentTypeError."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or last and not last.isdigit():
            raise argparse.ArgumentTypeError(f"expected seeds as 1-200 or 3,9-12, found {text!r}")
        found += range(int(first), int(last or first) + 1)
    return found


class Progress:
    """Tells on standard error; a line that counts is overwritten on a terminal, and is rare elsewhere."""

    def __init__(self):
        self._said_s = time.monotonic()

    def __call__(self, text, matters):
        every_s = 0.5 if sys.stderr.isatty() else 30
        if matters or time.monotonic() - self._said_s > every_s:
            self._said_s = time.monotonic()
            end = "\r" if sys.stderr.isatty() and not matters else "\n"
            print(text.ljust(70), end=end, file=sys.stderr, flush=True)


def parser():
    result = argparse.ArgumentParser(prog="python -m tools.sim", description=__doc__.splitlines()[0])
    result.add_argument("--seeds", type=seeds_of, default=range(1, 21), metavar="1-200", help="which lives (default 1-20)")
    result.add_argument("--hours", type=float, default=0.1, metavar="H", help="simulated time of each, fractions are fine (default 0.1)")
    result.add_argument("--processes", type=int, default=os.cpu_count(), metavar="N", help="default: all cores")
    result.add_argument("--store", action="store_true", help="remember what was run and found in host_tests/golden, for docs/safety.md")
    result.add_argument("--trace", metavar="FILE", help="play this trace instead")
    return result


def main(arguments=None):
    options = parser().parse_args(arguments)
    if options.trace:
        return play(options.trace)
    print(f"sim: {len(options.seeds)} lives of {options.hours:g} h, {options.processes} at a time, on {sys.implementation.name}", file=sys.stderr)
    start_s = time.monotonic()
    found = run(options.seeds, options.hours * 3600, options.processes, Progress())
    wall_s = time.monotonic() - start_s
    install.install()
    for life in found[3]:
        less = shrink(life, SHRINK_S)
        path = save(less)
        print(f"seed {life.seed}: {len(life.events)} events, {len(less.events)} of them break it, too")
        for at_ms, name, _ in less.events:
            print(f"  {at_ms:9d} {name}")
        print(f"  {less.violation}\n  again: make sim TRACE={path}")
    line = report(options.seeds, *found[:3], wall_s, found[3])
    print(line)
    if options.store:
        store(line, options)
    return 1 if found[3] else 0


def pypy():
    """Path of a PyPy that is new enough, or None; None, too, when this is one."""
    path = None if sys.implementation.name == "pypy" else shutil.which("pypy3")
    too_old = f"import sys; sys.exit(sys.version_info < {OLDEST_PYPY})"
    return path if path and not subprocess.run([path, "-c", too_old], check=False).returncode else None


if __name__ == "__main__":
    if faster := pypy():
        os.execv(faster, [faster, "-m", "tools.sim", *sys.argv[1:]])
    sys.exit(main())
