"""What to enter where, once the box is in the network."""

UNKNOWN = "ADDRESS-OF-THE-BOX"
OPENWB_PORT = 1883


def lines(config, board, address):
    """Pairs (who, lines) for the checked configuration of a box and its board.json."""
    host = address or UNKNOWN
    page = config.get("page")
    if page and page.get("enabled", True):
        port = page.get("port", 80)
        yield "Status page", [f"http://{host}/" if port == 80 else f"http://{host}:{port}/"]
    yield "openWB primary", list(_primary(config["mqtt"], host))
    modbus = config.get("modbus")
    if modbus and modbus.get("enabled", True):
        yield "evcc (evcc.yaml)", list(_evcc(config, modbus, host, bool(board.get("coils"))))
    yield _home_assistant(config, host)


def _evcc(config, modbus, host, switches):
    """evcc takes a charge point for one that switches phases unless it is told."""
    yield "chargers:"
    for index in range(len(config["charge_points"])):
        yield f"  - name: {config['name']}{index + 1 if index else ''}"
        yield "    type: template"
        yield "    template: openwb-2.0"
        yield "    modbus: tcpip"
        yield f"    id: {modbus.get('unit', 1)}"
        yield f"    host: {host}"
        yield f"    port: {modbus.get('port', 1502)}"
        yield f"    connector: {index + 1}"
        yield f"    phases1p3p: {str(switches).lower()}"


def _primary(mqtt, host):
    if mqtt["mode"] == "client":
        yield f"the box is a client of the broker {mqtt['host']}:{mqtt['port']}; its values are below {mqtt['prefix']}openWB/internal_chargepoint/"
        return
    yield f"a charge point of the type openWB secondary, its IP address: {host}"
    if mqtt["port"] != OPENWB_PORT:
        yield f"a primary dials port {OPENWB_PORT}, this box listens on {mqtt['port']}: set mqtt.port to {OPENWB_PORT} (make configure)"


def _home_assistant(config, host):
    mqtt = config["mqtt"]
    if mqtt["mode"] == "broker":
        return "Home Assistant (a .conf of its Mosquitto, see docs/mqtt.md)", [
            "connection wallbox",
            f"address {host}:{mqtt['port']}",
            "bridge_protocol_version mqttv311",
            "cleansession true",
            "restart_timeout 1",
            "bridge_max_packet_size 400",
            "topic openWB/internal_chargepoint/# in 0",
        ]
    if mqtt.get("discovery"):
        return "Home Assistant", [f"finds the box by itself, as a device of its MQTT on {mqtt['host']}"]
    root = f"{mqtt['prefix']}openWB/internal_chargepoint/0/get/"
    text = ["mqtt:", "  sensor:"]
    for topic, unit, kind, sums in (("power", "W", "power", "measurement"), ("imported", "Wh", "energy", "total_increasing")):
        text += [f"    - name: {config['name']} {kind}", f"      state_topic: {root}{topic}", f"      unit_of_measurement: {unit}"]
        text += [f"      device_class: {kind}", f"      state_class: {sums}"]
    return f"Home Assistant (configuration.yaml, its MQTT on {mqtt['host']})", text
