"""The doctor on what a box says about itself, on values, on heartbeats, and on an address at which nobody is."""

import socket
import time
from types import SimpleNamespace

import faults
import pytest
import safety
from tools.doctor import net, reach, words
from tools.doctor.finding import FIX, HINT, OK
from tools.doctor.values import judge_phases, judge_voltages


def judged(**values):
    found = words.judge("cp", {"fault_state": 0, "fault_str": "Kein Fehler.", "state_str": "set point", **values})
    return [finding for finding in found if finding.level != OK]


def test_a_charge_point_without_fault_at_its_set_point_is_fine():
    assert judged() == []


@pytest.mark.parametrize("row", faults.FAULTS, ids=lambda row: safety.REASONS[row[faults.REASON]].decode())
def test_every_fault_of_the_table_is_told_in_english_with_what_to_do(row):
    english = safety.REASONS[row[faults.REASON]].decode()
    for text in (english, row[faults.GERMAN].decode()):
        (found,) = judged(fault_state=2, fault_str=text, state_str=english)
        assert (found.level, found.found) == (FIX, english) and len(found.todo) > 20
        assert ("`clear`" in found.todo) or row[faults.CLEARED] != faults.BY_HAND


def test_a_fault_of_a_newer_firmware_is_told_as_it_is():
    (found,) = judged(fault_state=2, fault_str="the moon is too low")
    assert found.level == FIX and "the moon is too low" in found.line() and "docs/safety.md" in found.todo


@pytest.mark.parametrize(("text", "level"), [(faults.EVSE_DISABLED, FIX), (faults.EVSE_DISABLED_EN, FIX), (faults.CABLE_UNKNOWN, HINT), (b"new", HINT)])
def test_a_warning_is_a_hint_but_for_an_evse_that_never_charges(text, level):
    (found,) = judged(fault_state=1, fault_str=text.decode())
    assert found.level == level and found.todo


def test_a_heartbeat_that_is_too_slow_must_be_fixed_and_the_box_knows_how():
    (found,) = judged(state_str="heartbeat interval 60 s: set heartbeat_limit_s to 80")
    assert found.level == FIX and "set heartbeat_limit_s to 80" in found.line()


@pytest.mark.parametrize("name", words.LIMITS)
@pytest.mark.parametrize("more", ["", "; started after power on"])
def test_what_keeps_it_at_zero_without_a_fault_is_a_hint_with_what_to_do(name, more):
    (found,) = judged(state_str=safety.REASONS[getattr(safety, name)].decode() + more)
    assert found.level == HINT and found.todo


def test_every_reason_is_a_fault_a_limit_with_a_hint_or_an_ordinary_limit():
    ordinary = {"R_SET_POINT", "R_INSTALLATION", "R_EVSE_LIMIT", "R_EVSE_20A", "R_CABLE", "R_GRID", "R_SHARED", "R_HEARTBEAT_SLOW"}
    names = {name for name in vars(safety) if name.startswith("R_")}
    assert names == set(words.FAULTS) | set(words.LIMITS) | ordinary


@pytest.mark.parametrize(
    ("voltages", "level", "says"),
    [
        ((230, 231, 229), OK, "230 V"),
        ((230, 0, 0), OK, "one phase"),
        ((0, 230, 230), FIX, "wire L1"),
        ((199, 230, 230), FIX, "wire L1"),
        ((230, 261, 230), FIX, "N is missing"),
        ((230, 0, 230), FIX, "L2 is missing"),
        ((230, 230, 120), HINT, "loose terminal"),
    ],
)
def test_voltages_are_those_of_a_house_or_told(voltages, level, says):
    found = judge_voltages("v", voltages)
    assert found.level == level and says in found.line()


@pytest.mark.parametrize(
    ("currents", "powers", "level", "says"),
    [
        ((0, 0, 0), (0, 0, 0), OK, "nothing flows"),
        ((16, 16, 16), (3680, 3680, 3680), OK, "fits"),
        ((16, 0, 0), (3680, 0, 0), OK, "fits"),
        ((0, 16, 0), (0, 3680, 0), HINT, "L2 only"),
        ((16, 16, 16), (3680, -3680, 3680), FIX, "L2 counts backwards"),
        ((16, 16, 16), (3680, 1000, 3680), FIX, "L2: 1000 W do not fit"),
        ((16, 16, 16), (3680, 3680, 5000), FIX, "L3: 5000 W do not fit"),
    ],
)
def test_powers_fit_voltage_and_current_of_their_phase_or_are_told(currents, powers, level, says):
    found = judge_phases("p", (230, 230, 230), currents, powers)
    assert found.level == level and says in found.line()


# -- heartbeats -------------------------------------------------------------------------------------------------------------


def beats(*ages_s):
    return SimpleNamespace(beats=[time.monotonic() - age_s for age_s in ages_s])


@pytest.mark.parametrize(
    ("ages_s", "last_age_s", "level", "says"),
    [
        ((5, 0), None, OK, "every 5 s, limit 60 s"),
        ((1,), 11, OK, "every 10 s"),
        ((1,), 41, HINT, "one that is lost stops the charge"),
        ((60, 0), None, FIX, "raise heartbeat_limit_s"),
        ((1,), 61, FIX, "raise heartbeat_limit_s"),
    ],
)
def test_the_interval_is_between_two_that_passed_by_or_since_what_the_page_says(ages_s, last_age_s, level, says):
    told = net.Told(60, last_age_s and time.monotonic() - last_age_s)
    (found,) = net.look_heartbeat(beats(*ages_s), told)
    assert found.level == level and says in found.line()


def test_nobody_is_waited_for_where_the_box_knows_that_nobody_leads():
    said = []
    (found,) = net.look_heartbeat(beats(), net.Told(60, None, sure=True), said.append)
    assert found.level == HINT and "secondary" in found.todo and not said


def test_one_that_does_not_come_while_the_doctor_waits_is_a_hint(monkeypatch):
    monkeypatch.setattr(net, "HEARTBEAT_S", 0.2)
    (found,) = net.look_heartbeat(beats())
    assert found.level == HINT and "none within" in found.found
    (found,) = net.look_heartbeat(beats(), net.Told(60, time.monotonic() - 30))
    assert found.level == HINT and "30 s ago" in found.found


def test_the_page_tells_when_the_last_heartbeat_came_but_not_that_of_modbus():
    point = {"leader": "mqtt", "heartbeat_age_s": 7}
    found = net.heartbeat_of({"uptime_s": 500, "mqtt": {"heartbeat_limit_s": 80}, "charge_points": [point]})
    assert found.limit_s == 80 and 7 <= time.monotonic() - found.last_s < 8 and found.sure
    found = net.heartbeat_of({"uptime_s": 5, "mqtt": {"heartbeat_limit_s": 80}, "charge_points": [{**point, "leader": "modbus"}]})
    assert found.last_s is None and not found.sure
    assert net.heartbeat_of({}) is None


# -- who is there -----------------------------------------------------------------------------------------------------------


def test_an_open_door_is_enough_to_go_on():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        doors = reach.knock_at_all("127.0.0.1", [listener.getsockname()[1], 1])
    assert list(doors.values()) == [reach.OPEN, reach.REFUSED] and reach.judge("box", doors) == []


@pytest.mark.parametrize(
    ("word", "says"), [(reach.UNKNOWN, ".local"), (reach.REFUSED, "`make run`"), (reach.SILENT, "has it power")]
)
def test_where_nobody_is_one_finding_says_why_and_what_to_do(word, says):
    (found,) = reach.judge("192.168.1.50", {1883: reach.SILENT, 80: word})
    assert found.level == FIX and says in found.todo and "192.168.1.50" in found.what
    assert reach.OVER_USB in found.todo or word == reach.UNKNOWN


def test_a_name_that_nobody_knows_is_not_a_silent_box(monkeypatch):
    def unknown(address, timeout):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "create_connection", unknown)
    assert reach.knock("ladepunkt-0000.local", 80) == reach.UNKNOWN
