"""The boards of the project: boards/<name>/board.json goes onto the device, about.json beside it is for people and tools."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "boards"
BOARD_FILE, ABOUT_FILE = "board.json", "about.json"
# about.json: key, type. rs485.module is null for a transceiver on the board; labels: what is printed beside a GPIO.
ABOUT_KEYS = {
    "title": str, "summary": str, "chip": str, "flash_mb": int, "image": str, "rs485": dict, "labels": dict, "free_pins": list,
    "notes": list, "unconfirmed": list,
}  # fmt: skip
ABOUT_OPTIONAL = ("image_sha256",)  # of the stock image in tools/flash/stock.py, once somebody has seen it on such a board
RS485_KEYS = ("module", "a", "b", "gnd")


@dataclass(frozen=True)
class Chip:
    """What its pins can not do. `fixed`: pins that Ethernet (RMII) takes besides those that board.json names."""

    pins: frozenset
    strapping: frozenset
    input_only: frozenset
    flash: frozenset
    console: frozenset
    fixed: frozenset
    image_offset: int


CHIPS = {
    "ESP32": Chip(
        pins=frozenset(range(40)) - {20, 24, 28, 29, 30, 31},
        strapping=frozenset((0, 2, 5, 12, 15)),
        input_only=frozenset(range(34, 40)),
        flash=frozenset(range(6, 12)),
        console=frozenset((1, 3)),
        fixed=frozenset((19, 21, 22, 25, 26, 27)),
        image_offset=0x1000,
    ),
    "ESP32-S3": Chip(
        pins=frozenset(range(49)) - {22, 23, 24, 25},
        strapping=frozenset((0, 3, 45, 46)),
        input_only=frozenset(),
        flash=frozenset(range(26, 33)),
        console=frozenset((19, 20, 43, 44)),
        fixed=frozenset(),
        image_offset=0,
    ),
}
_PIN_KEYS = ("pin", "tx", "rx", "de", "mdc", "mdio", "power", "clk")
_LISTENING = ("button", "grid_input")  # sections whose pin is an input
BOARD_OWN = ("ethernet",)  # sections that the maker of the board has wired, strapping pins or not


@dataclass(frozen=True)
class Use:
    """One pin that board.json names: where, for what, and whether the chip drives it."""

    path: str
    section: str
    key: str
    pin: int
    drives: bool


def names():
    """The boards of the project."""
    return sorted(path.parent.name for path in FOLDER.glob("*/" + BOARD_FILE))


def read(name):
    """(board, about) as JSON has them. Raises OSError and ValueError."""
    folder = FOLDER / name
    return tuple(json.loads((folder / file).read_text(encoding="utf-8")) for file in (BOARD_FILE, ABOUT_FILE))


def uses(board):
    """Every pin of a board.json, in its order. What is no object, list or number there is for config to refuse."""
    found = []
    for section, rows in board.items():
        many = isinstance(rows, list)
        for index, row in enumerate(rows if many else [rows]):
            if isinstance(row, dict):
                found += _uses_of_row(section, f"{section}[{index}]" if many else section, row)
    return found


def _uses_of_row(section, path, row):
    for key, value in row.items():
        is_pin = key in _PIN_KEYS or key.endswith("_pin")
        if is_pin and isinstance(value, int) and not isinstance(value, bool):
            listens = key == "rx" or section in _LISTENING or key == "clk" and row.get("clk_dir") == "in"
            yield Use(f"{path}.{key}", section, key, value, not listens)


def objections(board, chip):
    """(use, expected, what to do) for every pin of a board.json that can not do on this chip what is asked of it."""
    taken = dict.fromkeys(chip.fixed, "Ethernet") if "ethernet" in board else {}
    for use in uses(board):
        for expected, todo in _objections(use, chip):
            yield use, expected, todo
        if use.pin in taken:
            yield use, f"a pin of its own, {taken[use.pin]} has it", "choose another pin"
        taken[use.pin] = use.path


def _objections(use, chip):
    if use.pin not in chip.pins:
        yield "a pin that the chip has", "choose another pin"
        return
    if use.pin in chip.flash:
        yield "a pin that the flash does not use", "choose another pin"
    if use.pin in chip.console:
        yield "a pin that the console does not use", "choose another pin"
    if use.pin in chip.input_only:
        if use.drives:
            yield "a pin that can drive", "choose another pin: this one can only listen"
        if use.section == "grid_input":
            yield "a pin with a pull resistor", "choose another pin: this one has none, and a broken wire has to limit"
    if use.pin in chip.strapping and use.section not in (*BOARD_OWN, "button"):
        yield "no strapping pin", "choose another pin: this one decides at reset how the chip starts, and may move then"
