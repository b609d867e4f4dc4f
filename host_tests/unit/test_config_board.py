"""board.json: its lists, and what it and config.json must agree about."""

import copy

import pytest
from config import ConfigError, check_board, check_config, check_fit

from host_tests.unit.test_config import BOARD_MINIMAL, TWO_POINTS, at, message_of, with_value


@pytest.mark.parametrize("ids", [[1], [1, 2, 11, 12], [247]])
def test_one_to_four_evse_ids(ids):
    assert check_board(with_value(BOARD_MINIMAL, (), "evse_ids", ids))["evse_ids"] == ids


@pytest.mark.parametrize(
    ("ids", "key", "expected", "found"),
    [
        ([], "evse_ids", "a list of 1 to 4 numbers", []),
        (1, "evse_ids", "a list of 1 to 4 numbers", 1),
        ([1, 0], "evse_ids[1]", "a whole number from 1 to 247", 0),
        ([248], "evse_ids[0]", "a whole number from 1 to 247", 248),
        ([1, True], "evse_ids[1]", "a whole number from 1 to 247", True),
        ([1, "2"], "evse_ids[1]", "a whole number from 1 to 247", "2"),
        ([{"id": 1}], "evse_ids[0]", "a whole number from 1 to 247", {"id": 1}),
    ],
)
def test_other_evse_ids_are_named_by_their_number(ids, key, expected, found):
    message = message_of(check_board, with_value(BOARD_MINIMAL, (), "evse_ids", ids))
    assert message == "board.json: %s: expected %s, found %r" % (key, expected, found)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_at_most_two_cp_relays(count):
    found = with_value(BOARD_MINIMAL, (), "cp_relays", [{"pin": 1 + i, "contact": "no", "active": 0} for i in range(count)])
    if count < 3:
        assert len(check_board(found)["cp_relays"]) == count
    else:
        assert message_of(check_board, found).startswith("board.json: cp_relays: expected a list of 0 to 2 objects, found [")


def fit(config_changes=(), board_changes=()):
    """The message of check_fit, None when the two files fit together."""
    config_found, board_found = copy.deepcopy(TWO_POINTS), copy.deepcopy(BOARD_MINIMAL)
    board_found["evse_ids"] = [2, 1]
    for changes, tree in ((config_changes, config_found), (board_changes, board_found)):
        for path, key, value in changes:
            at(tree, path)[key] = value
    try:
        check_fit(check_config(config_found), check_board(board_found))
    except ConfigError as error:
        return str(error)
    return None


def test_files_that_fit_together_pass():
    assert fit() is None
    assert fit([((), "bus", {"baud": 19200})], [(("rs485", 0), "baud", 19200)]) is None


def test_an_evse_to_which_no_start_writes_0_a_is_refused():
    assert fit([(("charge_points", 1), "evse", 7)]) == (
        "config.json: charge_points[1].evse: expected one of evse_ids of board.json, which are [2, 1] "
        "(every start writes 0 A to them: change one of the two), found 7"
    )
    assert fit([], [((), "evse_ids", [1])]).endswith("found 2")


@pytest.mark.parametrize(
    ("in_config", "in_board"), [([((), "bus", {"baud": 19200})], []), ([], [(("rs485", 0), "baud", 19200)])], ids=["config", "board"]
)
def test_a_speed_at_which_no_start_could_write_is_refused(in_config, in_board):
    expected, found = (9600, 19200) if in_config else (19200, 9600)
    assert fit(in_config, in_board) == (
        f"config.json: bus.baud: expected {expected}, which is rs485[0].baud of board.json (9600 when not given: change one of the two), "
        f"found {found}"
    )


ETHERNET = {"phy": "lan8720", "addr": 1, "mdc": 23, "mdio": 18, "clk": 17, "clk_dir": "out"}


def test_only_a_board_with_ethernet_can_use_it():
    wired, described = ((), "network", "ethernet"), ((), "ethernet", ETHERNET)
    assert fit([wired]) == "config.json: network: expected wifi, as board.json describes no Ethernet, found 'ethernet'"
    assert fit([wired], [described]) is None and fit([], [described]) is None


READER = {"uart": 2, "rx": 32, "tx": 33}


def with_reader(kind, row):
    config = check_config(with_value(TWO_POINTS, (), "rfid", {"reader": kind}))
    board = with_value(BOARD_MINIMAL, (), "evse_ids", [1, 2])
    if row is not None:
        board = with_value(board, (), "rfid", row)
    return config, check_board(board)


@pytest.mark.parametrize(("kind", "row"), [(None, None), (None, READER), ("rdm6300", READER), ("rdm6300", {**READER, "uart": 0}), ("module", None), ("module", READER)])
def test_a_reader_that_has_what_it_needs_passes(kind, row):
    check_fit(*with_reader(kind, row))


def test_an_rdm6300_needs_a_uart_of_the_board():
    with pytest.raises(ConfigError, match='config.json: rfid.reader: expected null or "module", as board.json has no "rfid"'):
        check_fit(*with_reader("rdm6300", None))


def test_a_reader_does_not_share_the_uart_of_the_line():
    with pytest.raises(ConfigError, match=r"board.json: rfid.uart: expected another one than that of rs485\[0\], found 1"):
        check_fit(*with_reader("rdm6300", {**READER, "uart": 1}))


def test_nor_that_of_a_second_line():
    config, board = with_reader("rdm6300", {**READER, "uart": 2})
    board["rs485"].append({**board["rs485"][0], "uart": 2})
    with pytest.raises(ConfigError, match=r"board.json: rfid.uart: expected another one than that of rs485\[1\], found 2"):
        check_fit(config, board)


# -- coils ----------------------------------------------------------------------------------------------------------------

RELAYS = [{"pin": 1, "contact": "nc", "active": 1}, {"pin": 2, "contact": "nc", "active": 1}]
PAIR = {"one_pin": 41, "three_pin": 42, "active": 1}
HELD = {"hold_pin": 41, "hold_is": 3, "hardware_interlock": True, "active": 1}


def with_coils(*rows, relays=RELAYS):
    return {**BOARD_MINIMAL, "cp_relays": relays, "coils": list(rows)}


def test_a_pair_of_coils_gets_a_pulse_of_a_second():
    assert check_board(with_coils(PAIR))["coils"] == [
        {"one_pin": 41, "three_pin": 42, "pulse_ms": 1000, "hold_pin": None, "hold_is": None, "hardware_interlock": False, "active": 1}
    ]


def test_a_held_output_with_an_interlock_in_hardware_is_taken():
    assert check_board(with_coils(HELD, {**HELD, "hold_pin": 42, "hold_is": 1}))["coils"][1]["hold_is"] == 1


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({**HELD, "hardware_interlock": False}, "coils[0].hardware_interlock: expected true, as a held output drops at every reset"),
        ({key: HELD[key] for key in ("hold_pin", "hold_is", "active")}, "coils[0].hardware_interlock: expected true"),
        ({**HELD, "hold_is": None}, "coils[0].hold_is: missing; expected which phases are on with it"),
        ({**HELD, "hold_is": 2}, "coils[0].hold_is: expected one of 1, 3, found 2"),
        ({**HELD, "one_pin": 5}, "coils[0].one_pin: expected none beside hold_pin, found 5"),
        ({"one_pin": 41, "active": 1}, "coils[0].three_pin: missing; expected the pin of this coil"),
        ({"active": 1}, "coils[0].one_pin: missing; expected the pin of this coil"),
        ({**PAIR, "hold_is": 3}, "coils[0].hold_is: expected none beside one_pin and three_pin, found 3"),
        ({**PAIR, "pulse_ms": 199}, "coils[0].pulse_ms: expected a whole number from 200 to 5000, found 199"),
        ({**PAIR, "pulse_ms": 5001}, "coils[0].pulse_ms: expected a whole number from 200 to 5000, found 5001"),
        ({"one_pin": 41, "three_pin": 42}, "coils[0].active: missing"),
        ({**PAIR, "three_pin": 41}, "coils[0].three_pin: expected a pin of its own; this one is also coils[0].one_pin, found 41"),
        ({**PAIR, "three_pin": 1}, "coils[0].three_pin: expected a pin of its own; this one is also cp_relays[0].pin, found 1"),
        ({**PAIR, "one_pin": 17}, "coils[0].one_pin: expected a pin of its own; this one is also rs485[0].tx, found 17"),
        ({**PAIR, "cp": 0}, "coils[0].cp: unknown key"),
    ],
)
def test_coils_that_could_do_harm_are_refused_and_named(row, says):
    assert message_of(check_board, with_coils(row)).startswith("board.json: " + says)


@pytest.mark.parametrize(("pin", "other"), [(1, "cp_relays[0].pin"), (17, "rs485[0].tx")])
def test_a_cp_relay_that_shares_its_pin_is_refused_and_named(pin, other):
    relays = [{"pin": taken, "contact": "nc", "active": 1} for taken in (1, pin)]
    message = message_of(check_board, with_coils(relays=relays))

    assert message == f"board.json: cp_relays[1].pin: expected a pin of its own; this one is also {other}, found {pin}"


def test_an_interlock_that_is_not_there_is_named_as_found():
    message = message_of(check_board, with_coils({**HELD, "hardware_interlock": False}))
    assert message.endswith("has to keep it from moving under load, found False")


def test_a_coil_without_a_cp_relay_is_refused():
    message = message_of(check_board, with_coils(PAIR, relays=[]))
    assert message.startswith("board.json: coils: expected no more than cp_relays, which has 0 (phases are switched while") and message.endswith("found 1")


@pytest.mark.parametrize("seconds", [59, 3601, 0])
def test_a_cool_down_below_a_minute_or_above_an_hour_is_refused(seconds):
    found = copy.deepcopy(TWO_POINTS)
    found["charge_points"][1]["phase_switch"] = {"cool_down_s": seconds}
    assert message_of(check_config, found) == (
        "config.json: charge_points[1].phase_switch.cool_down_s: expected a whole number from 60 to 3600, found %d" % seconds
    )
