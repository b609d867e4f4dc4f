"""Runs a recorded life of a gateway into the same firmware, in no time, and compares what it decides.

    python -m tools.replay FILE [--quiet]      exit status 1 when it decides otherwise

Recorded by `make run ARGS="--record FILE"`. The file holds what came in at the ports of the gateway: see tools/desk/recorder.py.
"""
import argparse
import binascii
import json
import sys

from host_tests.stubs.cpython import install
from tools.desk.recorder import ACCEPTED, CHANGED, DID, READ, WROTE


class Differs(Exception):
    """The text says when, and which decision was recorded and which was made."""


class Played:
    """A port that says what was recorded. `told` is the news of the running step, by port."""

    def __init__(self, name, told):
        self.address = None
        self.name = name
        self._told = told
        self._state = {}
        self._accepted = 0

    def _next(self, kind):
        """What the port said at this call of the step; None: nothing unusual."""
        news = self._told.get(self.name, [])
        for i, (found, _) in enumerate(news):
            if found == kind:
                return news.pop(i)[1]
        return None

    def readinto(self, buf):
        data = self._next(READ)
        if data is None or isinstance(data, int):
            return data or 0
        data = binascii.unhexlify(data)
        buf[: len(data)] = data
        return len(data)

    def write(self, *arguments):
        taken = self._next(WROTE)
        return arguments[-1] if taken is None else taken

    def accept(self):
        address = self._next(ACCEPTED)
        self._accepted += 1
        if address is False or address is None:
            return None
        peer = Played(f"{self.name}.{self._accepted}", self._told)
        peer.address = address
        return peer

    def _changing(self, call):
        news = self._told.get(self.name, [])
        for i, (kind, value) in enumerate(news):
            if kind == CHANGED and value[0] == call:
                self._state[call] = news.pop(i)[1][1]
                break
        return self._state.get(call)

    def waiting(self):
        return self._changing("waiting")

    def status(self):
        return self._changing("status")

    def resolved(self):
        return self._changing("resolved")

    def pressed(self):
        return self._changing("pressed")

    def limited(self):
        return self._changing("limited")

    def free_bytes(self):
        return self._changing("free_bytes")

    def nothing(self, *_):
        """Whatever else a port is told."""

    watch = resolve = dial = close = nothing
    used_bytes = idf_free_bytes = rssi_dbm = nothing  # vitals, which nothing depends on
    uptime_s = longest_step_ms = 0


class Blank:
    """The file of the page: as long as it was, and empty."""

    def __init__(self, size):
        self.size = size

    def read(self, at, buf):
        return max(0, min(len(buf), self.size - at))


class Relay:
    def __init__(self, starts_open):
        self.starts_open = starts_open

    def open(self):
        """Nothing moves."""

    close = open


class Coils:
    """A phase relay of which nothing moves."""

    def __init__(self, pulse_ms, rests_at):
        self.pulse_ms = pulse_ms
        self.rests_at = rests_at

    def set(self, phases):
        """Nothing moves."""


class Kept:
    """RTC memory and flash of a life: empty, and whatever is written is taken."""

    def load(self, *_):
        return -1

    def save(self, *_):
        return True

    def set_cp(self, *_):
        """Nowhere to keep it."""


def born(line, told):
    """The gateway of a life, as it was before its first step."""
    from gateway import Gateway
    from memory import Memory

    memory = None
    if line["memory"] is not None:
        memory = Memory(Kept(), Kept(), line["now_ms"])
        memory.value[:] = bytes(line["memory"])
    config = line["config"]
    config["time"] = {**config["time"], "server": None}  # whom nobody answers here
    relays = [Relay(starts_open) for starts_open in line["relays"]]
    button = Played("button", told) if line["button"] else None
    more = {name: Played(name, told) for name in line["ports"]}
    if "page" in more:
        more["page"] = more["page"], Blank(line["page_bytes"]), Played("vitals", told)
    more["coils"] = [Coils(*row) for row in line["coils"]]
    ports = Played("bus", told), Played("net", told)
    return Gateway(config, *ports, line["box_id"], line["now_ms"], relays=relays, memory=memory, button=button, **more)


class Replay:
    """Lives line by line. `decisions` holds (ms, charge point, limit_ca, reason) of what was decided anew."""

    def __init__(self):
        self.decisions = []
        self.lives = self.steps = 0
        self._told = {}
        self._gateway = None

    def take(self, line):
        """Raises Differs."""
        if isinstance(line, dict):
            self.lives += 1
            self._gateway = born(line, self._told)
            self._last = [None] * len(self._gateway.points)
            return
        now_ms, news, decided = line if isinstance(line, list) else (line, (), ())
        self._told.clear()
        for port, kind, value in news:
            if kind == DID:
                getattr(self._gateway, value[0])(value[1])
            else:
                self._told.setdefault(port, []).append((kind, value))
        self._gateway.step(now_ms)
        self.steps += 1
        self._compare(now_ms, [list(row) for row in decided])

    def _compare(self, now_ms, recorded):
        made = []
        for i, point in enumerate(self._gateway.points):
            now = [i, point.limit_ca, point.reason]
            if now != self._last[i]:
                self._last[i] = now
                made.append(now)
                self.decisions.append((now_ms, *now))
        if made != recorded:
            raise Differs(f"at {now_ms} ms (life {self.lives}, step {self.steps}): recorded {recorded}, decided {made}")


def replay(lines, show=lambda *_: None):
    """Lives the lines (text); returns the Replay. Raises Differs, ValueError for what is no recording."""
    play = Replay()
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
        except ValueError:
            break  # the last line of a life that was cut off by its power
        if play.lives == 0 and not isinstance(line, dict):
            raise ValueError(f"line {number}: expected what the gateway was born with, found {text[:40]!r}")
        known = len(play.decisions)
        play.take(line)
        for decision in play.decisions[known:]:
            show(*decision)
    if not play.lives:
        raise ValueError("an empty file")
    return play


def _show(now_ms, cp, limit_ca, reason):
    from safety import REASONS

    print(f"{now_ms / 1000:10.3f} s  charge point {cp}: {limit_ca / 100:5.2f} A, {REASONS[reason].decode()}")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.replay", description=__doc__.splitlines()[0])
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--quiet", action="store_true", help="only the last line")
    options = parser.parse_args(arguments)
    install.install()
    try:
        with open(options.file, encoding="utf-8") as file:
            play = replay(file, (lambda *_: None) if options.quiet else _show)
    except Differs as difference:
        print(f"replay: decided otherwise {difference}")
        return 1
    except (OSError, ValueError, KeyError) as problem:
        sys.exit(f"replay: {options.file}: expected a recording of make run ARGS=\"--record FILE\", found {problem!r}; record it anew")
    print(f"replay: {play.lives} lives, {play.steps} steps, {len(play.decisions)} decisions: all as recorded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
