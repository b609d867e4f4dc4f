"""MicroPython's stock image for a board: downloaded when somebody agrees, looked at with esptool, and remembered by its SHA-256.

The project names no checksum of an image yet: nobody has seen one of them on a board. A checksum in a board's about.json
("image_sha256") would win; until then the first download is remembered in build/images/pins.json, and another one refused.
"""

import contextlib
import hashlib
import http.client
import io
import json
import struct
import urllib.request
from pathlib import Path

from tools import board_data
from tools.flash import FlashError

VERSION, RELEASED = "1.26.1", "20250911"  # the one that the firmware was looked at on
FIRMWARE = "https://micropython.org/resources/firmware/"
DOWNLOADS = "https://micropython.org/download/"
CACHE = Path(__file__).resolve().parents[2] / "build" / "images"
PINS = "pins.json"
LARGEST_BYTES = 16 << 20
CHUNK_BYTES = 1 << 16
TIMEOUT_S = 30
PARTITION_TABLE = 0x8000  # in the flash
_PARTITION = struct.Struct("<2sBBII")
_PARTITION_BYTES, _PARTITIONS = 32, 96
_CHIP_AT = 12  # in the header of an image: 2 bytes
ELSE = "If you know that it is right, write it with esptool yourself and run this again with --no-image"


def address(about):
    return f"{FIRMWARE}{about['image']}-{RELEASED}-v{VERSION}.bin"


def get(about, sha256, agree, say, progress=lambda done, total: None):
    """The path of the image for a board. `agree(question)` is asked before a download. Raises FlashError."""
    source = address(about)
    path = CACHE / source.rpartition("/")[2]
    expected, why = _expected(about, sha256, path.name)
    if expected and path.exists():
        if _sha256(path.read_bytes()) != expected:
            raise FlashError(f"{path}: expected SHA-256 {expected} ({why}), found {_sha256(path.read_bytes())}: remove it and run it again")
        say(f"MicroPython {VERSION}: {path.name}, downloaded before")
        return path
    if not agree(f"Download MicroPython {VERSION} from {source}"):
        raise refusal(about, "it was not wanted")
    data = _download(source, about, progress)
    found = _sha256(data)
    if expected and found != expected:
        raise FlashError(f"{source}: expected SHA-256 {expected} ({why}), found {found}: it is not written; download it another day, or ask on {DOWNLOADS}")
    say(f"MicroPython {VERSION}: {path.name}, {examine(data, about, source)}, SHA-256 {found}")
    CACHE.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if not expected:
        say("nobody has published that checksum here: compare it where you can; from now on this machine takes no other file of that name")
        (CACHE / PINS).write_text(json.dumps({**_pins(), path.name: found}, indent=1) + "\n")
    return path


def refusal(about, why):
    """The FlashError for a board that needs an image and gets none."""
    source = address(about)
    todo = f"download {source} (newer ones: {DOWNLOADS}{about['image']}/) and run it again with --image FILE, or with --download"
    return FlashError(f"MicroPython is to be written to the board, and there is no image, as {why}: {todo}")


def _expected(about, sha256, name):
    """(the SHA-256 that the image must have or None, who says so)."""
    says = [
        (about.get("image_sha256"), "of the project"),
        (sha256 and sha256.lower(), "--image-sha256"),
        (_pins().get(name), f"of the first download, in {CACHE / PINS}"),
    ]
    said = [(value, who) for value, who in says if value]
    if len(said) > 1 and said[0][0] != said[1][0]:
        raise FlashError(f"{name}: expected one SHA-256, found {said[0][0]} ({said[0][1]}) and {said[1][0]} ({said[1][1]}): find out which one is right")
    return said[0] if said else (None, None)


def _pins():
    try:
        return dict(json.loads((CACHE / PINS).read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise FlashError(f"{CACHE / PINS}: expected JSON, found {error}: remove it if you trust the next download") from error


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _download(source, about, progress):
    try:
        with urllib.request.urlopen(source, timeout=TIMEOUT_S) as response:
            total = int(response.headers.get("Content-Length") or 0)
            data = bytearray()
            while chunk := response.read(CHUNK_BYTES):
                data += chunk
                if len(data) > LARGEST_BYTES:
                    raise FlashError(f"{source}: expected an image of at most {LARGEST_BYTES >> 20} MB, found more: is that the right address?")
                progress(len(data), total)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise refusal(about, f"{source} can not be downloaded ({error})") from error
    if total and len(data) != total:
        raise refusal(about, f"the download broke off after {len(data)} of {total} bytes")
    return bytes(data)


# -- what is in it -------------------------------------------------------------------------------------------------------------


def examine(data, about, source):
    """What an image is, as text, after everything in it that can be checked was: chip, boot loader, partition table, application.

    Raises FlashError.
    """
    chip = board_data.CHIPS[about["chip"]]
    if data[:1] != b"\xe9":
        raise FlashError(f"{source}: expected an ESP32 image (first byte 0xE9), found {data[:1].hex() or 'an empty file'}: name the .bin file")
    _check_image(data, about["chip"], source, "its boot loader")
    table = PARTITION_TABLE - chip.image_offset
    for at in range(table, table + _PARTITIONS * _PARTITION_BYTES, _PARTITION_BYTES):
        entry = data[at : at + _PARTITION.size]
        if len(entry) < _PARTITION.size or entry[:2] != b"\xaa\x50":
            break
        _, kind, _, offset, _ = _PARTITION.unpack(entry)
        if kind == 0:
            _check_image(data[offset - chip.image_offset :], about["chip"], source, "its application")
            return f"for {about['chip']}, complete"
    todo = "take the .bin of the download page, not the .app-bin, which is for updates"
    raise FlashError(f"{source}: expected a partition table with an application, found none: {todo}. {ELSE}")


def _check_image(data, chip, source, part):
    """One image with header, segments, checksum and digest, by esptool's own reading of it."""
    from esptool import FatalError
    from esptool.bin_image import LoadFirmwareImage
    from esptool.targets import CHIP_DEFS

    found = int.from_bytes(data[_CHIP_AT : _CHIP_AT + 2], "little")
    names = {value.IMAGE_CHIP_ID: value.CHIP_NAME for name, value in CHIP_DEFS.items() if name != "esp8266"}
    if names.get(found) != chip:
        raise FlashError(f"{source}: expected {part} for {chip}, found one for {names.get(found, f'chip {found}')}: is BOARD right, and the file?")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            image = LoadFirmwareImage(chip, data)
        sound = image.checksum == image.calculate_checksum() and (not image.append_digest or image.stored_digest == image.calc_digest)
    except (FatalError, RuntimeError, TypeError, ValueError, struct.error) as error:
        raise FlashError(f"{source}: expected {part} to be whole, found that it is not ({error}): download it again. {ELSE}") from error
    if not sound:
        raise FlashError(f"{source}: expected {part} to have the digest that it names, found another one: it is damaged, download it again. {ELSE}")
