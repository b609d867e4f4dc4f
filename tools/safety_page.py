"""Writes docs/safety.md: what must hold, what that means, and how it is shown that a breach would be seen.

    python -m tools.safety_page           rewrite it
    python -m tools.safety_page --check   say whether it is stale, exit status 1
"""
import json
import sys
from pathlib import Path

from host_tests.sim import mutants
from host_tests.sim.invariants import SENTENCES
from tools import readme, sim

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "safety.md"

# For somebody who owns such a box: what each invariant means to them.
MEANING = {
    "zero_first": "Whatever made the box start, a car that is plugged in does not charge until the box has found its bearings.",
    "no_gap_values": "A car is never told a current that the charging standard has no word for.",
    "ceilings": "Your controller can ask for less than fuse, cable and EVSE carry, never for more.",
    "shared_feeder": "Two cars behind one fuse never take more than it carries, whatever was lost on the way.",
    "alive_only": "Charging begins only while your controller shows that it is still there.",
    "cut_off": "When the controller, the network or the broker dies, the box ends charging by itself, and soon.",
    "back_at_zero": "An EVSE that had no power comes up with a current of its own; the box takes it back to 0 A before a car can use it for long.",
    "eeprom": "The memory of the EVSE, which wears out, is left alone; nobody's settings are changed but the finer scale.",
    "quiet_line": "The box talks to no device while the line is still busy, so that replies are not garbled.",
    "transitions": "Every part of the firmware goes only the ways that were thought through.",
    "complete_set": "Whoever looks at the box sees values that are not older than a few seconds.",
    "no_foreign_data": "A reading that was garbled on the line, or belongs to another device, is not shown as the meter's.",
    "bounded_wait": "The box looks after everything at least once per second.",
    "resumes": "When everything works again nobody has to do anything: the car charges.",
    "confirmed_or_open": "An EVSE that does not obey is stopped by the second way, the relay in the pilot line, if the board has one.",
    "cp_closing": "The pilot line is not closed onto a car that charges, and its relay does not flutter.",
    "open_survives": "A car that was stopped by the relay does not go on because the box has restarted.",
    "no_unplug": "A stop by the relay does not look as though the car had been unplugged.",
    "weld": "A contactor that sticks is noticed, and the car is told to stop by the relay.",
    "over_current": "A car that takes more than it was told is stopped.",
    "latched": "After a serious fault nobody can go on charging from afar: somebody has to look at the box.",
    "asked_again": "An EVSE that was away may have been exchanged: the box learns what it is before it gives it current.",
    "flash_at_rest": "Writing to the box's memory, which stops it for a moment, does not happen while a car charges or a coil moves, and does not wear it out.",
    "kept_whole": "Whenever the power goes, the box starts with settings that somebody has made, or stays at 0 A and says why.",
    "coil_at_zero": "The contactor of two phases never opens or closes under load, and no car sees phases come or go while it is connected to the pilot.",
    "one_coil": "The supply of the relays, and a bistable relay, get one pulse at a time.",
    "coil_cool_down": "A controller that cannot make up its mind wears out neither the relay nor your car.",
    "coil_pulse": "A coil that is made for pulses does not burn.",
    "no_current_switching": "Nothing tells the car to draw current while its phases are changing.",
}

HEAD = """# What must hold, and how a breach is seen

*This page is written by `python -m tools.safety_page` from the tables of the firmware and of its tests. Do not edit it.*

An **invariant** is a sentence that must be true at every moment, whatever fails. The whole firmware runs in a virtual world
with its wires, EVSE, meter, car, broker and clock; faults are drawn from a seed, and after every step a
[checker](../host_tests/sim/invariants.py) that knows the world asks whether every sentence still holds.

A check that can not fail proves nothing. So each invariant has **mutants**: the same firmware with one fault in it. Each mutant
lives in the same virtual world and must break its own invariant within {lives} lives of {seconds} s; a fault of kind *timing*
is a wrong time, age, order or wrap of the clock.

| you want | command |
|---|---|
| lives of the firmware as it is | `make test`, or more of them: `make sim SEEDS=1-200 HOURS=1` |
| all {mutants} mutants, or those of one invariant | `make mutants`, `make mutants ARGS="cut_off"` |
| one life, with its trace | `python -m host_tests.sim.swarm SEED SECONDS` |
| this page | `python -m tools.safety_page` |

The largest run so far: `{command}` on {cores} cores, {date}: {found}.

What this does not show: that the models of EVSE, meter and car behave as the real ones do, that the real line, supply and chip do,
and that nobody has forgotten a sentence.

"""

# By the name of its reason in firmware/safety.py: what is measured, in plain words.
TRIGGERS = {
    "R_RCD": "the EVSE says so (register 1007, from its firmware 16 on)",
    "R_WELD": "1 A or more on any phase while 0 A was read back, or the pilot is open",
    "R_CP_STUCK": "the EVSE sees a car although the pilot is open",
    "R_OVER_CURRENT": "more on any phase than the pilot says, by 10 % and at least 1 A; not within 5 s after a reduction",
    "R_EVSE_SILENT": "no answer to what it was asked",
    "R_EVSE_OLD": "register 1005 is below 8",
    "R_EVSE_FAULT": "register 1002 or 1007 shows a failure, a missing diode, missing ventilation or an RCD trip",
    "R_CP_LATCHED": "the pilot has to open again after three closings within an hour",
    "R_NO_SECOND_STOP": "0 A is wanted and not read back, and the board has no CP relay",
    "R_EVSE_DEFIES": "register 1000 holds more than was written, or 0 A instead of it; or every read is refused; or 1001 is 1 A above it while 1006 says that the pilot runs; 0 A for a minute then",
    "R_CP_OPEN": "0 A is wanted and not read back, or another fault opens the pilot",
    "R_PHASES": "more than 3 A on more than one phase although the phase relay was switched to one",
    "R_NOT_SWITCHED": "for a phase switch or CP interruption 0 A is not read back, current flows on, or the pilot does not open; 0 A for 30 s then",
    "R_METER_LOST": "no reading with a voltage and a current on L1",
    "R_METER_VOLTAGE": "less than 200 V on L1 since the start",
    "R_VOLTAGE": "more than 280 V on any phase, or less than 150 V on L1",
}
ACTIONS = ("0 A", "0 A, and the control pilot opens", "`lost_current_ca` of the meter, 0 A by default")  # by faults.ZERO, OPEN_CP, LOST_CURRENT
CLEARED = ("itself, when the cause is gone", "itself, by the rule for closing the control pilot", "somebody at the box", "the next phase switch, or somebody at the box")  # by faults.BY_ITSELF, ...


def table(head, rows):
    """Markdown lines; head and rows are tuples of text."""
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


def fault_rows():
    """(fault, trigger, after how long, what the box does, cleared by, text in openWB), the most serious first."""
    import faults
    import safety

    triggers = {getattr(safety, name): text for name, text in TRIGGERS.items()}
    for row in faults.FAULTS:
        reason = row[faults.REASON]
        if reason not in triggers:
            raise SystemExit(f"tools/safety_page.py: TRIGGERS: expected a row for {safety.REASONS[reason]!r}, found none; say what triggers it")
        after_ms = row[faults.AFTER_MS]
        yield (
            safety.REASONS[reason].decode(),
            triggers[reason],
            f"{after_ms / 1000:g} s" if after_ms else "at once",
            ACTIONS[row[faults.ACTION]],
            CLEARED[row[faults.CLEARED]],
            row[faults.GERMAN].decode(),
        )


def section(name):
    """Lines about one invariant."""
    rows = [(f"`{mutants.name_of(row)}`", row[2], row[0].__doc__) for row in mutants.MUTANTS if row[1] == name]
    return [
        f"### {name}",
        "",
        f"> {SENTENCES[name]}",
        "",
        MEANING[name],
        "",
        "Held by `test_the_invariants_hold` in [test_swarm.py](../host_tests/sim/test_swarm.py);"
        f" can fail: [test_mutants.py](../host_tests/sim/test_mutants.py), `make mutants ARGS={name}`.",
        "",
        *table(("mutant", "kind", "what is wrong with it"), rows),
        "",
    ]


def page():
    text = HEAD.format(lives=len(mutants.LIVES), seconds=mutants.SECONDS, mutants=len(mutants.MUTANTS), **json.loads(sim.STORED.read_text(encoding="utf-8")))
    lines = ["## When the box cuts off", "", *readme.cut_off_table(), ""]
    lines += ["## Faults", "", *table(("fault", "trigger", "after", "what the box does", "cleared by", "text in openWB"), fault_rows()), ""]
    lines += ["## Invariants", ""]
    for name in SENTENCES:
        lines += section(name)
    return text + "\n".join(lines)


def main():
    new = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == new:
        print("docs/safety.md is up to date.")
    elif "--check" in sys.argv:
        sys.exit("docs/safety.md is not what the code says: run python -m tools.safety_page and commit the result.")
    else:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(new, encoding="utf-8")
        print("docs/safety.md rewritten: look at the change and commit it.")


if __name__ == "__main__":
    main()
