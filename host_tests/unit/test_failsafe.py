"""The floor: what every start and every end does, whatever else is broken."""

import ast

import pytest

from host_tests.unit.floor import BOARD, CP, FAULT, NC, WDT_RESET, Floor, first_zero_frame_ms, press_after, put_app, zero_frame
from tools.runtimes import FIRMWARE

CODE_LINES_LIMIT = 165  # of boot.py and failsafe.py, without docstrings, comments and blank lines
IMPORTS = {"gc", "json", "machine", "sys", "time", "app", "failsafe"}
NO = {**NC, "contact": "no"}
LOW = {**NC, "active": 0}
LATCHED_CP = 0xC3


def with_relays(*rows, **changes):
    return {**BOARD, "cp_relays": [{**row, "pin": 1 + i} for i, row in enumerate(rows)], **changes}


# -- what it may be -------------------------------------------------------------------------------------------------------


def code_lines(text):
    """Numbers of the lines that hold code."""
    tree = ast.parse(text)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node):
            docstrings.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return [n for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.strip().startswith("#") and n not in docstrings]


def test_it_is_small_enough_to_be_read_at_one_sitting():
    lines = sum(len(code_lines((FIRMWARE / name).read_text())) for name in ("boot.py", "failsafe.py"))
    print(lines, "lines of code")
    assert lines <= CODE_LINES_LIMIT
    assert len(code_lines((FIRMWARE / "main.py").read_text())) == 2


def test_it_imports_nothing_of_ours_but_the_app():
    trees = [ast.parse((FIRMWARE / name).read_text()) for name in ("boot.py", "failsafe.py", "main.py")]
    names = {alias.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names == IMPORTS
    assert not [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


# -- a start --------------------------------------------------------------------------------------------------------------


def test_a_start_sets_the_relays_then_the_watchdog_then_writes_0_a_three_times_to_everybody():
    floor = Floor()
    floor.start()
    assert [kind for _, kind, _ in floor.chip.log if kind != "fed"] == ["pin", "pin", "watchdog"] + ["frame"] * 6
    assert floor.of("watchdog") == [10000]
    assert floor.frames() == [zero_frame(1), zero_frame(2)] * 3
    assert floor.texts() == []


def test_the_first_frame_has_left_within_13_ms():
    first_ms = first_zero_frame_ms()
    print(first_ms, "ms")
    assert 11.4 < first_ms < 13


def test_the_lines_speed_is_the_boards():
    assert first_zero_frame_ms({**BOARD, "rs485": [{"uart": 1, "tx": 17, "rx": 18, "baud": 19200}]}) < first_zero_frame_ms()


@pytest.mark.parametrize("ids", [[1], [247], [1, 2, 11, 12]])
def test_every_evse_of_the_board_gets_its_frame(ids):
    floor = Floor({**BOARD, "evse_ids": ids})
    floor.start()
    assert floor.frames() == [zero_frame(unit) for unit in ids] * 3


@pytest.mark.parametrize("baud", [2400, 4800, 9600, 19200, 38400])
@pytest.mark.parametrize("de", [None, 4])
def test_no_frame_is_cut_no_reply_destroyed_and_none_left_for_the_app(baud, de):
    row = {"uart": 1, "tx": 17, "rx": 18, "baud": baud, "de": de}
    floor = Floor({**BOARD, "rs485": [row]})
    floor.start()
    assert (floor.chip.uart.requests_lost, floor.chip.uart.replies_destroyed, floor.chip.uart.any()) == (0, 0, 0)
    asked = floor.chip.asked[-1]
    assert asked[0] == (1,) and (asked[1]["baudrate"], asked[1]["tx"], asked[1]["rx"]) == (baud, 17, 18)
    times_us = [when_us for when_us, kind, _ in floor.chip.log if kind == "frame"]
    exchange_us = 19 * 10 * 1000000 // baud
    gaps_us = [after - before for before, after in zip(times_us, times_us[1:])]
    assert min(gaps_us) >= exchange_us + 35000, "time for an EVSE that thinks"
    assert max(gaps_us) <= exchange_us + 45000


def test_a_driver_that_never_reports_its_end_holds_nothing_up():
    floor = Floor({**BOARD, "rs485": [{"uart": 1, "tx": 17, "rx": 18, "de": 4}]})
    floor.chip.uart.txdone = lambda: False
    floor.start()
    assert floor.frames() == [zero_frame(1), zero_frame(2)] * 3
    assert floor.chip.drive.value() == 0
    assert floor.clock.now_us < 6 * (11500 + 2100 + 49000)


def test_the_ticks_may_wrap_in_a_frame():
    for start_us in range((1 << 30) - 14000, (1 << 30) + 2000, 1000):
        floor = Floor({**BOARD, "rs485": [{"uart": 1, "tx": 17, "rx": 18, "de": 4}]}, start_us=start_us)
        floor.start()
        assert floor.clock.now_us - start_us < 500000
        assert floor.chip.uart.requests_lost == 0


# -- relays ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "closed", "opened"), [(NC, 0, 1), (NO, 1, 0), (LOW, 1, 0), ({**NO, "active": 0}, 0, 1)], ids=["nc", "no", "nc low", "no low"]
)
def test_a_relay_follows_its_wiring(row, closed, opened):
    floor = Floor(with_relays(row))
    floor.start()
    assert floor.module.cp(0, True) is True
    assert floor.relays() == {1: opened}
    assert floor.module.cp(0, False) is True
    assert floor.relays() == {1: closed}


def test_a_board_without_that_relay_says_so():
    floor = Floor(with_relays(NC))
    floor.start()
    floor.forget()
    assert floor.module.cp(1, True) is False
    assert floor.relays() == {}
    without = Floor({key: value for key, value in BOARD.items() if key != "cp_relays"})
    assert without.start().cp(0, True) is False


@pytest.mark.parametrize("row", [NC, LOW, NO, {**NO, "active": 0}], ids=["nc", "nc low", "no", "no low"])
def test_a_first_start_energises_no_coil(row):
    floor = Floor(with_relays(row, row))
    floor.start()
    assert floor.relays() == {1: 1 - row["active"], 2: 1 - row["active"]}


def started_with(board, cause=WDT_RESET, **record):
    """A floor whose last life left that in the record."""
    floor = Floor(board)
    module = floor.start()
    for name, value in record.items():
        module.record[{"cp0": CP, "cp1": CP + 1}[name]] = value
    module.save()
    floor.forget()
    floor.start(cause)
    return floor


@pytest.mark.parametrize(("cp0", "cp1"), [(FAULT, 0), (0, FAULT), (LATCHED_CP, LATCHED_CP), (0x7F, 0)])
def test_a_relay_that_was_open_by_fault_is_open_before_the_first_frame(cp0, cp1):
    floor = started_with(with_relays(NC, NC), cp0=cp0, cp1=cp1)
    kinds = [kind for _, kind, _ in floor.chip.log]
    assert floor.relays() == {1: cp0 >> 7, 2: cp1 >> 7}
    assert kinds.index("frame") > 1 and kinds[:2] == ["pin", "pin"]
    assert (floor.module.record[CP], floor.module.record[CP + 1]) == (cp0, cp1), "the app finds its byte again"


@pytest.mark.parametrize("cp0", [0, 0x7F, FAULT])
def test_fail_safe_wiring_is_open_after_a_start_in_any_case(cp0):
    assert started_with(with_relays(NO), cp0=cp0).relays() == {1: 0}


# -- odd boards -----------------------------------------------------------------------------------------------------------

ODD = {
    "relays are a number": ({"cp_relays": 5}, [1, 2]),
    "relays are null": ({"cp_relays": None}, [1, 2]),
    "a relay is empty": ({"cp_relays": [{}, NC]}, [1, 2]),
    "a relay is text": ({"cp_relays": ["nc"]}, [1, 2]),
    "the watchdog is text": ({"watchdog_s": "ten"}, [1, 2]),
    "the watchdog is 0": ({"watchdog_s": 0}, [1, 2]),
    "the watchdog is negative": ({"watchdog_s": -1}, [1, 2]),
    "the watchdog is a list": ({"watchdog_s": [10]}, [1, 2]),
    "the watchdog is a fraction": ({"watchdog_s": 10.5}, [1, 2]),
    "the watchdog is a day": ({"watchdog_s": 86400}, [1, 2]),
    "no ids": ({"evse_ids": None}, [1]),
    "ids are a number": ({"evse_ids": 7}, [1]),
    "ids are text": ({"evse_ids": "12"}, [1]),
    "an id is text": ({"evse_ids": [1, "x", 2]}, [1, 2]),
    "an id is null": ({"evse_ids": [None, 2]}, [2]),
    "something unknown": ({"colour": "red"}, [1, 2]),
}  # fmt: skip


TWO_LINES = [{"uart": 1, "tx": 17, "rx": 18}, {"uart": 2, "tx": 19, "rx": 20}]


@pytest.mark.parametrize(
    ("ids", "units"),
    [(({}, {}), [1, 2, 1, 2]), (({"evse_ids": [1]}, {"evse_ids": [1]}), [1, 1]), (({}, {"evse_ids": [11]}), [1, 2, 11])],
)
def test_every_line_gets_0_a_for_its_own_evses_or_those_of_the_board(ids, units):
    floor = Floor({**BOARD, "rs485": [{**line, **own} for line, own in zip(TWO_LINES, ids)]})
    floor.start()
    assert floor.of("frame") == units * 3
    floor.module.stop()
    assert floor.of("frame") == units * 6


@pytest.mark.parametrize("odd", [5, None, {}, {"uart": 2}])
def test_a_line_that_nobody_can_open_keeps_no_other_one_from_0_a(odd):
    for lines in ([TWO_LINES[0], odd], [odd, TWO_LINES[0]]):
        floor = Floor({**BOARD, "rs485": lines})
        floor.start()
        assert floor.of("frame") == [1, 2] * 3


@pytest.mark.parametrize(("changes", "units"), ODD.values(), ids=ODD)
def test_an_odd_board_still_gets_a_watchdog_and_0_a_where_possible(changes, units):
    floor = Floor({**BOARD, **changes})
    floor.start()
    assert floor.of("frame") == units * 3
    assert floor.of("watchdog") == [10000]


@pytest.mark.parametrize("rs485", [None, [], {}, 5, [{}], [5], [{"uart": 1}]])
def test_a_board_whose_bus_nobody_can_open_still_gets_relays_and_watchdog(rs485):
    floor = Floor({**BOARD, "rs485": rs485})
    floor.start()
    floor.module.stop()
    assert floor.of("frame") == []
    assert floor.of("watchdog") == [10000]
    assert floor.relays() == {1: 1, 2: 1}
    assert all(text.startswith("ladepunkt: floor: ") for text in floor.texts())


@pytest.mark.parametrize("broken", ["WDT", "RTC", "UART", 1])
def test_no_broken_part_keeps_the_others_from_being_used(broken):
    floor = Floor()
    floor.chip.broken = (broken,)
    floor.start()
    assert floor.texts()
    if broken != "UART":
        assert floor.of("frame") == [1, 2] * 3
    if broken != "WDT":
        assert floor.of("watchdog") == [10000]
    assert 2 in floor.relays()


@pytest.mark.parametrize(
    ("board", "found"),
    [(None, "ENOENT"), ('{"board": "b", "rs48', "Error"), ("", "Error"), ("5", "Error"), ("null", "Error"), ('["a"]', "Error")],
    ids=["missing", "truncated", "empty", "a number", "null", "a list"],
)
def test_an_unreadable_board_is_said_and_held(monkeypatch, board, found):
    put_app(monkeypatch, lambda report: pytest.fail("the app was started"))
    floor = Floor(board)
    floor.start()
    assert floor.module.board == {}
    press_after(floor, 3000)
    with pytest.raises(KeyboardInterrupt):
        floor.module.run()
    [text] = [text for text in floor.texts() if "stays at 0 A" in text]
    assert text.startswith("ladepunkt: stays at 0 A: board.json: expected an object { } as JSON, found ")
    assert found in text and text.endswith("copy the one of your board to the device, then reset it")
