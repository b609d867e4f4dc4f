"""The budget of every build: growth above 2 % is named, module by module; less, new and a few bytes are not."""

import pytest

from tools import budget

pytestmark = pytest.mark.no_cover  # not about the firmware


def test_a_module_that_has_grown_is_named_with_what_to_do():
    (text,) = budget.grown({"bus": 2000, "plan": 1000}, {"bus": 1900, "plan": 1000})

    assert text.startswith("bus: expected at most 1900 + 2% bytes") and "--store" in text


def test_a_few_bytes_two_percent_and_new_modules_are_no_growth():
    found = {"small": 500 + budget.SMALL_BYTES, "large": 10200, "new": 9999, "shrunk": 1}

    assert list(budget.grown(found, {"small": 500, "large": 10000, "shrunk": 5000})) == []


def test_the_table_shows_every_module_and_its_change():
    lines = budget.table({"bus": 2000, "plan": 900}, {"bus": 1900, "plan": 900})

    assert lines == ["bus 2000 (+100)  plan 900"]


def test_every_number_is_one_of_the_bench():
    assert set(budget.NAMES) <= set(budget.bench.NAMES)
