"""What repeats exactly, on MicroPython with the words of an ESP32: operations and bytes of a cycle, live heap. Not on CPython: it counts neither."""

import json
from pathlib import Path

from tools import heap, runtimes
from tools.compare import stock
from tools.compare.contenders import OURS, STOCK

HERE = Path(__file__).resolve().parent
BUILD_GATEWAY = runtimes.ROOT / "host_tests" / "mpy" / "build_gateway.py"
_EMPTY = """
import sys, on32_stubs
silence = on32_stubs.Silence()
on32_stubs.install(silence, silence)
import json, os, struct, umqtt.simple
"""
_BOX = """
import stock_program
box = stock_program.Box({"prefix": "", "heartbeat_limit_s": 60, "mqtt_port": 1883, "modbus_port": 1502})
box.cycle()
"""


def per_cycle():
    """{contender: {name: number}} of on32_parts.measure."""
    stock.install()
    ours = runtimes.run_script(HERE / "on32_ours.py", "wasi32", clock="fuel")
    theirs = runtimes.run_script(HERE / "on32_stock.py", "wasi32", clock="fuel")
    found = {OURS: json.loads(ours), STOCK: json.loads(theirs)}
    for numbers in found.values():
        numbers["bus_cycle_ratio_virtual"] = numbers.pop("bus_cycle_permille") / 1000
    return found


def live_heap():
    """{contender: {name: number}}: bytes that live after a collection, umqtt not counted, as stock images have it frozen. Raises HeapError."""
    files = {f"/lib/{path.relative_to(stock.COMPILED).as_posix()}": path for path in stock.build().rglob("*.mpy")}
    files["/lib/on32_stubs.py"] = HERE / "on32_stubs.py"
    empty = heap.measure(_EMPTY, files)["live"]
    return {OURS: {"live_heap_bytes_32": heap.live_heap(BUILD_GATEWAY)}, STOCK: {"live_heap_bytes_32": heap.measure(_EMPTY + _BOX, files)["live"] - empty}}


if __name__ == "__main__":
    print(per_cycle(), live_heap())
