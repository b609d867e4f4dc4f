"""docs/safety.md is what the code says, and it is complete."""
import sys

import pytest

from host_tests.sim import mutants
from host_tests.sim.invariants import SENTENCES
from tools import safety_page

pytestmark = pytest.mark.no_cover  # not about the firmware


def test_the_page_is_what_the_code_says():
    found = safety_page.PAGE.read_text(encoding="utf-8")

    assert found == safety_page.page(), "run python -m tools.safety_page and commit the result"


def test_every_invariant_has_a_meaning_in_plain_words():
    assert set(safety_page.MEANING) == set(SENTENCES)


def test_every_mutant_is_on_the_page_with_what_is_wrong():
    page = safety_page.page()

    for row in mutants.MUTANTS:
        assert f"| `{mutants.name_of(row)}` | {row[2]} | {row[0].__doc__} |" in page


def test_a_changed_sentence_makes_the_page_stale(monkeypatch):
    before = safety_page.page()

    monkeypatch.setitem(SENTENCES, "cut_off", "something else")

    assert safety_page.page() != before


def test_every_fault_has_an_action_and_says_who_clears_it():
    import faults

    rows = list(safety_page.fault_rows())

    assert len(rows) == len(faults.FAULTS)
    assert all(all(cell for cell in row) for row in rows)


def test_a_fault_without_a_trigger_in_words_is_refused(monkeypatch):
    monkeypatch.delitem(safety_page.TRIGGERS, "R_WELD")

    with pytest.raises(SystemExit, match="contactor welded.*say what triggers it"):
        list(safety_page.fault_rows())


def test_no_trigger_is_left_of_a_fault_that_is_gone():
    assert len(safety_page.TRIGGERS) == len(list(safety_page.fault_rows()))


def test_check_refuses_a_stale_page_and_leaves_it(monkeypatch, tmp_path):
    stale = tmp_path / "safety.md"
    stale.write_text("old")
    monkeypatch.setattr(safety_page, "PAGE", stale)
    monkeypatch.setattr(sys, "argv", ["safety_page", "--check"])

    with pytest.raises(SystemExit, match="run python -m tools.safety_page"):
        safety_page.main()
    assert stale.read_text() == "old"


def test_the_page_is_written_where_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(safety_page, "PAGE", tmp_path / "docs" / "safety.md")
    monkeypatch.setattr(sys, "argv", ["safety_page"])

    safety_page.main()

    assert safety_page.PAGE.read_text(encoding="utf-8") == safety_page.page()
