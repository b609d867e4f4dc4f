"""Writes the tables of README.md, README.de.md and docs/numbers.md that come from code: cut-off times from the firmware's constants, numbers
from the bench.

    python -m tools.readme           rewrite them
    python -m tools.readme --check   say what is stale, exit status 1
"""
import json
import re
import sys
from pathlib import Path

from host_tests.stubs.cpython import install
from tools import bench, sim
from tools.compare import page

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
README_DE = ROOT / "README.de.md"
NUMBERS = ROOT / "docs" / "numbers.md"
BUDGET = ROOT / "host_tests" / "golden" / "budget.json"
COMPARED = ROOT / "host_tests" / "golden" / "compare.json"
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
    watchdog_s = _watchdog_s()
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
        ("the EVSE keeps more than it was told, reads 0 A back instead of it, or tells its car more", f"0 A after {faults.DEFIED_MS // 1000} s; the CP relay opens where that does not help either"),
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


def cut_off_table_de():
    """The rows that most people ask for, in German."""
    install.install()
    import config_rows
    import faults
    import gateway
    from host_tests.sim import invariants

    _, _, limit_s, low_s, high_s = next(row for row in config_rows.CONFIG if row[0] == "heartbeat_limit_s")
    lag_s = f"{invariants.CUT_OFF_MS / 1000}".replace(".", ",")
    rows = [
        ("kein Heartbeat: Steuerung, Netz oder Broker weg", f"0 A nach {limit_s} s (`heartbeat_limit_s`, {low_s} bis {high_s}), auf der Leitung höchstens {lag_s} s später"),
        ("immer derselbe Heartbeat-Wert, oder ein vom Broker wiederholter", "zählt nicht als Heartbeat"),
        ("Sollwert 0, oder zwischen 0 und 6 A", "sofort 0 A"),
        ("Sollwert über 32 A", "abgelehnt, der alte bleibt"),
        ("0 A wird gesendet und nicht zurückgelesen", f"das CP-Relais öffnet nach {faults.NOT_CONFIRMED_MS / 1000:g} s; ohne ein solches sendet die Box weiter 0 A und meldet einen Fehler"),
        ("das Auto zieht mehr als signalisiert (10 %, mindestens 1 A)", f"0 A nach {faults.OVER_CURRENT_MS // 1000} s, verriegelt"),
        ("Strom fließt, obwohl 0 A gesetzt sind", f"CP-Relais öffnet nach {faults.WELD_MS // 1000} s, verriegelt"),
        ("der EVSE-Regler meldet einen ausgelösten FI", "sofort 0 A, verriegelt"),
        ("der Zähler antwortet nicht", f"0 A (oder `lost_current_ca`) nach {faults.METER_LOST_MS // 1000} s"),
        ("verriegelt", f"nur an der Box zu quittieren: Taster {gateway.BUTTON_MS // 1000} s gehalten, oder `clear` auf der Konsole"),
        ("die Firmware hängt, oder ein Neustart", f"Watchdog nach {_watchdog_s()} s; das Erste auf der Leitung ist 0 A"),
    ]  # fmt: skip
    return ["| was geschieht | was die Box tut |", "|---|---|", *(f"| {what} | {then} |" for what, then in rows)]


def _watchdog_s():
    return json.loads(BOARD.read_text())["watchdog_s"]


# The numbers that a newcomer asks for; docs/numbers.md has all.
MAIN = (
    "set_to_bus_p99_ms",
    "cutoff_lag_worst_ms",
    "confirmed_or_cp_open_worst_ms",
    "zero_frame_after_reset_ms",
    "steady_bytes_32",
    "longest_step_ms",
    "live_heap_bytes_32",
    "live_heap_broker_bytes_32",
    "mpy_bytes",
    "sim_seconds_per_second",
)


def main_numbers_table():
    return numbers_table(MAIN)


def numbers_table(names=None):
    """Rows of these numbers, or of all."""
    budget = json.loads(BUDGET.read_text())
    lines = ["| number | what it is | value | goal |", "|---|---|---|---|"]
    for name in names or budget:
        entry = budget[name]
        goal = "" if entry["limit"] is None else f"at most {entry['limit']:,}"
        value = f"{entry['value']:,} {entry['unit']}".rstrip()
        lines.append(f"| `{name}` | {bench.NAMES[name][3]} | {value} | {goal} |")
    return lines


def sim_line():
    run = json.loads(sim.STORED.read_text(encoding="utf-8"))
    return [f"The largest run of the virtual world so far, `{run['command']}` on {run['cores']} cores: {run['found']}. What it checks, and how it is known that it would"
            " see a breach: [docs/safety.md](docs/safety.md)."]  # fmt: skip


def compare_lines():
    return page.readme_lines(page.read(COMPARED))


PAGES = {
    README: {"cut-off": cut_off_table, "main numbers": main_numbers_table, "sim": sim_line, "compare": compare_lines},
    README_DE: {"cut-off de": cut_off_table_de},
    NUMBERS: {"numbers": numbers_table},
}


def filled(path, text):
    """The page's text with every generated section as it should be."""
    for name, table in PAGES[path].items():
        pattern = re.compile(rf"(<!-- {name}: .*?-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{path.name}: expected the section <!-- {name}: ... --> to <!-- /{name} -->, found none: put it back")
        text = pattern.sub(lambda found, table=table: found[1] + "\n".join(table()) + "\n" + found[2], text)
    return text


def main():
    for path in PAGES:
        old = path.read_text(encoding="utf-8")
        new = filled(path, old)
        if old == new:
            print(f"{path.name} is up to date.")
        elif "--check" in sys.argv:
            sys.exit(f"{path.name} is not what the code says: run python -m tools.readme and commit the result.")
        else:
            path.write_text(new, encoding="utf-8")
            print(f"{path.name} rewritten: look at the change and commit it.")


if __name__ == "__main__":
    main()
