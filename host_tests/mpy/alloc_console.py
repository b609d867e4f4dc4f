"""What asking the console and keeping the memory allocates while nothing is typed and nothing is to be written, per 1,000 steps.

Prints JSON lines as test_alloc.py describes.
"""

import gc
import io
import json

import memory
import micropython
from console import Console

gc.disable()

ROUNDS = 1000
STEP_MS = 70  # every third one asks
MP_STREAM_POLL = 3


class Silence(io.IOBase):
    """A console at which nobody types."""

    def __init__(self):
        self.asked = 0

    def ioctl(self, request, argument):
        if request != MP_STREAM_POLL:
            return -22  # EINVAL: there is no file descriptor either
        self.asked += 1
        return 0


class NoRtc:
    def load(self, buf):
        return 0

    def save(self, buf, n):
        pass


class NoFlash:
    def load(self, name, buf):
        return -1

    def save(self, name, buf, n):
        raise RuntimeError("nothing was to be written")


def ask(console, rounds):
    for i in range(rounds):
        console.take(i * STEP_MS)


def keep(kept, rounds):
    """Clean and at rest, then with a change while somebody charges."""
    for i in range(rounds):
        kept.step(i * STEP_MS, True)
        kept.put(0, 1)
        kept.step(i * STEP_MS, False)
        kept.put(0, 0)


def measure(name, function, thing):
    """The loop itself costs something: what two rounds cost is taken off."""
    function(thing, 2)
    net, total = gc.mem_alloc(), micropython.mem_total()
    function(thing, 2)
    net, total = gc.mem_alloc() - net, micropython.mem_total() - total
    net_before, total_before = gc.mem_alloc(), micropython.mem_total()
    function(thing, ROUNDS)
    net, total = gc.mem_alloc() - net_before - net, micropython.mem_total() - total_before - total
    micropython.heap_lock()
    try:
        function(thing, ROUNDS)
        lock = True
    except MemoryError:
        lock = False
    micropython.heap_unlock()
    print(json.dumps({"name": name, "lock": lock, "net": net, "total": total}))


silence = Silence()
measure("console", ask, Console(silence))
if silence.asked < ROUNDS // 3:
    raise RuntimeError("the console asked %d times only" % silence.asked)
measure("memory", keep, memory.Memory(NoRtc(), NoFlash(), 0))
