"""docs/compatibility.md: every row says how it was tried, and the lines to copy are those that the box and `make flash` have."""

import re

import pytest
import registers

from tools import board_data, configure
from tools.flash import lines
from tools.runtimes import ROOT

pytestmark = pytest.mark.no_cover  # not about the firmware

PAGE = ROOT / "docs" / "compatibility.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith(("| client", "| broker"))]
EVCC, HOME_ASSISTANT = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_a_row_names_its_test_or_says_that_there_is_none(row):
    tried = row.split("|")[-2]
    tests = re.findall(r"\]\((\.\./host_tests/[^)]*)\)", tried)
    assert all((PAGE.parent / test).is_file() for test in tests), tests
    assert tests or "not tried" in tried or "does not work" in tried


def test_the_lines_for_evcc_are_those_that_make_flash_prints():
    board, _ = board_data.read("waveshare_s3_relay_6ch")
    config = configure.check({"charge_points": [{"evse": 1, "meter": {"type": "none"}}]}, board)
    assert dict(lines.lines(config, board, "192.168.1.50"))["evcc (evcc.yaml)"] == EVCC.splitlines()


def test_the_lines_for_home_assistant_read_registers_that_there_are_in_their_size():
    there = {registers.FIRST + offset: words for offset, words, *_ in registers.REGISTERS}
    found = re.findall(r"address: (\d+)\n +input_type: input\n +data_type: int(16|32)", HOME_ASSISTANT)
    assert len(found) == HOME_ASSISTANT.count("- name: Wallbox ") == 4
    assert {int(address): int(bits) // 16 for address, bits in found}.items() <= there.items()
