"""docs/conformance.md is what the tables say, its rows are those of the firmware, and a row without a proof is refused."""
import sys

import pytest
import registers
from topics import TOLD

from tools import conformance, conformance_rows


def test_the_page_is_what_the_tables_say():
    found = conformance.PAGE.read_text(encoding="utf-8")

    assert found == conformance.page(), "run python -m tools.conformance and commit the result"


def test_every_get_topic_of_the_firmware_has_a_row():
    told = {row[0].decode().removeprefix("get/") for row in TOLD}

    assert told == {*conformance_rows.GET, *conformance_rows.GET_ABSENT}
    assert not set(conformance_rows.GET) & set(conformance_rows.GET_ABSENT)


def test_what_is_not_for_this_hardware_is_never_set():
    """Nothing in the firmware writes these points: the test of all topics while charging sees null as well."""
    from host_tests.unit.test_conformance import NEVER_KNOWN

    assert set(conformance_rows.GET_ABSENT) <= NEVER_KNOWN
    assert NEVER_KNOWN - set(conformance_rows.GET_ABSENT) == {"rfid_timestamp", "error_timestamp"}, "they need a clock"


def covered(rows):
    return {register - registers.FIRST for row in rows for register in range(row[0], row[1] + 1)}


def test_every_register_that_shows_something_has_a_row_and_no_row_shows_nothing():
    shown = {offset for row in registers.REGISTERS for offset in range(row[0], row[0] + row[1])}

    assert covered(conformance_rows.READ) == shown
    assert not covered(conformance_rows.READ_ABSENT) & shown


def test_every_register_that_can_be_written_has_a_row():
    rows = (*conformance_rows.WRITE, *conformance_rows.WRITE_ABSENT)

    assert {row[0] - registers.FIRST for row in rows} == set(registers.WRITABLE)


def test_what_needs_relays_works_once_the_firmware_can_switch_and_needs_its_own_proof_then(monkeypatch):
    assert set(conformance_rows.SWITCHING) <= {*conformance_rows.SET, *(row[0] for row in conformance_rows.WRITE)}
    text, names = "taken", ("a",)
    monkeypatch.setattr(conformance, "can_switch", lambda: False)
    assert conformance.acting(10181, text, names) == (conformance.LATER, text, names)
    monkeypatch.setattr(conformance, "can_switch", lambda: True)
    status, said, proofs = conformance.acting(10181, text, names)
    assert status == conformance.WORKS and "without the relay" in said and len(proofs) > len(names)
    assert conformance.acting(10171, text, names) == (conformance.WORKS, text, names)


def test_every_row_is_proven():
    for found in (conformance.get_rows, conformance.set_rows, conformance.read_rows, conformance.write_rows):
        for row in found():
            assert row[-1] and all(cell for cell in row if cell != row[1]), row


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        ("test_tag.py::test_something_that_is_gone", "test_tag.py has no test_something_that_is_gone"),
        ("test_gone.py::test_x", "found test_gone.py"),
        ("a case that is gone", "found 'a case that is gone'"),
    ],
)
def test_a_proof_that_is_gone_is_refused(proof, words):
    with pytest.raises(conformance.Unproven, match=words):
        conformance.proof(proof, ["a case"])


def test_a_row_that_is_missing_is_refused(monkeypatch):
    monkeypatch.delitem(conformance_rows.GET, "rfid")
    with pytest.raises(conformance.Unproven, match=r"GET and GET_ABSENT: missing \['rfid'\], too many \[\]"):
        conformance.page()


def test_a_topic_without_effect_needs_a_case(monkeypatch):
    monkeypatch.setattr(conformance_rows, "SET_ABSENT", (("isss/...", "x", "isss/Nothing"),))
    with pytest.raises(conformance.Unproven, match="found isss/Nothing"):
        conformance.page()


def test_the_counts_are_those_of_the_rows():
    rows = [("a", conformance.WORKS), ("b", conformance.ABSENT + ": 0"), ("c", conformance.WORKS)]
    assert conformance.counts(rows) == "works: 2, not for this hardware: 1"


def test_check_refuses_a_stale_page_and_leaves_it(monkeypatch, tmp_path):
    stale = tmp_path / "conformance.md"
    stale.write_text("old")
    monkeypatch.setattr(conformance, "PAGE", stale)
    monkeypatch.setattr(sys, "argv", ["conformance", "--check"])

    with pytest.raises(SystemExit, match="run python -m tools.conformance"):
        conformance.main()
    assert stale.read_text() == "old"
