"""python -m tools.tidy: check the whole project; status 1 when something is to be done. --quiet leaves out the aims."""
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import mpy, runtimes
from tools.tidy import boards, checks, constructs, frames, imports, names, sizes, tables, texts
from tools.tidy.finding import Finding, Source

ROOT = Path(__file__).resolve().parents[2]
_TEXT = {".py", ".md", ".toml", ".ini", ".cfg", ".json", ".jsonl", ".mjs", ".js", ".txt", ".yml", ".yaml", ".csv", ".conf", ".sh", ""}


def project_files(root):
    """Paths of the project's files, what git ignores left out."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"tidy asks git which files there are: {done.stderr.decode().strip()}; run it in a clone")
    names = done.stdout.decode().split("\0")
    return sorted(name for name in names if name and (root / name).is_file())


def read_sources(root, paths):
    return [Source(path, (root / path).read_text(errors="replace")) for path in paths if Path(path).suffix in _TEXT]


def check_sources(sources, paths):
    """Every rule that needs nothing but the texts."""
    folders = {str(parent) for path in paths for parent in Path(path).parents}
    python = [s for s in sources if s.path.endswith(".py")]
    firmware = [s for s in python if s.top == "firmware"]
    own_modules = {s.module for s in firmware}
    for source in sources:
        yield from texts.check_words(source)
        yield from texts.check_links(source, set(paths) | folders)
    for source in python:
        if source.top in tables.LIMITS:
            yield from sizes.check(source)
        if source.top == "host_tests" and Path(source.path).name.startswith("test_"):
            yield from checks.check(source)
    for source in firmware:
        yield from imports.check(source, own_modules)
        yield from constructs.check(source)
        yield from names.check(source)
    yield from imports.check_cycles(firmware)
    yield from boards.check(sources)


def check_compiled(sources, root):
    """What only the compilers know: heap frames and the size on the device."""
    firmware = [s for s in sources if s.top == "firmware" and s.path.endswith(".py")]
    if not firmware:
        return
    yield from frames.check(firmware, root, runtimes.micropython(), tables.ALLOWED_BIG_FRAMES)
    with tempfile.TemporaryDirectory() as folder:
        size = mpy.build(folder, root / "firmware", public=True)
    print(f"info: all modules as .mpy: {size} bytes")
    if size > tables.MPY_LIMIT_BYTES:
        yield Finding("firmware", 1, "size of all .mpy", f"at most {tables.MPY_LIMIT_BYTES} bytes", str(size), "make modules smaller")


def main(arguments):
    paths = project_files(ROOT)
    sources = read_sources(ROOT, paths)
    findings = list(check_sources(sources, paths))
    try:
        findings += check_compiled(sources, ROOT)
    except FileNotFoundError as missing:
        print(f"tidy: heap frames not checked: {missing}", file=sys.stderr)
        return 1
    except (mpy.CompileError, RuntimeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    if "--quiet" not in arguments:
        for source in (s for s in sources if s.path.endswith(".py") and s.top == "firmware"):
            for text in sizes.above_aim(source):
                print("info, longer than the aim:", text)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(sources)} files, {len(findings)} finding{'' if len(findings) == 1 else 's'}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
