"""Asks what a box must know, checks it as the firmware does, and writes config.json onto the box.

`make configure` is `python -m tools.flash --only-config`: the box goes to 0 A for it (a box that charges refuses, unless --force) and
starts again with the new configuration.
"""

import json
import secrets

from rich.prompt import Prompt

from host_tests.stubs.cpython import install
from tools.flash import FlashError

FILE = "config.json"
PASSWORD_FILE = "setup_password"  # what firmware/setup_mode.py reads
PASSWORD_LETTERS = 10
TRIES = 5
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


def check(config, board, file=FILE):
    """The configuration with all defaults, checked like the firmware at its start. Raises FlashError with its words."""
    install.install()
    from config import ConfigError, check_board, check_config, check_fit

    try:
        pins = check_board(json.loads(json.dumps(board)))
        checked = check_config(json.loads(json.dumps(config)), file)
        check_fit(checked, pins, file)
    except ConfigError as error:
        raise FlashError(f"{error}: correct it and run it again") from error
    return checked


def read_file(path):
    """A config.json of this machine. Raises FlashError."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise FlashError(f"{path}: can not be read ({error.strerror}): name a config.json") from error
    except ValueError as error:
        raise FlashError(f"{path}: expected JSON, found something that does not parse ({error}): correct it") from error


class Questions:
    """`ask(text, default, choices, secret)` returns text. `between()` is called after every answer."""

    def __init__(self, board, old=None, ask=None, between=lambda: None):
        """old: a configuration whose values are the defaults."""
        self._board = board
        self._old = old if isinstance(old, dict) else {}
        self._ask = ask or ask_person
        self._between = between

    def run(self, say):
        """A configuration that passes check(). What is wrong is said, and asked again with the last answers as defaults.

        Raises FlashError after TRIES: then it is something that nobody asks for here.
        """
        for _ in range(TRIES):
            config = self._all()
            try:
                check(config, self._board)
                return config
            except FlashError as error:
                say(str(error))
                self._old = config
                last = error
        raise FlashError(f"{last}; if none of the questions is about it, write it into a file and use --config FILE")

    def _all(self):
        config = {key: value for key, value in self._old.items() if key not in ("network", "wifi", "mqtt")}
        config["name"] = self._text("Name of the box", self._old.get("name", "ladepunkt"))
        config.update(self._network())
        limit_a = self._old.get("installation_limit_a", 16)
        config["installation_limit_a"] = self._number("What the installation may draw per phase, in ampere (6 to 32)", limit_a)
        config["charge_points"] = self._charge_points()
        config["mqtt"] = self._mqtt()
        return config

    def _network(self):
        kind = "wifi"
        if self._board.get("ethernet"):
            kind = self._text("Network", self._old.get("network", "ethernet"), ("ethernet", "wifi"))
        if kind == "ethernet":
            return {"network": kind}
        wifi = self._old.get("wifi") or {}
        ssid = self._text("Name of the Wi-Fi (2.4 GHz)", wifi.get("ssid") or None)
        return {"network": kind, "wifi": {"ssid": ssid, "password": self._secret("Its password", wifi.get("password"))}}

    def _charge_points(self):
        old = self._old.get("charge_points") or []
        ids = self._board.get("evse_ids", [1])
        count = int(self._text("Charge points", str(len(old) or 1), ("1", "2")))
        return [self._charge_point(i, old[i] if i < len(old) else {}, ids[i] if i < len(ids) else i + 1) for i in range(count)]

    def _charge_point(self, i, old, unit):
        which = f"Charge point {i + 1}: "
        point = dict(old)
        point["evse"] = self._number(which + "Modbus id of its EVSE controller", old.get("evse", unit))
        point["phases"] = int(self._text(which + "phases it is connected to", str(old.get("phases", 3)), ("1", "3")))
        meter = dict(old.get("meter") or {"type": "sdm630"})
        meter["type"] = self._text(which + "energy meter", meter["type"], meter_types())
        meter.pop("unit", None)
        if meter["type"] != "none":
            meter["unit"] = self._number(which + "Modbus id of the meter", (old.get("meter") or {}).get("unit", 105 + i))
        point["meter"] = meter
        return point

    def _mqtt(self):
        old = self._old.get("mqtt") or {}
        mode = old.get("mode") or ("client" if old.get("host") else "broker")
        text = "MQTT: is the box the broker that controllers dial (openWB primary), or a client of a broker elsewhere"
        mode = self._text(text, mode, ("broker", "client"))
        if mode != (old.get("mode") or mode):
            old = {}
        mqtt = dict(old, mode=mode)
        if mode == "client":
            mqtt["host"] = self._text("Its broker: name or address", old.get("host"))
            mqtt["port"] = self._number("Its port", old.get("port", 1883))
            mqtt["user"] = self._text("User (- for none)", old.get("user") or "-")
            if mqtt["user"] == "-":
                mqtt["user"] = mqtt["password"] = None
            else:
                mqtt["password"] = self._secret("Password", old.get("password"))
            text = "Prefix under which Home Assistant looks for devices, usually homeassistant (- for none)"
            mqtt["discovery"] = self._text(text, old.get("discovery") or "-")
            if mqtt["discovery"] == "-":
                mqtt["discovery"] = None
            return mqtt
        known = " ".join(old.get("controllers") or []) or "-"
        listed = self._text("Addresses of the controllers that may set currents (- for everybody in the network)", known)
        mqtt["controllers"] = None if listed == "-" else listed.replace(",", " ").split()
        return mqtt

    def _text(self, text, default, choices=None):
        answer = self._ask(text, default, choices, False)
        self._between()
        return answer

    def _number(self, text, default):
        while True:
            answer = self._text(text, str(default))
            if answer.isdigit():
                return int(answer)

    def _secret(self, text, old):
        """Empty: the one that is there."""
        answer = self._ask(text + (" (empty: as it is)" if old else ""), "" if old else None, None, True)
        self._between()
        return answer or old or ""


def new_password():
    """For the access point of a box's set-up: every box has its own."""
    return "".join(secrets.choice(LETTERS) for _ in range(PASSWORD_LETTERS))


def meter_types():
    install.install()
    from config_rows import METER

    return next(row[3] for row in METER if row[0] == "type")


def ask_person(text, default, choices, secret):
    """At the terminal. Raises FlashError where there is none."""
    try:
        return Prompt.ask(text, default=... if default is None else default, choices=choices and list(choices), password=secret)
    except EOFError as error:
        raise FlashError(f"nobody answers ({text}): run it at a terminal, or with --config FILE") from error
