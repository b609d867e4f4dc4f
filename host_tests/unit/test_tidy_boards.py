"""What tidy finds in boards/: pins that can not do what is asked of them, and data that is not there."""

import json

import pytest

from tools import board_data
from tools.tidy import boards
from tools.tidy.finding import Source

ABOUT = {
    "title": "T", "summary": "S", "chip": "ESP32", "flash_mb": 4, "image": "I", "labels": {}, "free_pins": [], "notes": [], "unconfirmed": [],
    "rs485": {"module": None, "a": "A", "b": "B", "gnd": "GND"},
}  # fmt: skip
BOARD = {"board": "b", "rs485": [{"uart": 1, "tx": 17, "rx": 16, "de": 4}]}


def found(board=BOARD, about=ABOUT):
    """The findings as text."""
    sources = [Source("boards/b/board.json", board if isinstance(board, str) else json.dumps(board))]
    if about is not None:
        sources.append(Source("boards/b/about.json", about if isinstance(about, str) else json.dumps(about)))
    return [str(finding) for finding in boards.check(sources)]


def test_a_good_board_has_no_finding():
    assert found() == []


def test_the_boards_of_the_project_have_none():
    paths = [path for name in board_data.names() for path in (board_data.FOLDER / name).iterdir()]
    assert len(paths) == 2 * len(board_data.names()) >= 14
    sources = [Source("/".join(path.parts[-3:]), path.read_text()) for path in paths]
    assert [str(finding) for finding in boards.check(sources)] == []


BAD_PINS = {
    "a relay on a strapping pin": ({"cp_relays": [{"pin": 12, "contact": "nc", "active": 1}]}, "cp_relays[0].pin: expected no strapping pin, found GPIO12"),
    "a coil on a strapping pin": ({"coils": [{"pin": 15}]}, "coils[0].pin: expected no strapping pin, found GPIO15"),
    "a transceiver that drives a strapping pin": ({"rs485": [{"uart": 1, "tx": 17, "rx": 5}]}, "rs485[0].rx: expected no strapping pin, found GPIO5"),
    "an output that can only listen": ({"outputs": [{"pin": 34, "level": 1}]}, "outputs[0].pin: expected a pin that can drive, found GPIO34"),
    "an input that has to limit when its wire breaks, without a pull resistor": (
        {"grid_input": {"pin": 34, "limited": 1}},
        "grid_input.pin: expected a pin with a pull resistor, found GPIO34",
    ),
    "a pin of the flash": ({"button": {"pin": 7, "pressed": 0}}, "button.pin: expected a pin that the flash does not use, found GPIO7"),
    "a pin of the console": ({"button": {"pin": 3, "pressed": 0}}, "button.pin: expected a pin that the console does not use, found GPIO3"),
    "a pin that is not there": ({"outputs": [{"pin": 40, "level": 1}]}, "outputs[0].pin: expected a pin that the chip has, found GPIO40"),
    "one pin for two": ({"button": {"pin": 16, "pressed": 0}}, "button.pin: expected a pin of its own, rs485[0].rx has it, found GPIO16"),
    "a pin of Ethernet": (
        {"ethernet": {"mdc": 23, "mdio": 18, "power": None, "clk": 0, "clk_dir": "in"}, "outputs": [{"pin": 21, "level": 1}]},
        "outputs[0].pin: expected a pin of its own, Ethernet has it, found GPIO21",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "text"), BAD_PINS.values(), ids=BAD_PINS)
def test_a_pin_that_can_not_do_it_is_named_with_file_and_key(changes, text):
    [finding] = found({**BOARD, **changes})
    assert finding.startswith("boards/b/board.json:1: " + text)


def test_other_chips_have_other_pins():
    s3 = {**ABOUT, "chip": "ESP32-S3"}
    assert found({**BOARD, "cp_relays": [{"pin": 12, "contact": "nc", "active": 1}]}, s3) == []
    [finding] = found({**BOARD, "cp_relays": [{"pin": 45, "contact": "nc", "active": 1}]}, s3)
    assert "strapping" in finding


def test_a_button_may_be_the_boot_button_and_an_input_may_only_listen():
    assert found({**BOARD, "button": {"pin": 0, "pressed": 0}}) == []
    assert found({**BOARD, "rs485": [{"uart": 1, "tx": 17, "rx": 34}]}) == []


def test_ethernet_is_wired_as_it_is():
    assert found({**BOARD, "ethernet": {"mdc": 23, "mdio": 18, "power": 12, "clk": 0, "clk_dir": "in"}}) == []


BAD_DATA = {
    "another name than the folder's": ({**BOARD, "board": "c"}, ABOUT, "board.json:1: board: expected the name of its folder, b, found 'c'"),
    "no JSON": ('{"board": "b', ABOUT, "board.json:1: board: expected JSON"),
    "no object": ("[]", ABOUT, "board.json:1: board: expected an object { }, found list"),
    "nothing about it": (BOARD, None, "board.json:1: board: expected about.json beside it, found none"),
    "an unknown chip": (BOARD, {**ABOUT, "chip": "ESP8266"}, "about.json:1: chip: expected ESP32 or ESP32-S3, found 'ESP8266'"),
    "a missing key": (BOARD, {k: v for k, v in ABOUT.items() if k != "image"}, "about.json:1: image: expected str, found None"),
    "an unknown key": (BOARD, {**ABOUT, "colour": "red"}, "about.json:1: colour: expected a known key"),
    "half a transceiver": (BOARD, {**ABOUT, "rs485": {"module": None}}, "about.json:1: rs485: expected module, a, b, gnd, found module"),
}  # fmt: skip


@pytest.mark.parametrize(("board", "about", "text"), BAD_DATA.values(), ids=BAD_DATA)
def test_data_that_is_not_as_it_should_be_is_named(board, about, text):
    [finding] = found(board, about)
    assert finding.startswith("boards/b/" + text)
