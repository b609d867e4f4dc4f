"""config.json and board.json: every key missing, wrong, out of range and unknown; the message says file, key, expected, found."""

import copy
import json

import config_rows
import pytest
from config import ConfigError, check_board, check_config
from config_rows import BOARD, BUS, BUTTON, CHARGE_POINT, CONFIG, CP_RELAY, ETHERNET, METER, MODBUS, MQTT, OUTPUT, PAGE, PHASE_SWITCH, REQUIRED
from config_rows import GRID, GRID_INPUT, RFID, RFID_PINS, RS485, TIME, WIFI

from host_tests.sim.world import standard_config
from host_tests.stubs.cpython import install

MINIMAL = {"mqtt": {"host": "192.0.2.1"}, "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}]}
TWO_POINTS = {
    "mqtt": {"host": "192.0.2.1"},
    "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}, {"evse": 2, "meter": {"type": "sdm72", "unit": 106}}],
}
FULL = {
    "name": "garage", "language": "en", "heartbeat_limit_s": 80, "installation_limit_a": 32, "network": "ethernet",
    "wifi": {"ssid": "net", "password": "secret"},
    "bus": {"baud": 19200, "gap_ms": 50},
    "mqtt": {
        "mode": "client", "host": "broker.local", "port": 8883, "user": "u", "password": "p", "prefix": "garage/", "client_id": "id", "ca_file": "ca.pem",
        "keepalive_s": 30, "controllers": ["192.0.2.7"], "first_come": 1, "sockets": 16, "discovery": "ha", "mirror": [7],
    },
    "page": {"enabled": 0, "port": 8080},
    "modbus": {
        "enabled": 0, "port": 502, "unit": 247, "controllers": ["192.0.2.7"], "heartbeat_from": "any", "allow_heartbeat_off": 1,
        "actual_current_scale": 1, "idle_s": 3600,
    },
    "charge_points": [{"evse": 7, "bus": 1, "phases": 1, "meter": {"type": "sdm72", "unit": 8, "lost_current_ca": 600},
                       "phase_switch": {"cool_down_s": 60, "boot": "one"}},

                      {"evse": 9, "bus": 0, "phases": 3, "meter": {"type": "none", "unit": None, "lost_current_ca": 0},
                       "phase_switch": {"cool_down_s": 60, "boot": "one"}}],
    "grid": {"limit_w": 0, "limit_ca": 600}, "shared_ca": 6400,
    "rfid": {"reader": "module", "format": "decimal"}, "time": {"server": "router", "every_h": 1},
}  # fmt: skip
BOARD_MINIMAL = {"board": "b", "rs485": [{"uart": 1, "tx": 17, "rx": 16}]}
BOARD_FULL = {
    "board": "b", "rs485": [{"uart": 2, "tx": 47, "rx": 46, "de": 4, "baud": 19200, "evse_ids": [3]}], "watchdog_s": 20, "evse_ids": [7, 247],
    "cp_relays": [{"pin": 1, "contact": "nc", "active": 1}, {"pin": 33, "contact": "no", "active": 0}],
    "coils": [],  # the rest: test_config_board
    "button": {"pin": 0, "pressed": 1}, "outputs": [{"pin": 16, "level": 1}, {"pin": 0, "level": 0}],
    "ethernet": {"phy": "lan8720", "addr": 31, "mdc": 23, "mdio": 18, "power": 12, "clk": 17, "clk_dir": "out"},
    "rfid": {"uart": 0, "rx": 4, "tx": 5, "baud": 19200}, "grid_input": {"pin": 48, "limited": 0},
}  # fmt: skip

# (checker, file, complete input, path to the object, its rows)
OBJECTS = [
    (check_config, "config.json", FULL, (), CONFIG),
    (check_config, "config.json", FULL, ("wifi",), WIFI),
    (check_config, "config.json", FULL, ("bus",), BUS),
    (check_config, "config.json", FULL, ("mqtt",), MQTT),
    (check_config, "config.json", FULL, ("page",), PAGE),
    (check_config, "config.json", FULL, ("modbus",), MODBUS),
    (check_config, "config.json", FULL, ("charge_points", 0), CHARGE_POINT),
    (check_config, "config.json", FULL, ("charge_points", 0, "meter"), METER),
    (check_config, "config.json", FULL, ("grid",), GRID),
    (check_config, "config.json", FULL, ("rfid",), RFID),
    (check_config, "config.json", FULL, ("time",), TIME),
    (check_config, "config.json", FULL, ("charge_points", 0, "phase_switch"), PHASE_SWITCH),
    (check_board, "board.json", BOARD_FULL, (), BOARD),
    (check_board, "board.json", BOARD_FULL, ("rs485", 0), RS485),
    (check_board, "board.json", BOARD_FULL, ("cp_relays", 1), CP_RELAY),
    (check_board, "board.json", BOARD_FULL, ("button",), BUTTON),
    (check_board, "board.json", BOARD_FULL, ("outputs", 1), OUTPUT),
    (check_board, "board.json", BOARD_FULL, ("ethernet",), ETHERNET),
    (check_board, "board.json", BOARD_FULL, ("rfid",), RFID_PINS),
    (check_board, "board.json", BOARD_FULL, ("grid_input",), GRID_INPUT),
]
# The mode and what hangs on it: test_config_mode.
ROWS = [(*one[:4], row) for one in OBJECTS for row in one[4] if row[0] not in ("mode", "host", "mqtt")]


def title(path):
    text = ""
    for part in path:
        text += "[%d]" % part if isinstance(part, int) else "." + part if text else part
    return text


def row_id(case):
    return case[1] + ":" + title((*case[3], case[4][0]))


def at(tree, path):
    for part in path:
        tree = tree[part]
    return tree


def with_value(tree, path, key, value):
    tree = copy.deepcopy(tree)
    at(tree, path)[key] = value
    return tree


def without(tree, path, key):
    tree = copy.deepcopy(tree)
    del at(tree, path)[key]
    return tree


def message_of(checker, found):
    with pytest.raises(ConfigError) as caught:
        checker(found)
    return str(caught.value)


def is_scalar(row):
    return row[1] in (int, str, bool)


# -- what is fine ---------------------------------------------------------------------------------------------------------


def test_the_least_there_can_be_gets_the_defaults_of_the_documentation():
    assert check_config(copy.deepcopy(MINIMAL)) == {
        "name": "ladepunkt", "language": "de", "heartbeat_limit_s": 60, "installation_limit_a": 16, "network": "wifi",
        "wifi": {"ssid": "", "password": ""},
        "bus": {"baud": 9600, "gap_ms": 20},
        "mqtt": {
            "mode": "client", "host": "192.0.2.1", "port": 1883, "user": None, "password": None, "prefix": "", "client_id": None, "ca_file": None,
            "keepalive_s": 20, "controllers": None, "first_come": 0, "sockets": 10, "discovery": None, "mirror": None,
        },
        "page": {"enabled": 1, "port": 80},
        "modbus": {
            "enabled": 1, "port": 1502, "unit": 1, "controllers": None, "heartbeat_from": "leader", "allow_heartbeat_off": 0,
            "actual_current_scale": 100, "idle_s": 120,
        },
        "charge_points": [{
            "evse": 1, "bus": 0, "phases": 3, "meter": {"type": "sdm630", "unit": 105, "lost_current_ca": 0},
            "phase_switch": {"cool_down_s": 300, "boot": "stored"},
        }],
        "grid": {"limit_w": 4200, "limit_ca": None}, "shared_ca": None,
        "rfid": {"reader": None, "format": None}, "time": {"server": None, "every_h": 24},
    }  # fmt: skip
    assert check_board(copy.deepcopy(BOARD_MINIMAL)) == {
        "board": "b", "rs485": [{"uart": 1, "tx": 17, "rx": 16, "de": None, "baud": 9600, "evse_ids": None}], "watchdog_s": 10, "evse_ids": [1],
        "cp_relays": [], "coils": [], "button": None, "grid_input": None, "outputs": [], "ethernet": None, "rfid": None,
    }  # fmt: skip


@pytest.mark.parametrize(("checker", "found"), [(check_config, FULL), (check_board, BOARD_FULL)], ids=["config", "board"])
def test_what_is_given_is_kept_as_it_is(checker, found):
    before = copy.deepcopy(found)
    assert checker(found) == before
    assert found == before, "the input was changed"


def test_the_result_is_a_copy_that_shares_no_defaults():
    one, other = check_config(copy.deepcopy(MINIMAL)), check_config(copy.deepcopy(MINIMAL))
    one["wifi"]["ssid"] = "changed"
    one["bus"]["gap_ms"] = 250
    assert other["wifi"]["ssid"] == "" and other["bus"]["gap_ms"] == 20
    one, other = check_board(copy.deepcopy(BOARD_MINIMAL)), check_board(copy.deepcopy(BOARD_MINIMAL))
    one["evse_ids"].append(9)
    one["cp_relays"].append({})
    assert other["evse_ids"] == [1] and other["cp_relays"] == []


@pytest.mark.parametrize("charge_points", [1, 2])
@pytest.mark.parametrize("meter", ["auto", "mpm3pm", "sdm630", "b23", "sdm120", "none"])
def test_the_configuration_of_the_virtual_world_is_one_that_passes(charge_points, meter):
    found = standard_config(charge_points, meter)
    assert check_config(copy.deepcopy(found)) == found


@pytest.mark.parametrize("path", sorted((install.ROOT / "boards").glob("*/board.json")), ids=lambda path: path.parent.name)
def test_the_boards_of_the_project_pass(path):
    found = json.loads(path.read_text())
    assert check_board(found)["board"] == path.parent.name


def test_there_is_a_board():
    assert list((install.ROOT / "boards").glob("*/board.json"))


# -- every key ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ROWS, ids=row_id)
def test_a_missing_key_gets_its_default_or_is_named(case):
    checker, file, full, path, row = case
    found = without(full, path, row[0])
    if row[2] == REQUIRED:
        message = message_of(checker, found)
        assert message.startswith(file + ": " + title((*path, row[0])) + ": missing; expected ")
        assert len(message) > len(file + title((*path, row[0])) + ": missing; expected ") + 5
    elif row[0] == "unit" and row[2] is None:
        assert title((*path, "unit")) in message_of(checker, found), "only a meter of type none needs none"
    else:
        expected = row[2] if is_scalar(row) or row[2] in (None, [], [1]) else {r[0]: r[2] for r in row[1]}
        assert at(checker(found), path)[row[0]] == expected


@pytest.mark.parametrize("case", ROWS, ids=row_id)
def test_a_value_of_the_wrong_type_is_named_with_what_was_expected_and_found(case):
    checker, file, full, path, row = case
    wrong = [True, False, 1.5, 9600.0, [1], {"a": 1}, "9600" if row[1] is not str else 5]
    if row[2] is not None:
        wrong.append(None)
    if isinstance(row[1], tuple):
        wrong.remove({"a": 1})
    if row[1] is bool:
        wrong = [2, -1, "true", [1], {"a": 1}, None]
    if row[0] == "evse_ids":
        wrong[wrong.index([1])] = [1, 2, 3, 4, 5]
    elif isinstance(row[1], list):
        wrong.remove([1])
    for value in wrong:
        message = message_of(checker, with_value(full, path, row[0], value))
        assert message.startswith(file + ": " + title((*path, row[0])) + ": expected "), message
        assert message.endswith(", found " + repr(value)), message


@pytest.mark.parametrize("case", [c for c in ROWS if c[4][2] is None], ids=row_id)
def test_null_is_accepted_where_the_default_is_null(case):
    checker, _, full, path, row = case
    found = with_value(full, path, row[0], None)
    if row[0] == "unit" and row[2] is None:
        at(found, path)["type"] = "none"
    assert at(checker(found), path)[row[0]] is None


LIMITED = [c for c in ROWS if c[4][1] in (int, str) and not isinstance(c[4][3], tuple)]


@pytest.mark.parametrize("case", LIMITED, ids=row_id)
def test_a_value_at_a_limit_passes_and_beyond_it_is_named_with_both_limits(case):
    checker, file, full, path, row = case
    key, kind, _, low, high = row

    def value_of(size):
        if kind is not str:
            return size
        return "x" * (size - 1) + ("/" if key == "prefix" else "x") if size else ""

    for size in (low, high):
        assert at(checker(with_value(full, path, key, value_of(size))), path)[key] == value_of(size)
    for size in (low - 1, high + 1):
        if kind is str and size < 0:
            continue
        message = message_of(checker, with_value(full, path, key, value_of(size)))
        assert message.startswith(file + ": " + title((*path, key)) + ": expected "), message
        assert "%d to %d" % (low, high) in message and message.endswith(", found %r" % value_of(size))


CHOICES = [c for c in ROWS if is_scalar(c[4]) and isinstance(c[4][3], tuple) and c[4][1] is not bool]


@pytest.mark.parametrize("case", CHOICES, ids=row_id)
def test_a_choice_takes_what_is_listed_and_names_the_list_otherwise(case):
    checker, file, full, path, row = case
    key, kind, _, allowed, _ = row
    for value in allowed:
        assert at(checker(with_value(full, path, key, value)), path)[key] == value
    value = "nonesuch" if kind is str else max(allowed) + 1
    message = message_of(checker, with_value(full, path, key, value))
    listed = ", ".join(str(v) for v in allowed)
    assert message == "%s: %s: expected one of %s, found %r" % (file, title((*path, key)), listed, value)


@pytest.mark.parametrize("case", OBJECTS, ids=lambda case: case[1] + ":" + title(case[3]))
def test_an_unknown_key_is_named_with_the_ones_that_are_known_there(case):
    checker, file, full, path, rows = case
    for key in ("hots", "", "Host", "charge_point"):
        message = message_of(checker, with_value(full, path, key, 1))
        assert message.startswith(file + ": " + ".".join([title(path), key] if path else [key]) + ": unknown key; known here: ")
        assert message.endswith(", ".join(row[0] for row in rows))


@pytest.mark.parametrize(("checker", "file"), [(check_config, "config.json"), (check_board, "board.json")])
@pytest.mark.parametrize("found", [None, [], "text", 5, True])
def test_a_file_that_is_no_object_is_refused(checker, file, found):
    assert message_of(checker, found) == "%s: the whole file: expected an object { }, found %r" % (file, found)


def test_the_message_names_the_file_that_was_read():
    with pytest.raises(ConfigError, match="^other.json: charge_points: missing"):
        check_config({}, "other.json")
    with pytest.raises(ConfigError, match="^esp32/board.json: board: missing"):
        check_board({}, "esp32/board.json")


def test_what_is_missing_is_named_with_the_brackets_it_has():
    assert message_of(check_config, {}) == "config.json: charge_points: missing; expected a list [ ]"
    assert message_of(check_config, {"charge_points": [{"evse": 1}]}) == "config.json: charge_points[0].meter: missing; expected an object { }"


# -- lists ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "good"), [(0, False), (1, True), (2, True), (3, False)])
def test_one_or_two_charge_points(count, good):
    points = [{"evse": 1 + i, "meter": {"type": "sdm630", "unit": 105 + i}} for i in range(count)]
    found = with_value(MINIMAL, (), "charge_points", points)
    if good:
        assert len(check_config(found)["charge_points"]) == count
    else:
        assert message_of(check_config, found).startswith("config.json: charge_points: expected a list of 1 to 2 objects, found [")


@pytest.mark.parametrize("count", [0, 3])
def test_one_or_two_rs485_lines(count):
    found = with_value(BOARD_MINIMAL, (), "rs485", BOARD_MINIMAL["rs485"] * count)
    assert message_of(check_board, found).startswith("board.json: rs485: expected a list of 1 to 2 objects, found [")


def test_an_item_of_a_list_is_named_by_its_number():
    found = copy.deepcopy(TWO_POINTS)
    found["charge_points"][1]["meter"]["unit"] = 300
    assert message_of(check_config, found) == "config.json: charge_points[1].meter.unit: expected a whole number from 1 to 247, found 300"
    found["charge_points"][1] = 5
    assert message_of(check_config, found) == "config.json: charge_points[1]: expected an object { }, found 5"


# -- what one key can not know --------------------------------------------------------------------------------------------


def test_four_units_on_one_line_that_differ_pass():
    assert [p["evse"] for p in check_config(copy.deepcopy(TWO_POINTS))["charge_points"]] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "key", "unit", "other"),
    [
        ({(0, "meter", "unit"): 1}, "charge_points[0].meter.unit", 1, "charge_points[0].evse"),
        ({(1, "evse"): 1}, "charge_points[1].evse", 1, "charge_points[0].evse"),
        ({(1, "evse"): 105}, "charge_points[1].evse", 105, "charge_points[0].meter.unit"),
        ({(1, "meter", "unit"): 1}, "charge_points[1].meter.unit", 1, "charge_points[0].evse"),
        ({(1, "meter", "unit"): 105}, "charge_points[1].meter.unit", 105, "charge_points[0].meter.unit"),
    ],
)
def test_two_devices_with_one_unit_id_are_named_both(changes, key, unit, other):
    found = copy.deepcopy(TWO_POINTS)
    for path, value in changes.items():
        at(found["charge_points"], path[:-1])[path[-1]] = value
    message = message_of(check_config, found)
    assert message == "config.json: %s: expected a unit id of its own, found %d, which is also %s" % (key, unit, other)


def test_two_points_without_meters_do_not_share_a_unit():
    found = copy.deepcopy(TWO_POINTS)
    for point in found["charge_points"]:
        point["meter"] = {"type": "none"}
    assert [p["meter"]["unit"] for p in check_config(found)["charge_points"]] == [None, None]


@pytest.mark.parametrize("meter", ["sdm630", "sdm72", "mpm3pm", "b23", "sdm120", "sdm230"])
def test_a_meter_needs_a_unit(meter):
    found = with_value(MINIMAL, ("charge_points", 0), "meter", {"type": meter})
    assert message_of(check_config, found) == "config.json: charge_points[0].meter.unit: missing; expected a whole number from 1 to 247"


@pytest.mark.parametrize("prefix", ["garage", "/garage", "a/+/", "#/", "a#/", "+", "#"])
def test_a_prefix_that_no_topic_can_begin_with_is_refused(prefix):
    message = message_of(check_config, with_value(MINIMAL, ("mqtt",), "prefix", prefix))
    assert message.startswith("config.json: mqtt.prefix: expected text that ends with / and holds no + or #")
    assert message.endswith(", found %r" % prefix)


@pytest.mark.parametrize("prefix", ["", "garage/", "a/b/", "/"])
def test_a_prefix_ends_with_a_slash_or_is_empty(prefix):
    assert check_config(with_value(MINIMAL, ("mqtt",), "prefix", prefix))["mqtt"]["prefix"] == prefix


def test_texts_are_measured_in_bytes():
    assert check_config(with_value(MINIMAL, (), "name", "ü" * 10))["name"] == "ü" * 10
    assert "text of 1 to 20 bytes" in message_of(check_config, with_value(MINIMAL, (), "name", "ü" * 11))


def test_nothing_is_required_but_what_can_not_be_guessed():
    required = {row_id((None, one[1], None, one[3], row)) for one in OBJECTS for row in one[4] if row[2] == REQUIRED}
    assert required == {
        "config.json:charge_points", "config.json:charge_points[0].evse",
        "config.json:charge_points[0].meter", "config.json:charge_points[0].meter.type", "board.json:board", "board.json:rs485",
        "board.json:rs485[0].uart", "board.json:rs485[0].tx", "board.json:rs485[0].rx", "board.json:cp_relays[1].pin",
            "board.json:cp_relays[1].contact", "board.json:cp_relays[1].active", "board.json:button.pin",
            "board.json:outputs[1].pin", "board.json:outputs[1].level",
            *("board.json:ethernet." + key for key in ("phy", "addr", "mdc", "mdio", "clk", "clk_dir")),
            "board.json:rfid.uart", "board.json:rfid.rx", "board.json:rfid.tx", "board.json:grid_input.pin", "board.json:grid_input.limited",
    }  # fmt: skip


def test_the_limits_that_safety_depends_on():
    rows = {row[0]: row for row in config_rows.CONFIG}
    assert rows["heartbeat_limit_s"][2:] == (60, 30, 120)
    assert rows["installation_limit_a"][2:] == (16, 6, 32)
    assert {row[0]: row for row in config_rows.METER}["lost_current_ca"][2:] == (0, 0, 3200)
    assert {row[0]: row for row in config_rows.BOARD}["watchdog_s"][2] == 10


def test_a_config_error_is_an_exception_of_its_own():
    assert issubclass(ConfigError, Exception) and not issubclass(ConfigError, (ValueError, KeyError))
