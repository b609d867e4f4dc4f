"""MicroPython itself: which one a board needs, and esptool, which writes it."""

import hashlib
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tools import board_data
from tools.flash import FlashError, stock

OLDEST = (1, 26, 0)  # the one the firmware was looked at on
ABI = 6  # of .mpy, what mpy-cross writes
WRITE_BAUD = 460800
ESPTOOL_S = 300
_CHIP = re.compile(r"Connected to (\S+) on")
_SIZE = re.compile(r"Detected flash size: (\d+)MB")


def old(facts):
    """What is wrong with the MicroPython on the board, as text; None when it is fine."""
    if facts["abi"] != ABI:
        return f"it loads .mpy files of version {facts['abi']}, the firmware has {ABI}"
    if tuple(facts["version"]) < OLDEST:
        return f"it is {_dotted(facts['version'])}, the firmware needs {_dotted(OLDEST)} or newer"
    return None


def _dotted(version):
    return ".".join(map(str, version))


def wrong_chip(facts, about):
    """Text when MicroPython says that this is another chip than the board's; None otherwise, and where it can not know."""
    if facts["platform"] != "esp32":
        return None
    chip = facts["machine"].rpartition(" with ")[2].replace("-", "")
    if chip == about["chip"].replace("-", ""):
        return None
    return f"the board has an {chip}, expected {about['chip']} ({about['title']}): is BOARD right, and the port?"


def fetch(source, sha256, about):
    """The path of an image that somebody names: a file, or an address that is downloaded once. Its SHA-256 is checked where one is given.
    Raises FlashError."""
    if re.match(r"https?://", source):
        path = _download(source, sha256)
    else:
        path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FlashError(f"{path}: can not be read ({error.strerror}): name the .bin file of MicroPython") from error
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256.lower():
        raise FlashError(f"{path}: expected SHA-256 {sha256}, found {found}: do not use it, download it again")
    stock.examine(data, about, path)
    return path


def _download(address, sha256):
    if not sha256:
        raise FlashError(f"{address}: expected --image-sha256 with it: a download that nobody checks is not written to a wallbox")
    path = stock.CACHE / address.rpartition("/")[2]
    if not path.exists():
        stock.CACHE.mkdir(parents=True, exist_ok=True)
        try:
            with urllib.request.urlopen(address, timeout=60) as response:
                path.write_bytes(response.read())
        except (urllib.error.URLError, OSError) as error:
            raise FlashError(f"{address}: can not be downloaded ({error}): download it yourself and name the file with --image") from error
    return path


def check_chip(port, about, run=None):
    """The chip and its flash are what the board's data says. The board is in its boot loader meanwhile. Raises FlashError."""
    text = (run or esptool)("--port", port, "flash-id")
    chip, size = _CHIP.search(text), _SIZE.search(text)
    name = chip and chip[1]
    if name != about["chip"]:
        raise FlashError(f"the board has {'an ' + name if name else 'a chip that esptool does not name'}, expected {about['chip']}: is BOARD right, and the port?")
    if not size or int(size[1]) < about["flash_mb"]:
        found = f"{size[1]} MB" if size else "a size that esptool can not tell"
        raise FlashError(f"the flash has {found}, expected at least {about['flash_mb']} MB: this image does not fit, use another board")


def write(port, about, path, erase, run=None):
    """Raises FlashError."""
    run = run or esptool
    if erase:
        run("--port", port, "erase-flash")
    offset = hex(board_data.CHIPS[about["chip"]].image_offset)
    run("--port", port, "--baud", str(WRITE_BAUD), "write-flash", offset, str(path))


def esptool(*arguments):
    """What it printed. Raises FlashError with its last words."""
    command = [sys.executable, "-m", "esptool", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ESPTOOL_S)
    except subprocess.TimeoutExpired as error:
        raise FlashError(f"esptool did not end within {ESPTOOL_S} s: unplug the board, plug it in, and run it again") from error
    if done.returncode != 0:
        last = ([line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["nothing"])[-1]
        todo = "hold BOOT (or IO0 to GND) while you plug the board in, let go, and run it again"
        raise FlashError(f"esptool says: {last.strip()}: {todo}")
    return done.stdout
