"""Runs one script on one of the three runtimes and hands back what it printed.

    python -m tools.runtimes cpython|unix64|wasi32 SCRIPT [ARGUMENT]...

    cpython  this Python, with the stubs of host_tests/stubs/cpython
    unix64   MicroPython's unix port: 64-bit words, real garbage collector
    wasi32   MicroPython for WASI: 32-bit words and 31-bit small integers as on ESP32, no garbage collection, no sockets
The script finds the firmware, umqtt, the stubs and, from the project's folder, `host_tests.fakes` on its path.
"""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"
UMQTT = ROOT / "build" / "umqtt"
STUBS = ROOT / "host_tests" / "stubs"
RUNTIMES = ("cpython", "unix64", "wasi32")
SECONDS = 200  # for a script that takes 20 where nothing else runs


class ScriptFailed(Exception):
    """A script ended with another status than 0, or not at all; the text holds the end of what it said."""


def micropython():
    """Path of the unix port. Raises FileNotFoundError when it is not installed."""
    beside = Path(sys.executable).with_name("micropython")
    if not beside.exists():
        raise FileNotFoundError(f"no {beside.name} beside {sys.executable}: run make setup (there are wheels for x86-64 Linux and ARM macOS)")
    return beside


def run_script(path, runtime, args=(), *, firmware=FIRMWARE, heap=None, clock="virtual", seconds=SECONDS):
    """stdout of the script. `firmware` may be a folder of .mpy files, `heap` is like "160K" (MicroPython only), `clock` is
    the one of tools.wasi, `seconds` is how long it may take. Raises ScriptFailed."""
    path = Path(path).resolve()
    if runtime == "cpython":
        return _subprocess([sys.executable, STUBS / "cpython" / "install.py", path, *args], {"PYTHONPATH": str(ROOT)}, path, seconds)
    if runtime == "unix64":
        entries = [STUBS, UMQTT, firmware, ROOT, ".frozen"]
        options = ["-X", "heapsize=" + (heap or "8M")]
        return _subprocess([micropython(), *options, path, *args], {"MICROPYPATH": ":".join(map(str, entries))}, path, seconds)
    if runtime == "wasi32":
        return _wasi(path, args, Path(firmware), heap or "64M", clock, seconds)
    raise ValueError(f"runtime: expected one of {', '.join(RUNTIMES)}, found {runtime!r}")


def _subprocess(command, environment, script, seconds):
    environment = {**os.environ, "PYTHONUTF8": "1", **environment}
    try:
        done = subprocess.run([str(c) for c in command], env=environment, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise ScriptFailed(f"{script.name} did not end within {seconds} s: look for an endless loop") from None
    return _checked(done.returncode, done.stdout, done.stderr, script)


def _wasi(script, args, firmware, heap, clock, seconds):
    from tools import wasi  # only here: the other runtimes do without wasmtime

    folders = [STUBS / "wasi", STUBS, UMQTT, firmware, ROOT, script.parent]
    guest = {folder: f"/{i}" for i, folder in enumerate(folders) if folder.is_dir()}
    argv = [guest[STUBS / "wasi"] + "/main.py", f"{guest[script.parent]}/{script.name}", *args]
    result = wasi.run(argv, dirs=guest, path=guest.values(), heap=heap, clock=clock, fuel_limit=wasi.FUEL_LIMIT * seconds // SECONDS, seconds=seconds)
    return _checked(result.code, result.stdout, result.stderr, script)


def _checked(code, stdout, stderr, script):
    if code != 0:
        end = "\n".join((stdout + stderr).splitlines()[-25:])
        raise ScriptFailed(f"{script.name} ended with status {code}:\n{end}")
    return stdout


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in RUNTIMES:
        sys.exit(__doc__)
    try:
        sys.stdout.write(run_script(sys.argv[2], sys.argv[1], sys.argv[3:]))
    except ScriptFailed as problem:
        sys.exit(str(problem))
