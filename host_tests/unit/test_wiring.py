"""The pages of the boards are what the data says, and their drawings are drawings."""

import xml.etree.ElementTree as ElementTree

import pytest

from tools import board_data, wiring


def test_the_pages_are_current():
    assert wiring.stale() == [], "run python -m tools.wiring and commit the result"


@pytest.mark.parametrize("change", ["edited", "missing", "of a board that is gone"])
def test_a_stale_page_is_named(monkeypatch, tmp_path, change):
    for path, text in wiring.results().items():
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(wiring, "DOCS", tmp_path)
    assert wiring.stale() == []
    if change == "edited":
        (tmp_path / "wt32_eth01.svg").write_text("<svg/>")
    elif change == "missing":
        (tmp_path / "wt32_eth01.svg").unlink()
    else:
        (tmp_path / "gone.svg").write_text("<svg/>")
    assert wiring.stale() == ["gone.svg" if "gone" in change else "wt32_eth01.svg"]


@pytest.mark.parametrize("name", board_data.names())
def test_a_drawing_shows_every_pin_inside_its_frame(name):
    board, about = board_data.read(name)
    text = wiring.results()[wiring.DOCS / f"{name}.svg"]
    root = ElementTree.fromstring(text)
    _, _, width, height = map(float, root.get("viewBox").split())
    for element in root.iter():
        assert 0 <= float(element.get("x", 0)) + float(element.get("width", 0)) <= width
        assert 0 <= float(element.get("y", 0)) + float(element.get("height", 0)) <= height
    shown = {use for use in board_data.uses(board) if f"GPIO{use.pin}" in text or f" {use.pin}" in text}
    hidden = {use.section for use in set(board_data.uses(board)) - shown}
    builtin = {"rs485"} if about["rs485"]["module"] is None else set()
    assert hidden <= builtin | {"ethernet"}, "wires inside the board are not drawn"


@pytest.mark.parametrize("name", board_data.names())
def test_a_page_names_what_nobody_has_confirmed_and_whether_there_is_a_second_stop(name):
    board, about = board_data.read(name)
    text = wiring.page(name, board, about)
    assert all(f"* {doubt}" in text for doubt in about["unconfirmed"])
    assert ("Not confirmed" in text) == bool(about["unconfirmed"])
    assert (wiring.NO_RELAY in text) == (not board.get("cp_relays"))
    assert all(f"| {use.pin} |" in text for use in board_data.uses(board))
