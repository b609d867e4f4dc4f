"""The table of points: complete, without doubles, and the same as the published page in host_tests/golden."""

import json
from pathlib import Path

import points
import pytest
from point_rows import POINTS
from points import BOOL, NUMBER, POINT_COUNT, RAW, STAMP, TEXT, Image

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
GET_TOPICS = {row["name"]: row for row in json.loads((GOLDEN / "get_topics.json").read_text())}
SET_TOPICS = {row["topic"]: row for row in json.loads((GOLDEN / "set_topics.json").read_text())}
KINDS = {"list": NUMBER, "number": NUMBER, "bool": BOOL, "text": TEXT, "object": RAW}
TWO_TEXTS = "state_str"  # reason and notice

# The page as openWB publishes it, written down a second time: a row lost in the table and in golden would go unseen.
PAGE = """voltages currents powers power_factors frequency power imported exported phases_in_use plug_state charge_state evse_current
max_evse_current rfid rfid_timestamp serial_number vehicle_id soc soc_timestamp version current_branch current_commit fault_state
fault_str error_timestamp state_str""".split()


def rows_of(topic):
    return [row for row in POINTS if row[1] == topic]


def names():
    return {name: value for name, value in vars(points).items() if name.startswith("P_")}


def test_every_row_stands_at_its_own_index():
    assert [row[0] for row in POINTS] == list(range(POINT_COUNT))
    assert all(len(row) == 5 for row in POINTS)


def test_every_name_is_the_index_of_its_own_row():
    assert len(set(names().values())) == len(names()), "two names for one row"
    lists = {"P_VOLTAGE_CV", "P_CURRENT_CA", "P_POWER_L_CW", "P_POWER_FACTOR_C"}
    used = set()
    for name, index in names().items():
        used.update(range(index, index + (3 if name in lists else 1)))
    assert used == set(range(POINT_COUNT)), "a row nobody can name, or two names that overlap"


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("P_VOLTAGE_CV", b"get/voltages"),
        ("P_CURRENT_CA", b"get/currents"),
        ("P_POWER_L_CW", b"get/powers"),
        ("P_POWER_FACTOR_C", b"get/power_factors"),
        ("P_FREQUENCY_CHZ", b"get/frequency"),
        ("P_POWER_CW", b"get/power"),
        ("P_IMPORTED_WH", b"get/imported"),
        ("P_EXPORTED_WH", b"get/exported"),
        ("P_PHASES_IN_USE", b"get/phases_in_use"),
        ("P_PLUGGED", b"get/plug_state"),
        ("P_CHARGING", b"get/charge_state"),
        ("P_EVSE_CURRENT_CA", b"get/evse_current"),
        ("P_MAX_EVSE_CURRENT_A", b"get/max_evse_current"),
        ("P_RFID", b"get/rfid"),
        ("P_RFID_TIMESTAMP_S", b"get/rfid_timestamp"),
        ("P_SERIAL_NUMBER", b"get/serial_number"),
        ("P_VEHICLE_ID", b"get/vehicle_id"),
        ("P_SOC", b"get/soc"),
        ("P_SOC_TIMESTAMP_S", b"get/soc_timestamp"),
        ("P_VERSION", b"get/version"),
        ("P_BRANCH", b"get/current_branch"),
        ("P_COMMIT", b"get/current_commit"),
        ("P_FAULT_STR", b"get/fault_str"),
        ("P_FAULT_STATE", b"get/fault_state"),
        ("P_ERROR_TIMESTAMP_S", b"get/error_timestamp"),
        ("P_STATE_STR", b"get/state_str"),
        ("P_NOTICE", b"get/state_str"),
        ("P_SET_CURRENT_CA", b"data/set_current"),
        ("P_PHASES_TO_USE", b"data/phases_to_use"),
        ("P_TRIGGER", b"data/trigger_phase_switch"),
        ("P_CP_SECONDS", b"data/cp_interruption_duration"),
        ("P_PARENT_CP", b"data/parent_cp"),
        ("P_HEARTBEAT", b"global_data"),
        ("P_LAST_TAG", b"last_tag"),
    ],
)
def test_a_name_and_its_topic_belong_together(name, topic):
    assert POINTS[names()[name]][1] == topic


def test_the_told_topics_are_exactly_those_of_the_page():
    told = [row[1][4:].decode() for row in POINTS if row[1].startswith(b"get/")]
    assert set(told) == set(GET_TOPICS) == set(PAGE)


def test_the_set_topics_are_exactly_those_of_the_page():
    taken = {row[1].decode() for row in POINTS if not row[1].startswith(b"get/")}
    assert taken == {topic.removeprefix("0/") for topic in SET_TOPICS}


@pytest.mark.parametrize("row", GET_TOPICS.values(), ids=lambda row: row["name"])
def test_kind_and_decimals_are_those_of_the_page(row):
    found = rows_of(b"get/" + row["name"].encode())
    expected = 3 if row["json"] == "list" else 2 if row["name"] == TWO_TEXTS else 1
    assert len(found) == expected
    kind = STAMP if row.get("unit") == "s" else KINDS[row["json"]]
    assert {(r[2], r[3]) for r in found} == {(kind, row.get("decimals", 0))}


@pytest.mark.parametrize("row", SET_TOPICS.values(), ids=lambda row: row["topic"])
def test_kind_and_decimals_of_a_set_topic_are_those_of_the_page(row):
    (found,) = rows_of(row["topic"].removeprefix("0/").encode())
    assert (found[2], found[3]) == (KINDS[row["json"]], row.get("decimals", 0))
    assert found[4] is None, "nobody has set anything yet"


def test_rows_that_share_a_topic_are_neighbours_so_that_no_topic_is_told_twice():
    topics = [row[1] for row in POINTS]
    changes = [topic for at, topic in enumerate(topics) if at == 0 or topics[at - 1] != topic]
    assert len(set(changes)) == len(changes)


def test_topics_end_where_prefixes_begin():
    for row in POINTS:
        assert not row[1].startswith(b"/") and not row[1].endswith(b"/")
        assert set(row[1]) <= set(b"abcdefghijklmnopqrstuvwxyz_/")


def test_the_own_points_of_the_gateway_come_last():
    """The inbox tells shared topics from those of one charge point by this order."""
    shared = [row[0] for row in POINTS if b"/" not in row[1]]
    assert shared == [points.P_HEARTBEAT, points.P_LAST_TAG] == list(range(POINT_COUNT - 2, POINT_COUNT))


def test_an_image_starts_with_the_defaults_of_the_table_and_with_no_device_heard():
    image = Image()
    assert image.value == [row[4] for row in POINTS]
    assert image.meter.expired


def test_two_images_share_nothing():
    one, other = Image(), Image()
    one.value[points.P_POWER_CW] = 5
    one.meter.mark(0)
    assert other.value[points.P_POWER_CW] == 0
    assert other.meter.expired


def test_what_a_primary_can_not_do_without_is_a_number_from_the_start():
    value = Image().value
    for index in (points.P_POWER_CW, points.P_EXPORTED_WH, points.P_PHASES_IN_USE, points.P_FAULT_STATE, points.P_CHARGING):
        assert value[index] == 0
    assert value[points.P_CURRENT_CA : points.P_CURRENT_CA + 3] == [0, 0, 0]


def test_a_branch_named_release_would_make_a_primary_send_its_own_updates():
    assert Image().value[points.P_BRANCH] not in (None, b"Release")
