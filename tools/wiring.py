"""Writes the page of every board, docs/boards/<name>.md with its drawing .svg, from boards/<name>/*.json.

    python -m tools.wiring           rewrite them
    python -m tools.wiring --check   say what is stale, exit status 1
"""

import sys
from pathlib import Path

from tools import board_data, drawing

DOCS = Path(__file__).resolve().parents[1] / "docs" / "boards"
ALWAYS = (
    "An EVSE-DIN is delivered with Modbus switched off: pull its AN terminal to GND at least 5 times within 3 s after power-up.",
    "120 ohm at both ends only on long lines; some EVSE-DIN label A and B the other way round: swapped lines break nothing, nobody answers.",
    "`evse_ids` are the EVSE controllers that get 0 A at every start and end, before anything else is known.",
)
NO_RELAY = "This board has no relay in CP: it can interrupt the current by the EVSE only, there is no second way to stop, and it says so."
CP_TABLE = (
    ("`\"contact\": \"nc\"`", "CP flows while the coil is off. A gateway without power or firmware does not interrupt: the EVSE goes on with what it was told last"),
    ("`\"contact\": \"no\"`", "the fail-safe wiring: CP of the car on NO. CP flows only while the coil is energised: a gateway that is dead, resets or has no power stops the car"),
    ("`\"active\": 1`", "a high level energises the coil (0: a low one)"),
)
CP_NOTE = "CP is a signal of +-12 V and some mA: nothing else belongs on that relay, and no mains beside it without the distance an electrician knows."
ROLES = {
    "tx": "RS485, the ESP32 talks", "rx": "RS485, the ESP32 listens", "de": "RS485, direction: high while it talks", "mdc": "Ethernet, MDC",
    "mdio": "Ethernet, MDIO", "power": "Ethernet, supply or oscillator", "clk": "Ethernet, clock",
}  # fmt: skip
COIL_KEYS = {"one_pin": "pulse to one phase", "three_pin": "pulse to three phases", "hold_pin": "held"}
SECTIONS = {"cp_relays": "CP relay", "coils": "coil", "button": "button", "outputs": "set at start", "rfid": "RFID reader", "grid_input": "input of the grid operator"}


def page(name, board, about):
    """The Markdown text."""
    lines = [
        f"<!-- written by `python -m tools.wiring` from boards/{name}/: change it there -->",
        f"# {about['title']}",
        "",
        about["summary"],
        "",
        f"![Wiring of {about['title']}]({name}.svg)",
        "",
        f"    make flash BOARD={name}",
        "",
        f"{about['chip']} with at least {about['flash_mb']} MB of flash; MicroPython image `{about['image']}`;"
        f" pins in [board.json](../../boards/{name}/board.json).",
        "",
        *_pins(board, about),
    ]
    if board.get("cp_relays"):
        lines += ["", "| board.json | what it says about the relay in CP |", "|---|---|", *(f"| {key} | {text} |" for key, text in CP_TABLE)]
    notes = [*about["notes"], *([CP_NOTE] if board.get("cp_relays") else [NO_RELAY]), *ALWAYS]
    lines += ["", *(f"* {note}" for note in notes)]
    if about["free_pins"]:
        lines += [f"* Free for more: GPIO {', '.join(map(str, about['free_pins']))}."]
    if about["unconfirmed"]:
        lines += ["", "**Not confirmed.** Nobody has tried this on the board; check it against your revision before you rely on it:", ""]
        lines += [f"* {text}" for text in about["unconfirmed"]]
    return "\n".join(lines) + "\n"


def _pins(board, about):
    yield "| GPIO | label | what for |"
    yield "|---|---|---|"
    for use in board_data.uses(board):
        yield f"| {use.pin} | {about['labels'].get(str(use.pin), '')} | {role(use, board)} |"


def role(use, board):
    """What a pin is for, in words."""
    if use.section in SECTIONS:
        text = SECTIONS[use.section]
        index = int(use.path.split("[")[1].split("]")[0]) if "[" in use.path else None
        if use.section == "coils":
            return f"phase relay {index + 1}: {COIL_KEYS[use.key]}"
        if use.section == "outputs":
            return f"{text}: {'high' if board['outputs'][index]['level'] else 'low'}"
        return text if index is None else f"{text} {index + 1}"
    return ROLES.get(use.key, use.path)


def results():
    """{path: text} of all pages and drawings."""
    found = {}
    for name in board_data.names():
        board, about = board_data.read(name)
        found[DOCS / f"{name}.md"] = page(name, board, about)
        found[DOCS / f"{name}.svg"] = drawing.draw(board, about)
    return found


def stale():
    """Names of the files that are not what the data says, those of boards that are gone included."""
    expected = results()
    wrong = [path for path, text in expected.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    return sorted(path.name for path in [*wrong, *(set(DOCS.glob("*.*")) - set(expected))])


def main():
    names = stale()
    if not names:
        print("docs/boards is up to date.")
    elif "--check" in sys.argv:
        sys.exit(f"docs/boards is not what boards/ says ({', '.join(names)}): run python -m tools.wiring and commit the result.")
    else:
        DOCS.mkdir(parents=True, exist_ok=True)
        expected = results()
        for path in set(DOCS.glob("*.*")) - set(expected):
            path.unlink()
        for path, text in expected.items():
            path.write_text(text, encoding="utf-8")
        print("docs/boards rewritten: look at the change and commit it:", ", ".join(names))


if __name__ == "__main__":
    main()
