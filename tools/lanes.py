"""Runs what `make test` and `make test-long` consist of in lanes, side by side: what checks and computes, and what waits for real time.

    python -m tools.lanes test
    python -m tools.lanes long [--minutes 10]

What computes steps back for what waits (nice), so that a busy machine does not hold up what has deadlines. The first phase that fails
ends the run, and so does Ctrl-C. Every line begins with the name of its phase; at the end stands what each took.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNIT, SIM, MPY, INTEROP = (f"host_tests/{folder}" for folder in ("unit", "sim", "mpy", "interop"))
# What must always be covered, branches included, and by which tests; make coverage tells about the rest.
COVERED = ("safety", "modbus")
LEAVES_S = 20  # how long a phase that is stopped may take to clean up

BACK, FRONT = 10, 0  # how nice
Phase = namedtuple("Phase", "name nice command")
Result = namedtuple("Result", "name code wall_s cpu_s")


def python(*arguments):
    return [sys.executable, "-m", *arguments]


def computing():
    """pytest beside what waits: a worker for every core; the large files of mpy and sim first, so that none is left over at the end."""
    return python("pytest", "-q", "-n", str(max(2, os.cpu_count() or 2)), "--dist", "loadfile", "--no-loadscope-reorder")


def waiting():
    """pytest for what mostly waits: more files at a time than there are cores.

    A busy machine may hold it up: what fails is tried twice more, and counted as "rerun".
    """
    workers = max(4, os.cpu_count() or 4)
    return python("pytest", "-q", "-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder", "--reruns", "2", "--reruns-delay", "2")


def coverage():
    """Once more without the dense ones: tracing them takes four times as long, and they run no line that the others do not."""
    traced = [f"--cov={module}" for module in COVERED]
    tests = [f"{UNIT}/test_{module}.py" for module in COVERED]
    return python("pytest", "-q", "-p", "no:xdist", "-m", "not long and not dense", *traced, "--cov-branch", "--cov-report=term-missing", "--cov-fail-under=100", *tests)


def test_lanes():
    checks = [
        Phase("tidy", BACK, python("tools.tidy", "--quiet")),
        Phase("budget", BACK, python("tools.budget", "--check")),
        Phase("coverage", BACK, coverage()),
    ]
    tests = [Phase("tests", BACK, [*computing(), "-m", "not long", MPY, SIM, UNIT])]
    return [checks, tests, [Phase("interop", FRONT, [*waiting(), "-m", "not long", INTEROP])]]


def long_lanes():
    large = ["-m", "long or scales", "-o", "faulthandler_timeout=1800"]
    computes = [
        Phase("tidy", BACK, python("tools.tidy", "--quiet")),
        Phase("bench", BACK, python("tools.bench", "--check")),
        Phase("tests", BACK, [*computing(), *large, MPY, SIM, UNIT]),
        Phase("mutation", BACK, python("tools.mutation", "--sample", "5", "--complete")),
    ]
    return [computes, [Phase("interop", FRONT, [*waiting(), *large, INTEROP])]]


class Run:
    """Lanes side by side, their phases one after the other; `results` in the order in which they end."""

    def __init__(self, lanes, environment=None, out=sys.stdout):
        self.results = []
        self._lanes = lanes
        self._environment = environment
        self._out = out
        self._width = max(len(phase.name) for lane in lanes for phase in lane)
        self._lock = threading.Lock()
        self._running = []
        self._stopped = False

    def run(self):
        """True when everything passed. KeyboardInterrupt passes when all is stopped."""
        threads = [threading.Thread(target=self._lane, args=(lane,)) for lane in self._lanes]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                time.sleep(0.1)
        finally:
            self.stop()
            for thread in threads:
                thread.join()
        return len(self.results) == sum(map(len, self._lanes)) and all(result.code == 0 for result in self.results)

    def stop(self):
        """End what runs, as Ctrl-C does; what does not leave is killed."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for number, patience_s in ((signal.SIGINT, LEAVES_S), (signal.SIGKILL, LEAVES_S)):
            for process in running:
                _kill(process, number)
            end = time.monotonic() + patience_s
            while time.monotonic() < end and any(process.returncode is None for process in running):
                time.sleep(0.05)

    def _lane(self, phases):
        for phase in phases:
            with self._lock:
                if self._stopped:
                    return
                process = self._start(phase)
                self._running.append(process)
            result = self._follow(phase.name, process)
            with self._lock:
                self._running.remove(process)
                self.results.append(result)
                stopped = self._stopped
            if result.code and not stopped:
                self.say(phase.name, f"failed with status {result.code}: that ends the run")
                return self.stop()

    def _start(self, phase):
        return subprocess.Popen(
            ["nice", "-n", str(phase.nice), *phase.command], cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip

    def _follow(self, name, process):
        """Pass on its lines until it has ended; its CPU time includes that of the processes it waited for."""
        start = time.monotonic()
        for line in process.stdout:
            self.say(name, line.rstrip())
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return Result(name, process.returncode, time.monotonic() - start, usage.ru_utime + usage.ru_stime)

    def say(self, name, text):
        with self._lock:
            print(f"{name:{self._width}} | {text}".rstrip(), file=self._out, flush=True)


def _kill(process, number):
    if process.returncode is None:
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # it has ended meanwhile (PermissionError: macOS says so of one that nobody has waited for)


def environment(minutes=None):
    """That of the phases. They keep their bytecode: without it every process compiles all of pytest's rewritten tests again."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "LADEPUNKT_MINUTES": str(minutes)} if minutes is not None else kept


def table(results):
    """One line per phase: what it took."""
    for result in results:
        yield f"{result.name:10} {'passed' if result.code == 0 else 'FAILED':8} {_clock(result.wall_s)}, {_clock(result.cpu_s)} of CPU time"


def _clock(seconds):
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.lanes", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("test", "long"))
    parser.add_argument("--minutes", type=float, default=10, help="long: about how long; default %(default)s")
    options = parser.parse_args(arguments)
    long = options.what == "long"
    run = Run(long_lanes() if long else test_lanes(), environment(options.minutes if long else None))
    start = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        passed = run.run()
    except KeyboardInterrupt:
        passed = False
    print(*table(run.results), sep="\n")
    print(f"{'everything passed' if passed else 'NOT PASSED'} in {_clock(time.monotonic() - start)}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
