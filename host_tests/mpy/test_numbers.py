"""The numbers that repeat exactly stay within their limits and have not grown.

Those of the budget are not measured here again (`make test` runs `python -m tools.budget --check`); `make bench` has all of them.
"""

import json

import pytest

from host_tests.sim import timing
from tools import bench, budget, runtimes

EXACT = {name for name, (_, _, grows, _) in bench.NAMES.items() if grows} | {"bus_cycle_ratio"}
SOME = range(5)


@pytest.mark.parametrize("function", [f for f, names in bench.MEASURES.items() if set(names) & EXACT - set(budget.NAMES)], ids=lambda f: f.__name__)
def test_what_repeats_exactly_has_not_grown(function):
    stored = bench.read_budget()
    found = function()

    assert set(found) == set(bench.MEASURES[function])
    problems = [text for name, value in found.items() for text in bench.problems(name, value, stored.get(name, {}).get("value"))]
    assert problems == []


@pytest.mark.parametrize("fault", timing.CUT_FAULTS)
def test_the_cut_off_comes_in_time(fault):
    lags_ms = [timing.cut_off_lag_ms(seed, fault) for seed in SOME]

    assert 0 <= min(lags_ms) and max(lags_ms) <= bench.NAMES["cutoff_lag_worst_ms"][1]


@pytest.mark.parametrize("fault", timing.SET_FAULTS)
def test_set_points_reach_the_bus(fault):
    """The limit is one of 99 in 100; of a few, half must keep it."""
    times_ms = sorted(timing.set_to_bus_ms(seed, fault) for seed in SOME)

    assert 10 < times_ms[0] and times_ms[len(times_ms) // 2] <= bench.NAMES["set_to_bus_p99_ms"][1]


def test_what_the_comparison_measures_of_ours_is_a_box_that_does_its_job():
    """It obeys every set point; a box in a fault would be a cheap one. The rest needs the stock packages: make compare."""
    found = json.loads(runtimes.run_script(runtimes.ROOT / "tools" / "compare" / "on32_ours.py", "wasi32", clock="fuel"))

    assert found["virtual_commands_lost"] == 0 and found["bytes_left_per_cycle"] == 0


def test_the_formula_of_a_transaction():
    """27.1 ms for three registers at the wire limit of 9600 baud, and the reference cycle of 131 ms at 20 ms latency, 10 ms gap."""
    char_ms = 10000 / 9600
    assert round(timing.transaction_ms(3, 0, 0, char_ms), 1) == 27.1
    assert round(timing.transaction_ms(3, 20, 10, char_ms) + timing.transaction_ms(18, 20, 10, char_ms)) == 131
