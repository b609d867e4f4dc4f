"""Charge points and lines in config.json and board.json: which units may stand where."""
import copy

import pytest
from config import ConfigError, check_board, check_config, check_fit

AUTO = {"charge_points": [{"evse": 1, "meter": {"type": "auto"}}, {"evse": 2, "meter": {"type": "auto"}}]}


def message_of(function, *arguments):
    with pytest.raises(ConfigError) as refused:
        function(*arguments)
    return str(refused.value)


def changed(found, changes):
    """A copy with `changes`: (index of the charge point, key, ...) -> value."""
    found = copy.deepcopy(found)
    for (i, *path, last), value in changes.items():
        place = found["charge_points"][i]
        for key in path:
            place = place[key]
        place[last] = value
    return found


def test_auto_needs_no_unit_and_two_of_them_meet_nowhere():
    points = check_config(copy.deepcopy(AUTO))["charge_points"]
    assert [point["meter"]["unit"] for point in points] == [None, None]


def test_auto_may_be_told_the_unit():
    assert check_config(changed(AUTO, {(0, "meter", "unit"): 2, (1, "evse"): 3}))["charge_points"][0]["meter"]["unit"] == 2


@pytest.mark.parametrize("unit", [5, 105, 201])
def test_nothing_else_may_stand_where_auto_searches(unit):
    message = message_of(check_config, changed(AUTO, {(1, "evse"): unit}))
    assert message == (
        "config.json: charge_points[1].evse: expected a unit id of its own, found %d, which is also "
        "charge_points[0].meter.type (auto searches there)" % unit
    )
    assert check_config(changed(AUTO, {(0, "meter", "unit"): 9, (1, "evse"): unit}))


# --- lines ---

LINE = {"uart": 1, "tx": 17, "rx": 16}
SECOND = {"uart": 2, "tx": 18, "rx": 19}


def fitted(second, config=None):
    """The configuration with its second charge point on the second line of that board."""
    board = check_board({"board": "b", "rs485": [LINE, {**SECOND, **second}], "evse_ids": [1, 2]})
    config = check_config(config or changed(AUTO, {(1, "bus"): 1}))
    check_fit(config, board)
    return config


def test_a_unit_may_be_used_again_on_the_other_line():
    assert fitted({}, changed(AUTO, {(1, "bus"): 1, (1, "evse"): 1}))["charge_points"][1]["bus"] == 1


def test_a_line_that_the_board_does_not_have_is_named():
    board = check_board({"board": "b", "rs485": [LINE], "evse_ids": [1, 2]})
    message = message_of(check_fit, check_config(changed(AUTO, {(1, "bus"): 1})), board)
    assert message == "config.json: charge_points[1].bus: expected 0, as rs485 of board.json has one line (add the second one there), found 1"


def test_two_lines_need_two_uarts():
    message = message_of(check_board, {"board": "b", "rs485": [LINE, {**SECOND, "uart": 1}]})
    assert message == "board.json: rs485[1].uart: expected another one than that of rs485[0], found 1"
    for uarts in ((1, 2), (2, 1)):
        found = {"board": "b", "rs485": [{**line, "uart": uart} for line, uart in zip((LINE, SECOND), uarts, strict=True)]}
        assert [line["uart"] for line in check_board(found)["rs485"]] == list(uarts)


def test_a_line_may_name_its_own_evse_ids():
    assert fitted({"evse_ids": [2]})
    message = message_of(fitted, {"evse_ids": [3]})
    assert message.startswith("config.json: charge_points[1].evse: expected one of rs485[1].evse_ids of board.json, which are [3]")


def test_both_lines_run_at_the_configured_speed():
    message = message_of(fitted, {"baud": 19200})
    assert message.startswith("config.json: bus.baud: expected 19200, which is rs485[1].baud of board.json")


# --- mirrors ---


def test_the_first_of_two_charge_points_may_have_a_mirror_and_two_have_different_ones():
    for ids in ([3], [3, 4]):
        assert check_config({**copy.deepcopy(AUTO), "mqtt": {"mirror": ids}})["mqtt"]["mirror"] == ids
    message = message_of(check_config, {**copy.deepcopy(AUTO), "mqtt": {"mirror": [3, 3]}})
    assert message == "config.json: mqtt.mirror: expected at most one id per charge point, all different (there are 2), found [3, 3]"


# --- one feeder ---


def test_a_feeder_is_shared_by_two_charge_points_only():
    assert check_config({**copy.deepcopy(AUTO), "shared_ca": 1600})["shared_ca"] == 1600
    one = {"charge_points": AUTO["charge_points"][:1], "shared_ca": 1600}
    assert message_of(check_config, one) == "config.json: shared_ca: expected null, as there is one charge point only, found 1600"
