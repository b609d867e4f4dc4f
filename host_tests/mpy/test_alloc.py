"""Every alloc_*.py measures steady states on 64 and on 32 bit and prints one JSON line each; nothing may be allocated.

A line: {"name": ..., "lock": true, "net": 0, "total": N, "total_limit": M}
    lock   it ran under micropython.heap_lock
    net    growth of gc.mem_alloc in bytes
    total  growth of micropython.mem_total in bytes: frames that went to the heap show only here; total_limit is 0 when left out
"""
import json
from pathlib import Path

import pytest

from tools import runtimes

SCRIPTS = sorted(Path(__file__).parent.glob("alloc_*.py"))
NEED_SOCKETS = ("alloc_net", "alloc_listener")  # which the 32-bit port has not
RUNS = [(script, runtime) for script in SCRIPTS for runtime in ("unix64", "wasi32") if runtime == "unix64" or script.stem not in NEED_SOCKETS]


def problems(line):
    """What is wrong with a measurement: texts, none when all is well."""
    missing = {"name", "lock", "net", "total"} - set(line)
    if missing:
        yield f"does not say {', '.join(sorted(missing))}: print the line that this file describes"
        return
    limit = line.get("total_limit", 0)
    if line["lock"] is not True:
        yield "allocates under heap_lock"
    if line["net"] != 0:
        yield f"leaves {line['net']} bytes"
    if line["total"] > limit:
        yield f"asks for {line['total']} bytes in all, limit {limit}"


def measured(script, runtime):
    lines = runtimes.run_script(script, runtime).splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_there_are_measurements():
    assert SCRIPTS, "no alloc_*.py beside this file: nothing was measured"


@pytest.mark.parametrize("script, runtime", RUNS, ids=[f"{script.stem}-{runtime}" for script, runtime in RUNS])
def test_steady_state_allocates_nothing(script, runtime):
    lines = measured(script, runtime)
    assert lines, "the script printed no measurement"

    found = []
    for line in lines:
        print(runtime, json.dumps(line))
        found += [f"{line.get('name')} {problem}" for problem in problems(line)]
    assert found == []


@pytest.mark.parametrize(
    "line, count",
    [
        ({"name": "good", "lock": True, "net": 0, "total": 0}, 0),
        ({"name": "known frames", "lock": True, "net": 0, "total": 72, "total_limit": 72}, 0),
        ({"name": "locked out", "lock": False, "net": 0, "total": 0}, 1),
        ({"name": "leak", "lock": True, "net": 32, "total": 32}, 2),
        ({"name": "frame", "lock": True, "net": 0, "total": 72}, 1),
        ({"name": "half a line", "net": 0, "total": 0}, 1),
        ({"name": "negative", "lock": True, "net": -16, "total": 0}, 1),
    ],
)
def test_the_limits_are_applied(line, count):
    assert len(list(problems(line))) == count


SELF_CHECK = """
import gc, json, micropython


def nothing():
    pass


def overflow():
    return 0x3ffffff0 + ADD


def big_frame():
    a = b = c = d = e = f = g = h = i = j = k = l = 1
    return a + b + c + d + e + f + g + h + i + j + k + l


ADD = 1000


def measure(name, function):
    gc.disable()
    function()
    net, total = gc.mem_alloc(), micropython.mem_total()
    function()
    net, total = gc.mem_alloc() - net, micropython.mem_total() - total
    micropython.heap_lock()
    try:
        function()
        lock = True
    except MemoryError:
        lock = False
    micropython.heap_unlock()
    print(json.dumps({"name": name, "lock": lock, "net": net, "total": total}))


for test in (nothing, overflow, big_frame):
    measure(test.__name__, test)
"""


@pytest.mark.parametrize(
    "runtime, guilty", [("unix64", ["big_frame"]), ("wasi32", ["big_frame", "overflow"])]
)
def test_the_method_sees_what_it_must_see(tmp_path, runtime, guilty):
    script = tmp_path / "self_check.py"
    script.write_text(SELF_CHECK)

    lines = measured(script, runtime)

    assert len(lines) == 3
    assert sorted(line["name"] for line in lines if list(problems(line))) == guilty
