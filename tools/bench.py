"""The numbers of the firmware, one JSON object per line: name, value, unit, limit.

    python -m tools.bench [NAME...]           measure and print them (all: about a minute)
    python -m tools.bench --check [NAME...]   and fail when one is above its limit, or has grown by more than 2 %
    python -m tools.bench --store [NAME...]   and remember them in host_tests/golden/budget.json, with the reason in the same commit
"""
import argparse
import json
import math
import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from host_tests.fakes import broker_link
from host_tests.stubs.cpython import install
from tools import bench_broker, bench_modbus, heap, mpy, runtimes

ROOT = Path(__file__).resolve().parents[1]
BUDGET = ROOT / "host_tests" / "golden" / "budget.json"
SCRIPTS = ROOT / "host_tests" / "mpy"
GROWTH_LIMIT = 0.02
RUNS = 200
LIVES, LIFE_S = 3, 100  # for the speed of the simulation
SET = b"openWB/set/internal_chargepoint/"

# name: unit, limit (None: none), gated against growth (only what repeats exactly), what it is
NAMES = {
    "steady_bytes_32": ("bytes", 0, False, "left on the heap by 1,000 steady steps, 32 bit, one and two charge points"),
    "steady_bytes_64": ("bytes", 0, False, "the same on 64 bit"),
    "steady_total_bytes_32": ("bytes", 0, False, "asked for in all by them: what is freed at once and frames on the heap included"),
    "step_ops": ("operations", None, True, "mean of a steady step, 32 bit, one charge point"),
    "step_ops_two": ("operations", None, True, "the same with two charge points"),
    "longest_step_ops_32": ("operations", None, True, "longest step, those with a heartbeat, an echo or a new connection included"),
    "bus_cycle_ratio": ("", 1.05, False, "one point, fast plan, 20 ms latency, 10 ms gap: measured over calculated"),
    "set_to_bus_p99_ms": ("ms", 150, False, "set point at the client's link to the end of its frame; no fault, 1 reply of 20 damaged, 60 ms latency, silent meter"),
    "set_to_bus_harsh_p99_ms": ("ms", None, False, "the same with 1 reply of 4 damaged, and with 120 ms latency"),
    "cutoff_lag_worst_ms": ("ms", 1500, False, "heartbeat limit to the end of the first 0 A frame; all those faults, EVSE deaf for 2 s, broker dead"),
    "confirmed_or_cp_open_worst_ms": (
        "ms", 4500, False, "heartbeat limit until 0 A was read back or the CP relay is open; all those, wire cut, EVSE that ignores writes",
    ),
    "zero_frame_after_reset_ms": (
        "ms", 100, False, "first line of boot.py to the end of the first 0 A frame, time of the wire; 1,500 ms assumed for the chip before it are not counted",
    ),
    "sim_seconds_per_second": ("", None, False, "checked lives of the swarm, on one processor of this machine and CPython; `make sim` uses PyPy"),
    "sim_steps_per_second": ("", None, False, "steps of the gateway in them"),
    "longest_step_ms": ("ms", 250, False, "unix MicroPython with real sockets, on this machine"),
    "live_heap_bytes_32": ("bytes", 90 * 1024, True, "client door, modules as .mpy, after a collection; without umqtt (frozen in the image) and the edge to the chip"),
    "mpy_bytes": ("bytes", 192 * 1024, True, "all modules as .mpy"),
    **bench_broker.NAMES,
    **bench_modbus.NAMES,
}  # fmt: skip


# --- how each is measured: functions that return {name: value} ---


def _script_lines(name, runtime, **options):
    text = runtimes.run_script(SCRIPTS / name, runtime, **options)
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def steady_bytes():
    lines_32 = _script_lines("alloc_gateway.py", "wasi32")
    lines_64 = _script_lines("alloc_gateway.py", "unix64")
    return {
        "steady_bytes_32": max(line["net"] for line in lines_32),
        "steady_bytes_64": max(line["net"] for line in lines_64),
        "steady_total_bytes_32": max(line["total"] for line in lines_32),
    }


def operations():
    one, two = _script_lines("bench_steps.py", "wasi32", clock="fuel")
    return {
        "step_ops": one["step_ops"],
        "step_ops_two": two["step_ops"],
        "longest_step_ops_32": max(one["longest_step_ops"], two["longest_step_ops"]),
    }


def bus_cycle():
    install.install()
    from host_tests.sim import timing

    measured_ms, calculated_ms = timing.bus_cycle()
    return {"bus_cycle_ratio": round(measured_ms / calculated_ms, 4)}


def set_to_bus():
    install.install()
    from host_tests.sim import timing

    return {
        "set_to_bus_p99_ms": _p99(timing.set_to_bus_ms, timing.SET_FAULTS),
        "set_to_bus_harsh_p99_ms": _p99(timing.set_to_bus_ms, timing.HARSH_FAULTS),
    }


def _p99(function, faults):
    found = _spread(function, [(seed, fault) for seed in range(RUNS) for fault in faults])
    return round(sorted(found)[math.ceil(0.99 * len(found)) - 1], 1)


def cut_off():
    install.install()
    from host_tests.sim import timing

    found = _spread(timing.cut_off_lag_ms, [(seed, timing.CUT_FAULTS[seed % len(timing.CUT_FAULTS)]) for seed in range(RUNS)])
    return {"cutoff_lag_worst_ms": round(max(found), 1)}


def stop():
    install.install()
    from host_tests.sim import timing

    found = _spread(timing.stop_lag_ms, [(seed, timing.STOP_FAULTS[seed % len(timing.STOP_FAULTS)]) for seed in range(RUNS)])
    return {"confirmed_or_cp_open_worst_ms": round(max(found), 1)}


def zero_frame():
    install.install()
    from host_tests.sim import timing

    took_ms, _ = timing.zero_frame_after_reset_ms()
    return {"zero_frame_after_reset_ms": round(took_ms, 1)}


def sim_speed():
    install.install()
    from host_tests.sim import timing

    start_s = time.perf_counter()
    seconds, steps = timing.speed(LIVES, LIFE_S)
    took_s = time.perf_counter() - start_s
    return {"sim_seconds_per_second": round(seconds / took_s), "sim_steps_per_second": round(steps / took_s)}


def _spread(function, arguments):
    """function(*a) for every a in arguments, on all processors."""
    with ProcessPoolExecutor(initializer=install.install) as pool:
        return list(pool.map(function, *zip(*arguments), chunksize=10))


def longest_step():
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as folder:
        mpy.build(folder)
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        port = str(server.getsockname()[1])
        (line,) = _script_lines("bench_sockets.py", "unix64", args=[port], heap="512K", firmware=folder)
    if line["connects"] < 2:
        raise RuntimeError("the gateway did not connect twice: nothing was measured; look at host_tests/mpy/bench_sockets.py")
    return {"longest_step_ms": line["longest_step_ms"]}


def _serve(server):
    """A broker that talks, then sends half a packet and hangs up; again and again until the server is closed."""
    beat = 1795327212
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        talk = broker_link.Conversation()
        connection.settimeout(0.2)
        with connection:
            for _ in range(1000):
                try:
                    data = connection.recv(4096)
                    if not data:
                        break
                    connection.sendall(talk.receive(data))
                except TimeoutError:
                    beat += 1
                    connection.sendall(broker_link.publish(SET + b"global_data", b'{"heartbeat": %d.5}' % beat))
                    connection.sendall(broker_link.publish(SET + b"0/data/set_current", b"16"))
                except OSError:
                    break
                if len(talk.packets) > 60:
                    connection.sendall(b"\x30\x20\x00")
                    break


def live_heap():
    return {"live_heap_bytes_32": heap.live_heap(SCRIPTS / "build_gateway.py")}


def mpy_size():
    with tempfile.TemporaryDirectory() as folder:
        return {"mpy_bytes": mpy.build(folder, public=True)}


MEASURES = {
    steady_bytes: ("steady_bytes_32", "steady_bytes_64", "steady_total_bytes_32"),
    operations: ("step_ops", "step_ops_two", "longest_step_ops_32"),
    bus_cycle: ("bus_cycle_ratio",),
    set_to_bus: ("set_to_bus_p99_ms", "set_to_bus_harsh_p99_ms"),
    cut_off: ("cutoff_lag_worst_ms",),
    stop: ("confirmed_or_cp_open_worst_ms",),
    zero_frame: ("zero_frame_after_reset_ms",),
    sim_speed: ("sim_seconds_per_second", "sim_steps_per_second"),
    longest_step: ("longest_step_ms",),
    live_heap: ("live_heap_bytes_32",),
    mpy_size: ("mpy_bytes",),
    **bench_broker.MEASURES,
    **bench_modbus.MEASURES,
}  # fmt: skip


# --- what they are held against ---


def measure(names):
    """Yields (name, value) of the asked names, in the order of NAMES. Raises RuntimeError (its kinds too) with what is missing."""
    for function, given in MEASURES.items():
        if any(name in names for name in given):
            for name, value in function().items():
                if name in names:
                    yield name, value


def problems(name, value, stored):
    """What is wrong with a value, as texts; `stored` is the number of the budget or None."""
    limit = NAMES[name][1]
    if limit is not None and value > limit:
        yield f"{name}: expected at most {limit}, found {value}; reduce it"
    if not NAMES[name][2]:
        return
    if stored is None:
        yield f"{name}: expected a stored value, found none in {BUDGET.name}; run python -m tools.bench --store {name}"
    elif value > stored * (1 + GROWTH_LIMIT):
        yield (
            f"{name}: expected at most {stored} + {GROWTH_LIMIT:.0%}, found {value}; reduce it, or store the new value "
            f"with python -m tools.bench --store {name} and say why in the same commit"
        )


def read_budget():
    """{name: {"value": ..., "unit": ..., "limit": ...}} as last stored."""
    return json.loads(BUDGET.read_text()) if BUDGET.exists() else {}


def as_entry(name, value):
    unit, limit, _, _ = NAMES[name]
    return {"value": value, "unit": unit, "limit": limit}


def store(values):
    """Keep these values; those of other names stay."""
    budget = {**read_budget(), **{name: as_entry(name, value) for name, value in values.items()}}
    ordered = {name: budget[name] for name in NAMES if name in budget}
    BUDGET.write_text("{\n" + ",\n".join(f"  {json.dumps(n)}: {json.dumps(e)}" for n, e in ordered.items()) + "\n}\n")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description="The numbers of the firmware, one JSON object per line.")
    parser.add_argument("--check", action="store_true", help="fail when a number is above its limit or has grown by more than 2 %%")
    parser.add_argument("--store", action="store_true", help=f"remember the numbers in {BUDGET.relative_to(ROOT)}")
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of them: " + ", ".join(NAMES))
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in NAMES:
            parser.error(f"unknown name {name}: use {', '.join(NAMES)}")
    budget, values, found = read_budget(), {}, []
    try:
        for name, value in measure(options.names or NAMES):
            values[name] = value
            print(json.dumps({"name": name, **as_entry(name, value)}), flush=True)
            found += problems(name, value, budget.get(name, {}).get("value"))
    except (RuntimeError, heap.HeapError, mpy.CompileError, runtimes.ScriptFailed, OSError) as problem:
        sys.exit(f"bench: {problem}")
    if options.store:
        store(values)
        print(f"bench: stored in {BUDGET.relative_to(ROOT)}; now run python -m tools.readme, which shows the numbers", file=sys.stderr)
        return 0
    for text in found if options.check else ():
        print("bench:", text, file=sys.stderr)
    return 1 if options.check and found else 0


if __name__ == "__main__":
    sys.exit(main())
