"""The whole gateway switches phases on a simulated site: cars that obey and cars that do not, relays that stick, and two at once."""
import pytest
from cp_relay import OPEN
from memory import M_PHASES
from phases import CLOSING, DWELLING, FAILED, INTERRUPTED, REST, STOPPING
from points import P_PLUGGED
from safety import R_INTERRUPTING, R_NOT_SWITCHED, R_PHASES, R_SWITCHING, REASONS

from host_tests.fakes.wire import SILENT
from host_tests.sim.chip import HELD_3, NO
from host_tests.sim.switch_world import SWITCH_MS, WAY, Box, switched
from host_tests.sim.world import SET

METER = 105


@pytest.fixture
def box():
    return Box().charge()


# --- as it should be ---


@pytest.mark.parametrize("settings", [{}, {"mode": "broker"}, {"firmware": 10}, {"meter": "none"}, {"contact": NO}, {"coils": HELD_3}], ids=str)
def test_a_car_is_taken_to_one_phase_and_back(settings):
    box = Box(**settings).charge()
    for phases in (1, 3):
        box.trigger(phases)
        box.run(3000)
        box.run_until(lambda: box.car().current_ca == [1600] * phases + [0] * (3 - phases), 100000)
        assert switched(box, phases)
        assert box.shown() == (b"%d" % phases, b"0", b"true")
    assert box.longest_ms <= 1250


@pytest.mark.parametrize("ramp_ms", [1000, 5000])
def test_a_car_that_takes_its_time_is_waited_for(box, ramp_ms):
    box.car().ramp_down_ms = ramp_ms
    box.trigger(1)
    box.run(SWITCH_MS)
    assert switched(box, 1)


def test_plug_tag_and_energy_are_held_meanwhile(box):
    box.broker.send(SET + b"last_tag", b'"04A1B2C3"', True)
    box.run(2000)
    box.trigger(1)
    energy = None
    for state in WAY:
        box.until(state)
        assert box.gateway.points[0].image.value[P_PLUGGED] == 1
        if state != STOPPING:
            box.run(500)
            told = int(box.told(b"get/imported"))
            assert energy is None or 0 <= told - energy <= 30
            energy = told
    assert box.told(b"get/rfid") == b'"04A1B2C3"'
    assert box.told(b"get/fault_state") == b"0"


def test_set_points_meanwhile_change_nothing_and_the_newest_counts_afterwards(box):
    box.trigger(1)
    for state in WAY:
        box.until(state)
        box.controller.set_text = [b"%d" % (8 + state)]
        box.broker.send(SET + b"0/data/set_current", box.controller.set_text[0], True)
        box.run(100)
        assert box.evse().set_current_raw == 0 or state == STOPPING
    box.until(REST)
    box.run(8000)
    assert box.evse().set_current_raw == 100 * (8 + CLOSING)


def test_a_set_point_that_comes_with_the_trigger_is_not_written(box):
    box.controller.set_text = [b"0"]
    box.run(15000)
    assert box.car().current_ca[0] == 0
    box.controller.setting = False
    box.trigger(1)
    box.broker.send(SET + b"0/data/set_current", b"16", True)
    box.run_until(lambda: box.machine().state == CLOSING, 60000)
    assert box.evse().writes and box.evse().set_current_raw == 0
    box.run(20000)
    assert box.car().current_ca == [1600, 0, 0]


def test_while_it_waits_for_its_cool_down_the_car_charges_and_is_told_why():
    box = Box(cool_down_s=300).charge()
    box.trigger(1)
    box.run(SWITCH_MS)
    box.trigger(3)
    box.run(10000)
    assert box.car().current_ca == [1600, 0, 0]
    assert box.told(b"get/state_str") == b'"set point; phase switch waits for its cool-down"'
    box.run(300000)
    assert switched(box, 3) and b"cool-down" not in box.told(b"get/state_str")


def test_a_trigger_that_comes_again_and_again_switches_once(box):
    for _ in range(20):
        box.trigger(1)
        box.run(1500)
    box.run(200000)
    assert [move[2] for move in box.moves] == [1]


def test_triggers_back_and_forth_keep_the_cool_down(box):
    for i in range(60):
        box.trigger(1 if i % 2 else 3)
        box.run(5000)
    gaps = [after[0] - before[0] for before, after in zip(box.moves, box.moves[1:])]
    assert gaps and min(gaps) >= 60000


# --- cars ---


def test_a_stubborn_car_is_not_switched_and_its_pilot_opens(box):
    box.car().stubborn = True
    box.trigger(1)
    box.run(SWITCH_MS)
    assert box.moves == [] and box.site.charge_points[0].phases == 3
    assert box.gateway.points[0].relay.state == OPEN
    assert box.shown()[1] == b"2"


def test_the_failure_itself_is_shown_and_ends_by_itself(box):
    box.line.faults[METER] = SILENT
    box.run(2000)
    box.trigger(1)
    box.run_until(lambda: box.machine().state == FAILED, 30000)
    box.line.faults.clear()
    box.run(5000)
    assert box.reason() == R_NOT_SWITCHED and b"abgebrochen" in box.told(b"get/fault_str")
    box.run(40000)
    assert box.moves == [] and box.car().current_ca == [1600] * 3
    assert box.shown() == (b"3", b"0", b"true")


def test_a_zoe_that_puts_130_v_on_l2_is_switched_without_a_fault(box):
    box.car().min_a = 8
    box.trigger(1)
    box.until(DWELLING)
    box.invariants = None  # which know a meter with 230 V only
    box.site.charge_points[0].meter.voltage_cv[1] = 13000
    box.run(SWITCH_MS)
    assert switched(box, 1) and box.shown() == (b"1", b"0", b"true")
    assert box.car().current_ca == [1600, 0, 0]


def test_a_car_that_sleeps_is_woken_and_after_five_attempts_left_alone(box):
    box.car().asleep = True
    box.controller.set_text = [b"0"]
    box.run(10000)
    box.controller.set_text = [b"16"]
    box.run(5000)
    assert box.car().current_ca[0] == 0
    box.interrupt(4)
    box.run(20000)
    assert box.car().current_ca[0] == 1600
    for _ in range(8):
        box.run(40000)
        box.interrupt(1)
    box.run(30000)
    assert box.machine().interruptions == 5
    box.car().unplug()
    box.run(10000)
    assert box.machine().interruptions == 0


def test_an_interruption_is_no_unplug_and_no_fault(box):
    box.interrupt(30)
    seen = set()
    end_ms = box.now_ms + 50000
    while box.now_ms < end_ms:
        box.step()
        seen.add((box.told(b"get/plug_state"), box.told(b"get/fault_state")))
    assert seen == {(b"true", b"0")}
    assert box.car().current_ca == [1600] * 3


def test_what_is_going_on_is_told(box):
    box.interrupt(5)
    box.until(INTERRUPTED)
    box.run(1500)
    assert box.told(b"get/state_str").strip(b'"') == REASONS[R_INTERRUPTING]
    box.run(20000)
    box.trigger(1)
    box.until(DWELLING)
    box.run(1500)
    assert box.told(b"get/state_str").strip(b'"') == REASONS[R_SWITCHING]


# --- hardware that fails ---


def test_a_relay_that_sticks_at_three_phases_is_found_out_and_stops_the_charge(box):
    box.site.charge_points[0].phases_stuck = True
    box.trigger(1)
    box.run(SWITCH_MS)
    assert box.reason() == R_PHASES and box.car().current_ca == [0, 0, 0]
    assert box.shown()[1] == b"2" and b"Phasenrelais" in box.told(b"get/fault_str")
    box.run(60000)
    box.trigger(3)
    box.run(SWITCH_MS)
    assert box.car().current_ca == [1600] * 3 and box.shown()[1] == b"0"


def test_a_relay_that_sticks_at_one_phase_is_no_fault_as_the_car_may_use_no_more(box):
    box.trigger(1)
    box.run(SWITCH_MS + 60000)
    box.site.charge_points[0].phases_stuck = True
    box.trigger(3)
    box.run(SWITCH_MS)
    assert box.car().current_ca == [1600, 0, 0] and box.shown() == (b"1", b"0", b"true")


def test_a_cp_relay_that_does_not_open_lets_no_coil_move(box):
    box.site.charge_points[0].cp_stuck = False
    box.trigger(1)
    box.run(SWITCH_MS)
    assert box.moves == []


# --- two charge points ---


def test_two_triggers_at_once_are_done_one_coil_at_a_time():
    box = Box(charge_points=2).charge()
    for cp in range(2):
        box.trigger(1, cp)
    box.run(SWITCH_MS)
    assert switched(box, 1, 0) and switched(box, 1, 1)
    assert [move[1] for move in box.moves] in ([0, 1], [1, 0])


def test_the_other_charge_point_goes_on_charging_and_nothing_is_written_to_flash_meanwhile():
    box = Box(charge_points=2).charge()
    writes = len(box.flash.writes)
    box.trigger(1, 1)
    end_ms = box.now_ms + SWITCH_MS
    while box.now_ms < end_ms:
        box.step()
        assert box.car(0).current_ca[0] == 1600
    assert switched(box, 1, 1) and len(box.flash.writes) == writes
    assert box.gateway.memory.value[M_PHASES + 1] == 1
