"""Stock images as esptool reads them: boot loader, partition table, application; with nothing in them that runs."""

import hashlib
import struct

CHIP_IDS = {"ESP32": 0, "ESP32-S3": 9}
OFFSETS = {"ESP32": 0x1000, "ESP32-S3": 0}  # of the image in the flash
TABLE, APPLICATION = 0x8000, 0x10000
CHECKSUM_MAGIC = 0xEF


def one(chip_id, content, address=0x3FFF0000):
    """An image of one segment, with checksum and digest."""
    content += bytes(-len(content) % 4)
    data = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, 0x40080000)
    data += struct.pack("<BBBBHBHHBBBBB", 0xEE, 0, 0, 0, chip_id, 0, 0, 399, 0, 0, 0, 0, 1)
    data += struct.pack("<II", address, len(content)) + content
    checksum = CHECKSUM_MAGIC
    for byte in content:
        checksum ^= byte
    data += bytes(15 - len(data) % 16) + bytes((checksum,))
    return data + hashlib.sha256(data).digest()


def stock(chip="ESP32", content=b"application", chip_id=None):
    """What micropython.org offers as .bin; `chip_id` where header and chip shall differ."""
    chip_id = CHIP_IDS[chip] if chip_id is None else chip_id
    table = b"\xaa\x50" + struct.pack("<BBII16sI", 1, 2, 0x9000, 0x6000, b"nvs", 0)
    table += b"\xaa\x50" + struct.pack("<BBII16sI", 0, 0, APPLICATION, 0x1F0000, b"factory", 0)
    data = bytearray(b"\xff" * (APPLICATION - OFFSETS[chip]))
    boot = one(chip_id, b"boot loader")
    data[: len(boot)] = boot
    data[TABLE - OFFSETS[chip] : TABLE - OFFSETS[chip] + len(table)] = table
    return bytes(data) + one(chip_id, content)
