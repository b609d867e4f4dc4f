"""Row by row of openWB's published pages for a secondary: what this box does with it, and the test that shows it.

(what, what the box does, proofs): a proof is "file.py::test_name" in host_tests/unit or host_tests/sim; tools/conformance.py looks whether it is there.
Rows of ABSENT are not for this hardware: their value is the one that the pages want in that case.
"""

WHILE_CHARGING = "test_conformance.py::test_while_charging_the_numbers_are_those_of_the_site"
METER = "test_meter.py::test_every_eastron_value_arrives_at_its_point"

# Name of the topic below openWB/internal_chargepoint/N/get/.
GET = {
    "voltages": ("of the meter; `null` while one is unknown, never an invented 230", (METER,)),
    "currents": ("of the meter; negative where a phase delivers", (WHILE_CHARGING, "test_charge_point.py::test_the_current_of_a_delivering_phase_is_negative_and_stays_so")),
    "powers": ("of the meter", (WHILE_CHARGING,)),
    "power_factors": ("of the meter", (METER,)),
    "frequency": ("of the meter", ("test_charge_point.py::test_a_frequency_ten_times_too_high_is_divided_once",)),
    "power": ("sum of the phases; below 10 W it is 0", ("test_charge_point.py::test_power_is_the_sum_and_less_than_10_w_is_nothing", WHILE_CHARGING)),
    "imported": ("counter of the meter; `null` before its first reading, then the last one known, also while the meter is lost", ("test_charge_point.py::test_a_lost_meter_leaves_no_old_numbers_but_its_energy",)),
    "exported": ("counter of the meter, 0 before its first reading", (METER,)),
    "phases_in_use": ("phases above 3 A; keeps its number while nobody charges", ("test_charge_point.py::test_phases_in_use_are_those_above_3_a_and_keep_their_number_without",)),
    "plug_state": ("vehicle state of the EVSE; a pilot that the box has opened is no unplug", ("test_charge_point.py::test_plugged_is_vehicle_state_2_to_4", "test_charge_point.py::test_the_plug_stays_what_it_was_while_the_vehicle_state_does_not_tell")),
    "charge_state": ("vehicle state of the EVSE, and a current is set", ("test_charge_point.py::test_charging_is_state_3_or_4_with_a_current_set",)),
    "evse_current": ("register 1000 of the EVSE, in ampere, always a number", ("test_charge_point.py::test_evse_current_is_register_1000_in_0_01_a", WHILE_CHARGING)),
    "max_evse_current": ("register 2007 of the EVSE, else the cable's rating", ("test_charge_point.py::test_max_evse_current_is_2007_or_else_the_cable",)),
    "rfid": ("the tag at the reader, or the one that a controller has set; see [tags](rfid.md)", ("test_tag.py::test_a_tag_without_a_car_goes_after_five_minutes", "test_timekeeper.py::test_a_tag_goes_with_the_car", "test_rfid.py::test_a_scan_is_the_tag_of_all_charge_points")),
    "rfid_timestamp": ("when the tag was scanned; needs `time.server`, else `null`", ("test_timekeeper.py::test_a_scan_is_told_with_its_time",)),
    "serial_number": ("of the meter", ("test_meter.py::test_the_serial_number_is_read_once",)),
    "version": ("of this firmware", ("test_charge_point.py::test_the_version_is_told_from_the_start",)),
    "current_branch": ("always `ladepunkt`: for `Release` a primary sends its own updates", ("test_points.py::test_a_branch_named_release_would_make_a_primary_send_its_own_updates",)),
    "fault_state": ("0 ok, 1 warning, 2 error", ("test_charge_point.py::test_a_device_that_is_not_fit_means_0_a_its_reason_and_its_fault",)),
    "fault_str": ("the fault in German or English (`language`)", ("test_charge_point.py::test_the_text_of_a_fault_is_english_where_that_is_configured",)),
    "error_timestamp": ("since when there is an error; needs `time.server`, else `null`", ("test_timekeeper.py::test_a_fault_says_since_when_and_null_when_it_is_over",)),
    "state_str": ("why the current is what it is, and what to do about it", ("test_charge_point.py::test_without_a_set_point_there_is_nothing_and_it_says_so",)),
}
GET_ABSENT = {
    "vehicle_id": ("the EVSE does not read it from the car", ()),
    "soc": ("the EVSE does not read it from the car", ()),
    "soc_timestamp": ("there is no state of charge", ()),
    "current_commit": ("the box has no repository of openWB", ()),
}

# Topic below openWB/set/internal_chargepoint/; `0` stands for every N.
SET = {
    "0/data/set_current": ("ampere", "below 6 is 0; above 32, text and `null` are refused, the old one stays; the lowest of all limits wins", ("test_inbox.py::test_any_number_is_0_or_6_to_32_or_rejected",)),
    "0/data/phases_to_use": ("1 or 3", "stored; anything else, 2 too, is refused", ("test_inbox.py::test_no_message_raises_and_none_leaves_a_value_that_must_not_be",)),
    "0/data/trigger_phase_switch": ("true, false", "taken from the leader, or while nobody leads from a door that is alive; echoed, then reset to `false`", ("test_inbox.py::test_commands_count_from_a_living_door_that_leads_or_while_nobody_leads",)),
    "0/data/cp_interruption_duration": ("s", "as the trigger; above 30 is done, and echoed, as 30; reset to `0`", ("test_inbox.py::test_interruptions_are_cut_to_thirty_seconds",)),
    "0/data/parent_cp": ("text or null", "stored and echoed", ("test_inbox.py::test_each_charge_point_gets_its_own_set_points",)),
    "global_data": ("object with `heartbeat`", "two different heartbeats closer together than `heartbeat_limit_s` make the sender alive; replays and stamps that are none do not count", ("test_inbox.py::test_a_stamp_lies_above_0_and_before_2100", "test_inbox.py::test_replayed_heartbeats_never_wake_a_door_however_many_differ")),
    "last_tag": ("text or null", "the tag of all charge points; `null` clears it", ("test_inbox.py::test_heartbeat_and_tag_are_for_the_whole_gateway_and_have_no_number",)),
}
# Topics of SET and registers of WRITE that need firmware/phases.py to act, and what then shows that they do.
_SWITCHED = ("test_switching.py::test_a_car_is_taken_to_one_phase_and_back", "test_phase_wishes.py::test_triggers_during_a_switch_merge_into_it")
_INTERRUPTED = ("test_switching.py::test_an_interruption_is_no_unplug_and_no_fault",)
SWITCHING = {
    "0/data/phases_to_use": _SWITCHED, "0/data/trigger_phase_switch": _SWITCHED, "0/data/cp_interruption_duration": _INTERRUPTED,
    10180: _SWITCHED, 10181: _SWITCHED, 10198: _INTERRUPTED,
}  # fmt: skip

# The pages list them, or openWB does: accepted and without effect. Topic below openWB/set/, why, a case of set_messages.json.
SET_ABSENT = (
    ("internal_chargepoint/0/get/...", "measurements are not for outsiders: wiped", "0/get/power"),
    ("isss/...", "of openWB 1.9, sent in parallel: ignored, else everything would happen twice", "isss/Current"),
    ("command/primary/todo", "updates of openWB's own software: ignored", "command/primary/todo"),
)

# First and last register of charge point 0 (102xx is the second one), type, value, what the box does, proofs. A proof without "::"
# is the name of a case in host_tests/golden/registers.json.
READ = (
    (10100, 10101, "int32", "power, W", "as `get/power`, cut to whole watts", ("power", "test_registers.py::test_numbers_of_32_bits_are_cut_towards_zero")),
    (10102, 10103, "int32", "imported, Wh", "before the first reading exception 6, never -1: a client would book 4,294,967 kWh", ("energy, by function 3", "test_registers.py::test_energy_is_busy_before_the_first_reading_and_never_minus_1")),
    (10104, 10106, "int16", "voltages, V x 100", "-1 where it does not fit or is not known", ("voltages; what does not fit is -1",)),
    (10107, 10109, "int16", "currents, A x 100", "negative where a phase delivers", ("currents are signed",)),
    (10114, 10114, "int16", "plugged, 0 or 1", "as `get/plug_state`", ("10100 to 10116", "test_registers.py::test_a_car_that_nobody_has_seen_yet_is_not_plugged_in")),
    (10115, 10115, "int16", "charging, 0 or 1", "as `get/charge_state`", ("10100 to 10116",)),
    (10116, 10116, "int16", "set current, A x 100", "as the page says; `modbus.actual_current_scale` = 1 gives whole ampere, as openWB does", ("set current in 0.01 A", "test_registers.py::test_the_set_current_in_whole_ampere_for_those_who_know_openwb_only")),
    (10130, 10132, "int16", "powers, W", "-1 where it does not fit or is not known", ("powers per phase, signed; what does not fit is -1",)),
    (10141, 10142, "int32", "exported, Wh", "0 before the first reading", ("exported energy and hardware",)),
    (10143, 10143, "int16", "hardware: 1 series 2, 2 Pro", "always 1", ("hardware",)),
    (10150, 10159, "text", "serial number of the charge point", "that of the gateway", ("the gateway's serial number",)),
    (10160, 10169, "text", "tag", "20 bytes, padded with zeros; all zeros without a tag", ("the tag and nothing behind it", "test_registers.py::test_texts_have_20_bytes_padded_with_zeros_and_only_what_every_client_can_show")),
)
READ_ABSENT = (
    (10120, 10120, "int16", "state of charge, %", "the EVSE does not read it from the car", ("state of charge: not here",)),
    (10121, 10122, "int32", "its time, unix s", "there is no state of charge", ("time of the state of charge: not here",)),
    (10140, 10140, "int16", "ready for V2G", "no device of the box can", ("V2G: not here",)),
)
WRITE = (
    (10171, "set current, A x 100: 0, 600 to 3200", "below 600 is 0; above 3200 the old one stays, and `state_str` says so", ("a set point", "test_modbus_writes.py::test_a_set_point_counts_hundredths_of_an_ampere_and_its_sender_leads", "test_modbus_writes.py::test_a_set_point_above_32_a_is_echoed_but_the_old_one_stays_and_the_user_is_told")),
    (10180, "phases, 1 or 3", "stored; anything else is refused", ("phases and trigger", "test_modbus_writes.py::test_phases_are_1_or_3")),
    (10181, "1: switch phases", "from the leader, or while nobody leads from a door that is alive", ("phases and trigger", "test_modbus_writes.py::test_a_phase_switch_in_one_request_is_phases_then_trigger")),
    (10190, "heartbeat, 1 on, 0 off", "always on unless `modbus.allow_heartbeat_off` is true; who tried is shown", ("heartbeat on", "test_modbus_writes.py::test_the_heartbeat_can_not_be_switched_off_and_the_user_is_told_who_tried")),
    (10197, "1: clear the tag", "clears it at all charge points", ("test_modbus_writes.py::test_the_tag_is_cleared_on_1",)),
    (10198, "interrupt CP, s", "as the trigger; above 30 is done as 30", ("CP interruption", "test_modbus_writes.py::test_an_interruption_takes_so_many_seconds")),
)
WRITE_ABSENT = (
    (10199, "1: update", "acknowledged; the box is not updated by Modbus", ("an update: nothing to do yet", "test_modbus_writes.py::test_an_update_is_acknowledged_and_changes_nothing")),
)
