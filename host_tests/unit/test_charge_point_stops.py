"""What a charge point watches: its second stop, its guard, and who may say that nobody charges."""
from types import SimpleNamespace

import pytest
from cp_relay import CLOSED, LATCHED, OPEN
from points import P_CHARGING, P_FAULT_STATE, P_FAULT_STR, P_NOTICE, P_PHASES_IN_USE, P_PLUGGED, P_STATE_STR
from safety import (
    F_INSTALLATION_CA, F_SHARED_CA, R_CP_OPEN, R_CP_STUCK, R_EVSE_20A, R_METER_LOST, R_OVER_CURRENT, R_PHASES, R_RCD, R_SHARED, R_SWITCHING, R_VOLTAGE, R_WELD,
    REASONS,
)  # fmt: skip
from charge_point import PLUG_SETTLE_MS, SWITCH_WAITS, TWO_DOORS
from faults import CABLE_UNKNOWN, CP_STUCK_MS, EVSE_DISABLED, FAULTS, GERMAN, NO_FAULT, REASON, NOT_CONFIRMED_MS, OVER_CURRENT_MS, VOLTAGE_MS, WELD_MS
from intents import MODBUS

from host_tests.unit.charge_bench import Watched

FOREVER_MS = 30000
TEXTS = {row[REASON]: row[GERMAN] for row in FAULTS}


@pytest.fixture
def box():
    return Watched()


class Switch:
    """As phases.Phases, to its charge point."""

    def __init__(self):
        self.why, self.waiting, self.doubt, self.cleared, self.looks = 0, False, False, 0, 0

    def reason(self):
        return self.why

    def waits(self):
        return self.waiting

    def unknown(self):
        return self.doubt

    def clear(self):
        self.cleared += 1

    def step(self, now_ms):
        self.looks += 1


# --- the second stop ---


def test_the_pilot_opens_when_0_a_is_wanted_and_not_read_back_for_3_s(box):
    box.run(FOREVER_MS)
    assert not box.pilot.is_open, "16 A are set, and wanted"
    box.want(0).run(NOT_CONFIRMED_MS)
    assert not box.pilot.is_open
    box.run(200)
    assert (box.pilot.is_open, box.point.reason, box.value[P_STATE_STR]) == (True, R_CP_OPEN, REASONS[R_CP_OPEN])


def test_a_0_a_that_is_read_back_opens_nothing(box):
    box.want(0).run(NOT_CONFIRMED_MS - 500)
    box.obey().flow(0).run(FOREVER_MS)
    assert not box.pilot.is_open


@pytest.mark.parametrize("flows_ca, reads, closes", [(0, True, True), (99, True, True), (100, True, False), (-100, True, False), (0, False, False)])
def test_the_pilot_closes_again_only_while_the_meter_shows_that_nothing_flows(box, flows_ca, reads, closes):
    box.trip().reads = reads
    box.obey().flow(flows_ca).run(9000)
    assert box.pilot.is_open
    assert box.flow(flows_ca).run(11000).pilot.is_open != closes


@pytest.mark.parametrize("with_meter", [False, True])
def test_a_pilot_stays_open_without_a_break_until_0_a_was_read_back(with_meter):
    box = Watched(with_meter=with_meter).flow(0).trip()
    for _ in range(300):
        assert box.run(100).pilot.is_open
    assert not box.obey().run(20000).pilot.is_open


@pytest.mark.parametrize("flows_ca, age_ms, opens", [(0, 0, True), (99, 0, True), (100, 0, False), (1600, 0, False), (0, 5000, False)])
def test_a_pilot_is_opened_on_purpose_only_while_the_meter_shows_that_nothing_flows(box, flows_ca, age_ms, opens):
    box.want(0).obey().flow(flows_ca).age_ms = age_ms
    box.relay.wanted_open = R_SWITCHING
    assert box.run(1000).pilot.is_open == opens


@pytest.mark.parametrize("fault, opens", [(1, False), (2, True), (4, True), (8, False)])
def test_a_weld_and_a_relay_that_sticks_open_the_pilot_and_other_faults_do_not(box, fault, opens):
    box.obey().flow(0)
    box.guard.latched = fault
    box.run(1000)
    assert box.pilot.is_open == opens


# --- the guard ---


def test_current_at_0_a_is_a_weld_after_10_s_and_the_pilot_opens(box):
    box.want(0).obey().flow(1600).run(WELD_MS)
    assert box.guard.latched == 0
    box.run(200)
    assert (box.point.reason, box.pilot.is_open, box.value[P_FAULT_STATE]) == (R_WELD, True, 2)


def test_current_behind_an_open_pilot_is_a_weld_although_the_evse_is_not_at_0_a(box):
    assert not box.trip().evse.zero_read()
    box.run(WELD_MS + 200)
    assert box.guard.reason() == R_WELD


def test_current_while_16_a_are_set_and_the_pilot_is_closed_is_no_weld(box):
    box.run(FOREVER_MS)
    assert box.guard.latched == 0


def test_more_than_is_signalled_is_over_current_after_6_s(box):
    box.flow(1761).run(OVER_CURRENT_MS)
    assert box.guard.latched == 0
    box.run(200)
    assert (box.point.reason, box.limit()) == (R_OVER_CURRENT, 0)


def test_what_a_silent_evse_signalled_is_not_known_any_more_and_nothing_is_over_it():
    box = Watched(relay=False)
    box.answers = False
    box.run(2000)
    box.flow(2500).run(FOREVER_MS)
    assert box.guard.latched == 0


@pytest.mark.parametrize("set_raw, flows_ca", [(0, 1600), (1600, 2500)])
def test_old_readings_prove_neither_a_weld_nor_an_over_current(box, set_raw, flows_ca):
    box.age_ms = 5000
    box.want(set_raw).obey(set_raw).flow(flows_ca).run(FOREVER_MS)
    assert box.guard.latched == 0


@pytest.mark.parametrize("age_ms, proves", [(4800, True), (5000, False), (5100, False), (9000, False)])
def test_a_reading_is_fresh_for_5_s(box, age_ms, proves):
    box.reads = False
    box.image.meter.mark(box.now_ms)
    assert box.point.meter_fresh(box.now_ms + age_ms) == proves


@pytest.mark.parametrize("accepted, lost", [(False, False), (True, True)])
def test_a_meter_that_is_lost_or_was_never_accepted_tells_nothing_fresh(box, accepted, lost):
    box.meter.accepted, box.meter.lost = accepted, lost
    assert not box.point.meter_fresh(box.now_ms)


def test_an_implausible_voltage_stops_the_charge_after_5_s(box):
    box.volts(29000).run(VOLTAGE_MS)
    assert box.guard.reason() == 0
    box.volts(29000).run(200)
    assert (box.point.reason, box.limit()) == (R_VOLTAGE, 0)


def test_a_meter_that_was_never_accepted_is_not_believed_what_is_wrong(box):
    box.meter.accepted = False
    box.volts(29000).want(0).obey().flow(1600).volts(29000).run(FOREVER_MS)
    assert (box.guard.latched, box.guard.reason()) == (0, 0)


@pytest.mark.parametrize("state, stuck", [(1, False), (2, True), (3, True), (4, True), (5, False)])
def test_an_evse_that_sees_a_car_behind_an_open_pilot_has_a_relay_that_sticks(box, state, stuck):
    box.want(0).run(NOT_CONFIRMED_MS)
    box.evse.vehicle_state = state
    box.flow(0).run(CP_STUCK_MS + 100)
    assert box.pilot.is_open and box.guard.latched == 0
    box.run(200)
    assert box.guard.reason() == (R_CP_STUCK if stuck else 0)


def test_a_silent_evse_sees_nothing_behind_an_open_pilot(box):
    box.want(0).flow(0).run(NOT_CONFIRMED_MS + 200)
    box.answers = False
    box.run(FOREVER_MS)
    assert box.pilot.is_open and box.guard.latched == 0


def test_what_a_silent_evse_once_said_of_the_rcd_is_not_latched(box):
    box.answers = False
    box.run(2000)
    box.evse.status = 0x20
    box.run(2000)
    assert box.guard.latched == 0
    box.answers = True
    box.run(200)
    assert box.guard.reason() == R_RCD


def test_guard_and_second_stop_are_looked_at_every_100_ms(box):
    box.point.phases = Switch()
    for _ in range(500):
        box.step(10)
    assert box.point.phases.looks == 50


# --- who may say that nobody charges ---


def test_at_rest_is_0_a_wanted_and_confirmed_and_no_current(box):
    box.want(0).obey().flow(0).run(1000)
    assert box.point.at_rest()
    box.flow(100)
    assert not box.point.at_rest()
    box.flow(1600)
    assert not box.point.at_rest()
    box.flow(99)
    assert box.point.at_rest()
    box.evse.raw = 600
    assert not box.point.at_rest()
    box.obey().want(1600).run(100)
    assert not box.point.at_rest()


def test_at_rest_is_also_who_is_behind_an_open_pilot(box):
    assert not box.flow(0).trip().evse.zero_read()
    assert box.point.at_rest()


def test_nobody_is_at_rest_whose_phase_coil_moves(box):
    box.want(0).obey().flow(0).run(1000)
    box.point.coil = SimpleNamespace(is_on=True)
    assert not box.point.at_rest()
    box.point.coil = SimpleNamespace(is_on=False)
    assert box.point.at_rest()


# --- a local action ---


def test_a_local_action_clears_the_guard_the_relay_and_the_switch(box):
    box.point.phases = Switch()
    box.guard.latched = 8
    box.relay.state = LATCHED
    box.point.clear(box.now_ms)
    assert (box.guard.latched, box.relay.state, box.point.phases.cleared) == (0, OPEN, 1)


@pytest.mark.parametrize("status, asked", [(0x20, True), (0x06, False), (0, False)])
def test_a_local_action_asks_the_evse_to_clear_an_rcd_error_where_it_reports_one(box, status, asked):
    box.evse.status = status
    box.point.clear(box.now_ms)
    assert box.evse._clear == asked


# --- the plug behind a pilot that we opened ---


def test_a_pilot_that_we_opened_is_no_unplug_until_the_evse_has_had_3_s_to_see_the_car_again(box):
    assert box.run(200).value[P_PLUGGED] == 1
    box.trip().obey().flow(0).run(100)
    while box.pilot.is_open:
        assert (box.value[P_PLUGGED], box.evse.pilot_open) == (1, True)
        box.run(100)
    box.run(PLUG_SETTLE_MS - 200)
    assert (box.value[P_PLUGGED], box.evse.pilot_open, box.evse.vehicle_state) == (1, True, 1)
    box.run(200)
    assert (box.value[P_PLUGGED], box.evse.pilot_open, box.evse.vehicle_state) == (1, False, 0), "what it read before does not count"
    box.evse.vehicle_state = 1
    assert box.run(100).value[P_PLUGGED] == 0


# --- limits that depend on more than one part ---


def test_the_current_without_a_meter_is_only_for_one_that_was_there():
    box = Watched(lost_current_ca=800)
    box.meter.accepted = box.reads = False
    box.obey().run(10200)
    assert (box.point.reason, box.limit()) == (R_METER_LOST, 0)
    box.meter.accepted = True
    assert box.run(100).limit() == 800


def test_while_nobody_knows_the_position_of_the_phase_relay_three_phases_are_assumed(box):
    box.point.phases = Switch()
    box.evse.limit_a = 20
    box.value[P_PHASES_IN_USE] = 1
    box.flow(1600).run(100)
    assert box.limit() == 2000
    box.point.phases.doubt = True
    box.run(100)
    assert (box.limit(), box.point.reason) == (1600, R_EVSE_20A)


@pytest.mark.parametrize("why", [R_SWITCHING, R_PHASES])
def test_a_switch_that_runs_or_failed_means_0_a(box, why):
    box.point.phases = Switch()
    box.point.phases.why = why
    box.run(100)
    assert (box.limit(), box.point.reason, box.value[P_STATE_STR]) == (0, why, REASONS[why])
    assert box.value[P_FAULT_STATE] == (2 if why == R_PHASES else 0)


def test_without_a_set_point_one_would_take_nothing_alone(box):
    box.point.wish.door = -1
    box.run(100)
    assert box.point.unshared_ca() < 600


def test_what_one_would_take_alone_is_its_limit_without_the_shared_feeder(box):
    box.point.facts[F_SHARED_CA] = 0
    box.run(100)
    assert (box.limit(), box.point.reason, box.point.unshared_ca()) == (0, R_SHARED, 3200)
    box.want(1200).run(100)
    assert box.point.unshared_ca() == 1200
    box.point.facts[F_INSTALLATION_CA] = 1000
    box.run(100)
    assert box.point.unshared_ca() == 1000
    box.guard.latched = 1
    box.run(100)
    assert box.point.unshared_ca() < 600


# --- what it says ---


@pytest.mark.parametrize("latched, reason", [(1, R_RCD), (2, R_WELD), (4, R_CP_STUCK), (8, R_OVER_CURRENT)])
def test_what_is_latched_is_told_in_its_own_words(box, latched, reason):
    box.guard.latched = latched
    assert box.run(100).value[P_FAULT_STR] == TEXTS[reason]


def test_a_pilot_that_was_opened_for_a_fault_is_told_in_its_own_words(box):
    assert box.trip().value[P_FAULT_STR] == TEXTS[R_CP_OPEN]


def test_a_warning_stands_after_the_one_that_stood_before():
    box = Watched(with_meter=False)
    first = box.value[P_NOTICE]
    box.point.warn(b"second")
    assert box.value[P_NOTICE] == box.point.standing == first + b"; second"
    box = Watched()
    assert box.value[P_NOTICE] is None
    box.point.warn(b"only")
    assert box.value[P_NOTICE] == box.point.standing == b"only"


def test_a_switch_that_waits_is_said_before_two_controllers_and_both_give_way_to_what_stands(box):
    box.point.phases = Switch()
    box.point.warn(b"standing")
    box.point.wish.offer(MODBUS, 1600, box.now_ms)
    box.point.phases.waiting = True
    assert box.run(100).value[P_NOTICE] == SWITCH_WAITS
    box.point.phases.waiting = False
    assert box.run(100).value[P_NOTICE] == TWO_DOORS
    box.point.wish.offer(MODBUS, 0, box.now_ms)
    assert box.run(70000).value[P_NOTICE] == b"standing"
    box.point.phases.waiting = True
    box.run(100)
    box.point.phases.waiting = False
    assert box.run(100).value[P_NOTICE] == b"standing"


@pytest.mark.parametrize("limit_a, cable_a, plugged, text", [(0, 0, 2, CABLE_UNKNOWN), (0, 0, 1, NO_FAULT), (0, 20, 2, NO_FAULT), (32, 0, 2, NO_FAULT)])
def test_a_cable_that_shall_be_known_and_is_not_is_a_warning_while_it_is_plugged(box, limit_a, cable_a, plugged, text):
    box.evse.limit_a, box.evse.cable_a, box.evse.vehicle_state = limit_a, cable_a, plugged
    box.run(100)
    assert (box.value[P_FAULT_STR], box.value[P_FAULT_STATE]) == (text, 0 if text == NO_FAULT else 1)
    box.answers = False
    box.run(3000)
    assert box.value[P_FAULT_STATE] == 2, "a fault outranks it"


def test_an_evse_that_is_disabled_by_its_configuration_is_a_warning_and_outranks_the_cable(box):
    box.evse._eeprom = 0x2289
    box.evse.limit_a = 0
    box.run(100)
    assert (box.value[P_FAULT_STR], box.value[P_FAULT_STATE]) == (EVSE_DISABLED, 1)
    box.evse.vehicle_state = 5
    assert box.run(100).value[P_FAULT_STATE] == 2


def test_a_charge_point_fresh_from_its_start_charges_nobody_and_has_no_fault():
    box = Watched()
    assert box.point.limit_ca == 0
    assert (box.value[P_FAULT_STATE], box.value[P_FAULT_STR], box.relay.state) == (0, NO_FAULT, CLOSED)
    assert not box.value[P_CHARGING]
