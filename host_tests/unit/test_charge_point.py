"""What a charge point tells of itself: every fact is derived from the EVSE, the meter and the decision."""
import pytest
from charge_point import LOOK_MS, TWO_DOORS
from faults import CABLE_UNKNOWN, CABLE_UNKNOWN_EN, EVSE_DISABLED, EVSE_DISABLED_EN, FAULTS, GERMAN, NO_FAULT, NO_FAULT_EN, REASON
from drivers.evse_din import ASKING, REFUSED
from intents import MODBUS, MQTT
from points import (
    P_CHARGING,
    P_EVSE_CURRENT_CA,
    P_EXPORTED_WH,
    P_FAULT_STATE,
    P_FAULT_STR,
    P_FREQUENCY_CHZ,
    P_IMPORTED_WH,
    P_MAX_EVSE_CURRENT_A,
    P_NOTICE,
    P_PHASES_IN_USE,
    P_PLUGGED,
    P_POWER_CW,
    P_POWER_FACTOR_C,
    P_STATE_STR,
    P_VERSION,
    P_VOLTAGE_CV,
)
from safety import (
    R_CABLE,
    R_EVSE_20A,
    R_EVSE_FAULT,
    R_EVSE_LIMIT,
    R_EVSE_OLD,
    R_EVSE_SILENT,
    R_EVSE_STARTING,
    R_HEARTBEAT_NEVER,
    R_HEARTBEAT_SLOW,
    R_INSTALLATION,
    R_METER_LOST,
    R_METER_STARTING,
    R_METER_VOLTAGE,
    R_NO_SET_POINT,
    R_RCD,
    R_SET_POINT,
    REASONS,
)
from version import VERSION

from host_tests.unit.charge_bench import Box

TEXTS = {row[REASON]: row[GERMAN] for row in FAULTS}
ENGLISH = {row[REASON]: REASONS[row[REASON]] for row in FAULTS}


@pytest.fixture
def box():
    return Box()


# --- from the EVSE ---


@pytest.mark.parametrize("state, plugged", [(1, 0), (2, 1), (3, 1), (4, 1)])
def test_plugged_is_vehicle_state_2_to_4(box, state, plugged):
    box.evse.vehicle_state = state
    assert box.step().value[P_PLUGGED] == plugged


@pytest.mark.parametrize("before", [None, 0, 1])
@pytest.mark.parametrize("state", [0, 5, 6, 65535])
def test_the_plug_stays_what_it_was_while_the_vehicle_state_does_not_tell(box, state, before):
    box.value[P_PLUGGED] = before
    box.evse.vehicle_state = state
    assert box.step().value[P_PLUGGED] == before


@pytest.mark.parametrize(
    "state, raw, charging", [(1, 1600, 0), (2, 1600, 0), (3, 1600, 1), (4, 1600, 1), (5, 1600, 0), (3, 1, 1), (3, 0, 0), (4, 0, 0), (3, -1, 0)]
)
def test_charging_is_state_3_or_4_with_a_current_set(box, state, raw, charging):
    box.evse.vehicle_state = state
    box.evse.raw = raw
    assert box.step().value[P_CHARGING] == charging


def test_a_silent_evse_charges_nobody(box):
    assert box.step().value[P_CHARGING] == 1
    box.evse._missed = True
    assert box.step(999).value[P_CHARGING] == 0
    assert box.value[P_PLUGGED] == 1


@pytest.mark.parametrize("precise, raw, expected", [(True, 1600, 1600), (False, 16, 1600), (True, 601, 601), (False, 0, 0), (True, -1, 0)])
def test_evse_current_is_register_1000_in_0_01_a(box, precise, raw, expected):
    box.evse.precise, box.evse.raw = precise, raw
    assert box.step().value[P_EVSE_CURRENT_CA] == expected


@pytest.mark.parametrize("limit_a, cable_a, expected", [(32, 20, 32), (0, 20, 20), (0, 0, None), (None, 20, None)])
def test_max_evse_current_is_2007_or_else_the_cable(box, limit_a, cable_a, expected):
    box.evse.limit_a, box.evse.cable_a = limit_a, cable_a
    assert box.step().value[P_MAX_EVSE_CURRENT_A] == expected


def test_the_evse_is_told_what_was_decided(box):
    box.point.wish.offer(MQTT, 1050, box.now_ms)
    box.step()
    assert (box.evse.target_ca, box.point.limit_ca, box.point.reason) == (1050, 1050, R_SET_POINT)
    box.point.wish.offer(MQTT, 0, box.now_ms)
    assert box.step().evse.target_ca == 0


# --- from the meter ---


@pytest.mark.parametrize(
    "currents_ca, phases",
    [([1600, 1600, 1600], 3), ([1600, 301, 300], 2), ([1600, 0, 0], 1), ([300, 300, 300], 2), ([0, 0, 0], 2), ([0, 301, None], 1), ([-1600, 0, 0], 1)],
)
def test_phases_in_use_are_those_above_3_a_and_keep_their_number_without(box, currents_ca, phases):
    box.value[P_PHASES_IN_USE] = 2
    box.measure(currents_ca, [0, 0, 0])
    assert box.step().value[P_PHASES_IN_USE] == phases


@pytest.mark.parametrize(
    "powers_cw, power_cw",
    [([368000, 368001, 7], 736008), ([999, 0, 0], 0), ([1000, 0, 0], 1000), ([500, 500, 0], 1000), ([None, 2000, None], 2000), ([None] * 3, 0), ([-5000, 0, 0], 0)],
)
def test_power_is_the_sum_and_less_than_10_w_is_nothing(box, powers_cw, power_cw):
    box.measure([0, 0, 0], powers_cw)
    assert box.step().value[P_POWER_CW] == power_cw


def test_the_current_of_a_delivering_phase_is_negative_and_stays_so(box):
    box.measure([1600, 800, None], [-368000, 184000, -100])
    for _ in range(3):
        assert box.step().currents() == [-1600, 800, None]
    box.measure([1600, 800, 0], [368000, 184000, 0])
    assert box.step().currents() == [1600, 800, 0]


@pytest.mark.parametrize("told, expected", [(4998, 4998), (10000, 10000), (49980, 4998), (50020, 5002), (None, None)])
def test_a_frequency_ten_times_too_high_is_divided_once(box, told, expected):
    box.value[P_FREQUENCY_CHZ] = told
    for _ in range(3):
        assert box.step().value[P_FREQUENCY_CHZ] == expected


def test_a_lost_meter_leaves_no_old_numbers_but_its_energy(box):
    box.value[P_IMPORTED_WH] = 4711
    box.value[P_FREQUENCY_CHZ] = 5000
    box.value[P_POWER_FACTOR_C] = 99
    box.step()
    box.step(10000)
    assert box.value[P_VOLTAGE_CV : P_POWER_CW] == [None] * 3 + [0] * 3 + [None] * 7
    assert (box.value[P_POWER_CW], box.value[P_IMPORTED_WH], box.value[P_PHASES_IN_USE]) == (0, 4711, 3)
    assert (box.point.limit_ca, box.point.reason) == (0, R_METER_LOST)


def test_a_lost_meter_may_leave_a_safe_current():
    box = Box(lost_current_ca=800)
    box.step(10000)
    assert (box.evse.target_ca, box.point.reason, box.value[P_FAULT_STATE]) == (800, R_METER_LOST, 2)


def test_a_meter_that_returns_is_used_again(box):
    box.step(10000)
    box.image.meter.mark(box.now_ms)
    box.measure([1000, 0, 0], [230000, 0, 0])
    box.step()
    assert (box.point.reason, box.value[P_FAULT_STATE], box.currents()) == (R_SET_POINT, 0, [1000, 0, 0])


@pytest.mark.parametrize("phases", [1, 3])
def test_without_a_meter_there_are_zeros_and_charging_is_allowed(phases):
    box = Box(with_meter=False, phases=phases).step(60000)
    assert box.value[P_VOLTAGE_CV : P_POWER_CW + 1] == [0] * 14
    assert (box.value[P_IMPORTED_WH], box.value[P_EXPORTED_WH]) == (0, 0)
    assert box.value[P_PHASES_IN_USE] == phases
    assert (box.point.limit_ca, box.value[P_FAULT_STATE], box.value[P_FAULT_STR]) == (3200, 0, NO_FAULT)


# --- the decision and its reason ---


@pytest.mark.parametrize("phases, limit_ca, reason", [(0, 1600, R_EVSE_20A), (1, 2000, R_EVSE_LIMIT), (2, 1600, R_EVSE_20A), (3, 1600, R_EVSE_20A)])
def test_a_20_a_evse_gives_20_a_on_one_phase_only(box, phases, limit_ca, reason):
    box.evse.limit_a = 20
    box.measure([0, 0, 0], [0, 0, 0])
    box.value[P_PHASES_IN_USE] = phases
    box.step()
    assert (box.point.limit_ca, box.point.reason) == (limit_ca, reason)


@pytest.mark.parametrize("cable_a, limit_ca, reason", [(13, 1300, R_CABLE), (63, 3200, R_SET_POINT), (0, 3200, R_SET_POINT)])
def test_the_cable_limits(box, cable_a, limit_ca, reason):
    box.evse.cable_a = cable_a
    box.step()
    assert (box.point.limit_ca, box.point.reason) == (limit_ca, reason)


def test_the_installation_limits():
    box = Box(installation_ca=1600).step()
    assert (box.point.limit_ca, box.point.reason) == (1600, R_INSTALLATION)


def test_without_a_set_point_there_is_nothing_and_it_says_so(box):
    box.point.wish.door = -1
    box.step()
    assert (box.point.limit_ca, box.value[P_STATE_STR]) == (0, REASONS[R_NO_SET_POINT])
    assert not box.point.leader_alive(), "nobody leads"


def test_the_heartbeat_of_the_leading_door_counts(box):
    box.heartbeats[MODBUS].reason = R_HEARTBEAT_NEVER
    assert box.step().point.limit_ca == 3200
    assert box.point.leader_alive()
    box.point.wish.offer(MODBUS, 1600, box.now_ms)
    assert box.step().point.limit_ca == 0
    assert not box.point.leader_alive()
    box.heartbeats[MODBUS].reason = 0
    assert box.point.leader_alive()
    assert box.value[P_STATE_STR] == REASONS[R_HEARTBEAT_NEVER]


def test_a_heartbeat_that_is_too_slow_says_what_to_do(box):
    box.heartbeats[MQTT].reason = R_HEARTBEAT_SLOW
    box.heartbeats[MQTT].slow_text = b"heartbeat interval 60 s: set heartbeat_limit_s to 80"
    box.step()
    assert (box.point.limit_ca, box.value[P_STATE_STR]) == (0, box.heartbeats[MQTT].slow_text)


def test_two_doors_that_want_current_are_noticed_until_one_gives_way(box):
    box.point.wish.offer(MODBUS, 1600, box.now_ms)
    assert box.step().value[P_NOTICE] == TWO_DOORS
    assert box.point.limit_ca == 1600
    box.point.wish.offer(MQTT, 0, box.now_ms)
    assert box.step().value[P_NOTICE] is None
    box.value[P_NOTICE] = b"something else"
    assert box.step().value[P_NOTICE] == b"something else"


def silent_evse(box):
    box.evse._missed = True
    box.step(1000)


def starting_evse(box):
    box.evse.state = ASKING


def old_evse(box):
    box.evse.state = REFUSED


def failed_evse(box):
    box.evse.vehicle_state = 5


def rcd_error(box):
    box.evse.status = 0x20


def no_diode(box):
    box.evse.status = 0x02


def no_ventilation(box):
    box.evse.status = 0x04


def lost_meter(box):
    box.step(10000)


def no_voltage(box):
    box.meter.accepted = False
    box.meter.low = True


def starting_meter(box):
    box.meter.accepted = False
    box.value[P_VOLTAGE_CV] = None


@pytest.mark.parametrize(
    "trouble, reason, fault_state",
    [
        (silent_evse, R_EVSE_SILENT, 2),
        (starting_evse, R_EVSE_STARTING, 0),
        (old_evse, R_EVSE_OLD, 2),
        (failed_evse, R_EVSE_FAULT, 2),
        (rcd_error, R_RCD, 2),
        (no_diode, R_EVSE_FAULT, 2),
        (no_ventilation, R_EVSE_FAULT, 2),
        (lost_meter, R_METER_LOST, 2),
        (no_voltage, R_METER_VOLTAGE, 2),
        (starting_meter, R_METER_STARTING, 0),
    ],
)
def test_a_device_that_is_not_fit_means_0_a_its_reason_and_its_fault(box, trouble, reason, fault_state):
    assert box.step().point.limit_ca == 3200
    trouble(box)
    box.step(LOOK_MS)
    assert (box.evse.target_ca, box.point.reason, box.value[P_STATE_STR]) == (0, reason, REASONS[reason])
    assert (box.value[P_FAULT_STATE], box.value[P_FAULT_STR]) == (fault_state, TEXTS.get(reason, NO_FAULT))
    assert (box.value[P_FAULT_STR] == NO_FAULT) == (fault_state == 0)


@pytest.mark.parametrize("status", [0x01, 0x08, 0x10, 0xFFC0])
def test_other_status_bits_are_no_fault(box, status):
    box.evse.status = status
    assert box.step().value[P_FAULT_STATE] == 0


def test_the_fault_of_the_evse_hides_that_of_the_meter_and_both_outrank_the_set_point(box):
    lost_meter(box)
    assert box.value[P_FAULT_STR] == TEXTS[R_METER_LOST]
    failed_evse(box)
    box.point.wish.door = -1
    box.step()
    assert box.value[P_FAULT_STR] == TEXTS[R_EVSE_FAULT]
    box.evse.vehicle_state = 2
    box.step()
    assert box.value[P_FAULT_STR] == TEXTS[R_METER_LOST]


def test_the_text_of_a_fault_is_english_where_that_is_configured():
    box = Box(english=True)
    assert box.value[P_FAULT_STR] == NO_FAULT_EN
    failed_evse(box)
    assert box.step().value[P_FAULT_STR] == REASONS[R_EVSE_FAULT]


def test_a_fault_is_shown_while_something_else_limits_too(box):
    box.heartbeats[MQTT].reason = R_HEARTBEAT_NEVER
    failed_evse(box)
    assert box.step().value[P_FAULT_STATE] == 2


def test_every_text_of_a_fault_is_utf_8_without_quotes():
    for text in [*TEXTS.values(), *ENGLISH.values(), NO_FAULT, NO_FAULT_EN, EVSE_DISABLED, EVSE_DISABLED_EN, CABLE_UNKNOWN, CABLE_UNKNOWN_EN]:
        assert text.decode().isprintable()
        assert not set('"\\') & set(text.decode())


def test_the_version_is_told_from_the_start():
    assert Box().value[P_VERSION] == VERSION
