"""make mutation: which mutants are drawn, and that a survivor needs an explanation."""

import sqlite3

import pytest

from tools import mutation


@pytest.fixture
def session(tmp_path):
    """A session of cosmic-ray with 30 mutants."""
    path = tmp_path / "session.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE work_items (job_id)")
        database.execute("CREATE TABLE mutation_specs (job_id, start_pos_row, start_pos_col, operator_name, occurrence)")
        for i in range(30):
            database.execute("INSERT INTO work_items VALUES (?)", (f"job{i}",))
            database.execute("INSERT INTO mutation_specs VALUES (?, ?, 0, 'op', 0)", (f"job{i}", i))
    return path


def left(session):
    with sqlite3.connect(session) as database:
        return [row[0] for row in database.execute("SELECT job_id FROM work_items")]


def test_a_sample_is_drawn_from_the_seed(session):
    assert mutation.thin_out(session, 5, 1) == (5, 30)
    assert len(left(session)) == 5


def test_without_a_sample_all_are_tried(session):
    assert mutation.thin_out(session, 0, 1) == (30, 30)
    assert len(left(session)) == 30


def test_a_survivor_is_shown_with_its_change_and_counts_until_it_is_explained(monkeypatch, capsys):
    diff = "--- mutation diff ---\n--- afirmware/safety.py\n+++ bfirmware/safety.py\n@@ -1 +1 @@\n-    x = 1\n+    x = 2\n"
    survivors = [(7, "NumberReplacer", mutation.changed(diff))]

    assert mutation.report("safety", 10, 100, survivors) == [("safety", 7)]
    assert "safety.py:7: NumberReplacer: 'x = 1' -> 'x = 2': SURVIVED" in capsys.readouterr().out
    monkeypatch.setattr(mutation, "EXPLAINED", {("safety", "x = 1"): "nobody reads x"})
    assert mutation.report("safety", 10, 100, survivors) == []


def test_every_module_and_test_of_the_table_exists():
    for module, tests in mutation.MODULES.items():
        assert (mutation.ROOT / "firmware" / f"{module}.py").exists()
        for name in tests:
            assert (mutation.ROOT / mutation.UNIT / name).exists()
