"""Checks config.json and board.json at boot and fills in defaults. A bad file is refused whole: nothing is guessed.

Every message names the file, the key, what was expected and what was found.
"""

from config_rows import BOARD, CONFIG, REQUIRED
from drivers.meters import AUTO, candidates


class ConfigError(Exception):
    """The text says file, key, expected and found."""


def check(found, rows, file, path=""):
    """A new dict with every key of `rows`; raises ConfigError. `found` is what the JSON file holds."""
    if not isinstance(found, dict):
        _refuse(file, path[:-1] or "the whole file", "an object { }", found)
    known = [row[0] for row in rows]
    for key in found:
        if key not in known:
            raise ConfigError("%s: %s: unknown key; known here: %s" % (file, path + key, ", ".join(known)))
    return {row[0]: _value(found, row, file, path + row[0]) for row in rows}


def _value(found, row, file, path):
    key, kind, default, low, high = row
    if key not in found and default is REQUIRED:
        raise ConfigError("%s: %s: missing; expected %s" % (file, path, _expected(kind, low, high)))
    value = found.get(key, default)
    if value is None and default is None:
        return None
    if isinstance(kind, tuple):
        return check(value, kind, file, path + ".")
    if isinstance(kind, list):
        return _list(value, kind[0], file, path, low, high)
    return _scalar(value, kind, file, path, low, high)


def _scalar(value, kind, file, path, low, high):
    size = value
    if kind is bool and (value == 0 or value == 1):
        return bool(value)
    fine = isinstance(value, kind) and not isinstance(value, bool)
    if fine and kind is str and not isinstance(low, tuple):
        size = len(value.encode())
    if not fine or not _within(size, low, high):
        _refuse(file, path, _expected(kind, low, high), value)
    return value


def _within(value, low, high):
    return value in low if isinstance(low, tuple) else low <= value <= high


def _list(value, rows, file, path, low, high):
    plain = isinstance(rows[0], str)  # one row: a list of numbers or texts
    if not isinstance(value, list) or not low <= len(value) <= high:
        kind = "objects" if not plain else "numbers" if rows[1] is int else "texts"
        _refuse(file, path, "a list of %d to %d %s" % (low, high, kind), value)
    if plain:
        return [_scalar(value[i], rows[1], file, "%s[%d]" % (path, i), rows[3], rows[4]) for i in range(len(value))]
    return [check(value[i], rows, file, "%s[%d]." % (path, i)) for i in range(len(value))]


def _expected(kind, low, high):
    if isinstance(low, tuple):
        return "one of " + ", ".join([str(v) for v in low])
    if kind is bool:
        return "true or false"
    if kind is int:
        return "a whole number from %d to %d" % (low, high)
    if kind is str:
        return "text of %d to %d bytes" % (low, high)
    return "a list [ ]" if isinstance(kind, list) else "an object { }"


def _refuse(file, path, expected, found):
    raise ConfigError("%s: %s: expected %s, found %r" % (file, path, expected, found))


def check_config(found, file="config.json"):
    """The checked configuration; also what one key can not know: units on one line must differ."""
    config = check(found, CONFIG, file)
    prefix = config["mqtt"]["prefix"]
    if prefix and prefix[-1] != "/" or "+" in prefix or "#" in prefix:
        _refuse(file, "mqtt.prefix", 'text that ends with / and holds no + or #, for example "garage/"', prefix)
    _check_mode(config["mqtt"], file)
    _check_topics(config["mqtt"], len(config["charge_points"]), file)
    units = {}, {}
    for i in range(len(config["charge_points"])):
        point = config["charge_points"][i]
        path = "charge_points[%d]." % i
        on_line = units[point["bus"]]
        if point["meter"]["type"] not in ("none", AUTO) and point["meter"]["unit"] is None:
            raise ConfigError("%s: %smeter.unit: missing; expected %s" % (file, path, _expected(int, 1, 247)))
        for key, unit in [("evse", point["evse"])] + _meter_units(point["meter"], i):
            if unit in on_line:
                raise ConfigError(
                    "%s: %s%s: expected a unit id of its own, found %d, which is also %s" % (file, path, key, unit, on_line[unit])
                )
            on_line[unit] = path + key
    if config["shared_ca"] is not None and len(config["charge_points"]) < 2:
        _refuse(file, "shared_ca", "null, as there is one charge point only", config["shared_ca"])
    return config


def _meter_units(meter, i):
    """(key, unit) of every unit id at which the meter of charge point i is, or is searched."""
    if meter["unit"] is not None or meter["type"] == "none":
        return [("meter.unit", meter["unit"])] if meter["unit"] is not None else []
    return [("meter.type (auto searches there)", unit) for _, unit in candidates(AUTO, None, i)]


def _check_mode(mqtt, file):
    """Fills in the mode. Both have keys of their own; one of the other mode is a misunderstanding."""
    if mqtt["mode"] is None:
        mqtt["mode"] = "client" if mqtt["host"] else "broker"
    if mqtt["mode"] == "client":
        if mqtt["host"] is None:
            raise ConfigError("%s: mqtt.host: missing; expected %s, as mqtt.mode is client" % (file, _expected(str, 1, 64)))
        return
    for key in ("host", "client_id", "ca_file", "discovery"):
        if mqtt[key] is not None:
            _refuse(file, "mqtt." + key, "none while mqtt.mode is broker (set it to client to use a broker elsewhere)", mqtt[key])


def _check_topics(mqtt, charge_points, file):
    """Of Home Assistant, and the mirrors."""
    discovery = mqtt["discovery"]
    if discovery and (discovery[-1] == "/" or "+" in discovery or "#" in discovery):
        _refuse(file, "mqtt.discovery", 'text that holds no + or # and no / at its end, for example "homeassistant"', discovery)
    ids = mqtt["mirror"] or []
    if len(ids) > charge_points or len(set(ids)) < len(ids):
        _refuse(file, "mqtt.mirror", "at most one id per charge point, all different (there are %d)" % charge_points, ids)


def check_board(found, file="board.json"):
    """The checked board; also what one key can not know: which keys of a phase switch go together."""
    board = check(found, BOARD, file)
    lines = board["rs485"]
    if len(lines) > 1 and lines[0]["uart"] == lines[1]["uart"]:
        raise ConfigError("%s: rs485[1].uart: expected another one than that of rs485[0], found %d" % (file, lines[1]["uart"]))
    if len(board["coils"]) > len(board["cp_relays"]):
        expected = "no more than cp_relays, which has %d (phases are switched while the control pilot is open only)"
        _refuse(file, "coils", expected % len(board["cp_relays"]), len(board["coils"]))
    for i in range(len(board["coils"])):
        _check_coils(board["coils"][i], file, "coils[%d]." % i)
    _check_pins(board, file)
    return board


def _check_coils(row, file, path):
    held = row["hold_pin"] is not None
    for key in ("hold_is",) if held else ("one_pin", "three_pin"):
        if row[key] is None:
            expected = "which phases are on with it, 1 or 3" if held else "the pin of this coil (or hold_pin and hold_is for a single output)"
            raise ConfigError("%s: %s: missing; expected %s" % (file, path + key, expected))
    for key in ("one_pin", "three_pin") if held else ("hold_is",):
        if row[key] is not None:
            _refuse(file, path + key, "none beside %s" % ("hold_pin" if held else "one_pin and three_pin"), row[key])
    if held and not row["hardware_interlock"]:
        expected = "true, as a held output drops at every reset: the CP relay's other contact has to keep it from moving under load"
        _refuse(file, path + "hardware_interlock", expected, False)


def _check_pins(board, file):
    """A coil or CP relay shares its pin with nobody."""
    users = {}
    for name, keys in (("rs485", ("tx", "rx", "de")), ("cp_relays", ("pin",)), ("coils", ("one_pin", "three_pin", "hold_pin"))):
        for i in range(len(board[name])):
            for key in keys:
                pin, user = board[name][i][key], "%s[%d].%s" % (name, i, key)
                if name != "rs485" and pin is not None and pin in users:
                    _refuse(file, user, "a pin of its own; this one is also %s" % users[pin], pin)
                users[pin] = user


def check_fit(config, board, file="config.json"):
    """What neither file can know alone: the floor writes 0 A before it, and without it, to what board.json names."""
    if config["network"] == "ethernet" and board["ethernet"] is None:
        _refuse(file, "network", "wifi, as board.json describes no Ethernet", "ethernet")
    for i in range(len(config["charge_points"])):
        _check_line(config["charge_points"][i], "charge_points[%d]." % i, config["bus"]["baud"], board, file)
    _check_reader(config["rfid"], board, file)


def _check_line(point, path, baud, board, file):
    """The line that a charge point is on."""
    n = point["bus"]
    if n >= len(board["rs485"]):
        _refuse(file, path + "bus", "0, as rs485 of board.json has one line (add the second one there)", n)
    line = board["rs485"][n]
    ids = line["evse_ids"] or board["evse_ids"]
    if point["evse"] not in ids:
        name = "rs485[%d].evse_ids" % n if line["evse_ids"] else "evse_ids"
        expected = "one of %s of board.json, which are %s (every start writes 0 A to them: change one of the two)"
        _refuse(file, path + "evse", expected % (name, ids), point["evse"])
    if baud != line["baud"]:
        expected = "%d, which is rs485[%d].baud of board.json (9600 when not given: change one of the two)"
        _refuse(file, "bus.baud", expected % (line["baud"], n), baud)


def _check_reader(rfid, board, file):
    if rfid["reader"] != "rdm6300":
        return
    if board["rfid"] is None:
        _refuse(file, "rfid.reader", 'null or "module", as board.json has no "rfid" with the UART of a reader (add it there)', rfid["reader"])
    for i in range(len(board["rs485"])):
        if board["rfid"]["uart"] == board["rs485"][i]["uart"]:
            raise ConfigError("board.json: rfid.uart: expected another one than that of rs485[%d], found %d" % (i, board["rfid"]["uart"]))
