"""Bytes of heap that live on a 32-bit MicroPython after a script has built something and kept it in a global variable.

    python -m tools.heap SCRIPT

Measured with npm's MicroPython under node (its collector works, unlike the WASI port's): all modules as .mpy, after a
collection. umqtt does not count: stock images have it frozen. Neither do the modules that need a real chip (app, board, net, ...).
"""
import json
import shutil
import subprocess
import sys
from pathlib import Path

from tools import mpy

ROOT = Path(__file__).resolve().parents[1]
NPM = ROOT / "build" / "npm"
PACKAGE = "@micropython/micropython-webassembly-pyscript"
VERSION = "1.27.0"
INTEGRITY = "sha512-DnXx4EqxgkeaFESrS3uKrL7mLMk4mRTd0mMzaOd3HUSiZUOAE7t11uLnjf3ftF87N2xm4knHnWEKcVK4IYIUDA=="
INSTALL = f"npm install --prefix build/npm --no-audit --no-fund --save-exact {PACKAGE}@{VERSION}"


class HeapError(Exception):
    """The text says what is missing or went wrong, and what to do."""


def install():
    """Fetch the interpreter into build/npm; nothing is done when it is there. Raises HeapError."""
    if _installed_integrity() == INTEGRITY:
        return
    if not shutil.which("npm"):
        raise HeapError("npm is missing: install node 18 or newer (as root: apt-get install -y nodejs npm), then try again")
    NPM.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(INSTALL.split(), cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise HeapError(f"{INSTALL} failed: {done.stderr.strip()}")
    if _installed_integrity() != INTEGRITY:
        raise HeapError(f"{PACKAGE}@{VERSION} is not what it was: expected {INTEGRITY}; remove build/npm and look what npm delivers")


def measure(script, files, then=()):
    """Run the text `script` with `files` ({path inside: path here}; /lib is on its path), then those of `then` one by one.

    Returns {"baseline": bytes live before, "live": bytes live after, "printed": lines, "then": [{"high": with garbage, "live": after}]}.
    Raises HeapError.
    """
    install()
    node = shutil.which("node")
    if not node:
        raise HeapError("node is missing: install node 18 or newer (as root: apt-get install -y nodejs npm), then try again")
    module = NPM / "node_modules" / PACKAGE / "micropython.mjs"
    job = {"module": str(module), "script": script, "then": list(then), "files": {inside: str(outside) for inside, outside in files.items()}}
    done = subprocess.run([node, ROOT / "tools" / "live_heap.mjs"], input=json.dumps(job), capture_output=True, text=True)
    if done.returncode != 0:
        raise HeapError(f"the script failed on npm's MicroPython:\n{done.stderr[-1500:]}")
    return json.loads(done.stdout)


def device_files(build=ROOT / "build" / "heap", extra=()):
    """What a gateway needs besides the script: firmware and umqtt as .mpy, and `usocket`, which this port lacks.

    extra: more sources, by their own names. Where there are any, all names are as short as on a device.
    """
    files = {}
    for source in (mpy.FIRMWARE, ROOT / "build" / "umqtt", ROOT / "host_tests" / "stubs" / "wasi"):
        ours = source is mpy.FIRMWARE
        dest = build / (source.name + "_".join([""] + [Path(path).stem for path in extra if ours]))
        mpy.build(dest, source, extra if ours else (), public=ours and bool(extra))
        files.update({f"/lib/{path.relative_to(dest).as_posix()}": path for path in dest.rglob("*.mpy")})
    return files


def live_heap(script):
    """Bytes that the script file keeps alive, those of the interpreter and of umqtt left out."""
    files = device_files(extra=[script])
    frozen = measure("import umqtt.simple", files)
    return measure(f"import {Path(script).stem}", files)["live"] - frozen["live"]


def _installed_integrity():
    try:
        lock = json.loads((NPM / "package-lock.json").read_text())
        return lock["packages"][f"node_modules/{PACKAGE}"]["integrity"]
    except (OSError, ValueError, KeyError):
        return None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(live_heap(sys.argv[1]), "bytes")
    except HeapError as problem:
        sys.exit(str(problem))
