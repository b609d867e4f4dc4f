"""What the rules allow. A new module, unit or exception is a row here."""
import re

# Lowest first: a module imports its own layer and those before it. floor stands alone and outlives updates.
LAYERS = {
    "core": (
        "backoff", "clock", "commands", "config", "config_rows", "faults", "intents", "jsontext", "modbus", "mqtt", "point_rows", "points", "readings", "safety", "text", "topics", "version", "wall", "drivers",
        "drivers.meters", "reads", "registers", "record", "events", "event_text",
        "drivers.b23", "drivers.decoding", "drivers.eastron", "drivers.eastron_1p", "drivers.mpm3pm",
    ),
    "machines": (
        "broker", "broker_connect", "broker_filters", "broker_session", "broker_topics", "bus", "broker_door", "charge_point", "client_door", "coil", "connections", "cp_relay", "lines", "extras", "grid", "sharing", "discovery", "drivers.evse_din",
        "drivers.meter", "guard", "inbox", "keepalive", "keeper", "kept", "modbus_door", "modbus_server", "mqtt_client", "mqtt_inbound", "mqtt_port",
        "mqtt_states", "page", "phases", "plan", "rdm6300", "station", "status", "stillness", "rfid", "sntp", "supervisor", "memory", "tag", "teller", "timekeeper",
    ),
    "wiring": ("gateway",),
    "edge": ("app", "board", "client_words", "console", "forget", "lan", "net", "readers", "resolver", "service", "setup_mode", "storage", "tls_link", "udp", "vitals", "wlan"),
}
FLOOR = ("boot", "failsafe", "main")
# What crosses that border: the edge stands on the floor, and the floor hands over to the app.
ACROSS = {"failsafe": ("app",), "app": ("failsafe",), "board": ("failsafe",), "setup_mode": ("failsafe",), "storage": ("failsafe",)}

# Modules that are not ours: who may import what.
EVERYWHERE = {"micropython", "array"}
EDGE_MODULES = {
    "machine", "network", "socket", "select", "time", "esp32", "_thread", "gc", "sys", "os", "errno", "io", "json", "binascii", "ssl",
}
BY_MODULE = {
    "mqtt_client": {"umqtt.simple"},
    "readers": {"reader"},  # the user's own, see docs/rfid.md
}

# Lines; the aim is printed, the limit fails.
MODULE_AIM, FUNCTION_AIM = 200, 40
LIMITS = {"firmware": (300, 60), "tools": (300, 60), "host_tests": (400, 80)}

# Constructs that firmware does not use, who may all the same, and what to write instead.
ALWAYS = {
    "bare except": ((), "name the exceptions"),
    "catch-all except": (LAYERS["edge"] + FLOOR, "expected trouble is a return code and a counter; a programming error escapes to the edge"),
    "assert": (("config",), "return a code and count it"),
    "float literal": ((), "use integers in fixed units"),
    "float()": ((), "use text.scan_number: a device float has 7 digits"),
    "true division": ((), "use // on integers in fixed units"),
    "print": (LAYERS["edge"] + FLOOR, "make it a point or a counter"),
}
# Constructs that allocate: for episodes and for boot only.
STEADY = {
    "formatting": "write digits in place with the functions of text",
    "slice read": "index, or hand on buffer, start and end",
    "tuple return": "return one number and keep the rest in self",
    "iterator": "count with while or range",
    "dict view": "walk a tuple by index",
    "closure": "make it a method, bound once in __init__",
    "comprehension": "fill a list made in __init__",
    "star arguments": "name the arguments",
    "struct.unpack": "shift the bytes",
}
# A function may allocate when it, its class, its module or the very line says one of these words.
EPISODE = re.compile(r"\bepisodes?\b|\b(at|per|once per|the) (boot|start-up)\b", re.IGNORECASE)
EPISODE_FUNCTIONS = ("__init__", "__repr__", "__str__")

# Last part of a name: wrong, and what we write.
UNITS = {
    "sec": "s", "secs": "s", "seconds": "s", "msec": "ms", "msecs": "ms", "millis": "ms", "usec": "us", "micros": "us",
    "minutes": "min", "mins": "min", "hours": "h", "amp": "a", "amps": "a", "ampere": "a", "amperes": "a", "milliamps": "ma",
    "volt": "v", "volts": "v", "watt": "w", "watts": "w", "hz100": "chz", "percent": "pct", "kb": "bytes", "kib": "bytes",
}
# A name that ends like this is a number of something: of what?
NEEDS_UNIT = {"timeout", "interval", "delay", "age", "period", "duration", "deadline", "elapsed"}
# Names that other people's signatures prescribe, and indexes that only sound like a quantity.
FOREIGN_NAMES = {"timeout", "P_CP_SECONDS"}

MPY_LIMIT_BYTES = 192 * 1024  # in flash; what a configuration loads of it is gated as live heap

# A frame above 11 words (state + 3 per exception level) lives on the heap. Only what never runs in steady state may have one.
FRAME_WORDS = 11
# Patterns as in a shell.
ALLOWED_BIG_FRAMES = {
    "*.__init__": "objects are built at boot",
    "commands.set_current": "one incoming message",
    "config.*": "boot",
    "jsontext.*": "one incoming message",
    "inbox.*": "one incoming message",
    "broker_session.Session._take_*": "one incoming message",
    "broker.Broker.take": "one incoming message",
    "broker.Broker._accepted": "one incoming message",
    "broker.Broker._echo_next": "one incoming message",
    "broker.Broker.send": "one incoming message, or event",
    "connections.Connections._victim": "somebody comes in while every socket is in use",
    "page.Visit.*": "one request of a browser",
    "status.*": "one request of a browser",

    "text.scan_number": "one incoming message",
    "event_text.*": "somebody has asked for the events",
    "teller.Teller._*": "somebody has asked for the events",
    "topics._topics": "boot",
    "gateway.Gateway._add_charge_point": "boot",
    "gateway.Gateway._wake": "somebody comes in for the first time",
    "client_door.ClientDoor._build_client": "boot",
    "gateway.Gateway._open_*": "boot",
    "kept.Kept._restore": "boot",
    "kept.Kept._write": "one new set point",
    "modbus_door.ModbusDoor.write": "one write",
    "modbus_door.ModbusDoor._wish": "one write",
    "modbus_door.ModbusDoor._act": "one write",
    "modbus_server.Session._write_registers": "one write",
    "sntp.Sntp._set": "one good answer of a time server",
    "client_door.ClientDoor._open_discovery": "boot",
    "discovery.*": "once per connection",
    "keeper.Keeper.fit_*": "boot",
    "gateway.Gateway._build_meter": "boot",
    "extras.*": "boot",
    "drivers.meters.<listcomp>": "once per meter, when it has been learnt",
}

# Files that hold wrong examples on purpose.
EXAMPLES = ("host_tests/unit/test_tidy.py", "tools/tidy/tables.py")
# What belongs to one machine or one day, not into the project.
FOREIGN_WORDS = {
    r"/home/\w+/": "path of one machine", r"/Users/\w+/": "path of one machine", r"/root/": "path of one machine",
    r"\b(TO" r"DO|FIX" r"ME|XXX)\b": "unfinished thought",
}
