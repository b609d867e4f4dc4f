"""Who leads a charge point, what they want and whether they are alive: from what the box was told and has answered, for Invariants.

The rules are those of the design (4 and 5): the last accepted set point leads, with its door and its sender; its heartbeat counts.
"""

import json

REACTION_MS = 100  # from the arrival of a message to the step that takes it
KEPT_MS = 300  # a set point that came that shortly before a reset may not have been kept
CONTEST_MS = 60000  # two doors that want current within that time get the lower one
MIN_CA = 600
READ_LIMIT_MS, ENABLED_LIMIT_MS = 80000, 60000
MQTT, MODBUS = 0, 1


class Oracle:
    """Whether a heartbeat of MQTT is alive, from what the broker delivered."""

    door = MQTT

    def __init__(self, limit_ms):
        self.limit_ms = limit_ms
        self.forget()

    def forget(self):
        self.value = None
        self.at_ms = None
        self.until_ms = None  # alive until; None: not alive

    def hear(self, value, now_ms):
        if value == self.value:
            return
        near = self.at_ms is not None and now_ms - self.at_ms < self.limit_ms + REACTION_MS
        self.value = value
        self.at_ms = now_ms
        self.until_ms = now_ms + self.limit_ms if near else None

    def alive(self, now_ms):
        return self.until_ms is not None and now_ms < self.until_ms + REACTION_MS


class ReadOracle:
    """Whether a Modbus client is alive: it has read registers."""

    door = MODBUS

    def __init__(self):
        self.forget()

    def forget(self):
        self.limit_ms = READ_LIMIT_MS
        self.until_ms = None

    def hear(self, now_ms):
        self.until_ms = now_ms + self.limit_ms

    def tighten(self):
        """A client has said that it wants a heartbeat: the shorter limit from now on, for what was read before, too."""
        if self.until_ms is not None:
            self.until_ms -= self.limit_ms - ENABLED_LIMIT_MS
        self.limit_ms = ENABLED_LIMIT_MS

    alive = Oracle.alive


class SetPoints:
    """Of one charge point: the newest that counts, and those it replaced until it must have been taken. Each is (0.01 A, oracle)."""

    def __init__(self, mqtt):
        self._counting = [(0, mqtt)]  # one of these, nobody can tell which
        self._heard = []  # (since when, set point, who has sent it)
        self._taken = []  # those of the last REACTION_MS before the newest that counts, likewise
        self._before = (-KEPT_MS, [])  # when what counted before was given up, and what that was
        self._newest = [None, None]  # by door: (since when, 0.01 A)

    def hear_replayed(self, set_ca, oracle, now_ms):
        """A set point that a broker has kept takes nothing from another door's living leader."""
        others = [other for _, other in self.candidates(now_ms) if other is not oracle and other.alive(now_ms)]
        if not others:
            self.hear(set_ca, oracle, now_ms, certain=False)
        elif not all(other.alive(now_ms + 2 * REACTION_MS) for other in others) or len(others) < len(self.candidates(now_ms)):
            self._counting = [(set_ca, oracle)] + self._counting  # nobody can tell which of the two

    def hear(self, set_ca, oracle, now_ms, certain=True, sender=None):
        """certain: the box must count it. sender: the address of a Modbus client."""
        self._heard.append((now_ms, (set_ca, oracle), sender))
        self._newest[oracle.door] = (now_ms, set_ca) if certain else None

    def candidates(self, now_ms):
        """What may count now."""
        if not self._heard:
            return self._counting
        while self._heard and self._heard[0][0] + REACTION_MS < now_ms:
            self._before = (now_ms, self._counting)
            since_ms, newest, sender = self._heard.pop(0)
            self._taken = [taken for taken in self._taken if since_ms - taken[0] <= REACTION_MS]
            # what came at the same time through another connection may have been taken after it
            self._counting = [point for _, point, other in self._taken if point[1] is not newest[1] or other != sender] + [newest]
            self._taken.append((since_ms, newest, sender))
        return self._counting + [point for _, point, _ in self._heard] if self._heard else self._counting

    def restarted(self, kept):
        """A new life of the box: it counts what it has kept, [set point]. Two doors do not contest any more."""
        self._counting = kept
        self._heard = []
        self._taken = []
        self._newest = [None, None]

    def keepable(self, now_ms):
        """What the box may have kept if it ends now."""
        given_up_ms, before = self._before
        return self.candidates(now_ms) + (before if now_ms - given_up_ms < KEPT_MS else [])

    def contested_ca(self, now_ms):
        """The lower one of two doors that both want current; None when they do not."""
        if None in self._newest:
            return None
        for since_ms, set_ca in self._newest:
            if set_ca < MIN_CA or not REACTION_MS < now_ms - since_ms < CONTEST_MS - REACTION_MS:
                return None
        return min(set_ca for _, set_ca in self._newest)

    def is_led_by(self, oracle, now_ms):
        """False where another one may lead as well."""
        return all(leader is oracle for _, leader in self.candidates(now_ms))


class Leads:
    """Of all charge points of a world. `mqtt`: the Oracle of that door."""

    def __init__(self, world):
        self.world = world
        self.mqtt = Oracle(world.config["heartbeat_limit_s"] * 1000)
        self._readers = {}  # by address
        self._controllers = world.config["modbus"]["controllers"]
        self._points = [SetPoints(self.mqtt) for _ in world.controller.set_text]
        self._in_flash = [[] for _ in self._points]
        self._writes = 0

    def restarted(self, cold):
        """cold: by a loss of power, so that only flash knows anything."""
        self._look_at_flash()
        self.mqtt.forget()
        for oracle in self._readers.values():
            oracle.forget()
        if not self.world.leaders:
            return
        for cp, point in enumerate(self._points):
            kept = self._in_flash[cp] if cold else point.keepable(self.world.now_ms)
            point.restarted(kept or [(0, self.mqtt)])

    def listen(self):
        """What was delivered in this step counts from now on; of what is replayed only set points do."""
        broker, now_ms = self.world.broker, self.world.now_ms
        if broker.delivered or broker.replayed:
            for topic, payload in broker.delivered:
                if topic.endswith(b"global_data") and is_heartbeat(payload):
                    self.mqtt.hear(payload, now_ms)
            for cp, set_ca in set_points(broker.replayed):
                self._points[cp].hear_replayed(set_ca, self.mqtt, now_ms)
            certain = broker.portion is None and not broker.intruded
            for cp, set_ca in set_points(broker.delivered):
                self._points[cp].hear(set_ca, self.mqtt, now_ms, certain)
            broker.replayed.clear()
            broker.delivered.clear()
        for leader in self.world.leaders:
            for told in leader.answered:
                self._told(leader.address, told)
            leader.answered.clear()
        self._look_at_flash()

    def _told(self, address, told):
        """What the box has done for a Modbus client: ("read",), ("enable",), or ("set", charge point, register)."""
        if told[0] == "set" and told[2] <= 3200:
            self._points[told[1]].hear(told[2], self._reader(address), self.world.now_ms, sender=address)
        elif told[0] == "read" and (self._controllers is None or address in self._controllers):
            self._reader(address).hear(self.world.now_ms)
        elif told[0] == "enable":
            self._reader(address)
            for oracle in self._readers.values():
                oracle.tighten()

    def _reader(self, address):
        """Those who are named in the configuration keep each other alive."""
        key = address if self._controllers is None else None
        if key not in self._readers:
            self._readers[key] = ReadOracle()
            self._readers[key].limit_ms = min((oracle.limit_ms for oracle in self._readers.values()), default=READ_LIMIT_MS)
        return self._readers[key]

    def _look_at_flash(self):
        """When it was written it has got what counts now, or, where that failed, may still have what it had."""
        if not self.world.leaders or len(self.world.flash.writes) == self._writes:
            return
        self._writes = len(self.world.flash.writes)
        for cp, point in enumerate(self._points):
            kept = point.keepable(self.world.now_ms)
            self._in_flash[cp] = kept if self.world.flash.sure else self._in_flash[cp] + kept

    # --- asked ---

    def highest_ca(self, cp, at_ms):
        """What may count at most."""
        point = self._points[cp]
        highest_ca = max(set_ca for set_ca, _ in point.candidates(at_ms))
        contested_ca = point.contested_ca(at_ms)
        return highest_ca if contested_ca is None else min(highest_ca, contested_ca)

    def alive(self, cp, at_ms):
        for _, oracle in self._points[cp].candidates(at_ms):
            if oracle.alive(at_ms):
                return True
        return False

    def wanted(self, cp, at_ms):
        """True while somebody who is alive may want current."""
        for set_ca, oracle in self._points[cp].candidates(at_ms):
            if set_ca >= MIN_CA and oracle.alive(at_ms):
                return True
        return False

    def ended(self, now_ms, patience_ms):
        """[(charge point, ms)] whose leader's heartbeat has ended then, that long ago. Each end is told once."""
        found = []
        for oracle in (self.mqtt, *self._readers.values()):
            if oracle.until_ms is not None and now_ms >= oracle.until_ms + patience_ms:
                for cp, point in enumerate(self._points):
                    if point.is_led_by(oracle, now_ms):
                        found.append((cp, oracle.until_ms))
                oracle.until_ms = None
        return found


def set_points(messages):
    """[(charge point, 0.01 A)] of those that are set points."""
    found = []
    for topic, payload in messages:
        if topic.endswith(b"set_current") and set_point_ca(payload) is not None:
            found.append((topic[-len(b"0/data/set_current")] - 48, set_point_ca(payload)))
    return found


def number(payload):
    """The number that JSON says, None where it says something else."""
    try:
        found = json.loads(payload, parse_constant=lambda _: None)
    except ValueError:
        return None
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def set_point_ca(payload):
    """The set point in 0.01 A; None for what is none, or above 32 A."""
    found = number(payload)
    return None if found is None or found > 32 else round(found * 100)


def is_heartbeat(payload):
    """True for an object with a time in seconds before the year 2100; the text may be cut anywhere."""
    try:
        found = json.loads(payload)
    except ValueError:
        return False
    beat = found.get("heartbeat") if isinstance(found, dict) else None
    return isinstance(beat, (int, float)) and 0 < beat < 4102441200
