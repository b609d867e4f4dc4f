"""What config.json and board.json may hold: one row per key. Read by config at boot, then given back."""

from drivers.meters import AUTO, KINDS

# Each row: key, kind, default (REQUIRED: must be given), lowest, highest or the allowed values. Kinds: int, bool, str, rows (an object),
# [rows] or [row] (a list of objects or of what that row says). Where the default is None, null is fine, too.
REQUIRED = object()
BAUDS = (2400, 4800, 9600, 19200, 38400)

PAGE = (
    ("enabled", bool, True, None, None),
    ("port", int, 80, 1, 65535),
)
WIFI = (
    ("ssid", str, "", 0, 32),
    ("password", str, "", 0, 64),
)
BUS = (
    ("baud", int, 9600, BAUDS, None),
    ("gap_ms", int, 20, 5, 250),
)
MIRROR_ID = ("id", int, REQUIRED, 0, 9999)
CONTROLLER = ("address", str, REQUIRED, 1, 15)
MQTT = (
    ("mode", str, None, ("broker", "client"), None),  # broker: controllers dial in. Not given: client where there is a host
    ("host", str, None, 1, 64),  # client only
    ("port", int, 1883, 1, 65535),
    ("ca_file", str, None, 1, 64),  # client only: with it the connection is TLS, to a broker whose certificate this CA has signed
    ("user", str, None, 0, 64),
    ("password", str, None, 0, 64),
    ("prefix", str, "", 0, 48),
    ("controllers", [CONTROLLER], None, 1, 8),  # broker only: addresses that may set something
    ("first_come", bool, False, None, None),  # broker only: the first controller stays the only one until a restart
    ("sockets", int, 10, 8, 16),  # broker only: of the image in all
    ("client_id", str, None, 1, 64),
    ("keepalive_s", int, 20, 5, 120),
    ("discovery", str, None, 1, 24),  # client only: prefix under which Home Assistant looks for devices, "homeassistant"
    ("mirror", [MIRROR_ID], None, 1, 2),  # ids below openWB/chargepoint/, one for each charge point from the first one on
)
MODBUS = (
    ("enabled", bool, True, None, None),
    ("port", int, 1502, 1, 65535),
    ("unit", int, 1, 1, 247),
    ("controllers", [CONTROLLER], None, 1, 8),  # addresses that may write; the others may read
    ("heartbeat_from", str, "leader", ("leader", "any"), None),  # whose reads keep charging alive
    ("allow_heartbeat_off", bool, False, None, None),  # what register 10190 = 0 does
    ("actual_current_scale", int, 100, (1, 100), None),  # register 10116 in whole ampere, or in 0.01 A
    ("idle_s", int, 120, 61, 3600),  # evcc leaves by itself after 60 s
)
METER = (
    ("type", str, REQUIRED, (AUTO,) + tuple(sorted(KINDS)) + ("none",), None),
    ("unit", int, None, 1, 247),  # auto: not given means the units of openWB's own boxes
    ("lost_current_ca", int, 0, 0, 3200),
)
PHASE_SWITCH = (
    ("cool_down_s", int, 300, 60, 3600),
    ("boot", str, "stored", ("stored", "one"), None),  # one: to one phase after a loss of power, or where nobody knows the position
)
CHARGE_POINT = (
    ("evse", int, REQUIRED, 1, 247),
    ("bus", int, 0, (0, 1), None),  # which line of board.json's rs485
    ("phases", int, 3, (1, 3), None),
    ("meter", METER, REQUIRED, None, None),
    ("phase_switch", PHASE_SWITCH, {}, None, None),
)
RFID = (
    ("reader", str, None, ("rdm6300", "module"), None),  # module: the user's own reader.py on the device, see docs/rfid.md
    ("format", str, None, ("decimal", "hex"), None),  # of the tag's text. Not given: decimal for rdm6300, hex for module
)
GRID = (
    ("limit_w", int, 4200, 0, 22080),  # of each charge point, while the grid operator limits
    ("limit_ca", int, None, 0, 3200),  # instead, whatever number of phases
)
TIME = (
    ("server", str, None, 1, 64),  # name or address, or "router"; not given: no clock, no timestamps
    ("every_h", int, 24, 1, 168),
)
CONFIG = (
    ("name", str, "ladepunkt", 1, 20),
    ("language", str, "de", ("de", "en"), None),  # of get/fault_str, which openWB shows to its user
    ("heartbeat_limit_s", int, 60, 30, 120),
    ("installation_limit_a", int, 16, 6, 32),
    ("network", str, "wifi", ("wifi", "ethernet"), None),
    ("wifi", WIFI, {}, None, None),
    ("bus", BUS, {}, None, None),
    ("mqtt", MQTT, {}, None, None),
    ("page", PAGE, {}, None, None),
    ("modbus", MODBUS, {}, None, None),
    ("charge_points", [CHARGE_POINT], REQUIRED, 1, 2),
    ("grid", GRID, {}, None, None),
    ("shared_ca", int, None, 600, 6400),  # of a feeder for both charge points
    ("rfid", RFID, {}, None, None),
    ("time", TIME, {}, None, None),
)
# The floor reads board.json without this module: what it needs has no default here, or the same one there.
EVSE_ID = ("id", int, REQUIRED, 1, 247)
RS485 = (
    ("uart", int, REQUIRED, 0, 2),
    ("tx", int, REQUIRED, 0, 48),
    ("rx", int, REQUIRED, 0, 48),
    ("de", int, None, 0, 48),
    ("baud", int, 9600, BAUDS, None),
    ("evse_ids", [EVSE_ID], None, 1, 4),  # on this line; not given: those of the board
)
CP_RELAY = (
    ("pin", int, REQUIRED, 0, 48),
    ("contact", str, REQUIRED, ("nc", "no"), None),  # CP flows while the coil is off; while it is on
    ("active", int, REQUIRED, (0, 1), None),  # the level that switches the coil on
)
# Either a bistable pair: one and three, each a coil that gets a pulse; or one output that is held.
COIL = (
    ("one_pin", int, None, 0, 48),
    ("three_pin", int, None, 0, 48),
    ("pulse_ms", int, 1000, 200, 5000),
    ("hold_pin", int, None, 0, 48),
    ("hold_is", int, None, (1, 3), None),  # the phases while it is on
    ("hardware_interlock", bool, False, None, None),  # it can move only while the CP relay is open, whatever the firmware does
    ("active", int, REQUIRED, (0, 1), None),  # the level that switches a coil on
)
BUTTON = (
    ("pin", int, REQUIRED, 0, 48),
    ("pressed", int, 0, (0, 1), None),
)
GRID_INPUT = (
    ("pin", int, REQUIRED, 0, 48),
    ("limited", int, REQUIRED, (0, 1), None),  # the level that limits: an open input has it, by the pull resistor of the chip
)
OUTPUT = (
    ("pin", int, REQUIRED, 0, 48),
    ("level", int, REQUIRED, (0, 1), None),
)
ETHERNET = (
    ("phy", str, REQUIRED, ("lan8720",), None),
    ("addr", int, REQUIRED, 0, 31),
    ("mdc", int, REQUIRED, 0, 48),
    ("mdio", int, REQUIRED, 0, 48),
    ("power", int, None, 0, 48),
    ("clk", int, REQUIRED, 0, 48),
    ("clk_dir", str, REQUIRED, ("in", "out"), None),  # the chip gets the clock on that pin, or gives it
)
RFID_PINS = (
    ("uart", int, REQUIRED, 0, 2),
    ("rx", int, REQUIRED, 0, 48),
    ("tx", int, REQUIRED, 0, 48),  # a pin that nobody uses: a UART without one takes its own, which may be that of the flash
    ("baud", int, 9600, BAUDS, None),
)
BOARD = (
    ("board", str, REQUIRED, 1, 32),
    ("rs485", [RS485], REQUIRED, 1, 2),
    ("watchdog_s", int, 10, 5, 60),
    ("evse_ids", [EVSE_ID], [1], 1, 4),
    ("cp_relays", [CP_RELAY], [], 0, 2),
    ("coils", [COIL], [], 0, 2),
    ("button", BUTTON, None, None, None),
    ("grid_input", GRID_INPUT, None, None, None),
    ("outputs", [OUTPUT], [], 0, 6),  # set by the floor before it uses the line: supply and enable pins of the transceiver
    ("ethernet", ETHERNET, None, None, None),
    ("rfid", RFID_PINS, None, None, None),
)
