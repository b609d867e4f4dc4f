"""docs/configuration.md is what the box checks its files with, it is complete, and its example is a good configuration."""

import json

import config
import config_rows
import pytest

from tools import board_data, config_page, configure

pytestmark = pytest.mark.no_cover  # not about the firmware


def test_the_page_is_what_the_code_says():
    found = config_page.PAGE.read_text(encoding="utf-8")
    assert found == config_page.page(), "run python -m tools.config_page and commit the result"


@pytest.mark.parametrize("rows, texts", [(config_rows.CONFIG, config_page.CONFIG), (config_rows.BOARD, config_page.BOARD)], ids=["config.json", "board.json"])
def test_every_key_is_described_and_none_that_is_not_there(rows, texts):
    assert [row[0] for row in config_page.keys(rows)] == list(texts)


def test_the_example_is_accepted_for_every_board():
    example = json.loads(config_page.EXAMPLE)
    for name in board_data.names():
        board, _ = board_data.read(name)
        assert configure.check(example, board)["installation_limit_a"] == 16


def test_a_changed_default_makes_the_page_stale(monkeypatch):
    before = config_page.page()
    changed = tuple((*row[:2], 90, *row[3:]) if row[0] == "heartbeat_limit_s" else row for row in config_rows.CONFIG)
    monkeypatch.setattr(config_rows, "CONFIG", changed)
    assert config_page.page() != before
