"""Can these be the voltages, currents and powers of a house? For a meter at the line, and for what a box tells over the network."""

from tools.doctor.finding import fix, hint, ok

LOWEST_V, HIGHEST_V = 200, 260
FLOWS_A = 1.0
REVERSED_W = -20.0
TOLERANCE = 0.15
LEAST_FACTOR = 0.5


def judge_voltages(what, voltages):
    text = ", ".join(f"{v:.0f} V" for v in voltages)
    if not LOWEST_V <= voltages[0] <= HIGHEST_V:
        todo = f"L1 must be between {LOWEST_V} and {HIGHEST_V} V: wire L1 and N; or meter.type in config.json is not this meter's"
        return fix(what, text, todo)
    if any(v > HIGHEST_V for v in voltages):
        return fix(what, text, f"more than {HIGHEST_V} V: N is missing or loose; switch it off")
    if voltages[1] < LOWEST_V <= voltages[2]:
        return fix(what, text, "L2 is missing while L3 is there: check the terminals of the meter")
    if any(LOWEST_V > v > 50 for v in voltages[1:]):
        return hint(what, text, f"between 50 and {LOWEST_V} V is neither a phase nor none: a loose terminal?")
    return ok(what, text + (" (one phase)" if voltages[1] < LOWEST_V else ""))


def judge_phases(what, voltages, currents, powers):
    """Does the power fit voltage and current of each phase? Where it does not, the phases are mixed up."""
    wrong = [text for text in (_wrong(i, voltages[i], currents[i], powers[i]) for i in range(3)) if text]
    flows = [i for i in range(3) if abs(currents[i]) >= FLOWS_A]
    if wrong:
        return fix(what, "; ".join(wrong), "correct the wiring at the meter")
    if not flows:
        return ok(what, "nothing flows: run the doctor once more while a car charges")
    if flows[0] != 0:
        names = " and ".join(f"L{i + 1}" for i in flows)
        return hint(what, f"current on {names} only", "a car takes L1 first: L1 of the box should be L1 of the meter")
    return ok(what, "power fits voltage and current on every phase")


def _wrong(i, volts, amperes, watts):
    apparent = volts * abs(amperes)
    if watts < REVERSED_W:
        return f"L{i + 1} counts backwards: exchange in and out, or the transformer's k and l"
    if abs(amperes) >= FLOWS_A and not (1 - TOLERANCE) * LEAST_FACTOR * apparent <= watts <= (1 + TOLERANCE) * apparent:
        return f"L{i + 1}: {watts:.0f} W do not fit {amperes:.1f} A: voltage and current are of different phases"
    return None
