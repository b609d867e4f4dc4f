"""What asking the console and keeping the memory allocates while nothing is typed and nothing is to be written, per 1,000 steps.

Prints JSON lines as test_alloc.py describes.
"""

import io

import memory
from console import Console
from host_tests.mpy.heap_cost import cost, runs_locked, tell

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


def main():
    silence = Silence()
    console = Console(silence)

    def ask(rounds):
        for i in range(rounds):
            console.take(i * STEP_MS)

    ask(2)
    tell("console", cost(ask, ROUNDS), runs_locked(ask, ROUNDS))
    if silence.asked < ROUNDS // 3:
        raise RuntimeError("the console asked %d times only" % silence.asked)
    kept = memory.Memory(NoRtc(), NoFlash(), 0)

    def keep(rounds):
        """Clean and at rest, then with a change while somebody charges."""
        for i in range(rounds):
            kept.step(i * STEP_MS, True)
            kept.put(0, 1)
            kept.step(i * STEP_MS, False)
            kept.put(0, 0)

    keep(2)
    tell("memory", cost(keep, ROUNDS), runs_locked(keep, ROUNDS))


main()
