"""Writes docs/configuration.md: every key of config.json and board.json, from the table that the box itself checks them with.

    python -m tools.config_page           rewrite it
    python -m tools.config_page --check   say whether it is stale, exit status 1
"""

import sys
from pathlib import Path

from host_tests.stubs.cpython import install
from tools.safety_page import table

install.install()

import config_rows as rows  # noqa: E402  (the firmware is on the path now)

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "configuration.md"
REGISTERS_PAGE = "see [registers.md](registers.md#settings)"

# What a reader needs to know beside the table, by key.
CONFIG = {
    "name": "of the box, in the set-up page, Home Assistant and the client id",
    "language": "of `get/fault_str`, the status page and Home Assistant",
    "heartbeat_limit_s": "0 A when no new heartbeat has come over MQTT for so long",
    "installation_limit_a": "what fuse and cable allow; no controller gets beyond it",
    "network": "`ethernet` on boards that have it",
    "wifi.ssid": "2.4 GHz; empty: no Wi-Fi",
    "wifi.password": "",
    "bus.baud": "of the RS485 line, 8 data bits, no parity, 1 stop bit",
    "bus.gap_ms": "silence before each request; grows by itself with errors",
    "mqtt.mode": "`broker`: controllers dial in. Not given: `client` where there is a `host`",
    "mqtt.host": "client: name or address of the broker",
    "mqtt.port": "of the broker, on the box or elsewhere",
    "mqtt.ca_file": "client: a file on the box with the CA's certificate; with it the connection is TLS",
    "mqtt.user": "",
    "mqtt.password": "",
    "mqtt.prefix": "client: before every topic, so that many boxes share a broker: [fleet.md](fleet.md)",
    "mqtt.controllers": "broker: addresses that may set something, for example `[\"192.168.1.20\"]`; `null`: everybody",
    "mqtt.first_come": "broker: the first controller stays the only one until a restart",
    "mqtt.sockets": "broker: connections and listeners that MicroPython's image has in all",
    "mqtt.client_id": "client; not given: made of the box's name and its own number",
    "mqtt.keepalive_s": "client",
    "mqtt.discovery": "client: prefix under which Home Assistant looks for devices, `homeassistant`: [homeassistant.md](homeassistant.md)",
    "mqtt.mirror": "ids under which the charge points appear below `openWB/chargepoint/`, too: [homeassistant.md](homeassistant.md#the-mirror)",
    "page.enabled": "the status page and `/status.json`",
    "page.port": "",
    "modbus.enabled": REGISTERS_PAGE,
    "modbus.port": REGISTERS_PAGE,
    "modbus.unit": REGISTERS_PAGE,
    "modbus.controllers": REGISTERS_PAGE,
    "modbus.heartbeat_from": REGISTERS_PAGE,
    "modbus.allow_heartbeat_off": REGISTERS_PAGE,
    "modbus.actual_current_scale": REGISTERS_PAGE,
    "modbus.idle_s": REGISTERS_PAGE,
    "charge_points[].evse": "Modbus id of the EVSE; must be in `evse_ids` of board.json",
    "charge_points[].bus": "1: the second RS485 line of board.json",
    "charge_points[].phases": "that the box is wired with",
    "charge_points[].meter.type": "`auto` looks for MPM3PM, SDM630/72 and B23 and remembers what it has found; `none`: charging without a meter",
    "charge_points[].meter.unit": "Modbus id. `auto` without one: openWB's (5, 105, 201; second charge point 6, 106, 202)",
    "charge_points[].meter.lost_current_ca": "0.01 A that may still flow when the meter is lost",
    "charge_points[].phase_switch.cool_down_s": "at least so long between two phase switches",
    "charge_points[].phase_switch.boot": "`one`: to one phase after a loss of power, or where nobody knows the relay's position",
    "grid.limit_w": "per charge point, while the grid operator's input limits",
    "grid.limit_ca": "instead of `limit_w`: 0.01 A per phase, whatever number of phases",
    "shared_ca": "0.01 A per phase that both charge points may take together",
    "rfid.reader": "[tags](rfid.md); `module`: a `reader.py` of your own",
    "rfid.format": "of the tag's text; not given: `decimal` for rdm6300, `hex` for a module",
    "time.server": "name or address of an SNTP server, or `router`; not given: no clock, and nothing but two timestamps is missing",
    "time.every_h": "",
}
BOARD = {
    "board": "its name",
    "rs485[].uart": "",
    "rs485[].tx": "",
    "rs485[].rx": "",
    "rs485[].de": "direction, high while the box talks; not given: the module finds it by itself",
    "rs485[].baud": "for the floor's first 0 A; the same as `bus.baud`",
    "rs485[].evse_ids": "EVSEs on this line; not given: all of `evse_ids`",
    "watchdog_s": "",
    "evse_ids": "EVSEs that get 0 A at every start and end, before anything else is known",
    "cp_relays[].pin": "the second way to stop, one row per charge point",
    "cp_relays[].contact": "`nc`: CP flows while the coil is off; `no`: while it is on (fail-safe)",
    "cp_relays[].active": "level that switches the coil on",
    "coils[].one_pin": "phase relay, bistable: pulse to one phase; together with `three_pin`",
    "coils[].three_pin": "pulse to three phases",
    "coils[].pulse_ms": "",
    "coils[].hold_pin": "or: one output that is held",
    "coils[].hold_is": "phases while it is on",
    "coils[].hardware_interlock": "true: it can move only while CP is open, whatever the firmware does; a held output needs that",
    "coils[].active": "level that switches a coil on",
    "button.pin": "",
    "button.pressed": "level while it is pressed",
    "grid_input.pin": "",
    "grid_input.limited": "level that limits; an open input limits, too",
    "outputs[].pin": "set before the line is used, for example the supply of the transceiver",
    "outputs[].level": "",
    "ethernet.phy": "",
    "ethernet.addr": "",
    "ethernet.mdc": "",
    "ethernet.mdio": "",
    "ethernet.power": "",
    "ethernet.clk": "",
    "ethernet.clk_dir": "`in`: the chip gets the clock on that pin; `out`: it gives it",
    "rfid.uart": "another one than that of the RS485 lines",
    "rfid.rx": "",
    "rfid.tx": "a pin that nobody uses",
    "rfid.baud": "",
}

HEAD = """# Configuration

*This page is written by `python -m tools.config_page` from the table that the box checks the files with. Do not edit it.*

Two files on the box: `config.json` is yours, `board.json` describes the board and comes with it ([boards](boards)). `make configure` and
`make flash` ask, check and write them; a box without `config.json`, or with its button held at the start, opens a Wi-Fi of its own
with one page for the essentials. Both are checked at every start; what is wrong keeps the box at 0 A, and the console says where: file, key, what
was expected, what was found. A new configuration takes effect with a restart, at 0 A.

## An example

```json
{example}
```

Only `charge_points` is needed. Other settings that people ask for:

| you want | config.json |
|---|---|
| the box as client of your broker | `"mqtt": {{"host": "192.168.1.20", "user": "wallbox", "password": "..."}}` |
| only one controller may set currents | `"mqtt": {{"controllers": ["192.168.1.20"]}}` |
| Ethernet | `"network": "ethernet"` |
| two charge points on a feeder of 20 A | two rows in `charge_points`, and `"shared_ca": 2000` |
| the grid operator's 4.2 kW | `"grid": {{"limit_w": 4200}}`, and in board.json `"grid_input": {{"pin": 25, "limited": 1}}` |
"""
EXAMPLE = """{
  "name": "ladepunkt",
  "language": "de",
  "heartbeat_limit_s": 60,
  "installation_limit_a": 16,
  "wifi": {"ssid": "...", "password": "..."},
  "bus": {"baud": 9600, "gap_ms": 20},
  "mqtt": {"port": 1883, "controllers": ["192.168.1.20"]},
  "charge_points": [
    {"evse": 1, "phases": 3, "meter": {"type": "sdm630", "unit": 105}}
  ]
}"""
_KINDS = {int: "number", str: "text", bool: "true, false"}


def keys(table_of, before=""):
    """(path, kind, default, low, high) of everything below a table of config_rows."""
    for key, kind, default, low, high in table_of:
        path = before + key
        many = isinstance(kind, list)
        inner = kind[0] if many else kind
        if isinstance(inner, tuple) and isinstance(inner[0], tuple):
            yield from keys(inner, path + ("[]." if many else "."))
        elif many:
            yield path, [inner[1]], default, None, None
        else:
            yield path, kind, default, low, high


def _values(kind, low, high):
    if isinstance(kind, list):
        return "list of texts" if kind[0] is str else "list of numbers"
    if isinstance(low, tuple):
        return ", ".join(f"`{value}`" if kind is str else str(value) for value in low)
    if kind is int and low is not None:
        return f"{low} to {high}"
    if kind is str and high is not None:
        return f"text, at most {high} bytes"
    return _KINDS[kind]


def _default(value):
    if value is rows.REQUIRED:
        return "must be given"
    if value is None:
        return ""
    return "`" + str(value).lower() + "`" if value != "" else "empty"


def key_rows(table_of, texts):
    for path, kind, default, low, high in keys(table_of):
        yield f"`{path}`", _default(default), _values(kind, low, high), texts[path]


def page():
    columns = ("key", "default", "values", "what")
    lines = [HEAD.format(example=EXAMPLE)]
    lines += ["## config.json", "", "A unit stands at the end of a name: `_s` seconds, `_a` ampere, `_ca` 0.01 ampere, `_w` watt.", ""]
    lines += [*table(columns, key_rows(rows.CONFIG, CONFIG)), ""]
    lines += ["## board.json", "", "Pins are numbers of GPIOs. The floor reads this file before anything else; `make flash` leaves a changed one alone.", ""]
    lines += [*table(columns, key_rows(rows.BOARD, BOARD)), ""]
    return "\n".join(lines)


def main():
    new = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == new:
        print("docs/configuration.md is up to date.")
    elif "--check" in sys.argv:
        sys.exit("docs/configuration.md is not what the code says: run python -m tools.config_page and commit the result.")
    else:
        PAGE.write_text(new, encoding="utf-8")
        print("docs/configuration.md rewritten: look at the change and commit it.")


if __name__ == "__main__":
    main()
