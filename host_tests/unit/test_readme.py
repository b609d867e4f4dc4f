"""The README's tables are what the code says."""
import pytest

from tools import readme

pytestmark = pytest.mark.no_cover  # not about the firmware


def test_readme_is_what_the_code_says():
    text = readme.README.read_text(encoding="utf-8")

    assert readme.filled(text) == text, "run python -m tools.readme and commit the result"


def test_a_changed_constant_makes_the_readme_stale(monkeypatch):
    text = readme.README.read_text(encoding="utf-8")
    import faults

    monkeypatch.setattr(faults, "METER_LOST_MS", 11000)

    assert readme.filled(text) != text
