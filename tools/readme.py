"""Writes the tables of README.md that come from code: cut-off times from the firmware's constants, numbers from the bench.

    python -m tools.readme           rewrite them
    python -m tools.readme --check   say what is stale, exit status 1
"""
import json
import re
import sys
from pathlib import Path

from host_tests.stubs.cpython import install
from tools import bench

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BUDGET = ROOT / "host_tests" / "golden" / "budget.json"
BOARD = ROOT / "boards" / "esp32_generic" / "board.json"


def cut_off_table():
    """Rows (what happens, what the box does), from the constants that make it so."""
    install.install()
    import config_rows
    import cp_relay
    import faults
    import gateway
    import intents
    from drivers import evse_din
    from host_tests.sim import invariants

    _, _, limit_s, low_s, high_s = next(row for row in config_rows.CONFIG if row[0] == "heartbeat_limit_s")
    watchdog_s = json.loads(BOARD.read_text())["watchdog_s"]
    lag_s = invariants.CUT_OFF_MS / 1000
    rows = [
        ("no heartbeat: controller, network or broker gone", f"0 A after {limit_s} s (`heartbeat_limit_s`, {low_s} to {high_s}), on the wire at most {lag_s} s later"),
        ("the same heartbeat value again and again", "counts as no heartbeat"),
        (f"heartbeats, but {limit_s - intents.MARGIN_MS / 1000:g} s apart or slower", "stays at 0 A and says which limit to configure"),
        ("set point 0, or one between 0 and 6 A", "0 A at once: overtakes everything on the bus"),
        ("set point above 32 A", "refused, the old one stays, `get/state_str` names it"),
        ("EVSE does not answer", f"0 A is sent about every {evse_din.SILENT_RETRY_MS / 1000:g} s; back after more than {faults.EVSE_SILENT_MS / 1000:g} s it gets 0 A before anything else"),
        ("0 A was sent and is not read back", f"the CP relay opens after {faults.NOT_CONFIRMED_MS / 1000:g} s; without such a relay the box goes on sending 0 A and reports a fault"),
        ("CP relay open", f"closes after 0 A was read back and less than 1 A flowed for {cp_relay.CALM_MS // 1000} s, not before {cp_relay.OPEN_MIN_MS // 1000} s, {cp_relay.CLOSINGS_MAX} times an hour; then it stays open until cleared at the box"),
        ("register 1000 holds a value that is not ours, or the EVSE is another one", "0 A first, then the EVSE is set up again"),
        ("the car takes more than the pilot says (10 %, at least 1 A)", f"0 A after {faults.OVER_CURRENT_MS // 1000} s (a reduction has {faults.AFTER_REDUCTION_MS // 1000} s to be followed first), latched"),
        ("current flows while 0 A is set", f"CP relay opens after {faults.WELD_MS // 1000} s, latched"),
        ("the EVSE says that the RCD has tripped", "0 A at once, latched"),
        ("meter does not answer", f"0 A (or `lost_current_ca`) after {faults.METER_LOST_MS // 1000} s"),
        ("meter below 200 V on L1 since the start, or shows voltages no house has", f"0 A (the latter after {faults.VOLTAGE_MS // 1000} s)"),
        ("latched", f"cleared at the box only: button held {gateway.BUTTON_MS // 1000} s, or `clear` on the console; never by MQTT or Modbus, kept over resets and power cuts"),
        ("firmware hangs", f"restart by the watchdog after {watchdog_s} s; five such restarts within 10 min: stays at 0 A, CP open"),
        ("any restart, any error that ends the loop", "the first frame on the bus is 0 A; a CP relay that a fault had opened is open before it"),
    ]  # fmt: skip
    return ["| what happens | what the box does |", "|---|---|", *(f"| {what} | {then} |" for what, then in rows)]


def numbers_table():
    budget = json.loads(BUDGET.read_text())
    lines = ["| number | what it is | value | goal |", "|---|---|---|---|"]
    for name, entry in budget.items():
        goal = "" if entry["limit"] is None else f"at most {entry['limit']:,}"
        value = f"{entry['value']:,} {entry['unit']}".rstrip()
        lines.append(f"| `{name}` | {bench.NAMES[name][3]} | {value} | {goal} |")
    return lines


SECTIONS = {"cut-off": cut_off_table, "numbers": numbers_table}


def filled(text):
    """The README's text with every generated section as it should be."""
    for name, table in SECTIONS.items():
        pattern = re.compile(rf"(<!-- {name}: .*?-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"README.md: expected the section <!-- {name}: ... --> to <!-- /{name} -->, found none: put it back")
        text = pattern.sub(lambda found, table=table: found[1] + "\n".join(table()) + "\n" + found[2], text)
    return text


def main():
    old = README.read_text(encoding="utf-8")
    new = filled(old)
    if old == new:
        print("README.md is up to date.")
    elif "--check" in sys.argv:
        sys.exit("README.md is not what the code says: run python -m tools.readme and commit the result.")
    else:
        README.write_text(new, encoding="utf-8")
        print("README.md rewritten: look at the change and commit it.")


if __name__ == "__main__":
    main()
