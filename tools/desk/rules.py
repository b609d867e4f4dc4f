"""What may be changed about a simulated car and EVSE while the desk runs."""


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_between(value, lowest, highest):
    return is_number(value) and lowest <= value <= highest


def _is_bool(value):
    return isinstance(value, bool)


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
    "cable_a": (lambda v: is_whole(v) and v in (0, 13, 20, 32, 63), "0 (not readable), 13, 20, 32 or 63"),
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
