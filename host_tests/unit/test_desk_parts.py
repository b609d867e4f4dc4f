"""Parts of the desk that need no process: what its relays do to the site, what the FIFO says, what may be changed."""

import os
import threading

import pytest

from host_tests.fakes.site import standard_site
from tools.desk import boards, rules, tags
from tools.desk.wires import WatchdogLine

NC = {"pin": 1, "contact": "nc", "active": 1}


def relays_of(*rows):
    site = standard_site(2)
    rows = [{**row, "pin": 1 + i} for i, row in enumerate(rows)]
    return boards.Relays({"cp_relays": rows}, site, threading.RLock()), site.charge_points


@pytest.mark.parametrize(
    ("row", "coil_on_opens", "on"),
    [(NC, True, 1), ({**NC, "contact": "no"}, False, 1), ({**NC, "active": 0}, True, 0), ({**NC, "contact": "no", "active": 0}, False, 0)],
    ids=["nc", "no", "nc low", "no low"],
)
def test_a_coil_moves_the_control_pilot_by_its_wiring(row, coil_on_opens, on):
    relays, points = relays_of(row, row)
    assert relays.pins() == "1,2"
    assert [point.cp_open for point in points] == [not coil_on_opens] * 2, "no coil is energised without a firmware"
    relays.move(2, on)
    assert [point.cp_open for point in points] == [not coil_on_opens, coil_on_opens]
    relays.move(2, 1 - on)
    relays.move(1, on)
    assert [point.cp_open for point in points] == [coil_on_opens, not coil_on_opens]
    relays.drop()
    assert [point.cp_open for point in points] == [not coil_on_opens] * 2


def test_a_pin_that_is_no_relay_moves_nothing():
    relays, points = relays_of(NC)
    relays.move(41, 1)
    assert not points[0].cp_open


def with_coils(*rows):
    site = standard_site(2)
    board = {"cp_relays": [NC, {**NC, "pin": 2}], "coils": list(rows)}
    return boards.Relays(board, site, threading.RLock()), site.charge_points


@pytest.mark.parametrize("active", [0, 1])
def test_a_pulse_moves_the_phase_relay_which_keeps_its_place(active):
    relays, points = with_coils({"one_pin": 41, "three_pin": 42, "active": active})
    assert relays.pins() == "1,2,41,42"
    relays.move(41, active)
    assert (points[0].phases, points[0].coils, points[1].phases) == (1, {1}, 3)
    relays.move(41, 1 - active)
    assert (points[0].phases, points[0].coils) == (1, set())
    relays.move(42, active)
    relays.drop()
    assert (points[0].phases, points[0].coils) == (3, set())


def test_a_held_output_falls_back_when_nobody_drives_it():
    relays, points = with_coils({"hold_pin": 40, "hold_is": 3, "active": 1})
    assert points[0].phases == 1
    relays.move(40, 1)
    assert points[0].phases == 3
    relays.drop()
    assert points[0].phases == 1


def test_a_stuck_phase_relay_does_not_follow_its_coils():
    relays, points = with_coils({"one_pin": 41, "three_pin": 42, "active": 1})
    points[0].phases_stuck = True
    relays.move(41, 1)
    assert (points[0].phases, points[0].coils) == (3, {1})


def test_every_state_of_the_machine_has_words():
    import phases

    assert len(boards.SWITCH_STATES) == 1 + max(max(row) for row in phases.TRANSITIONS)


def test_a_stuck_contact_does_not_follow_its_coil():
    relays, points = relays_of(NC, NC)
    relays.stick(0, "closed")
    relays.move(1, 1)
    assert not points[0].cp_open and relays.stuck(0) == "closed"
    relays.stick(0, "none")
    assert points[0].cp_open, "the coil is still on"
    relays.stick(0, "open")
    relays.drop()
    assert points[0].cp_open and not points[1].cp_open


def test_a_relay_that_is_not_there_can_not_stick():
    relays, points = relays_of(NC)
    with pytest.raises(ValueError, match="no CP relay for charge point 1"):
        relays.stick(1, "open")
    assert relays.stuck(1) == "none" and not points[1].cp_open


def test_a_real_box_has_relays_of_its_own():
    relays = boards.Relays({"cp_relays": [NC]}, None, threading.RLock())
    relays.move(1, 1)
    assert relays.is_open(0)


def test_every_board_of_the_project_can_be_on_the_desk():
    assert boards.DEFAULT in boards.names() and len(boards.names()) >= 2
    assert all(boards.read(name)["board"] == name for name in boards.names())


def test_a_board_is_fitted_to_the_configuration_and_that_is_said():
    board = boards.read(boards.DEFAULT)
    assert boards.fit(board, {"charge_points": [{"evse": 2}]}) == [] and board["evse_ids"] == [1, 2]
    said = boards.fit(board, {"charge_points": [{"evse": 2}, {"evse": 11}], "bus": {"baud": 19200}})
    assert (board["evse_ids"], board["rs485"][0]["baud"], len(said)) == ([2, 11], 19200, 2)


@pytest.fixture
def wire(tmp_path):
    seen = []
    line = WatchdogLine(str(tmp_path / "fifo"), lambda pin, level: seen.append((pin, level)))
    line.begin(10)
    writer = os.open(line.path, os.O_WRONLY)
    yield line, seen, lambda text: (os.write(writer, text), line.read())
    os.close(writer)
    line.close()


def test_the_fifo_is_understood_whole_and_byte_by_byte(wire):
    line, seen, tell = wire
    text = b"P1=1\n..T600000\n.P41=0\nP1=0\nR\n"
    tell(text)
    assert (line.limit_s, line.reset, seen) == (600, True, [(1, 1), (41, 0), (1, 0)])
    line.begin(10)
    seen.clear()
    for byte in text:
        tell(bytes([byte]))
    assert (line.limit_s, line.reset, seen) == (600, True, [(1, 1), (41, 0), (1, 0)])


def test_food_and_a_new_limit_feed_and_levels_do_not(wire):
    line, _, tell = wire
    for text, feeds in ((b".", True), (b"T5000\n", True), (b"P1=1\n", False)):
        line.fed_s = 0.0
        tell(text)
        assert line.hungry() is not feeds


def test_a_new_life_begins_with_the_limit_of_the_board(wire):
    line, seen, tell = wire
    tell(b"T600000\n.R\nP1")
    line.begin(10)
    assert (line.limit_s, line.reset, line.hungry()) == (10, False, False)
    tell(b"=1\n.")
    assert seen == []


@pytest.mark.parametrize(
    ("command", "expected"),
    [({"do": "evse", "cp": 0, "rcd_error": True}, {"rcd_error": True}), ({"cable_a": 0}, {"cable_a": 0}), ({"do": "evse"}, {})],
)
def test_changes_are_what_the_rules_know(command, expected):
    assert rules.changes(command, rules.EVSE, "an EVSE") == expected


@pytest.mark.parametrize("command", [{"rcd_error": 1}, {"cable_a": 7}, {"cable_a": True}, {"state": 5}, {"writes": 0}])
def test_other_changes_are_refused(command):
    with pytest.raises(ValueError, match=next(iter(command))):
        rules.changes(command, rules.EVSE, "an EVSE")


def test_the_reader_of_tags_gets_a_uart_and_pins_that_nobody_uses():
    board = {"rs485": [{"uart": 2, "tx": 48, "rx": 46, "de": None}]}
    (said,) = tags.fit(board)
    assert board["rfid"] == {"uart": 1, "rx": 47, "tx": 45} and "UART 1" in said
    assert tags.fit(board) == [], "the board has one now"


def test_a_tag_at_the_reader_is_frames_on_its_line_until_it_is_taken_away():
    reader = tags.TagReader()
    try:
        with open(reader.path, "rb", buffering=0) as line:
            reader.hold("0008844356", 0.2)
            assert line.read(14) == b"\x02100086F44426\x03"
            reader.hold("1", 60)
            read = b""
            while b"\x02100000000111\x03" not in read:
                read += line.read(14)
    finally:
        reader.stop()
        reader.stop()
    for wrong in (None, 5, "", "x", "4294967296", "00000000001", "²"):
        with pytest.raises(ValueError, match="must be the number on a tag"):
            reader.hold(wrong, 1)
