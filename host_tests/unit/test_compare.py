"""docs/benchmarks.md and its plot are what the stored numbers say, and say it fairly."""

import ast
import copy
import json
import socket
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest

from tools.compare import __main__ as tool
from tools.compare import asks, line, page, plot, rows

pytestmark = pytest.mark.no_cover  # not about the firmware
KEYS = [row[0] for _, _, section in rows.SECTIONS for row in section]


@pytest.fixture
def stored():
    return page.read(tool.STORED)


def test_page_and_plot_are_what_the_stored_numbers_say(stored):
    for path, text in tool.results(stored).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m tools.compare --render and commit the result"


def test_every_row_has_a_number_of_ours_and_of_somebody_else(stored):
    for key in KEYS:
        assert page.value(stored, page.OURS, key) is not None, key
        others = [page.value(stored, who, key) for who in page.WHO[1:]]
        assert any(number is not None for number in others) or key in rows.MISSING, key


def test_a_row_that_another_one_wins_is_said_aloud(stored):
    mine = copy.deepcopy(stored)
    mine["stock"]["bytes_left_per_cycle"] = -1

    text = page.page(mine)

    assert "**-1 bytes**" in text
    lost = text.split("## Where others are better")[1]
    assert "* garbage of a bus cycle in which nobody speaks: umqtt.simple + micropython-modbus\n" in lost


def test_who_does_not_cut_off_is_named_and_not_hidden(stored):
    mine = copy.deepcopy(stored)
    mine["ours"]["cut_off_lag_ms"] = None

    assert "| **does not cut off** |" in page.page(mine)
    mine["ours"]["cut_off_lag_hung_ms"] = None
    assert "**does not cut off**" in " ".join(page.readme_lines(mine))
    ElementTree.fromstring(plot.draw(mine))


def test_an_even_row_has_no_winner_and_a_notice_only_stands_where_it_is_true(stored):
    mine = copy.deepcopy(stored)
    for who in page.WHO:
        mine[who]["commands_lost"] = 0
    assert page.winners(mine, "commands_lost", 0, rows.LOW) == set()

    mine["stock"].update(cut_off_lag_hung_ms=70, served_of_4=4, bus_cycle_ratio_asked=1.1, bus_cycle_ratio=1.0)
    mine["cpython"]["silence_chars"] = mine["stock"]["bus_cycle_ratio_virtual"] = 4.0
    assert len(list(page.notes(mine))) == 2, "what always holds"


def test_the_plot_is_a_drawing_with_a_bar_or_a_word_for_everybody(stored):
    texts = [element.text for element in ElementTree.fromstring(plot.draw(stored)).iter() if element.tag.endswith("text")]

    assert len(texts) == len(plot.SHOWN) * (1 + len(page.WHO)) + len(page.WHO)


@pytest.mark.parametrize("program", ["stock_program.py", "cpython_program.py"])
def test_the_others_publish_what_we_publish(program):
    tree = ast.parse((tool.stock.PROGRAM.parent / program).read_text(encoding="utf-8"))
    (told,) = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "told"]
    ours = {row["name"] for row in json.loads((tool.STORED.parent / "get_topics.json").read_text(encoding="utf-8"))}

    assert {key.value for key in told.keys} == ours


def test_a_server_that_takes_no_connection_has_a_rate_of_zero():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert asks.flat_out(port, 4, 0.1) == (0, 0)


# --- how the line is judged ---


def transactions(silence_chars, count=20, extra_s=0.0):
    """EVSE and meter in turn, each request so many characters after the last reply."""
    char_s, end_s, found = line.line.BITS_PER_BYTE / line.BAUD, 100.0, []
    for i in range(count):
        request = SimpleNamespace(dev_id=(1, 105)[i % 2], function_code=4, address=0, registers=[])
        transaction = line.Transaction(end_s, request)
        transaction.reply_bytes = 41
        found.append(transaction)
        end_s += line.line.LATENCY_S + (41 + silence_chars + 8) * char_s + extra_s
    return found


def test_a_line_that_only_keeps_the_silence_is_at_the_limit():
    assert line.ratio_to_limit(transactions(3.5)) == pytest.approx(1.0)
    assert line.silence_chars(transactions(3.5)) == pytest.approx(3.5)


def test_idle_time_and_too_little_silence_show_in_the_ratio():
    assert line.ratio_to_limit(transactions(3.5, extra_s=0.0747)) == pytest.approx(2.0, abs=0.02)
    assert line.ratio_to_limit(transactions(0)) < 1
    assert line.ratio_to_limit(transactions(3.5, count=5)) is None


def test_only_writes_to_the_set_current_are_commands():
    request = SimpleNamespace(dev_id=1, function_code=16, address=1000, registers=[16])

    assert line.Transaction(0, request).sets() == 16
    assert line.Transaction(0, SimpleNamespace(**{**vars(request), "address": 2005})).sets() is None
    assert line.Transaction(0, SimpleNamespace(**{**vars(request), "dev_id": 105})).sets() is None
    assert line.cycles(transactions(3.5)) == 10


@pytest.mark.parametrize(
    ("key", "number", "expected"),
    [
        ("bus_cycle_ratio", 3.3, "stock: the bus took 3.3 times as long as it must; at most 2 where the machine keeps up"),
        ("cut_off_lag_hung_ms", -25282, "stock: 0 A came 25282 ms before the limit: for another reason, most likely replies that came too late"),
    ],
)
def test_a_run_in_which_the_machine_did_not_keep_up_is_not_written(stored, monkeypatch, key, number, expected):
    disturbed = copy.deepcopy(stored)
    disturbed["stock"][key] = number
    monkeypatch.setattr(tool, "measure", lambda say: disturbed)
    monkeypatch.setattr(tool, "write", lambda stored: pytest.fail("written"))

    with pytest.raises(SystemExit, match=f"disturbed: {expected}. Nothing is written: run it again while the machine does nothing else"):
        tool.main(["--write"])
    assert tool.disturbance(stored) == ""
