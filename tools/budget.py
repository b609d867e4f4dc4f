"""What the firmware costs, told at every build: .mpy bytes of each module, live heap, bytes and operations of a step.

    python -m tools.budget             print it
    python -m tools.budget --check     and fail when anything has grown by more than 2 % since it was stored, or is above its limit
    python -m tools.budget --store     remember it in host_tests/golden; say why in the same commit
"""
import argparse
import json
import sys
import tempfile
from pathlib import Path

from tools import bench, heap, mpy, runtimes

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "host_tests" / "golden" / "modules.json"
# Of the numbers of the bench those that repeat exactly and take seconds.
NAMES = (
    "mpy_bytes", "live_heap_bytes_32", "live_heap_broker_bytes_32", "steady_bytes_32", "steady_total_bytes_32", "step_ops", "step_ops_two",
    "longest_step_ops_32",
)  # fmt: skip
SMALL_BYTES = 64  # a line more in a small module is no growth
COLUMNS = 4


def modules():
    """{module: bytes of its .mpy if it were one of its own}, by name; on a device many are one, see tools.merge."""
    with tempfile.TemporaryDirectory() as folder:
        mpy.build(folder, public=True, merged=False)
        paths = sorted(Path(folder).rglob("*.mpy"))
        return {path.relative_to(folder).with_suffix("").as_posix().replace("/", "."): path.stat().st_size for path in paths}


def stored():
    return json.loads(MODULES.read_text()) if MODULES.exists() else {}


def grown(found, before):
    """Texts about modules that have grown by more than they may; new ones and smaller ones are welcome."""
    for name, size in found.items():
        old = before.get(name, size)
        if size > old * (1 + bench.GROWTH_LIMIT) and size - old > SMALL_BYTES:
            yield (
                f"{name}: expected at most {old} + {bench.GROWTH_LIMIT:.0%} bytes of .mpy, found {size}; reduce it, or store the new"
                " value with python -m tools.budget --store and say why in the same commit"
            )


def table(found, before):
    """Lines: each module with its bytes, and by how much that has changed."""
    cells = []
    for name, size in found.items():
        change = size - before.get(name, 0)
        cells.append(f"{name} {size}" + (f" ({change:+})" if change else ""))
    width = max(map(len, cells)) + 2
    rows = [cells[i : i + COLUMNS] for i in range(0, len(cells), COLUMNS)]
    return ["".join(cell.ljust(width) for cell in row).rstrip() for row in rows]


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.budget", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail when anything has grown by more than 2 %%, or is above its limit")
    parser.add_argument("--store", action="store_true", help="remember what was found in host_tests/golden")
    options = parser.parse_args(arguments)
    try:
        found, before = modules(), stored()
        print("\n".join(table(found, before)))
        problems = list(grown(found, before))
        numbers, budget = {}, bench.read_budget()
        for name, value in bench.measure(NAMES):
            old = budget.get(name, {}).get("value")
            numbers[name] = value
            print(f"{name}: {value:,} {bench.NAMES[name][0]}, stored: {'none' if old is None else format(old, ',')}")
            problems += bench.problems(name, value, old)
    except (RuntimeError, heap.HeapError, mpy.CompileError, runtimes.ScriptFailed, OSError) as problem:
        sys.exit(f"budget: {problem}")
    if options.store:
        bench.store(numbers)
        MODULES.write_text(json.dumps(found, indent=1) + "\n")
        print("budget: stored in host_tests/golden; now run python -m tools.readme, which shows the numbers", file=sys.stderr)
        return 0
    for text in problems if options.check else ():
        print("budget:", text, file=sys.stderr)
    return 1 if options.check and problems else 0


if __name__ == "__main__":
    sys.exit(main())
