"""A life that broke an invariant, and the search for a shorter one that breaks it, too."""
import json
import time
from dataclasses import asdict, dataclass, replace

LAST = (1, 2, 3, 5, 10, 20, 40)  # that many of the last events alone, moved to the start of a life
FIRST_MS = 20000  # ... the first of them here: a car charges by then
AFTER_MS = 5000  # a life with fewer events may break a little later


@dataclass
class Life:
    """What it takes to live it again: the draws of its world, its events (ms, name, draws), and what broke."""

    seed: int
    setup: list
    events: list
    end_ms: int
    violation: str

    @property
    def invariant(self):
        return self.violation.split()[0]

    def to_json(self):
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text):
        return cls(**json.loads(text))

    def born(self):
        """Its world, before anything has happened."""
        from host_tests.sim import fates, swarm

        return swarm.Swarm(self.seed, fates.ROWS, self.setup)

    def again(self):
        """The life as it goes now, cut where the same invariant breaks; None when it does not."""
        from host_tests.sim import invariants

        names = [name for _, name, _ in self.events]
        if any(name == "recover" and before != "mend" for before, name in zip([None, *names], names)):
            return None  # nothing has to come back before all is mended
        box = self.born()
        try:
            box.replay(self.events, self.end_ms)
        except invariants.Violation as violation:
            if str(violation).split()[0] == self.invariant:
                return replace(self, events=box.events, end_ms=box.world.now_ms + 1, violation=str(violation))
        except ValueError:
            return None  # an action drew more than it did: what it acts on is not there now
        return None


def shrink(life, limit_s):
    """The shortest life found within limit_s that breaks the same invariant."""
    deadline_s = time.monotonic() + limit_s
    life = _last_events(life, deadline_s)
    size = max(1, len(life.events) // 2)
    while size and time.monotonic() < deadline_s:
        life = _without_pieces(life, size, deadline_s)
        size //= 2
    return life


def _last_events(life, deadline_s):
    """What happened last, alone and soon; the whole life if that breaks nothing."""
    for count in LAST:
        if count >= len(life.events) or time.monotonic() > deadline_s:
            break
        shorter = moved(life, count).again()
        if shorter:
            return shorter
    return life


def moved(life, count):
    """The life with its last `count` events only, as early as they may come."""
    events = life.events[-count:]
    earlier_ms = max(0, events[0][0] - FIRST_MS)
    events = [[at_ms - earlier_ms, name, draws] for at_ms, name, draws in events]
    return replace(life, events=events, end_ms=life.end_ms - earlier_ms + AFTER_MS)


def _without_pieces(life, size, deadline_s):
    """Leaves out `size` events in a row wherever the same invariant breaks without them."""
    at = 0
    while at < len(life.events) and time.monotonic() < deadline_s:
        tried = replace(life, events=life.events[:at] + life.events[at + size :], end_ms=life.end_ms + AFTER_MS).again()
        if tried:
            life = tried
        else:
            at += size
    return life
