"""What the desk is asked to do: command line, configuration of the gateway, free ports."""

import argparse
import json
import socket

from host_tests.fakes import meters
from tools.desk import boards
from tools.desk.broker import accepts

DEFAULT_BROKER_PORT = 1883
DEFAULT_CONTROL_PORT = 7501
DEFAULT_MODBUS_PORT = 1502
DEFAULT_HTTP_PORT = 8080
FIRST_FREE_PORT = 1024
MQTT_DEFAULTS = {"port": DEFAULT_BROKER_PORT, "user": None, "password": None, "prefix": ""}
ON_THE_BOX, OF_THE_DESK, ELSEWHERE = "on the box", "of the desk", "elsewhere"  # where the broker is
METERS = (*meters.METERS, "none")
LOOPBACK = ("127.0.0.1", "localhost")


class Trouble(Exception):
    """One sentence that says what is wrong and what to do; `status` becomes the exit status."""

    def __init__(self, sentence, status=2):
        super().__init__(sentence)
        self.status = status


def parser():
    """The command line of `python -m tools.desk`."""
    result = argparse.ArgumentParser(
        prog="python -m tools.desk",
        description="A wallbox on your desk: the real firmware drives a simulated EVSE, meter and car over a Modbus RTU "
        "line, led by a stand-in controller over MQTT.",
        epilog="Without options everything is simulated and shown live. Examples: --headless --seconds 60 for a script, "
        "--mqtt 192.168.1.20:1883 to use your own broker, --serial /dev/ttyUSB0 to drive a real box.",
    )
    add = result.add_argument
    add("--headless", action="store_true", help="one plain line per second instead of the live view")
    add("--seconds", type=_positive, metavar="N", help="end after N seconds with a summary")
    add("--runtime", choices=("micropython", "cpython"), help="what runs the firmware (default: micropython where it exists)")
    add("--charge-points", type=int, choices=(1, 2), help="number of charge points (default 1)")
    add("--mqtt", type=_address, metavar="HOST:PORT", help="the gateway is a client of this MQTT broker")
    add("--client", action="store_true", help="the gateway is a client of a broker that the desk starts; without it, it is the broker")
    add("--broker-port", type=_port, metavar="N", help="port of the MQTT broker, on the box or the desk's own (default 1883, 0: any free one)")
    control_help = "port on 127.0.0.1 that takes one JSON command per line (default %(default)s, 0: any free one)"
    add("--control-port", type=_port, metavar="N", default=DEFAULT_CONTROL_PORT, help=control_help)
    add("--modbus-port", type=_port, metavar="N", help="port of the Modbus TCP server on the box (default 1502, 0: any free one)")
    add("--http-port", type=_port, metavar="N", help="port of the status page (default 8080 or any free one, 0: any free one)")
    add("--no-controller", action="store_true", help="no stand-in controller: something else leads")
    evse_help = "firmware version of the simulated EVSE, 8 to 30 (default %(default)s)"
    add("--evse-firmware", type=_firmware, default=18, metavar="N", help=evse_help)
    add("--meter", choices=METERS, metavar="NAME", help="simulated meter: %s (default sdm630)" % ", ".join(METERS))
    add("--auto-meter", action="store_true", help="the gateway is not told which meter there is and has to find it")
    board_help = "board of the gateway: %s (default %%(default)s)" % ", ".join(boards.names())
    add("--board", choices=boards.names(), default=boards.DEFAULT, metavar="NAME", help=board_help)
    add("--config", metavar="FILE", help="use this config.json of a gateway instead of a generated one")
    add("--record", metavar="FILE", help="write down everything that comes in at the ports of the gateway, for make replay")
    add("--serial", metavar="DEV", help="drive a real box through this RS485 stick instead of the simulated line")
    return result


def gateway_config(options):
    """The config.json of the gateway as a dict, and where its broker is. Raises Trouble."""
    config = _read_config(options) if options.config else _generated_config(options)
    mqtt = config.setdefault("mqtt", {})
    for key, value in MQTT_DEFAULTS.items():
        mqtt.setdefault(key, value)
    modbus = config.setdefault("modbus", {})
    modbus.setdefault("enabled", True)
    modbus.setdefault("port", DEFAULT_MODBUS_PORT)
    if options.modbus_port is not None and modbus["enabled"]:
        modbus["port"] = options.modbus_port
    config.setdefault("page", {}).setdefault("enabled", True)
    if options.mqtt:
        mqtt["mode"] = "client"
        mqtt["host"], mqtt["port"] = options.mqtt
        return config, ELSEWHERE
    if options.client:
        mqtt["mode"] = "client"
        mqtt.setdefault("host", "127.0.0.1")
    if options.broker_port is not None:
        mqtt["port"] = options.broker_port
    if mqtt.get("mode") == "client" or mqtt.get("host"):
        return config, OF_THE_DESK if mqtt.get("host") in LOOPBACK else ELSEWHERE
    return config, ON_THE_BOX


def _generated_config(options):
    points = []
    for index in range(options.charge_points or 1):
        kind = options.meter or "sdm630"
        meter = {"type": kind} if kind == "none" else {"type": kind, "unit": meters.UNITS.get(kind, 105) + index}
        if options.auto_meter and kind != "none":
            meter = {"type": "auto"}
        points.append({"evse": 1 + index, "meter": meter, "phases": 3})
    return {"name": "desk", "charge_points": points, "rfid": {"reader": "rdm6300"}}


def _read_config(options):
    for option, value in (("--charge-points", options.charge_points), ("--meter", options.meter)):
        if value is not None:
            raise Trouble("%s is of no use beside --config: %s decides that, leave one out." % (option, options.config))
    try:
        with open(options.config, encoding="utf-8") as file:
            config = json.load(file)
    except OSError as error:
        sentence = "%s can not be read (%s): check the path given to --config." % (options.config, error.strerror)
        raise Trouble(sentence) from error
    except ValueError as error:
        raise Trouble("%s is not JSON (%s): correct it there." % (options.config, error)) from error
    if not isinstance(config, dict) or not _points_are_plausible(config.get("charge_points")):
        raise Trouble('%s names no charge points: it needs "charge_points": [{"evse": 1, ...}].' % options.config)
    return config


def _points_are_plausible(points):
    if not isinstance(points, list) or not points:
        return False
    return all(isinstance(point, dict) and isinstance(point.get("evse"), int) for point in points)


def choose_port(port, option, use_instead=""):
    """`port`, or a free one for 0. Raises Trouble with what to do when somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            # Some systems let a second listener bind beside one for all addresses: then only asking tells.
            if 0 < port < FIRST_FREE_PORT or port and accepts(("127.0.0.1", port)):
                raise OSError("not for us")
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Trouble(busy_sentence(port, option, use_instead)) from error
        return probe.getsockname()[1]


def busy_sentence(port, option, use_instead=""):
    """What to do about a port that can not be opened."""
    if 0 < port < FIRST_FREE_PORT:
        sentence = "Port %d is reserved by the system: choose one above 1023 with %s %d%s."
        return sentence % (port, option, port + 10000, use_instead)
    other = port + 1 if port < 65535 else port - 1
    return "Port %d is in use: choose another one with %s %d%s." % (port, option, other, use_instead)


def _positive(text):
    value = float(text)
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError("%s is not a number of seconds above 0" % text)
    return value


def _port(text):
    return _whole(text, 0, 65535)


def _firmware(text):
    return _whole(text, 8, 30)


def _whole(text, lowest, highest):
    if not text.isdigit() or not lowest <= int(text) <= highest:
        raise argparse.ArgumentTypeError("%s is not a whole number from %d to %d" % (text, lowest, highest))
    return int(text)


def _address(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError("%s is not HOST:PORT, for example 127.0.0.1:1883" % text)
    return host, int(port)
