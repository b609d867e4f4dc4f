"""Makes the firmware run on CPython: call install() once, then import firmware modules by their own names.

Only code that comes from the firmware (or from umqtt) sees MicroPython's socket, select and _thread: its modules are loaded
with an `__import__` of their own. pytest, paho, asyncio in the same interpreter keep the real ones. What MicroPython adds to
time, gc and sys is added to the real modules, nothing is replaced there.
"""
import builtins
import gc
import importlib
import importlib.machinery
import os
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FIRMWARE = ROOT / "firmware"
UMQTT = ROOT / "build" / "umqtt"

TICKS_PERIOD = 1 << 30
_import = builtins.__import__

_OTHER_NAMES = {
    "socket": "mpy_socket",
    "usocket": "mpy_socket",
    "select": "mpy_select",
    "uselect": "mpy_select",
    "_thread": "mpy_thread",
    "ustruct": "struct",
    "ubinascii": "binascii",
    "utime": "time",
    "uos": "os",
    "ujson": "json",
    "uerrno": "errno",
}


def install():
    """Put finder, stubs and the additions to time, gc and sys in place. A second call changes nothing."""
    if any(type(finder).__name__ == "_FirmwareFinder" for finder in sys.meta_path):  # by name: this file may be loaded twice
        return
    # last, so that nothing of an installed package is hidden; the finder below comes first for the firmware's own names
    sys.path += [str(HERE), str(HERE.parent)]
    sys.meta_path.insert(0, _FirmwareFinder([str(FIRMWARE), str(UMQTT)]))
    if sys.implementation.name == "pypy":
        builtins.__import__ = _import_for_any
    _add_to_time()
    _add_to_gc()
    sys.print_exception = lambda exc, file=None: traceback.print_exception(exc, file=file or sys.stdout)


def run(path, args=()):
    """Run a script as MicroPython would: as __main__, with MicroPython's modules and sys.argv = [path, *args]."""
    sys.argv = [str(path), *args]
    sys.path.insert(0, str(Path(path).resolve().parent))
    code = compile(Path(path).read_bytes(), str(path), "exec")
    exec(code, {"__name__": "__main__", "__file__": str(path), "__builtins__": _builtins()})


def _import_for_any(name, globals=None, locals=None, fromlist=(), level=0):
    """PyPy has one `__import__` for all modules: it looks who asks."""
    ours = globals is not None and isinstance(globals.get("__loader__"), _FirmwareLoader)
    return (_firmware_import if ours else _import)(name, globals, locals, fromlist, level)


def _firmware_import(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and name in _OTHER_NAMES:
        return importlib.import_module(_OTHER_NAMES[name])
    return _import(name, globals, locals, fromlist, level)


def _builtins():
    return {**vars(builtins), "__import__": _firmware_import}


class _FirmwareLoader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module):
        module.__dict__["__builtins__"] = _builtins()
        super().exec_module(module)


class _FirmwareFinder:
    """Finds modules below the given folders and gives them the loader above; knows nothing of anything else."""

    def __init__(self, folders):
        self._folders = folders

    def find_spec(self, name, path=None, target=None):
        folders = self._folders if path is None else [p for p in path if self._is_ours(p)]
        spec = importlib.machinery.PathFinder.find_spec(name, folders) if folders else None
        if spec is not None and spec.origin is not None:
            spec.loader = _FirmwareLoader(spec.loader.name, spec.loader.path)
        return spec

    def _is_ours(self, place):
        return any(place.startswith(folder + os.sep) for folder in self._folders)


def _add_to_time():
    half = TICKS_PERIOD // 2
    time.ticks_ms = lambda: time.monotonic_ns() // 1000000 % TICKS_PERIOD
    time.ticks_us = lambda: time.monotonic_ns() // 1000 % TICKS_PERIOD
    time.ticks_add = lambda ticks, delta: (ticks + delta) % TICKS_PERIOD
    time.ticks_diff = lambda new, old: (new - old + half) % TICKS_PERIOD - half
    time.sleep_ms = lambda ms: time.sleep(ms / 1000)
    time.sleep_us = lambda us: time.sleep(us / 1000000)


def _add_to_gc():
    """CPython has no figures of this kind: nothing is in use and there is always enough."""
    gc.mem_alloc = lambda: 0
    gc.mem_free = lambda: 128 * 1024
    gc.threshold = lambda amount=-1: -1


if __name__ == "__main__":
    # `python install.py SCRIPT ARGS...`; this file is __main__ here, so that the script may import it under its own name
    install()
    run(sys.argv[1], sys.argv[2:])
