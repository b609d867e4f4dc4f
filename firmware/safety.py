"""How much current is allowed, and why. Pure: no state, no clock, no input but its arguments.

Every rule is a ceiling, the lowest wins, and what is below the minimum becomes 0 A. An outside wish is one ceiling
among the others. Losing an input never raises the limit.
"""

from micropython import const

MAX_CA = const(3200)  # nothing above 32 A ever, whatever is configured
MIN_CA = const(600)  # IEC 61851: a control pilot can not say less than 6 A

# Ceilings that stand for "not at all": all mean 0 A, the lowest is named first when several apply.
_NO_WISH = const(-1)
_NO_HEARTBEAT = const(-2)
_SWITCHING = const(-3)
_NO_METER = const(-4)
_NO_PILOT = const(-5)
_NO_EVSE = const(-6)
_MAINTENANCE = const(-7)
_GUARDED = const(-8)

# Reasons, each the index of its ceiling. In this order the first of equal ceilings is named.
R_SET_POINT = const(0)
R_NO_SET_POINT = const(1)
R_HEARTBEAT_NEVER = const(2)
R_HEARTBEAT_FIRST = const(3)
R_HEARTBEAT_LOST = const(4)
R_HEARTBEAT_SLOW = const(5)
R_EVSE_SILENT = const(6)
R_EVSE_STARTING = const(7)
R_EVSE_OLD = const(8)
R_EVSE_FAULT = const(9)
R_METER_STARTING = const(10)
R_METER_LOST = const(11)
R_METER_VOLTAGE = const(12)
R_INSTALLATION = const(13)
R_EVSE_LIMIT = const(14)
R_EVSE_20A = const(15)
R_CABLE = const(16)
R_GRID = const(17)
R_VOLTAGE = const(18)
R_CP_OPEN = const(19)
R_CP_LATCHED = const(20)
R_NO_SECOND_STOP = const(21)
R_CP_STUCK = const(22)
R_WELD = const(23)
R_OVER_CURRENT = const(24)
R_RCD = const(25)
R_MAINTENANCE = const(26)
R_SWITCHING = const(27)
R_INTERRUPTING = const(28)
R_NOT_SWITCHED = const(29)
R_PHASES = const(30)
R_SHARED = const(31)
R_EVSE_DEFIES = const(32)
REASON_COUNT = const(33)
REASON_BITS = const(6)
REASON_MASK = const(63)

REASONS = (
    b"set point",
    b"no set point yet",
    b"no heartbeat yet",
    b"waiting for a second heartbeat",
    b"heartbeat lost",
    b"heartbeat too slow",
    b"EVSE does not answer",
    b"EVSE is being set up",
    b"EVSE firmware is older than 8",
    b"EVSE reports a fault",
    b"waiting for the meter",
    b"meter does not answer",
    b"meter shows less than 200 V on L1",
    b"installation limit",
    b"EVSE limit (register 2007)",
    b"20 A EVSE on more than one phase",
    b"cable rating (PP)",
    b"grid operator limit",
    b"meter shows an implausible voltage",
    b"control pilot is open: 0 A was not read back",
    b"control pilot stays open until cleared at the box",
    b"0 A is not read back, and no relay can open the pilot",
    b"control pilot does not open: check the CP relay",
    b"current flows while 0 A is set: contactor welded?",
    b"more current than signalled",
    b"RCD has tripped: clear it at the box",
    b"maintenance",
    b"phases are being switched",
    b"control pilot is interrupted as asked",
    b"switching was given up: the charge did not stop",
    b"phases in use do not match the switch",
    b"feeder shared by two charge points",
    b"EVSE does not do what it is told: does its register 2003 hold 0?",
)

# Facts: what a decision depends on, one list per charge point.
F_WANTED_CA = const(0)  # set point of the leader; None: nobody has set one
F_HEARTBEAT = const(1)  # 0 alive, else the R_HEARTBEAT_... that applies
F_EVSE = const(2)  # 0 ready, else an R_EVSE_...
F_METER = const(3)  # 0 fine or none by design, else an R_METER_...
F_METER_LOST_CA = const(4)  # configured current without the meter, 0 or 600 and more
F_INSTALLATION_CA = const(5)
F_EVSE_LIMIT_A = const(6)  # register 2007: 0 measures PP; None unknown
F_CABLE_A = const(7)  # register 1003: 0 no rating
F_PHASES = const(8)  # phases in use, 0 unknown
F_GRID_CA = const(9)  # grid operator input, None not fitted
F_PILOT = const(10)  # 0 closed, else an R_CP_... or R_NO_SECOND_STOP
F_GUARD = const(11)  # 0 nothing found, else what the guard has found
F_MAINTENANCE = const(12)  # 1 while somebody wants the box for maintenance
F_SWITCH = const(13)  # 0, or the R_... of a phase switch or CP interruption that runs, was given up or did not come true
F_SHARED_CA = const(14)  # its part of a feeder for two, None not shared
FACT_COUNT = const(15)


def decide(facts, ceilings):
    """The allowed current in 0.01 A << REASON_BITS | reason. `ceilings` is scratch space of REASON_COUNT integers."""
    for i in range(REASON_COUNT):
        ceilings[i] = MAX_CA
    _wish(facts, ceilings)
    _devices(facts, ceilings)
    _limits(facts, ceilings)
    return _lowest(ceilings)


def _lowest(ceilings):
    reason = 0
    for i in range(REASON_COUNT):
        if ceilings[i] < ceilings[reason]:
            reason = i
    limit_ca = ceilings[reason]
    if limit_ca < MIN_CA:
        limit_ca = 0
    return limit_ca << REASON_BITS | reason


def _wish(facts, ceilings):
    if facts[F_WANTED_CA] is None:
        ceilings[R_NO_SET_POINT] = _NO_WISH
    else:
        ceilings[R_SET_POINT] = max(0, min(MAX_CA, facts[F_WANTED_CA]))
    if facts[F_HEARTBEAT]:
        ceilings[facts[F_HEARTBEAT]] = _NO_HEARTBEAT


def _devices(facts, ceilings):
    """A device that is not ready outranks what outsiders do: its reason is named first."""
    if facts[F_EVSE]:
        ceilings[facts[F_EVSE]] = _NO_METER if facts[F_EVSE] == R_EVSE_STARTING else _NO_EVSE
    if facts[F_SWITCH]:
        ceilings[facts[F_SWITCH]] = _SWITCHING
    if facts[F_PILOT]:
        ceilings[facts[F_PILOT]] = _NO_PILOT
    if facts[F_GUARD]:
        ceilings[facts[F_GUARD]] = _GUARDED
    if facts[F_MAINTENANCE]:
        ceilings[R_MAINTENANCE] = _MAINTENANCE
    if facts[F_METER]:
        ceilings[facts[F_METER]] = facts[F_METER_LOST_CA] if facts[F_METER] == R_METER_LOST else 0
        if ceilings[facts[F_METER]] < MIN_CA:
            ceilings[facts[F_METER]] = _NO_METER


def _limits(facts, ceilings):
    ceilings[R_INSTALLATION] = min(MAX_CA, facts[F_INSTALLATION_CA])
    limit_a = facts[F_EVSE_LIMIT_A]
    if limit_a:
        ceilings[R_EVSE_LIMIT] = limit_a * 100
        if limit_a == 20 and facts[F_PHASES] != 1:
            ceilings[R_EVSE_20A] = 1600  # openWB's rule: such a unit is approved for 20 A on one phase only
    if facts[F_CABLE_A]:
        ceilings[R_CABLE] = facts[F_CABLE_A] * 100
    if facts[F_GRID_CA] is not None:
        ceilings[R_GRID] = facts[F_GRID_CA]
    if facts[F_SHARED_CA] is not None:
        ceilings[R_SHARED] = facts[F_SHARED_CA]
