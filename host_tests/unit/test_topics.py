"""Values to payloads: every payload is JSON, says exactly the value, and writes no byte beside its place."""

import json
from decimal import Decimal

import points
import pytest
from charge_point import TWO_DOORS
from faults import FAULTS, GERMAN
from hypothesis import given, settings
from hypothesis import strategies as st
from commands import NO_CP_RELAY, NO_PHASE_SWITCH
from inbox import TAG_BYTES, TOO_HIGH
from mqtt_client import PACKET_BYTES
from point_rows import POINTS
from points import BOOL, NUMBER, STAMP, TEXT, Image
from safety import REASONS
from topics import ROOT, SET_ROOT, TOLD, put_json, render

INT_MAX = 2**30 - 1
ROW_OF = {row[0].decode()[4:]: row for row in TOLD}
AT = 5


def rendered(name, value, at=AT):
    buf = bytearray(b"#" * 300)
    end = render(buf, at, ROW_OF[name], value)
    assert buf[:at] == b"#" * at
    assert b"#" not in buf[at:end]
    assert set(buf[end + 3 :]) == {ord("#")}, "more than the dropped zeros of a number was written behind the end"
    return bytes(buf[at:end])


def image_with(**changes):
    value = Image().value
    for name, content in changes.items():
        index = getattr(points, name)
        if isinstance(content, list):
            value[index : index + len(content)] = content
        else:
            value[index] = content
    return value


def test_the_roots_are_those_of_the_published_page():
    assert ROOT == b"openWB/internal_chargepoint/"
    assert SET_ROOT == b"openWB/set/internal_chargepoint/"


def test_told_has_every_get_topic_once_and_nothing_else():
    names = [row[0] for row in TOLD]
    assert len(set(names)) == len(names)
    assert set(names) == {row[1] for row in POINTS if row[1].startswith(b"get/")}


def test_a_row_of_told_covers_exactly_its_rows_of_the_table():
    covered = [index for row in TOLD for index in range(row[1], row[1] + row[2])]
    assert covered == [row[0] for row in POINTS if row[1].startswith(b"get/")]
    for topic, first, _, kind, decimals in TOLD:
        assert POINTS[first][1:4] == (topic, kind, decimals)


@pytest.mark.parametrize(
    ("name", "changes", "payload"),
    [
        ("voltages", {"P_VOLTAGE_CV": [23012, 23100, 22987]}, b"[230.12,231.0,229.87]"),
        ("currents", {"P_CURRENT_CA": [1600, 0, -5]}, b"[16.0,0.0,-0.05]"),
        ("powers", {"P_POWER_L_CW": [368000, 0, -1]}, b"[3680.0,0.0,-0.01]"),
        ("power_factors", {"P_POWER_FACTOR_C": [100, -99, 0]}, b"[1.0,-0.99,0.0]"),
        ("frequency", {"P_FREQUENCY_CHZ": 5002}, b"50.02"),
        ("power", {"P_POWER_CW": 1104000}, b"11040.0"),
        ("imported", {"P_IMPORTED_WH": 21123414}, b"21123414"),
        ("exported", {"P_EXPORTED_WH": 0}, b"0"),
        ("phases_in_use", {"P_PHASES_IN_USE": 3}, b"3"),
        ("plug_state", {"P_PLUGGED": 1}, b"true"),
        ("plug_state", {"P_PLUGGED": 0}, b"false"),
        ("plug_state", {}, b"null"),
        ("charge_state", {"P_CHARGING": 1}, b"true"),
        ("evse_current", {"P_EVSE_CURRENT_CA": 1598}, b"15.98"),
        ("max_evse_current", {"P_MAX_EVSE_CURRENT_A": 32}, b"32"),
        ("rfid", {"P_RFID": b"0004141661"}, b'"0004141661"'),
        ("rfid", {"P_RFID": b""}, b'""'),
        ("rfid_timestamp", {"P_RFID_TIMESTAMP_S": b"1795327212"}, b"1795327212"),
        ("rfid_timestamp", {"P_RFID_TIMESTAMP_S": points.UNSTAMPED}, b"null"),
        ("serial_number", {"P_SERIAL_NUMBER": b"21063017"}, b'"21063017"'),
        ("fault_str", {"P_FAULT_STR": "Zähler".encode()}, '"Zähler"'.encode()),
        ("fault_state", {"P_FAULT_STATE": 2}, b"2"),
        ("state_str", {"P_STATE_STR": b"set point"}, b'"set point"'),
        ("state_str", {"P_STATE_STR": b"set point", "P_NOTICE": b"look here"}, b'"set point; look here"'),
        ("state_str", {"P_NOTICE": b"look here"}, b"null"),
    ],
)
def test_a_payload_byte_by_byte(name, changes, payload):
    assert rendered(name, image_with(**changes)) == payload


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_unknown_phase_makes_the_whole_list_unknown(place):
    voltages = [23000, 23000, 23000]
    voltages[place] = None
    assert rendered("voltages", image_with(P_VOLTAGE_CV=voltages)) == b"null"


@pytest.mark.parametrize("row", TOLD, ids=lambda row: row[0].decode())
def test_an_unknown_value_is_the_word_null(row):
    value = Image().value
    for index in range(row[1], row[1] + row[2]):
        value[index] = None
    assert rendered(row[0].decode()[4:], value) == b"null"


def values_for(row):
    _, _, kind, _, _ = row
    if kind == NUMBER:
        return st.one_of(st.none(), st.integers(-INT_MAX, INT_MAX))
    if kind == BOOL:
        return st.sampled_from([None, 0, 1])
    if kind == STAMP:
        return st.one_of(st.none(), st.integers(0, 4102441199).map(lambda s: b"%d" % s))
    return st.one_of(st.none(), st.text(max_size=20).map(lambda text: json.dumps(text, ensure_ascii=False)[1:-1].replace("#", "").encode()))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.tuples(*[values_for(row) for row in POINTS]).map(list), st.integers(0, 7))
def test_every_image_becomes_json_with_exactly_its_values(value, at):
    for topic, first, count, kind, decimals in TOLD:
        decoded = json.loads(rendered(topic.decode()[4:], value, at), parse_float=Decimal, parse_int=Decimal)
        group = value[first : first + count]
        if kind == NUMBER:
            numbers = [None if v is None else Decimal(v).scaleb(-decimals) for v in group]
            if count > 1:
                assert decoded == (None if None in numbers else numbers)
            else:
                assert decoded == numbers[0]
        elif kind == BOOL:
            assert decoded is (None if group[0] is None else bool(group[0]))
        elif kind == STAMP:
            assert decoded == (None if group[0] is None else int(group[0]))
        else:
            assert kind == TEXT
            texts = [None if v is None else json.loads(b'"' + v + b'"') for v in group]
            if None in (texts[0], texts[-1]):
                assert decoded == texts[0]
            else:
                assert decoded == (texts[0] if count == 1 else "; ".join(texts))


@pytest.mark.parametrize(("value", "decimals", "payload"), [(None, 2, b"null"), (5, 0, b"5"), (-5, 2, b"-0.05")])
def test_put_json_writes_a_number_or_null(value, decimals, payload):
    buf = bytearray(10)
    assert bytes(buf[: put_json(buf, 0, value, decimals)]) == payload


def test_all_topics_and_payloads_of_a_charge_point_fit_the_packet_with_the_longest_texts():
    """48 bytes of prefix, 64 of tag, the longest reason, notice and fault."""
    longest = max(REASONS, key=len), max((NO_CP_RELAY, NO_PHASE_SWITCH, TOO_HIGH, TWO_DOORS), key=len)
    value = [-INT_MAX if row[2] == NUMBER else b"x" * TAG_BYTES if row[2] == TEXT else b"4102441199" if row[2] == STAMP else 0 for row in POINTS]
    value[points.P_STATE_STR], value[points.P_NOTICE] = longest
    value[points.P_FAULT_STR] = max([row[GERMAN] for row in FAULTS], key=len)
    for row in TOLD:
        assert 5 + 48 + len(ROOT) + 2 + len(row[0]) + len(rendered(row[0].decode()[4:], value)) <= PACKET_BYTES
