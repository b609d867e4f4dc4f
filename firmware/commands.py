"""What an accepted wish does to a charge point, whichever door it came through: one rule for MQTT and for Modbus.

The doors check the form (number, JSON, register); what a value means is decided here.
"""

from micropython import const

from points import P_LAST_TAG, P_NOTICE, P_PHASES_TO_USE, P_RFID, P_RFID_TIMESTAMP_S, P_SET_CURRENT_CA, UNSTAMPED
from safety import MAX_CA, MIN_CA

CP_SECONDS_MAX = const(30)
REFUSED = const(-1)

NO_PHASE_SWITCH = b"this board switches no phases: trigger ignored"
NO_CP_RELAY = b"this board has no CP relay: interruption ignored"


def set_current(point, door, sender, set_ca, too_high, now_ms):
    """
    A set point in 0.01 A of any size. Above 32 A it is refused and `too_high` (bytes) becomes the notice: a mixed-up unit must
    never become full power. Below 6 A, negative ones too, it is 0 A. Returns what counts now, or REFUSED. Episode.
    """
    if set_ca > MAX_CA:
        point.image.value[P_NOTICE] = too_high
        return REFUSED
    if set_ca < MIN_CA:
        set_ca = 0
    point.image.value[P_NOTICE] = point.standing
    point.image.value[P_SET_CURRENT_CA] = set_ca
    point.wish.offer(door, set_ca, now_ms, sender)
    return set_ca


def set_phases(point, phases):
    """How many phases the next trigger switches to: 1 or 3. False: anything else is refused."""
    if phases != 1 and phases != 3:
        return False
    point.image.value[P_PHASES_TO_USE] = phases
    return True


def may_act(point, door, sender, alive):
    """True when a trigger or interruption may act: from a living door (`alive`), and not against another leader."""
    return alive and point.wish.may_command(door, point.leader_alive(), sender)


def switch_phases(point, _now_ms):
    """The trigger, once may_act() has allowed it: 0 A from now on, unless it has to wait for its cool-down."""
    notice = NO_PHASE_SWITCH
    if point.coil is not None:
        notice = point.phases.switch_to(point.image.value[P_PHASES_TO_USE])
    if notice is not None:
        point.image.value[P_NOTICE] = notice


def interrupt_cp(point, seconds, _now_ms):
    """Once may_act() has allowed it. Returns the seconds it will take: 0 and less do nothing, above 30 are done as 30."""
    seconds = max(0, min(seconds, CP_SECONDS_MAX))
    if seconds:
        notice = NO_CP_RELAY if point.phases is None else point.phases.interrupt(seconds)
        if notice is not None:
            point.image.value[P_NOTICE] = notice
    return seconds


def set_tag(points, tag):
    """The tag that was scanned, text as JSON would hold it; None clears it. All charge points share it."""
    for point in points:
        _show_tag(point.image.value, tag)


def _show_tag(value, tag):
    value[P_RFID] = value[P_LAST_TAG] = tag
    value[P_RFID_TIMESTAMP_S] = None if tag is None else UNSTAMPED
