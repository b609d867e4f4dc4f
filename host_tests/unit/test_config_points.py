"""Charge points and lines in config.json and board.json: which units may stand where."""
import copy

import pytest
from config import ConfigError, check_config

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
