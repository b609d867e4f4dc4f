"""What the app does with the floor: it takes the board from there, ends with words, and tells how old its life is."""

import json

import app
import board
import pytest
from clock import TICKS_MASK

from host_tests.unit.test_config import TWO_POINTS

GOOD_BOARD = {"board": "b", "rs485": [{"uart": 1, "tx": 17, "rx": 18}], "evse_ids": [1, 2]}


@pytest.fixture
def box(monkeypatch, tmp_path):
    """A folder with a good config.json, and the floor's good board."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(app.failsafe, "board", GOOD_BOARD)
    (tmp_path / "config.json").write_text(json.dumps(TWO_POINTS))
    return tmp_path


def words_of(function):
    with pytest.raises(SystemExit) as caught:
        function()
    return str(caught.value)


def test_good_files_are_returned_with_all_defaults(box):
    pins, settings = app.checked_files()
    assert pins["watchdog_s"] == 10 and settings["bus"]["baud"] == 9600
    assert [point["evse"] for point in settings["charge_points"]] == [1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"mqtt": {"ho', "config.json: expected JSON, found something that does not parse: correct it, then reset the device"),
        ("[]", "config.json: the whole file: expected an object { }, found []"),
        ('{"mqtt": 5}', "config.json: mqtt: expected an object { }, found 5"),
    ],
)
def test_an_unusable_configuration_is_named(box, text, words):
    (box / "config.json").write_text(text)
    assert words_of(app.checked_files) == words


def test_an_unusable_board_is_named(box, monkeypatch):
    monkeypatch.setattr(app.failsafe, "board", {**GOOD_BOARD, "watchdog_s": 1})
    assert words_of(app.checked_files) == "board.json: watchdog_s: expected a whole number from 5 to 60, found 1"


def test_files_that_do_not_fit_together_are_named(box, monkeypatch):
    monkeypatch.setattr(app.failsafe, "board", {**GOOD_BOARD, "evse_ids": [1]})
    assert words_of(app.checked_files).startswith("config.json: charge_points[1].evse: expected one of evse_ids of board.json")


def test_what_ends_the_app_is_printed_and_goes_on_its_way(box, monkeypatch, capsys):
    def fail(*_arguments):
        raise ValueError("a programming error")

    monkeypatch.setattr(app, "loop", fail)
    with pytest.raises(ValueError, match="a programming error"):
        app.run()
    assert capsys.readouterr().out.count("ValueError: a programming error") == 1


@pytest.mark.parametrize("start_ms", [0, TICKS_MASK - 25000])
def test_a_life_grows_by_one_every_10_s_and_is_kept(monkeypatch, start_ms):
    kept = []
    monkeypatch.setattr(app.failsafe, "save", lambda: kept.append(app.failsafe.record[6]))
    app.failsafe.record[6] = 0
    life = app.Life(start_ms)
    for now_ms in range(0, 65001, 100):
        life.step((start_ms + now_ms) & TICKS_MASK)
    assert kept == [1, 2, 3, 4, 5, 6]


def test_a_very_long_life_stays_at_255(monkeypatch):
    kept = []
    monkeypatch.setattr(app.failsafe, "save", lambda: kept.append(app.failsafe.record[6]))
    app.failsafe.record[6] = 253
    life = app.Life(0)
    for now_ms in range(0, 100000, 1000):
        life.step(now_ms)
    assert (kept, app.failsafe.record[6]) == ([254, 255], 255)


def test_a_relay_port_tells_whether_it_starts_open(monkeypatch):
    rows = [{"pin": 1, "contact": contact, "active": 1} for contact in ("nc", "no")]
    monkeypatch.setattr(app.failsafe, "board", {**GOOD_BOARD, "cp_relays": rows})
    assert [board.CpRelay(0).starts_open, board.CpRelay(1).starts_open] == [False, True]
