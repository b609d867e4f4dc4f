"""Events as text, for whoever asks. Episodes only."""

from clock import elapsed_ms
from events import (
    EVENTS, K_CLEARED, K_DECISION, K_EVSE, K_FOREIGN, K_HEARTBEAT, K_METER, K_ONLINE, K_PHASES, K_PILOT, K_REGISTER, K_SET_POINT, K_START,
)  # fmt: skip
from safety import REASONS

_NAMES = {
    K_START: "start", K_DECISION: "limit", K_SET_POINT: "set point", K_HEARTBEAT: "heartbeat", K_EVSE: "EVSE state", K_REGISTER: "register 1000 reads",
    K_FOREIGN: "foreign values", K_PILOT: "CP relay state", K_METER: "meter lost", K_ONLINE: "MQTT connections", K_CLEARED: "cleared at the box",
    K_PHASES: "phase switch state",
}  # fmt: skip
_DOORS = ("MQTT", "Modbus")


def lines(events, now_ms):
    """A line per event, the oldest first: seconds ago, charge point, what. Episode."""
    found = []
    for number in range(max(0, events.count - EVENTS), events.count):
        i = number % EVENTS
        ago_s = elapsed_ms(now_ms, events.at_ms[i]) // 1000
        found.append("%6d s ago  %s" % (ago_s, text(events.kind[i], events.a[i], events.b[i])))
    return found


def text(kind, a, b):
    """One event in words. Episode."""
    if kind == K_START or kind == K_CLEARED:
        return _NAMES[kind]
    if kind == K_HEARTBEAT:
        return "heartbeat %s: %s" % (_DOORS[a], "alive" if b == 0 else REASONS[b].decode())
    if kind == K_ONLINE:
        return "MQTT: %s" % ("connected" if b else "nobody is connected")
    where = "cp %d: " % (a & 0xFF)
    if kind == K_DECISION:
        return "%slimit %d.%02d A: %s" % (where, b // 100, b % 100, REASONS[a >> 8].decode())
    if kind == K_SET_POINT:
        return "%sset point %d.%02d A by %s" % (where, b // 100, b % 100, _DOORS[a >> 8])
    return "%s%s %d" % (where, _NAMES.get(kind, "event %d" % kind), b)
