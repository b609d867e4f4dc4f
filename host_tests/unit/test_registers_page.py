"""docs/registers.md is what the box works with, and it is complete."""
import config_rows
import pytest
import registers

from tools import registers_page


def test_the_page_is_what_the_code_says():
    found = registers_page.PAGE.read_text(encoding="utf-8")
    assert found == registers_page.page(), "run python -m tools.registers_page and commit the result"


def test_every_register_and_every_setting_is_described():
    assert {row[2] for row in registers.REGISTERS} == set(registers_page.READ)
    assert set(registers.WRITABLE) == set(registers_page.WRITE)
    assert [row[0] for row in config_rows.MODBUS] == list(registers_page.SETTINGS)


@pytest.mark.parametrize("register", [10100, 10116, 10141, 10171, 10190, 10199])
def test_a_register_stands_on_the_page_with_its_number(register):
    assert f"\n| {register}" in registers_page.page()


def test_a_changed_table_makes_the_page_stale(monkeypatch):
    before = registers_page.page()
    monkeypatch.setattr(registers, "REGISTERS", registers.REGISTERS[:-1])
    assert registers_page.page() != before
