"""The table of points: read at boot, by who keeps what it needs of it, then given back."""

from points import (
    BOOL, NUMBER, RAW, STAMP, TEXT, P_BRANCH, P_CHARGING, P_COMMIT, P_CP_SECONDS, P_CURRENT_CA, P_ERROR_TIMESTAMP_S,
    P_EVSE_CURRENT_CA, P_EXPORTED_WH, P_FAULT_STATE, P_FAULT_STR, P_FREQUENCY_CHZ, P_HEARTBEAT, P_IMPORTED_WH, P_LAST_TAG,
    P_MAX_EVSE_CURRENT_A, P_NOTICE, P_PARENT_CP, P_PHASES_IN_USE, P_PHASES_TO_USE, P_PLUGGED, P_POWER_CW, P_POWER_FACTOR_C,
    P_POWER_L_CW, P_RFID, P_RFID_TIMESTAMP_S, P_SERIAL_NUMBER, P_SET_CURRENT_CA, P_SOC, P_SOC_TIMESTAMP_S, P_STATE_STR, P_TRIGGER,
    P_VEHICLE_ID, P_VERSION, P_VOLTAGE_CV,
)  # fmt: skip

# index, topic below openWB/internal_chargepoint/<n>/, kind, decimals, value before anything is known.
# Rows that share a topic are one JSON list (numbers) or one text joined by "; ". Values a primary can not do
# without start as 0; everything else is unknown (None, published as null).
POINTS = (
    (P_VOLTAGE_CV, b"get/voltages", NUMBER, 2, None),
    (P_VOLTAGE_CV + 1, b"get/voltages", NUMBER, 2, None),
    (P_VOLTAGE_CV + 2, b"get/voltages", NUMBER, 2, None),
    (P_CURRENT_CA, b"get/currents", NUMBER, 2, 0),
    (P_CURRENT_CA + 1, b"get/currents", NUMBER, 2, 0),
    (P_CURRENT_CA + 2, b"get/currents", NUMBER, 2, 0),
    (P_POWER_L_CW, b"get/powers", NUMBER, 2, None),
    (P_POWER_L_CW + 1, b"get/powers", NUMBER, 2, None),
    (P_POWER_L_CW + 2, b"get/powers", NUMBER, 2, None),
    (P_POWER_FACTOR_C, b"get/power_factors", NUMBER, 2, None),
    (P_POWER_FACTOR_C + 1, b"get/power_factors", NUMBER, 2, None),
    (P_POWER_FACTOR_C + 2, b"get/power_factors", NUMBER, 2, None),
    (P_FREQUENCY_CHZ, b"get/frequency", NUMBER, 2, None),
    (P_POWER_CW, b"get/power", NUMBER, 2, 0),
    (P_IMPORTED_WH, b"get/imported", NUMBER, 0, None),
    (P_EXPORTED_WH, b"get/exported", NUMBER, 0, 0),
    (P_PHASES_IN_USE, b"get/phases_in_use", NUMBER, 0, 0),
    (P_PLUGGED, b"get/plug_state", BOOL, 0, None),
    (P_CHARGING, b"get/charge_state", BOOL, 0, 0),
    (P_EVSE_CURRENT_CA, b"get/evse_current", NUMBER, 2, 0),
    (P_MAX_EVSE_CURRENT_A, b"get/max_evse_current", NUMBER, 0, None),
    (P_RFID, b"get/rfid", TEXT, 0, None),
    (P_RFID_TIMESTAMP_S, b"get/rfid_timestamp", STAMP, 0, None),
    (P_SERIAL_NUMBER, b"get/serial_number", TEXT, 0, None),
    (P_VEHICLE_ID, b"get/vehicle_id", TEXT, 0, None),
    (P_SOC, b"get/soc", NUMBER, 0, None),
    (P_SOC_TIMESTAMP_S, b"get/soc_timestamp", STAMP, 0, None),
    (P_VERSION, b"get/version", TEXT, 0, None),
    (P_BRANCH, b"get/current_branch", TEXT, 0, b"ladepunkt"),  # never Release: a primary would push its own updates
    (P_COMMIT, b"get/current_commit", TEXT, 0, None),
    (P_FAULT_STR, b"get/fault_str", TEXT, 0, None),
    (P_FAULT_STATE, b"get/fault_state", NUMBER, 0, 0),
    (P_ERROR_TIMESTAMP_S, b"get/error_timestamp", STAMP, 0, None),
    (P_STATE_STR, b"get/state_str", TEXT, 0, None),
    (P_NOTICE, b"get/state_str", TEXT, 0, None),
    (P_SET_CURRENT_CA, b"data/set_current", NUMBER, 2, None),
    (P_PHASES_TO_USE, b"data/phases_to_use", NUMBER, 0, None),
    (P_TRIGGER, b"data/trigger_phase_switch", BOOL, 0, None),
    (P_CP_SECONDS, b"data/cp_interruption_duration", NUMBER, 0, None),
    (P_PARENT_CP, b"data/parent_cp", TEXT, 0, None),
    (P_HEARTBEAT, b"global_data", RAW, 0, None),
    (P_LAST_TAG, b"last_tag", TEXT, 0, None),
)
