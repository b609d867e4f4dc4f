"""What may be changed about the simulated car, EVSE and meter, and the stand-in controller, while the desk runs."""

from host_tests.fakes import meters

CONTROLLER_MODES = ("leads", "no_heartbeat", "silent")


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_between(value, lowest, highest):
    return is_number(value) and lowest <= value <= highest


def _is_bool(value):
    return isinstance(value, bool)


def _are_registers(value):
    """{"2000": 0}: what an electrician may have set. The unit id (2001) and the bootloader bit stay."""
    return isinstance(value, dict) and all(
        name in EVSE_MEMORY and is_whole(word) and 0 <= word < (0x8000 if name == "2005" else 0x10000) for name, word in value.items()
    )


def _are_volts(value):
    return isinstance(value, list) and len(value) == 3 and all(_is_between(volts, 0, 500) for volts in value)


EVSE_MEMORY = ("2000", "2002", "2003", "2004", "2005", "2006", "2007")
# name: what it accepts, in words
CAR = {
    "max_a": (lambda v: _is_between(v, 0, 80), "a number from 0 to 80"),
    "min_a": (lambda v: _is_between(v, 6, 16), "a number from 6 to 16"),
    "phases": (lambda v: is_whole(v) and v in (1, 3), "1 or 3"),
    "ramp_down_s": (lambda v: _is_between(v, 1, 5), "a number from 1 to 5"),
    "stubborn": (_is_bool, "true or false"),
    "asleep": (_is_bool, "true or false"),
}
EVSE = {
    "rcd_error": (_is_bool, "true or false"),
    "state_5": (_is_bool, "true or false"),
    "deaf_to_writes": (_is_bool, "true or false"),
    "registers": (_are_registers, "an object of registers and their values, for example {\"2000\": 0}; there are %s" % ", ".join(EVSE_MEMORY)),
    "cable_a": (lambda v: is_whole(v) and v in (0, 13, 20, 32, 63), "0 (not readable), 13, 20, 32 or 63"),
}
METER = {
    "type": (lambda v: isinstance(v, str) and v in meters.METERS, "one of " + ", ".join(meters.METERS)),
    "volts": (_are_volts, "a list of three numbers from 0 to 500"),
    "backwards": (lambda v: is_whole(v) and 0 <= v <= 3, "0, or the phase that is wired the wrong way round"),
}
CONTROLLER = {
    "mode": (lambda v: isinstance(v, str) and v in CONTROLLER_MODES, "one of " + ", ".join(CONTROLLER_MODES)),
    "every_s": (lambda v: _is_between(v, 1, 120), "a number from 1 to 120"),
    "current_a": (lambda v: _is_between(v, 0, 32), "a number from 0 to 32"),
}
CONTACTOR = {"welded": (_is_bool, "true or false")}
PHASE_RELAY = {
    "stuck": (_is_bool, "true or false"),
    "at": (lambda v: is_whole(v) and v in (1, 3), "1 or 3"),
}
SWITCH = {"phases": (lambda v: is_whole(v) and v in (1, 3), "1 or 3")}
INTERRUPT = {"seconds": (lambda v: is_whole(v) and 1 <= v <= 30, "a whole number from 1 to 30")}


def changes(command, rules, owner):
    """The changes a command asks for, as a dict. Raises ValueError with a sentence."""
    found = {}
    for key, value in command.items():
        if key in ("do", "cp"):
            continue
        if key not in rules:
            raise ValueError('%s has no "%s": use %s' % (owner, key, ", ".join(rules)))
        accepts, expected = rules[key]
        if not accepts(value):
            raise ValueError('"%s" must be %s' % (key, expected))
        found[key] = value
    return found
