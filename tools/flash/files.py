"""Which files a board gets: the floor in its root, and the application as one of two versions beside each other.

    active.txt "fw_a"  ---- flash: fills fw_b, checks it ---->  "fw_b fw_a"
    "fw_b fw_a"        ---- three starts that come to nothing: the floor ---->  "fw_a"
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tools import mpy
from tools.flash import FlashError

ACTIVE = "active.txt"
FOLDERS = ("fw_a", "fw_b")
FLOOR = ("failsafe.mpy", "boot.py", "main.py")  # in the order of writing: main.py starts nothing that is not there


def compiled(folder):
    """(floor, application): {path: bytes}. Raises FlashError."""
    try:
        mpy.build(folder, public=True)
    except mpy.CompileError as error:
        raise FlashError(f"the firmware does not compile: {error}") from error
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}
    return {name: files[name] for name in FLOOR}, {name: data for name, data in files.items() if name not in FLOOR}


@dataclass(frozen=True)
class Plan:
    """How `target` becomes the application: sent over the cable, cloned from the other version, removed. Nothing: it is there."""

    target: str
    older: str
    send: tuple
    clone: tuple
    remove: tuple
    active: str


def sha256(data):
    return hashlib.sha256(data).digest()


def changed(files, found):
    """Names of files that are not there as they are here, in order."""
    return tuple(name for name, data in files.items() if found.get(name) != sha256(data))


def plan(application, active, hashes):
    """active: words of active.txt. hashes: {folder: {path: SHA-256}} of both versions."""
    current = active[0] if active and active[0] in FOLDERS else ""
    if current and not changed(application, hashes[current]):
        return Plan(current, "", (), (), (), " ".join(active))
    target = FOLDERS[1] if current == FOLDERS[0] else FOLDERS[0]
    wanted = changed(application, hashes[target])
    there = hashes.get(current, {})
    clone = tuple(name for name in wanted if there.get(name) == sha256(application[name]))
    send = tuple(name for name in wanted if name not in clone)
    remove = tuple(sorted(set(hashes[target]) - set(application)))
    return Plan(target, current, send, clone, remove, f"{target} {current}".strip())


def folders(target, names):
    """Every folder that must be there, outer first."""
    needed = {target}
    for name in names:
        parts = name.split("/")[:-1]
        needed.update("/".join([target, *parts[: i + 1]]) for i in range(len(parts)))
    return sorted(needed)
