"""What the bench says about a number, and how it is asked."""

import json

import pytest

from tools import bench

pytestmark = pytest.mark.no_cover  # not about the firmware

ISSUE_NAMES = {
    "steady_bytes_32", "steady_bytes_64", "steady_total_bytes_32", "step_ops", "longest_step_ops_32", "bus_cycle_ratio", "set_to_bus_p99_ms",
    "cutoff_lag_worst_ms", "confirmed_or_cp_open_worst_ms", "zero_frame_after_reset_ms", "sim_seconds_per_second", "longest_step_ms", "live_heap_bytes_32", "mpy_bytes",
}  # fmt: skip


@pytest.fixture
def budget(monkeypatch, tmp_path):
    """An empty budget, and a bench whose numbers a test can set."""
    monkeypatch.setattr(bench, "BUDGET", tmp_path / "budget.json")
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    values = {"mpy_bytes": 1000, "step_ops": 500}
    monkeypatch.setattr(bench, "MEASURES", {lambda: dict(values): ("mpy_bytes", "step_ops")})
    return values


def test_the_promised_names_are_there_and_each_is_measured():
    measured = [name for names in bench.MEASURES.values() for name in names]
    assert ISSUE_NAMES <= set(bench.NAMES)
    assert sorted(measured) == sorted(bench.NAMES)


def test_everything_that_may_grow_is_stored():
    stored = bench.read_budget()
    assert [name for name, (_, _, grows, _) in bench.NAMES.items() if grows and name not in stored] == []


@pytest.mark.parametrize(
    "name, value, stored, words",
    [
        ("mpy_bytes", 1000, 1000, []),
        ("mpy_bytes", 1020, 1000, []),
        ("mpy_bytes", 1021, 1000, ["mpy_bytes", "1000", "1021", "--store mpy_bytes"]),
        ("mpy_bytes", 900, 1000, []),
        ("mpy_bytes", 196609, 196609, ["at most 196608", "196609"]),
        ("mpy_bytes", 1000, None, ["none", "--store mpy_bytes"]),
        ("bus_cycle_ratio", 1.05, None, []),
        ("bus_cycle_ratio", 1.06, 1.06, ["at most 1.05", "1.06"]),
        ("steady_bytes_32", 16, None, ["at most 0", "16"]),
    ],
)
def test_a_number_is_held_against_limit_and_budget(name, value, stored, words):
    text = " ".join(bench.problems(name, value, stored))
    assert [word for word in words if word not in text] == []
    assert bool(text) == bool(words)


def test_one_json_object_per_line(budget, capsys):
    assert bench.main([]) == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"name": "mpy_bytes", "value": 1000, "unit": "bytes", "limit": 196608},
        {"name": "step_ops", "value": 500, "unit": "operations", "limit": None},
    ]


def test_growth_fails_the_check_until_it_is_stored(budget, capsys):
    assert bench.main(["--store"]) == 0
    assert bench.main(["--check"]) == 0
    budget["step_ops"] = 511

    assert bench.main(["--check"]) == 1
    assert "step_ops: expected at most 500 + 2%, found 511" in capsys.readouterr().err
    assert bench.main([]) == 0
    assert bench.main(["--store", "step_ops"]) == 0
    assert bench.main(["--check"]) == 0
    assert {name: entry["value"] for name, entry in bench.read_budget().items()} == {"mpy_bytes": 1000, "step_ops": 511}


def test_an_unknown_name_is_named(capsys):
    with pytest.raises(SystemExit):
        bench.main(["speed"])
    assert "unknown name speed" in capsys.readouterr().err


def test_what_is_missing_ends_the_bench_with_a_sentence(monkeypatch):
    def fail():
        raise bench.heap.HeapError("node is missing: install it")

    monkeypatch.setattr(bench, "MEASURES", {fail: ("live_heap_bytes_32",)})
    with pytest.raises(SystemExit, match="node is missing"):
        bench.main(["live_heap_bytes_32"])
