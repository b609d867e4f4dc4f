"""What a box says about itself, in its own words: how bad that is, and what to do about it."""

import functools

from host_tests.stubs.cpython import install
from tools.doctor.finding import fix, hint, ok

CLEAR = "then hold the button of the box for 5 s, or type `clear` at its console"
ANALOG = "does its register 2003 hold 0, so that an analog input decides? `make doctor PORT=... ARGS=--force` reads it"
LINE = "check A, B and GND, supply and unit id; `make doctor PORT=...` scans the line"
NOBODY = "enter this box as a secondary in openWB, or lead it by Modbus (evcc); without a controller it stays at 0 A"
SLOW = "heartbeat interval"  # how the text of the firmware begins

# By the names of firmware/safety.py; {reason: what to do}.
FAULTS = {
    "R_RCD": f"an electrician looks for the earth fault; {CLEAR}",
    "R_WELD": f"unplug the car and switch the box off: an electrician checks the contactor; {CLEAR}",
    "R_CP_STUCK": f"check the CP relay, its wiring and cp_relays in board.json; {CLEAR}",
    "R_OVER_CURRENT": f"does this meter measure this charge point and nothing else? If so, try another car; {CLEAR}",
    "R_CP_LATCHED": f"the EVSE has not confirmed 0 A again and again: {LINE}; {CLEAR}",
    "R_PHASES": "check the phase relay and coils in board.json; the next switch, or `clear` at the console, ends it",
    "R_EVSE_SILENT": LINE,
    "R_EVSE_OLD": "replace the EVSE: 8 is the oldest firmware that can be used",
    "R_EVSE_FAULT": "unplug the car; if it stays, `make doctor PORT=...` tells which of its checks fails",
    "R_NO_SECOND_STOP": f"unplug the car: the EVSE does not obey. {LINE}. {ANALOG}; a board with a CP relay could have stopped it",
    "R_CP_OPEN": f"the EVSE did not confirm 0 A: {LINE}. {ANALOG}. The relay closes by itself when 0 A is confirmed",
    "R_EVSE_DEFIES": f"unplug the car: set points have no effect on the EVSE. {ANALOG}, ARGS=--repair sets it",
    "R_NOT_SWITCHED": "the car did not stop: end the charge by hand and ask for the phases again",
    "R_METER_LOST": f"{LINE}; are meter.type and meter.unit in config.json those of the meter?",
    "R_METER_VOLTAGE": "wire L1 and N of the meter; or meter.type in config.json is not this meter's",
    "R_VOLTAGE": "N of the meter is missing or loose: switch it off and check; or meter.type in config.json is not this meter's",
}
WARNINGS = {
    "EVSE_DISABLED": "`make doctor PORT=... ARGS=--repair` clears the bit",
    "CABLE_UNKNOWN": "check the PP wire of the socket; with a cable of its own, set register 2007 of the EVSE to its rating",
}
# What limits the current, and is no fault.
LIMITS = {
    "R_NO_SET_POINT": "the controller is heard, but sends no set_current: is the charge point entered there, does it have the right number?",
    "R_HEARTBEAT_NEVER": NOBODY,
    "R_HEARTBEAT_FIRST": "wait: the controller's second heartbeat makes it alive",
    "R_HEARTBEAT_LOST": "the controller or the network is gone; it goes on by itself when heartbeats come again",
    "R_EVSE_STARTING": "wait ten seconds and run the doctor again; if it stays, look at the EVSE",
    "R_METER_STARTING": "wait ten seconds and run the doctor again; if it stays, look at the meter",
    "R_MAINTENANCE": "somebody works at it; reset the box when done",
    "R_SWITCHING": "wait until it is done",
    "R_INTERRUPTING": "wait until it is over",
}


@functools.cache
def _known():
    """({text: (reason in English, what to do)} of faults, the same of warnings, {text: what to do} of limits)."""
    install.install()
    import faults
    import safety

    def english(name):
        return safety.REASONS[getattr(safety, name)].decode()

    german = {row[faults.REASON]: row[faults.GERMAN].decode() for row in faults.FAULTS}
    broken = {}
    for name, todo in FAULTS.items():
        broken[english(name)] = broken[german[getattr(safety, name)]] = (english(name), todo)
    warned = {}
    for name, todo in WARNINGS.items():
        text = getattr(faults, name + "_EN").decode()
        warned[text] = warned[getattr(faults, name).decode()] = (text, todo)
    return broken, warned, {english(name): todo for name, todo in LIMITS.items()}


def judge(name, values):
    """Findings about fault_state, fault_str and state_str of a charge point, from its topics or from /status.json."""
    broken, warned, limits = _known()
    told, level, state = str(values.get("fault_str")), values.get("fault_state"), values.get("state_str")
    limit = str(state).partition("; ")[0]  # behind it stands what else somebody should know
    findings = []
    if level == 2:
        text, todo = broken.get(told, (told, "docs/safety.md tells what this fault means"))
        findings.append(fix(f"{name}, fault", text, todo))
    elif level == 1:
        text, todo = warned.get(told, (told, "docs/safety.md tells more"))
        findings.append((fix if "2005" in text else hint)(f"{name}, fault", text, todo))
    elif level == 0:
        findings.append(ok(f"{name}, fault", "none"))
    what = f"{name}, limited by"
    if not state or level == 2:
        return findings
    if state.startswith(SLOW):
        findings.append(fix(what, state, "or let the controller send it more often: every 10 s is a good interval"))
    elif limit in limits:
        findings.append(hint(what, state, limits[limit]))
    else:
        findings.append(ok(what, state))
    return findings
