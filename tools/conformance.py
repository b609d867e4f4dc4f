"""Writes docs/conformance.md: every row of openWB's published pages for a secondary, what the box does, and what proves it.

    python -m tools.conformance           rewrite it
    python -m tools.conformance --check   say whether it is stale, exit status 1
"""
import ast
import functools
import json
import sys
from pathlib import Path

from tools import conformance_rows as rows
from tools.safety_page import table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "conformance.md"
GOLDEN = ROOT / "host_tests" / "golden"
PLACES = ("unit", "sim", "interop")
WORKS, LATER, ABSENT = "works", "taken, without effect yet", "not for this hardware"

HEAD = """# What of openWB's secondary interface works

*This page is written by `python -m tools.conformance` from tables of the project. Do not edit it.*

Every topic and register that openWB's pages list for a secondary charge point, for N = 0 and 1 alike. What is *not for this hardware*
has the value that the pages want in that case. "Cases" are rows of the golden files in [host_tests/golden](../host_tests/golden); every one of
them is a test of its own. {counts}.
"""
GET_HEAD = """## MQTT, `openWB/internal_chargepoint/N/get/...`

All of them are told once per second, changed or not, retained:
[test_exactly_the_topics_of_the_table_are_told_retained_and_once_per_second](../host_tests/unit/test_conformance.py). Type, decimals, range and the
value before anything is known are those of [get_topics.json](../host_tests/golden/get_topics.json), checked for every topic at the start and while charging.
"""
SET_HEAD = """## MQTT, `openWB/set/...`

An accepted value is published again without `set/`; every message is wiped from the set tree. The cases of
[set_messages.json](../host_tests/golden/set_messages.json) are sent to the whole firmware one by one.
"""
MODBUS_HEAD = """## Modbus TCP, port 1502

Functions 3 and 4 read, 6 and 16 write; 102xx is the second charge point. Cases: [registers.json](../host_tests/golden/registers.json).
"""


class Unproven(Exception):
    """A row that no test proves, or that is missing; the text says what to do."""


def golden(name):
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


@functools.cache
def _place(file):
    """(folder, names of the tests) of a test file."""
    for place in PLACES:
        path = ROOT / "host_tests" / place / file
        if path.exists():
            tree = ast.parse(path.read_text(encoding="utf-8"))
            return place, {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    raise Unproven(f"tools/conformance_rows.py: expected a file of {', '.join(PLACES)} in host_tests, found {file}: correct its name")


def proof(text, cases):
    """A proof as Markdown; `cases` are the names that may stand for themselves. Raises Unproven."""
    file, _, name = text.partition("::")
    if not name:
        if text not in cases:
            raise Unproven(f"tools/conformance_rows.py: expected the name of a case in registers.json, found {text!r}: correct it")
        return f"case “{text}”"
    place, names = _place(file)
    if name not in names:
        raise Unproven(f"tools/conformance_rows.py: {file} has no {name}: name the test that proves this row now")
    return f"[{name[5:].replace('_', ' ')}](../host_tests/{place}/{file})"


def proofs(texts, cases=()):
    return "<br>".join(proof(text, cases) for text in texts)


def complete(what, found, expected):
    """Raises Unproven when a row is missing or one too many."""
    if set(found) != set(expected):
        missing, more = set(expected) - set(found), set(found) - set(expected)
        raise Unproven(f"tools/conformance_rows.py: {what}: missing {sorted(missing)}, too many {sorted(more)}: the rows must be those of the firmware")


def published(row):
    """Type, unit and range of a get topic, as the golden table has them."""
    if row["json"] in ("bool", "text"):
        return {"bool": "true, false", "text": "text"}[row["json"]]
    kind = "3 numbers" if row["json"] == "list" else "number" if row["decimals"] else "whole number"
    unit = f", {row['unit']}" if row["unit"] else ""
    decimals = f", {row['decimals']} decimals" if row["decimals"] else ""
    return f"{kind}{unit}, {row['low']} to {row['high']}{decimals}"


def can_switch():
    """True when the firmware can switch phases and interrupt CP."""
    return (ROOT / "firmware" / "phases.py").exists()


def acting(key, text, names):
    """(status, what the box does, proofs) of what a controller sets: SWITCHING needs a part of the firmware and relays of the board."""
    if key not in rows.SWITCHING:
        return WORKS, text, names
    if not can_switch():
        return LATER, text, names
    return WORKS, text + "; a board without the relay echoes it only, and `state_str` says so", (*names, *rows.SWITCHING[key])


def get_rows():
    """(topic, published, status, what the box does, before anything is known, proofs)"""
    found = golden("get_topics.json")
    complete("GET and GET_ABSENT", [*rows.GET, *rows.GET_ABSENT], [row["name"] for row in found])
    for row in found:
        name = row["name"]
        status = WORKS if name in rows.GET else f"{ABSENT}: `{row['unknown']}`"
        text, names = rows.GET.get(name) or rows.GET_ABSENT[name]
        unknown = "known" if row.get("at_boot") == "known" else f"`{row['unknown']}`"
        yield f"`{name}`", published(row), status, text, unknown, proofs(names) or "its row of get_topics.json"


def set_rows():
    """(topic, published, status, what the box does, proofs)"""
    messages = golden("set_messages.json")
    complete("SET", rows.SET, [row["topic"] for row in golden("set_topics.json")])
    for topic, (kind, text, names) in rows.SET.items():
        results = [row["result"] for row in messages if row["topic"] == topic]
        cases = ", ".join(f"{results.count(result)} {result}" for result in ("accepted", "rejected", "ignored"))
        status, text, names = acting(topic, text, names)
        yield f"`internal_chargepoint/{topic.replace('0/', 'N/')}`", kind, status, text, f"{len(results)} cases: {cases}<br>{proofs(names)}"
    for topic, text, case in rows.SET_ABSENT:
        if not any(row["topic"] == case and row["result"] in ("wiped", "ignored") for row in messages):
            raise Unproven(f"tools/conformance_rows.py: expected a case of set_messages.json that is wiped or ignored, found {case}: add it there")
        yield f"`{topic.replace('/0/', '/N/')}`", "", ABSENT, text, f"case `{case}`"


def _span(first, last):
    return str(first) if first == last else f"{first} to {last}"


def read_rows():
    """(registers, type, value, status, what the box does, proofs)"""
    cases = [case["name"] for case in golden("registers.json")["vectors"]]
    for row in sorted((*rows.READ, *rows.READ_ABSENT)):
        status = f"{ABSENT}: 0" if row in rows.READ_ABSENT else WORKS
        yield _span(*row[:2]), row[2], row[3], status, row[4], proofs(row[5], cases)


def write_rows():
    """(register, value, status, what the box does, proofs)"""
    cases = [case["name"] for case in golden("registers.json")["vectors"]]
    for row in sorted((*rows.WRITE, *rows.WRITE_ABSENT)):
        status, text, names = acting(row[0], row[2], row[3])
        yield str(row[0]), row[1], ABSENT if row in rows.WRITE_ABSENT else status, text, proofs(names, cases)


def counts(found):
    """How many rows have which status, as a sentence."""
    found = list(found)
    numbers = {status: sum(any(cell.startswith(status) for cell in row) for row in found) for status in (WORKS, LATER, ABSENT)}
    return ", ".join(f"{status}: {number}" for status, number in numbers.items() if number)


def page():
    tables = [list(found()) for found in (get_rows, set_rows, read_rows, write_rows)]
    lines = [HEAD.format(counts=counts(row for found in tables for row in found))]
    lines += [GET_HEAD, *table(("topic", "published", "here", "what the box does", "before anything is known", "shown by"), tables[0]), ""]
    lines += [SET_HEAD, *table(("topic", "published", "here", "what the box does", "shown by"), tables[1]), ""]
    lines += [MODBUS_HEAD, *table(("register", "type", "value", "here", "what the box does", "shown by"), tables[2]), ""]
    lines += [*table(("register, written", "value", "here", "what the box does", "shown by"), tables[3]), ""]
    return "\n".join(lines)


def main():
    try:
        new = page()
    except Unproven as problem:
        sys.exit(str(problem))
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == new:
        print("docs/conformance.md is up to date.")
    elif "--check" in sys.argv:
        sys.exit("docs/conformance.md is not what the tables say: run python -m tools.conformance and commit the result.")
    else:
        PAGE.write_text(new, encoding="utf-8")
        print("docs/conformance.md rewritten: look at the change and commit it.")


if __name__ == "__main__":
    main()
