"""The floor and the phase coils: at rest before anything else and after everything else, and moved as board.json says."""
import board
import pytest

from host_tests.unit.floor import BOARD, Floor

PAIR = {"one_pin": 41, "three_pin": 42, "active": 1, "pulse_ms": 1000}
LOW = {**PAIR, "active": 0}
HELD_3 = {"hold_pin": 40, "hold_is": 3, "active": 1, "hardware_interlock": True}
HELD_1 = {**HELD_3, "hold_is": 1}


def started(*rows):
    floor = Floor({**BOARD, "coils": list(rows)})
    floor.start()
    return floor


def coils(floor):
    return {pin: level for pin, level in floor.relays().items() if pin >= 40}


@pytest.mark.parametrize(("row", "rest"), [(PAIR, {41: 0, 42: 0}), (LOW, {41: 1, 42: 1}), (HELD_3, {40: 0}), (HELD_1, {40: 0})])
def test_a_start_puts_every_coil_to_rest_before_anything_else(row, rest):
    floor = started(row)
    assert coils(floor) == rest
    assert [value[0] for _, kind, value in floor.chip.log[: len(rest)] if kind == "pin"] == list(rest)


@pytest.mark.parametrize(
    ("row", "one", "three"),
    [(PAIR, {41: 1, 42: 0}, {41: 0, 42: 1}), (LOW, {41: 0, 42: 1}, {41: 1, 42: 0}), (HELD_3, {40: 0}, {40: 1}), (HELD_1, {40: 1}, {40: 0})],
)
def test_a_coil_follows_its_wiring(row, one, three):
    floor = started(row)
    rest = coils(floor)
    for phases, levels in ((1, one), (None, rest), (3, three)):
        floor.module.coil(0, phases)
        assert coils(floor) == levels


def test_a_pulse_is_never_on_two_coils():
    floor = started(PAIR)
    floor.forget()
    for phases in (1, None, 3, None):
        floor.module.coil(0, phases)
    on = set()
    for pin, level in floor.of("pin"):
        (on.add if level else on.discard)(pin)
        assert len(on) <= 1


@pytest.mark.parametrize("phases", [1, 3])
def test_stop_ends_a_pulse_before_it_writes_anything(phases):
    floor = started(PAIR)
    floor.module.coil(0, phases)
    floor.forget()
    floor.module.stop()
    assert coils(floor) == {41: 0, 42: 0}
    assert [kind for _, kind, _ in floor.chip.log][:2] == ["pin", "pin"]


def test_stop_does_not_switch_a_held_output_under_load():
    floor = started(HELD_3)
    floor.module.coil(0, 3)
    floor.forget()
    floor.module.stop()
    assert 40 not in floor.relays()


def test_a_coil_of_a_charge_point_without_one_moves_nothing():
    floor = started(PAIR)
    floor.forget()
    floor.module.coil(1, 3)
    assert coils(floor) == {}


@pytest.mark.parametrize("rows", [5, None, [{}], ["x"], [{"one_pin": 41}], [{"hold_pin": 40}]], ids=str)
def test_coils_that_make_no_sense_keep_nothing_else_from_being_done(rows):
    floor = Floor({**BOARD, "coils": rows})
    floor.start()
    assert len(floor.frames()) == 6 and {1, 2} <= set(floor.relays())
    assert 1 not in coils(floor).values()


def test_a_coil_whose_pin_is_broken_leaves_the_other_one():
    floor = Floor({**BOARD, "coils": [PAIR, {**PAIR, "one_pin": 43, "three_pin": 44}]})
    floor.chip.broken = (41,)
    floor.start()
    assert coils(floor) == {43: 0, 44: 0}


@pytest.mark.parametrize(("row", "rests_at"), [(PAIR, None), (HELD_3, 1), (HELD_1, 3)])
def test_the_port_says_where_a_held_output_rests_and_moves_it(monkeypatch, row, rests_at):
    moved = []
    monkeypatch.setattr(board.failsafe, "coil", lambda i, phases: moved.append((i, phases)))
    port = board.Coils(1, {"one_pin": None, "three_pin": None, "hold_pin": None, "hold_is": None, **row, "pulse_ms": 700})
    for phases in (1, None, 3):
        port.set(phases)
    assert (port.rests_at, port.pulse_ms, moved) == (rests_at, 700, [(1, 1), (1, None), (1, 3)])
