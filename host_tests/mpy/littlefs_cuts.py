"""Cuts the power at every program and erase of the real littlefs below storage.Flash and memory.Memory; prints one JSON line.

Every save of a series is repeated once per operation of it, on a copy of the flash as it was before: the operation is left
out, done by half, or done, and nothing works any more. Then the box starts again. The series is long enough for littlefs to
clean up behind itself (erase). The same with the removal of leftovers, with a flash that fails instead of the power, and a
full one.

    saves, operations, erases   of the undisturbed series
    cuts                how often the power was cut; old, new: what the next start found
    leftovers           how often a .new was left; cuts_in_cleanup: cuts while it was removed
    refused, accepted   how save() ended on a flash that fails from some operation on, or is full
    broken              what must not be, as texts; at most 5 are printed
"""

import json
import os

import memory
import record
import storage
import vfs

BLOCK_BYTES = 512  # small, so that littlefs cleans up often
BLOCKS = 16
EIO = 5
MOUNT = "/flash"
SAVES = 12
ERASED = bytes([0xFF]) * BLOCK_BYTES
NOTHING, HALF, ALL = range(3)  # how much of the last operation is done


class PowerCut(Exception):
    pass


class Device:
    """A flash chip in RAM. From operation `end` on it is dead: the power is gone, or, with `fails`, it answers EIO.

    Allocates nothing while it works: the garbage collector closes files that a power cut left open.
    """

    def __init__(self, data):
        self.data = bytearray(data)
        self.operations = 0
        self.erases = 0
        self.end = None
        self.done = ALL
        self.fails = False

    def readblocks(self, block, buf, offset=0):
        if not self.fails:
            self._check_alive()
        at = block * BLOCK_BYTES + offset
        for i in range(len(buf)):
            buf[i] = self.data[at + i]

    def writeblocks(self, block, buf, offset=0):
        self._change(block * BLOCK_BYTES + offset, buf)

    def ioctl(self, request, block):
        if request == 4:
            return BLOCKS
        if request == 5:
            return BLOCK_BYTES
        if request == 6:
            self.erases += 1
            self._change(block * BLOCK_BYTES, ERASED)
        return 0

    def _change(self, at, new):
        self._check_alive()
        if self.end is None or self.operations < self.end:
            n = len(new)
        else:
            n = len(new) * self.done // ALL
        for i in range(n):
            self.data[at + i] = new[i]
        self.operations += 1
        if self.end is not None and self.operations > self.end:
            self._die()

    def _check_alive(self):
        if self.end is not None and self.operations > self.end:
            self._die()

    def revive(self):
        """What survived. The device works on, on bytes nobody looks at, for what was left open."""
        self.end = None
        survived = self.data
        self.data = bytearray(survived)
        return survived

    def _die(self):
        if self.fails:
            raise OSError(EIO)
        raise PowerCut


class Floor:
    """The module failsafe as storage sees it; a new one is what a power loss leaves."""

    def __init__(self):
        self.record = bytearray(64)

    def save(self):
        pass


class Box:
    """What a start builds over a device."""

    def __init__(self, device):
        try:
            vfs.umount(MOUNT)
        except OSError:
            pass
        vfs.mount(vfs.VfsLfs2(device), MOUNT)
        self.flash = storage.Flash(MOUNT)
        self.memory = memory.Memory(storage.RtcMemory(Floor()), self.flash, 0)

    def change(self, number, now_ms=0):
        """Puts another number everywhere and lets it be written. True when flash has it now."""
        for i in range(memory.PAYLOAD_BYTES):
            self.memory.put(i, number)
        if not self.memory.step(now_ms, True):
            raise ValueError("nothing was written")
        return not self.memory.failures


class Report:
    def __init__(self):
        self.numbers = {}
        self.broken = []

    def count(self, name, n=1):
        self.numbers[name] = self.numbers.get(name, 0) + n

    def check(self, good, *what):
        if not good:
            self.broken.append(" ".join(str(w) for w in what))


REPORT = Report()


def started(data, old, new, where):
    """Starts a box after the power came back and judges what it finds; returns the number."""
    device = Device(data)
    box = Box(device)
    value = bytes(box.memory.value)
    REPORT.check(value == bytes([value[0]]) * len(value) and value[0] in (old, new), where, "value", value)
    REPORT.check(not box.memory.newer and not box.memory.damaged and not box.flash.errors, where, "flags")
    buf = bytearray(memory.RECORD_BYTES)
    found = record.check(buf, box.flash.load(memory.NAME, buf), memory.VERSION)
    REPORT.check(found == record.OK, where, "sealed", found)
    REPORT.check(os.listdir(MOUNT) == [memory.NAME], where, "files", os.listdir(MOUNT))
    REPORT.check(box.change(77) and bytes(Box(device).memory.value) == bytes([77]) * len(value), where, "can not go on")
    return value[0]


def leftover(data):
    """True when a .new stands on that flash; mounted without a start, which would remove it."""
    vfs.umount(MOUNT)
    vfs.mount(vfs.VfsLfs2(Device(data)), MOUNT)
    return memory.NAME + storage.NEW in os.listdir(MOUNT)


def save_with_end(before, number, end, done, fails):
    """(what flash holds, how save ended: True, False, None for a power cut) when it dies at operation `end` after the start."""
    device = Device(before)
    box = Box(device)
    device.done = done
    device.fails = fails
    device.end = device.operations + end
    try:
        saved = box.change(number)
    except PowerCut:
        saved = None
    return device.revive(), saved


def cut_cleanup(data, old, new, where):
    """A leftover is there: the power goes again while it is removed."""
    end = 0
    while True:
        device = Device(data)
        device.end = end
        try:
            Box(device)
            return
        except PowerCut:
            REPORT.count("cuts_in_cleanup")
        started(device.revive(), old, new, where + " cleanup %d" % end)
        end += 1


def disturb(before, old, new, operations):
    for end in range(operations):
        for done in (NOTHING, HALF, ALL):
            where = "save %d end %d done %d" % (new, end, done)
            after, saved = save_with_end(before, new, end, done, False)
            REPORT.check(saved is None, where, "no cut")
            REPORT.count("cuts")
            REPORT.count("new" if started(after, old, new, where) == new else "old")
            if leftover(after):
                REPORT.count("leftovers")
                cut_cleanup(after, old, new, where)
        after, saved = save_with_end(before, new, end, NOTHING, True)
        REPORT.count("accepted" if saved else "refused")
        REPORT.check(saved is not None, new, end, "a failing flash must not raise")
        found = started(after, old, new, "save %d fails at %d" % (new, end))
        REPORT.check(found == new or not saved, new, end, "said saved, was not")


def fill_up(before, old):
    """Saves on a flash without a free block: accepted or refused, what was said is what is there."""
    device = Device(before)
    box = Box(device)
    with open(MOUNT + "/fill", "wb") as file:
        try:
            while True:
                file.write(bytes(BLOCK_BYTES))
        except OSError:
            pass
    for i in range(1, SAVES + 1):
        saved = box.change(old + 1, i * memory.FLASH_EVERY_MS)
        REPORT.count("accepted" if saved else "refused")
        old += saved
        value = bytes(Box(Device(device.data)).memory.value)
        REPORT.check(value == bytes([old]) * len(value), "full flash", old, value)
        box = Box(device)


def main():
    device = Device(bytes(BLOCK_BYTES * BLOCKS))
    vfs.VfsLfs2.mkfs(device)
    Box(device).change(1)
    for number in range(1, SAVES + 1):
        before = bytes(device.data)
        device = Device(before)
        box = Box(device)
        at_start = device.operations
        REPORT.check(box.change(number + 1), number, "undisturbed save failed")
        REPORT.count("saves")
        REPORT.count("operations", device.operations - at_start)
        REPORT.count("erases", device.erases)
        disturb(before, number, number + 1, device.operations - at_start)
    fill_up(device.data, SAVES + 1)
    REPORT.numbers["broken"] = len(REPORT.broken)
    REPORT.numbers["examples"] = REPORT.broken[:5]
    print(json.dumps(REPORT.numbers))


main()
