"""Set messages from an MQTT door: what is accepted, what becomes of it, and the echo. Episodes only.

Rules: openWB's published page, made safer; host_tests/golden/set_messages.json lists every case. An accepted value is
published again without `set/`; every message is wiped from the set tree; a value of zero bytes or "" is ignored.
"""

from micropython import const

import commands
import jsontext
import text
from intents import MQTT
from points import (
    P_CP_SECONDS,
    P_HEARTBEAT,
    P_LAST_TAG,
    P_PARENT_CP,
    P_PHASES_TO_USE,
    P_SET_CURRENT_CA,
    P_TRIGGER,
)
from topics import ROOT, SET_ROOT

_ASK = b"ladepunkt/events/get"  # see Teller
HEARTBEAT_END = b"4102441200"  # 2100-01-01: a stamp in milliseconds is not a stamp

TAG_BYTES = const(64)
GLOBAL_DATA_BYTES = const(128)  # a longer one is taken and echoed, but not kept for who subscribes later
UNKNOWN = const(-1)  # below one of our charge points, but get/... or a name that does not exist: wiped, nothing else
NOT_OURS = const(-2)  # below another charge point, or below none: left alone
TRIGGERS = {b"true": b"true", b"1": b"true", b"1.0": b"true", b"false": b"false", b"0": b"false", b"0.0": b"false"}

NOT_TAKEN = None
TOO_HIGH = b"set point above 32 A rejected: the unit is ampere"


class Inbox:
    """Takes one message at a time; `copy`, `wipe` and `reset` then hold what has to be published for it, or None."""

    def __init__(self, prefix, points, heartbeat):
        self.accepted = 0
        self.rejected = 0
        self.replays = 0  # heartbeats, triggers, interruptions and tags that were not live
        self.sender = None  # address of who has sent the message, where the door knows it
        self.copy_topic = None
        self.copy = None
        self.wipe_topic = None
        self.reset = None  # published on copy_topic after the wipe
        self.asked = False  # somebody wants to be told the events; the owner clears it
        self.ask_topic = prefix + _ASK
        self._set_root = prefix + SET_ROOT
        self._root = prefix + ROOT
        self._points = points  # per charge point: .image, .wish
        self._heartbeat = heartbeat
        self._number = text.Number()
        self._cp = 0
        self._takers = {
            P_SET_CURRENT_CA: self._take_set_current,
            P_PHASES_TO_USE: self._take_phases,
            P_TRIGGER: self._take_trigger,
            P_CP_SECONDS: self._take_cp_seconds,
            P_PARENT_CP: self._take_parent,
            P_HEARTBEAT: self._take_heartbeat,
            P_LAST_TAG: self._take_tag,
        }
        from point_rows import POINTS

        self._by_name = {row[1]: row[0] for row in POINTS if row[0] in self._takers}

    def pending(self):
        return self.copy is not None or self.wipe_topic is not None or self.reset is not None

    def forget(self):
        """The connection is gone, and with it whoever could see the echo. What was accepted stays."""
        self.copy = self.wipe_topic = self.reset = None

    def offer(self, topic, payload, retained, now_ms):
        """One message; topic and payload are bytes."""
        if not topic.startswith(self._set_root):
            self.asked = self.asked or topic == self.ask_topic and not retained
            return
        payload = payload[jsontext.skip_space(payload, 0, len(payload)) : jsontext.trim_end(payload, 0, len(payload))]
        index = self._find(topic[len(self._set_root) :])
        if index == NOT_OURS or payload == b"" or payload == b'""':
            return
        self.wipe_topic = topic
        if index == UNKNOWN:
            return
        if text.is_utf8(payload):
            self.copy = self._takers[index](self._points[self._cp], payload, retained, now_ms)
        if self.copy is NOT_TAKEN:
            self.rejected += 1
        else:
            self.accepted += 1
            self.copy_topic = self._root + topic[len(self._set_root) :]

    def _find(self, name):
        """The point that a name below the set root means, and its charge point in `_cp`; UNKNOWN or NOT_OURS."""
        self._cp = 0
        if name[1:2] == b"/" and b"0" <= name[:1] <= b"9":
            self._cp = name[0] - 0x30
            index = self._by_name.get(name[2:], UNKNOWN)
            return NOT_OURS if self._cp >= len(self._points) else UNKNOWN if index >= P_HEARTBEAT else index
        index = self._by_name.get(name, UNKNOWN)
        return index if index >= P_HEARTBEAT else NOT_OURS

    def _scan(self, payload, shift):
        """The value of a JSON number * 10**shift, saturated; None when it is none."""
        code = text.scan_number(payload, 0, len(payload), shift, self._number)
        if code == text.NOT_A_NUMBER:
            return None
        if code == text.TOO_LONG or self._number.n > 9:
            return -999999999 if self._number.negative else 999999999
        return self._number.value()

    def _whole(self, payload):
        """A whole number, or a bool as openWB reads it (1, 0); None when it is neither."""
        if payload == b"true" or payload == b"false":
            return 1 if payload == b"true" else 0
        value = self._scan(payload, 0)
        return value if self._number.is_integer else None

    def _json(self, value, decimals):
        buf = bytearray(16)
        return bytes(buf[: text.put_number(buf, 0, value, decimals)])

    # --- one taker per point: returns the validated copy, or NOT_TAKEN ---

    def _take_set_current(self, point, payload, retained, now_ms):
        """A replayed set point is taken as well, as it has no effect before a live heartbeat; but from no living leader."""
        if retained and point.leader_alive() and not point.wish.is_leader(MQTT, self.sender):
            self.replays += 1
            return NOT_TAKEN
        set_ca = 0 if payload == b"false" else self._scan(payload, 2)
        if set_ca is None:
            return NOT_TAKEN
        set_ca = commands.set_current(point, MQTT, self.sender, set_ca, TOO_HIGH, now_ms)
        if set_ca == commands.REFUSED:
            return NOT_TAKEN
        if not set_ca:
            return b"0"
        return self._json(set_ca // 100, 0) if self._number.is_integer else self._json(set_ca, 2)

    def _take_phases(self, point, payload, _retained, _now_ms):
        phases = self._whole(payload)
        if phases is None or not commands.set_phases(point, phases):
            return NOT_TAKEN
        return self._json(phases, 0)

    def _commands(self, point, retained):
        """True when a trigger or interruption may act: live, from a living door, and not against another leader."""
        if retained:
            self.replays += 1
            return False
        alive = not self._heartbeat.of(self.sender).reason
        return commands.may_act(point, MQTT, self.sender, alive)

    def _take_trigger(self, point, payload, retained, now_ms):
        value = TRIGGERS.get(payload)
        if value is None or not self._commands(point, retained):
            return NOT_TAKEN
        if value == b"true":
            commands.switch_phases(point, now_ms)
            self.reset = b"false"
        return value

    def _take_cp_seconds(self, point, payload, retained, now_ms):
        seconds = self._whole(payload)
        if seconds is None or seconds < 0 or not self._commands(point, retained):
            return NOT_TAKEN
        seconds = commands.interrupt_cp(point, seconds, now_ms)
        if seconds:
            self.reset = b"0"
        return self._json(seconds, 0)

    def _take_parent(self, point, payload, _retained, _now_ms):
        if payload == b"null":
            point.image.value[P_PARENT_CP] = None
        elif jsontext.is_string(payload):
            point.image.value[P_PARENT_CP] = payload[1:-1]
        else:
            return NOT_TAKEN
        return payload

    def _take_heartbeat(self, _point, payload, retained, now_ms):
        """An object with a number 0 < heartbeat < 4102441200; its digits before the point count."""
        where = jsontext.member(payload, b"heartbeat")
        if where <= 0:
            return NOT_TAKEN
        number = self._number
        if text.scan_number(payload, where >> 16, where & 0xFFFF, 0, number) or number.negative or not number.any_digit:
            return NOT_TAKEN
        if number.n > len(HEARTBEAT_END) or (
            number.n == len(HEARTBEAT_END) and bytes(number.digits[: number.n]) >= HEARTBEAT_END
        ):
            return NOT_TAKEN
        if retained:
            self.replays += 1
            return NOT_TAKEN
        self._heartbeat.admit(self.sender).arrive(number.digits, number.n, now_ms)
        self._points[0].image.value[P_HEARTBEAT] = payload if len(payload) <= GLOBAL_DATA_BYTES else None
        return payload

    def _take_tag(self, _point, payload, retained, _now_ms):
        """null, None or either in quotes clears; a string, or text that is not JSON, is the tag."""
        if retained:
            self.replays += 1
            return NOT_TAKEN
        tag = jsontext.as_text(payload)
        if tag is None or len(tag) > TAG_BYTES:
            return NOT_TAKEN
        if tag in (b"null", b"None"):
            tag = None
        commands.set_tag(self._points, tag)
        return b"null" if tag is None else b'"' + tag + b'"'

