"""/status.json: always JSON, always what docs/status.md says, whatever the values are."""

import json
import re
from pathlib import Path

import pytest
import status
from clock import TICKS_MASK
from events import K_SET_POINT, K_START
from hypothesis import given, settings
from hypothesis import strategies as st
from intents import MODBUS, MQTT
from point_rows import POINTS
from connections import TX_BYTES
from points import BOOL, NUMBER, P_FAULT_STR, P_NOTICE, P_PARENT_CP, P_PLUGGED, P_POWER_CW, P_RFID, P_STATE_STR, RAW, STAMP, TEXT
from safety import R_HEARTBEAT_SLOW, REASONS

from host_tests.fakes.vitals import Vitals
from host_tests.unit.page_bench import Box

PAGE = (Path(__file__).parents[2] / "docs" / "status.md").read_text()
ROOM = TX_BYTES - 7  # of an empty buffer
HUGE = 0x3FFFFFFF


@pytest.fixture
def box():
    return Box()


def shapes(value, path=""):
    """{path: name of the type} of everything in a JSON value; the members of lists share one path."""
    if isinstance(value, dict):
        return {key: kind for name, member in value.items() for key, kind in shapes(member, f"{path}.{name}".lstrip(".")).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {key: kind for member in value for key, kind in shapes(member, path + "[]").items()}
    names = {list: "list", str: "text", bool: "truth", int: "number", float: "number", type(None): "null"}
    return {path: names[type(value)]}


def documented():
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))


@pytest.mark.parametrize("mode", ["broker", "client"])
@pytest.mark.parametrize("charge_points", [1, 2])
def test_its_keys_and_types_are_those_of_the_page(mode, charge_points):
    found = shapes(Box(charge_points, mode).status_json())
    wanted = documented()
    assert set(found) == set(wanted)
    for key, kind in found.items():
        assert kind in re.sub(" of 3", "", wanted[key]).split(" or "), key


def test_every_charge_point_and_station_is_there():
    found = Box(2).status_json()
    assert len(found["charge_points"]) == 2
    assert [(s["kind"], s["unit"]) for s in found["bus"]["stations"]] == [("evse", 1), ("meter", 105), ("evse", 2), ("meter", 106)]


def test_without_a_meter_there_is_one_station_less():
    assert [s["kind"] for s in Box(meter="none").status_json()["bus"]["stations"]] == ["evse"]


def test_who_leads_is_named_with_address_and_heartbeat():
    box = Box()
    box.world.plug(0)
    box.world.run(12000)
    box.now_ms = box.world.tick()
    box.status.now_ms = box.now_ms
    found = box.status_json()["charge_points"][0]
    assert (found["leader"], found["leader_address"]) == ("mqtt", "192.168.1.10")
    assert 0 <= found["heartbeat_age_s"] <= 6
    assert found["allowed_current"] == 16.0 and found["reason"] == "set point" and found["set_current"] == 16.0


@pytest.mark.parametrize("door, name", [(MQTT, "mqtt"), (MODBUS, "modbus")])
def test_the_door_that_leads_is_named(monkeypatch, box, door, name):
    point = box.gateway.points[0]
    monkeypatch.setattr(point, "leader_alive", lambda: True)
    point.wish.door = door
    assert box.status_json()["charge_points"][0]["leader"] == name


def test_nobody_leads_before_a_heartbeat_and_its_age_is_not_known(box):
    found = box.status_json()["charge_points"][0]
    assert (found["leader"], found["leader_address"], found["heartbeat_age_s"]) == ("none", None, None)


def test_the_values_are_those_of_the_box(box):
    box.gateway.lines.plans[0].bus.noise_bytes = 17
    box.gateway.points[0].image.value[P_POWER_CW] = 1105023
    found = box.status_json()
    assert found["charge_points"][0]["power"] == 11050.23 and found["bus"]["noise_bytes"] == 17
    assert (found["uptime_s"], found["longest_step_ms"]) == (Vitals.uptime_s, Vitals.longest_step_ms)
    assert found["heap"] == {"free": 65536, "used": 98304, "idf_free": 40000} and found["wifi"] == {"rssi_dbm": -61}
    assert [door["name"] for door in found["sockets"]["doors"]] == ["broker", "page", "spare"]
    assert found["sockets"]["doors"][1]["used"] == 1 and found["sockets"]["slots"] == 8


def events_of(*notes):
    box = Box()
    box.gateway.events.count = 0
    for at_ms, kind, a, b in notes:
        box.gateway.events.now_ms = at_ms
        box.gateway.events.note(kind, a, b)
    return box.status_json()["events"]


def test_the_last_events_are_told_the_newest_first():
    told = events_of(*((TICKS_MASK - 8000, K_SET_POINT, 0, 100 * n) for n in range(600 // 100, 20)))
    assert [event["text"] for event in told] == ["cp 0: set point %d.00 A by MQTT" % n for n in range(19, 11, -1)]
    assert {event["age_s"] for event in told} == {1}


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 70])
def test_any_number_of_events_is_json(count):
    told = events_of(*[(0, K_START, 0, 0)] * count)
    assert len(told) == max(1, min(8, count))
    assert told[0]["text"] == ("start" if count else "nothing yet")


def test_what_the_evse_does_after_its_own_power_up_is_told(box):
    box.gateway.points[0].evse.power_up = bytes([0, 32, 0, 1, 2, 3, 0, 1, 0xFF, 0xFF])
    found = box.status_json()["charge_points"][0]
    assert found["evse"]["power_up"] == [32, 1, 515, 1, 65535] and found["second_stop"] is True


def test_a_box_without_a_relay_says_that_it_has_no_second_stop():
    box = Box(contact=None)
    assert box.status_json()["charge_points"][0]["second_stop"] is False


def test_a_slow_heartbeat_says_what_to_set(box):
    point = box.gateway.points[0]
    point.reason = R_HEARTBEAT_SLOW
    point.heartbeat().slow_text = b"heartbeat interval 61 s: set heartbeat_limit_s to 81"
    assert box.status_json()["charge_points"][0]["reason"] == "heartbeat interval 61 s: set heartbeat_limit_s to 81"


@pytest.mark.parametrize("reason", range(len(REASONS)))
def test_every_reason_is_text(box, reason):
    box.gateway.points[0].reason = reason
    assert isinstance(box.status_json()["charge_points"][0]["reason"], str)


@pytest.mark.parametrize("name", ['"', "\\", "a\tb", "\x7f\x00\x1f", "Wallbox \u00fc\u20ac", '"},{'])
def test_any_name_is_escaped(name):
    found = Box(name=name).status_json()["name"]
    assert found == re.sub("[\x00-\x1f]", " ", name)


def text_of(size):
    return st.text(max_size=size).map(lambda text: json.dumps(text, ensure_ascii=len(text) % 2 == 0)[1:-1].encode("utf-8", "replace"))


KINDS = {
    TEXT: text_of(400),
    NUMBER: st.integers(-HUGE, HUGE),
    BOOL: st.sampled_from((0, 1)),
    RAW: st.just(b'{"heartbeat": 1795327212}'),
    STAMP: st.integers(0, 4102441200).map(lambda stamp: b"%d" % stamp),
}
VALUES = st.tuples(
    *(st.none() | KINDS[row[2]] for row in POINTS)
)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(0, 1500))
def test_whatever_the_values_are_it_is_json(values, room):
    """Also while the reader takes it in small bites."""
    box = SHARED
    box.gateway.points[0].image.value[:] = values
    client = box.dial(b"GET /status.json HTTP/1.0\r\n\r\n")
    client.room = room
    box.run_ms(100)
    client.room = None
    box.run_ms(600)
    found = json.loads(bytes(client.received).partition(b"\r\n\r\n")[2])
    point = found["charge_points"][0]
    for row in POINTS:
        if row[0] < P_PARENT_CP and row[2] == NUMBER and isinstance(point[row[1].decode().partition("/")[2]], float):
            assert point[row[1].decode().partition("/")[2]] == values[row[0]] / 100


SHARED = Box()


def test_a_text_that_can_never_fit_is_null_and_the_rest_is_there(box):
    value = box.gateway.points[0].image.value
    value[P_PARENT_CP] = b"x" * 700
    value[P_RFID] = b"0004141661"
    found = box.status_json()["charge_points"][0]
    assert found["parent_cp"] is None and found["rfid"] == "0004141661"


def test_the_longest_text_that_fits_an_empty_buffer_is_told(box):
    value = box.gateway.points[0].image.value
    value[P_PARENT_CP] = b"x" * (ROOM - status.FRAME_BYTES - len("data/parent_cp") - 6)
    assert len(box.status_json()["charge_points"][0]["parent_cp"]) > 416  # what a set message can hold
    value[P_PARENT_CP] += b"x"
    assert box.status_json()["charge_points"][0]["parent_cp"] is None


def worst(values):
    """The longest a value of that kind can be."""
    return tuple((65535,) * 5 if isinstance(value, tuple) else b"x" * 60 if isinstance(value, bytes) else False if isinstance(value, bool) else -HUGE for value in values)


def test_no_piece_is_longer_than_it_may_be(monkeypatch, box):
    buf = bytearray(4096)
    real = status.fill
    lengths = []

    def longest(target, at, template, values):
        lengths.append(real(buf, 1, template, worst(values)))  # 1: a comma in front
        return real(target, at, template, values)

    monkeypatch.setattr(status, "fill", longest)
    box.gateway.points[0].evse.power_up = b"\xff" * 10
    box.gateway.points[0].wish.sender = "255.255.255.255"
    box.status_json()
    assert max(lengths) <= status.PIECE_BYTES <= ROOM - status.FRAME_BYTES


def test_texts_with_markup_stay_text(box):
    value = box.gateway.points[0].image.value
    for index in (P_STATE_STR, P_NOTICE, P_FAULT_STR, P_RFID):
        value[index] = b"<script>alert(1)</script>"
    assert box.status_json()["charge_points"][0]["rfid"] == "<script>alert(1)</script>"
    html = (Path(__file__).parents[2] / "firmware" / "page.html").read_text()
    script = html[html.index("<script>") :]
    for line in script.splitlines():
        if "innerHTML" in line or line.lstrip().startswith("'<dl>"):
            assert "data" not in line and "box." not in line
    assert script.count("innerHTML") == 1 and "insertAdjacentHTML" not in script and "document.write" not in script


def test_the_page_needs_nothing_from_elsewhere():
    html = (Path(__file__).parents[2] / "firmware" / "page.html").read_text()
    assert set(re.findall(r"https?://[^\"']+", html)) == {"http://www.w3.org/2000/svg"}  # the name of a language, not an address
    assert not re.search(r"\bsrc=|@import|url\(", html)
    assert len(html.encode()) < 12 * 1024


@pytest.mark.parametrize("plugged, told", [(None, None), (0, False), (1, True)])
def test_a_truth_is_a_truth(box, plugged, told):
    box.gateway.points[0].image.value[P_PLUGGED] = plugged
    assert box.status_json()["charge_points"][0]["plug_state"] is told
