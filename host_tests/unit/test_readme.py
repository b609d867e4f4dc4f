"""The tables of README and docs/numbers.md are what the code says."""
import pytest

from tools import readme

pytestmark = pytest.mark.no_cover  # not about the firmware


@pytest.mark.parametrize("path", readme.PAGES, ids=lambda path: path.name)
def test_a_page_is_what_the_code_says(path):
    text = path.read_text(encoding="utf-8")

    assert readme.filled(path, text) == text, "run python -m tools.readme and commit the result"


def test_a_changed_constant_makes_the_readme_stale(monkeypatch):
    text = readme.README.read_text(encoding="utf-8")
    import faults

    monkeypatch.setattr(faults, "METER_LOST_MS", 11000)

    assert readme.filled(readme.README, text) != text


def test_the_first_page_has_few_numbers_and_the_other_one_all():
    assert len(readme.main_numbers_table()) < len(readme.numbers_table()) // 2
