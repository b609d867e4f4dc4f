"""What is changed, by what, and which unit tests must notice. A new module is a row here."""

import fnmatch

UNIT = "host_tests/unit"

LIMITS = "test_limits"  # belongs to every module

# Module of the firmware: its test files in host_tests/unit, those that notice most first.
MODULES = {
    # who decides about current
    "safety": ("test_safety",),
    "intents": ("test_intents", "test_senders", "test_leadership", "test_inbox", "test_modbus_writes"),
    "clock": ("test_clock",),
    "guard": ("test_guard", "test_orders"),
    "cp_relay": ("test_cp_relay", "test_phases"),
    "phases": ("test_phases", "test_phase_wishes", "test_phases_times"),
    "coil": ("test_coil", "test_phases", "test_phase_wishes"),
    "stillness": ("test_stillness", "test_phases"),
    "charge_point": ("test_charge_point", "test_charge_point_stops"),
    "sharing": ("test_sharing",),
    "grid": ("test_grid",),
    "supervisor": ("test_supervisor",),
    "commands": ("test_inbox", "test_modbus_writes", "test_tag"),
    # the bus
    "modbus": ("test_modbus",),
    "bus": ("test_bus", "test_bus_stations"),
    "station": ("test_bus_stations", "test_bus", "test_evse_trouble"),
    "plan": ("test_plan",),
    "drivers.evse_din": ("test_evse_din", "test_evse_facts", "test_evse_trouble", "test_orders", "test_charge_point"),
    "drivers.meter": ("test_meter", "test_meter_search"),
    "drivers.decoding": ("test_meter_tables", "test_meter"),
    # what comes in from outside
    "text": ("test_text", "test_topics"),
    "jsontext": ("test_jsontext",),
    "inbox": ("test_inbox", "test_topics"),
    "mqtt": ("test_mqtt", "test_broker_packets"),
    "mqtt_inbound": ("test_mqtt", "test_mqtt_messages", "test_mqtt_client"),
    "mqtt_client": ("test_mqtt_client", "test_mqtt_reconnect", "test_mqtt_messages"),
    "broker_connect": ("test_broker", "test_broker_access", "test_broker_messages"),
    "broker_filters": ("test_broker_filters", "test_broker_messages"),
    "broker_session": ("test_broker_packets", "test_broker", "test_broker_trouble", "test_broker_messages", "test_broker_bytes", "test_broker_access",
                       "test_broker_shared"),  # fmt: skip
    "broker": ("test_broker_messages", "test_broker", "test_broker_trouble", "test_broker_primary", "test_broker_access", "test_broker_shared"),
    "connections": ("test_connections", "test_broker_trouble", "test_modbus_server"),
    "registers": ("test_registers", "test_modbus_writes"),
    "modbus_server": ("test_modbus_server", "test_modbus_writes"),
    "modbus_door": ("test_modbus_writes", "test_modbus_server", "test_registers"),
    "page": ("test_page",),
    "sntp": ("test_sntp", "test_timekeeper"),
    "rdm6300": ("test_rdm6300", "test_readers"),
    "rfid": ("test_rfid", "test_timekeeper"),
    "tag": ("test_tag", "test_timekeeper"),
    "config": ("test_config", "test_config_board", "test_config_mode", "test_config_points"),
}

# Patterns of cosmic-ray's operators that are left out, and why.
LEFT_OUT = {
    "ReplaceBinaryOperator_*_Div": "tidy refuses true division in the firmware",
    "ReplaceBinaryOperator_*_Pow": "the firmware raises nothing to a power, and no slip of a key writes `**`",
    "NumberReplacer in an enumeration": "states, reasons and facts are names: public constants that count up, at least three in a row (mutants.enumerations)",
    "Eq_LtE, Eq_GtE, NotEq_Lt, NotEq_Gt beside a name": "states and texts have no order: whether `==` or `>=` depends on their numbering alone (mutants.ORDERING)",
    "NumberReplacer of a limit in ms": "is tried with a tenth more and less: one millisecond is a hundredth of a step (mutants.by_a_tenth)",
}
_OPPOSITE = "of the eleven replacements of an arithmetic operator its opposite is tried; the others change the number more"
_STRONGEST = "three replacements of each comparison notice all that the others would notice (Kaminski, Ammann, Offutt: Better predicate testing)"
_KEPT_BINARY = (
    "Add_Sub", "Sub_Add", "Mul_FloorDiv", "FloorDiv_Mul", "FloorDiv_Mod", "Mod_FloorDiv", "RShift_LShift", "LShift_RShift",
    "BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitAnd", "BitXor_BitOr",
)  # fmt: skip
_KEPT_COMPARISONS = (
    "Eq_NotEq", "Eq_LtE", "Eq_GtE", "NotEq_Eq", "NotEq_Lt", "NotEq_Gt", "Lt_LtE", "Lt_NotEq", "Lt_GtE", "LtE_Lt", "LtE_Eq", "LtE_Gt",
    "Gt_GtE", "Gt_NotEq", "Gt_LtE", "GtE_Gt", "GtE_Eq", "GtE_Lt", "Is_IsNot", "IsNot_Is", "Eq_IsNot", "NotEq_Is",
)  # fmt: skip


def why_left_out(operator):
    """Why an operator of cosmic-ray is not used; None when it is."""
    for pattern, why in LEFT_OUT.items():
        if fnmatch.fnmatchcase(operator, pattern):
            return why
    family, _, kind = operator.partition("_")
    if family == "ReplaceBinaryOperator" and kind not in _KEPT_BINARY:
        return _OPPOSITE
    if family == "ReplaceComparisonOperator" and kind not in _KEPT_COMPARISONS:
        return _STRONGEST
    return None
