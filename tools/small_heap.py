"""Does everything fit into the heap of an ESP32? A whole box with every slot taken, then a Modbus client, then a visitor of its page.

    python -m tools.small_heap [SUBSCRIBERS]    so many instead of every slot

On 32-bit MicroPython, all modules as .mpy: what lives, and what is needed at most while somebody comes in. Floor and app are counted;
the driver objects of the chip (UART, pins, sockets), which lie outside of what a test can build, are not.
"""
import sys
from pathlib import Path

from tools import heap

SCRIPTS = Path(__file__).resolve().parents[1] / "host_tests" / "mpy"
WHOLE, PARTS = SCRIPTS / "whole_box.py", (SCRIPTS / "build_gateway.py", SCRIPTS / "subscribers.py")
HEAP_BYTES = 145_000  # what a stock ESP32 without PSRAM has left for Python with Wi-Fi
LIFE = {
    "two_seconds": '["seconds"](2)',
    "modbus": '["call_modbus"]()',
    "page": '["call_page"]()',
    "page_again": '["call_page"]()',
    "end": '["seconds"](2)',
}


def measure(subscribers=""):
    """{what: bytes}: `floor`, `box`, and of every step of LIFE `NAME_high` and `NAME_live`, each with the floor. Raises heap.HeapError."""
    files = heap.device_files(extra=[WHOLE, *PARTS])
    files[f"/lib/host_tests/mpy/{PARTS[1].stem}.mpy"] = files[f"/lib/{PARTS[1].stem}.mpy"]
    stub = "import sys\nclass M: pass\nsys.modules['machine'] = M()\n"
    empty = heap.measure(stub, files)["live"]
    floor = heap.measure(stub + "import failsafe", files)["live"] - empty
    start = f"import sys\nsys.argv[:] = {['x', *str(subscribers).split()]}\nimport {WHOLE.stem}"
    found = heap.measure(start, files, ["import steps; steps" + step for step in LIFE.values()])
    result = {"floor": floor, "box": found["live"] - found["baseline"] + floor}
    for name, step in zip(LIFE, found["then"], strict=True):
        result[f"{name}_high"] = step["high"] - found["baseline"] + floor
        result[f"{name}_live"] = step["live"] - found["baseline"] + floor
    return result


def main():
    try:
        found = measure(*sys.argv[1:2])
    except heap.HeapError as problem:
        sys.exit(str(problem))
    for name, size in found.items():
        print(f"{name}: {size:,} bytes")
    print(f"an ESP32 has {HEAP_BYTES:,}; `high` is with what a collection would give back")


if __name__ == "__main__":
    sys.exit(main())
