"""The times and limits that were decided, a second time: whoever changes one in the code has to change it here, too, and say why."""
import importlib

import pytest

# fmt: off
LIMITS = {
    "safety": {"MAX_CA": 3200, "MIN_CA": 600},
    "faults": {
        "EVSE_SILENT_MS": 1000,
        "METER_LOST_MS": 10000,
        "VOLTAGE_MS": 5000,
        "VOLTAGE_CALM_MS": 60000,
        "NOT_CONFIRMED_MS": 3000,  # IEC 61851: a car stops within 3 s
        "CP_STUCK_MS": 5000,
        "WELD_MS": 10000,
        "OVER_CURRENT_MS": 6000,
        "AFTER_REDUCTION_MS": 5000,  # IEC 61851: a car follows within 5 s
        "STOP_MS": 10000,
        "PHASES_MS": 5000,
    },
    "guard": {
        "IDLE_CA": 100,
        "OVER_CA": 100,
        "CLEARING_MS": 3000,
        "VOLTAGE_HIGH_CV": 28000,
        "VOLTAGE_LOW_CV": 15000,
        "LATCHED_ALL": 15,  # these bits are kept in flash, over updates
        "OPENS_CP": 6,
    },
    "cp_relay": {"CALM_MS": 5000, "OPEN_MIN_MS": 10000, "SETTLE_MS": 1000, "CLOSINGS_MAX": 3, "CLOSINGS_MS": 3600000},
    "coil": {"GRACE_MS": 500},
    "stillness": {"READINGS": 2, "BLIND_MS": 3000, "LEFT_C_MS": 3000, "AHEAD_MS": 1000},
    "phases": {
        "SURE_MS": 500,
        "COAST_MS": 13000,
        "OPEN_MS": 10000,
        "DWELL_MS": 5000,
        "FAILED_MS": 30000,
        "DISTANCE_MS": 30000,
        "INTERRUPTIONS": 5,
    },
    "intents": {"LIMIT_MAX_S": 120, "CONTEST_MS": 60000, "MARGIN_MS": 500, "SENDERS": 4},
    "reads": {"READ_LIMIT_MS": 80000, "ENABLED_LIMIT_MS": 60000},
    "charge_point": {"LOOK_MS": 100, "FRESH_MS": 5000, "PLUG_SETTLE_MS": 3000, "STATUS_FAULTS": 0x26, "STATUS_RCD": 0x20},
    "sharing": {"PATIENCE_MS": 120000},
    "grid": {"RELEASE_MS": 1000, "VOLTS": 230},
    "gateway": {"BUTTON_MS": 5000, "WAIT_MAX_MS": 1000},
    "supervisor": {"LOOK_MS": 500, "JOIN_MS": 60000, "REST_MS": 5000, "REST_MAX_MS": 60000},
    "bus": {"REPLY_SLACK_MS": 155, "DEFER_MAX": 3},
    "plan": {"LOOK_AGAIN_MS": 100},
    "drivers.evse_din": {"SETTLE_MS": 1000, "SILENT_RETRY_MS": 1000, "FIRMWARE_MIN": 8, "FIRMWARE_STATUS": 16, "FIRMWARE_PRECISE": 17, "HIGHEST_A": 80},
    "drivers.meter": {"SILENT_RETRY_MS": 5000, "SLOW_EVERY": 5, "ACCEPT_CV": 20000, "ACCEPT_MAX_CV": 28000, "REFUSALS": 2},
    "broker": {"PUBLISH_EVERY_MS": 1000, "LOOK_EVERY_MS": 100},
    "broker_session": {"GREETING_LIMIT_MS": 5000},
    "client_door": {"PUBLISH_EVERY_MS": 1000},
    "connections": {"SOCKETS": 10, "YOUNG_MS": 2000, "STALL_MS": 5000, "AGE_EVERY_MS": 1000, "PAUSED_MS": 50},
    "mqtt_client": {"NAME_LIMIT_MS": 20000, "DIAL_LIMIT_MS": 5000, "ANSWER_LIMIT_MS": 5000, "PAUSE_MIN_MS": 1000, "PAUSE_MAX_MS": 10000},
    "modbus_door": {"WAIT_MS": 1000},
    "page": {"HEARING_LIMIT_MS": 5000, "LEAVING_LIMIT_MS": 500, "IDLE_MS": 1000},
    "sntp": {"RESOLVE_MS": 20000, "ANSWER_MS": 5000, "_FIRST_MS": 15000, "_LAST_MS": 3600000},
    "mqtt": {  # MQTT 3.1.1, table 2.1, with the flags of table 2.2
        "CONNECT": 0x10, "CONNACK": 0x20, "PUBLISH": 0x30, "PUBACK": 0x40, "PUBREC": 0x50, "PUBREL": 0x62, "PUBCOMP": 0x70, "SUBSCRIBE": 0x82,
        "SUBACK": 0x90, "UNSUBSCRIBE": 0xA2, "UNSUBACK": 0xB0, "PINGREQ": 0xC0, "PINGRESP": 0xD0, "DISCONNECT": 0xE0, "RETAIN": 1, "TYPE_MASK": 0xF0,
    },
    "inbox": {"TAG_BYTES": 64, "GLOBAL_DATA_BYTES": 128},
    "jsontext": {"DEPTH_MAX": 8},
    "rdm6300": {"REARM_MS": 500},
    "tag": {"WAIT_MS": 300000},
    "memory": {"FLASH_EVERY_MS": 60000},
}
# fmt: on
ROWS = [(module, name, value) for module, limits in LIMITS.items() for name, value in limits.items()]


@pytest.mark.parametrize(("module", "name", "value"), ROWS, ids=[f"{module}.{name}" for module, name, _ in ROWS])
def test_the_limit_is_the_one_that_was_decided(module, name, value):
    assert getattr(importlib.import_module(module), name) == value
