"""The loop: reads the clock once per step, waits for bytes or time, feeds the watchdog after a healthy step.

Whatever ends the loop ends in 0 A.
"""

import gc
import json
import sys
import time

import board
import modbus
import mqtt_states
import net
import wlan
from clock import TICKS_MASK, elapsed_ms
from gateway import Gateway

ZERO_TRIES = 3
ZERO_PAUSE_MS = 60  # a reply has passed by then, so that two frames never collide
REPORT_EVERY_MS = 1000
REG_SET = 1000
BAUD_WITHOUT_CONFIG = 9600  # the only one an EVSE-DIN has
IDS_WITHOUT_CONFIG = (1, 2, 11, 12)  # where openWB's boxes have their EVSE


# What the console says about the MQTT connection, by client.last_error.
MQTT_TROUBLE = {
    1: "the broker does not speak MQTT 3.1.1",
    2: "the broker refuses this client id",
    3: "the broker is not available",
    4: "user or password is wrong",
    5: "this user may not connect",
    mqtt_states.ERR_NAME: "the name of the broker is not known",
    mqtt_states.ERR_DIAL: "nobody listens at this address and port",
    mqtt_states.ERR_DIAL_TIMEOUT: "nobody answers at this address",
    mqtt_states.ERR_SUBSCRIBE: "the broker does not let this user subscribe",
}


class Unusable(Exception):
    """A file that the box can not start with; the text says file, key, expected and found."""


def read_json(name):
    try:
        with open(name) as file:
            return json.load(file)
    except OSError:
        raise Unusable("%s: missing; expected a JSON file" % name)
    except ValueError:
        raise Unusable("%s: expected JSON, found something that does not parse" % name)


def read_checked(name, checker):
    """The content of a file as the function `checker` of config returns it. Raises Unusable.

    The checks leave the memory again: they are 4 kB that nobody needs after the start.
    """
    import config

    try:
        return getattr(config, checker)(read_json(name), name)
    except config.ConfigError as error:
        raise Unusable(str(error))
    finally:
        del sys.modules["config"]


def zero_all(port, units):
    """0 A to every EVSE, three times, blind: for a start or an end at which nothing else can be trusted."""
    frame = bytearray(16)
    chunk = bytearray(64)
    for _ in range(ZERO_TRIES):
        for unit in units:
            port.write(frame, modbus.put_write(frame, unit, REG_SET, 0))
            time.sleep_ms(ZERO_PAUSE_MS)
            port.readinto(chunk)


def run(report=None):
    """Starts the box and stays in the loop for ever. report(gateway), if given, is called once per second (desk only)."""
    print("ladepunkt: start after", board.reset_cause().decode())
    pins = read_checked("board.json", "check_board")
    wdt = board.watchdog(pins["watchdog_s"])
    units = IDS_WITHOUT_CONFIG
    port = None
    try:
        settings = read_checked("config.json", "check_config")
        port = board.Rs485(pins["rs485"][0], settings["bus"]["baud"])
        units = [point["evse"] for point in settings["charge_points"]]
        loop(settings, port, wdt, report)
    except Unusable as error:
        print("ladepunkt: stays at 0 A:", error)
        raise SystemExit(2)
    finally:
        zero_all(port or board.Rs485(pins["rs485"][0], BAUD_WITHOUT_CONFIG), units)


def say_connection(client, said):
    """Tells the console what became of the connection to the broker; returns what it said, for the next call. Episode."""
    now = "connected"
    if not client.online:
        now = MQTT_TROUBLE.get(client.last_error, "the connection was lost (%d)" % client.last_error)
        if not client.last_error:
            return said
    if now != said:
        print("ladepunkt: MQTT broker %s:%d: %s" % (client.server, client.port, now))
    return now


def loop(settings, port, wdt, report):
    """Builds the gateway and steps it until something raises."""
    waiter = net.Waiter()
    waiter.add(port.uart, net.READABLE)
    link = net.TcpLink(waiter, net.Resolver())
    wlan.join(settings["wifi"]["ssid"], settings["wifi"]["password"], settings["name"])
    gateway = Gateway(settings, port, link, board.box_id(), time.ticks_ms() & TICKS_MASK)
    gateway.note(b"started after " + board.reset_cause())
    gc.collect()
    said = ""
    hungry = True
    reported_ms = time.ticks_ms() & TICKS_MASK
    while True:
        now_ms = time.ticks_ms() & TICKS_MASK
        wait_ms = gateway.step(now_ms)
        wdt.feed()
        if gateway.take_episode():
            said = say_connection(gateway.client, said)
            gc.collect()
        if report and elapsed_ms(now_ms, reported_ms) >= REPORT_EVERY_MS:
            reported_ms = now_ms
            report(gateway)
        if gateway.hungry() != hungry:
            hungry = not hungry
            waiter.change(port.uart, net.READABLE if hungry else 0)
        waiter.wait(wait_ms)


if __name__ == "__main__":
    run()
