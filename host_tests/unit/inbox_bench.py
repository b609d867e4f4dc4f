"""An inbox with charge points and a heartbeat, and what would be published for a message that it is offered."""

from inbox import Inbox
from intents import NOBODY, Heartbeat, Wish
from points import Image

SET = b"openWB/set/internal_chargepoint/"
TOLD = b"openWB/internal_chargepoint/"
SET_CURRENT, PHASES = b"0/data/set_current", b"0/data/phases_to_use"
TRIGGER, CP_SECONDS, PARENT = b"0/data/trigger_phase_switch", b"0/data/cp_interruption_duration", b"0/data/parent_cp"
TOPICS = (SET_CURRENT, PHASES, TRIGGER, CP_SECONDS, PARENT, b"global_data", b"last_tag")
LIMIT_MS = 60000


class Point:
    """What the inbox knows of a charge point."""

    def __init__(self):
        self.image = Image()
        self.standing = None
        self.coil = self.phases = None
        self.wish = Wish()
        self.alive = True  # of its leader

    def leader_alive(self):
        return self.wish.door != NOBODY and self.alive


class Box:
    """An inbox with its charge points and heartbeat; `offer` takes names behind openWB/set/internal_chargepoint/."""

    def __init__(self, charge_points=1, prefix=b"", alive=True):
        self.points = [Point() for _ in range(charge_points)]
        self.heartbeat = Heartbeat(LIMIT_MS)
        self.inbox = Inbox(prefix, self.points, self.heartbeat)
        self.prefix = prefix
        if alive:
            self.heartbeat.arrive(b"1", 1, 0)
            self.heartbeat.arrive(b"2", 1, 0)
            assert self.heartbeat.reason == 0

    def offer(self, name, payload, retained=False, now_ms=0):
        """What would be published for it, in order: [(topic, payload)]."""
        inbox = self.inbox
        assert not inbox.pending()
        inbox.offer(self.prefix + SET + name, payload, retained, now_ms)
        told = []
        if inbox.copy is not None:
            told.append((inbox.copy_topic, inbox.copy))
        if inbox.wipe_topic is not None:
            told.append((inbox.wipe_topic, b""))
        if inbox.reset is not None:
            told.append((inbox.copy_topic, inbox.reset))
        assert inbox.pending() == bool(told)
        inbox.forget()
        assert not inbox.pending()
        return told

    def value(self, index, cp=0):
        return self.points[cp].image.value[index]


def copied(name, copy, prefix=b""):
    return [(prefix + TOLD + name, copy), (prefix + SET + name, b"")]


def wiped(name):
    return [(SET + name, b"")]
