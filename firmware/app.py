"""The app: checks the two files, builds the gateway and steps it: one look at the clock per step, then waits for bytes or time.

It runs inside failsafe.run(), which ends in 0 A whatever ends the app: SystemExit with a text says why the box can not start.
"""

import gc
import json
import os
import sys
import time

import board
import failsafe
import net
import wlan
from clock import TICKS_MASK, elapsed_ms
from events import K_START
from gateway import Gateway
from console import Console
from memory import Memory
from service import Service
from storage import Asset, Flash, RtcMemory
from supervisor import Supervisor
from version import VERSION
from vitals import Vitals

REPORT_EVERY_MS = 1000
BOOT_GARBAGE_BYTES = 8192  # collected so often while modules are loaded; else what lives ends up scattered between what does not
PAGE = "page.html"
BACKLOG = 4  # who finds no slot waits there
HELD_MS = 5000  # the button, for set-up over Wi-Fi
AGE_EVERY_MS = 10000  # what the floor counts in
AGE = 6  # where it counts, see failsafe.record
AGE_MAX = 255
STARTS = 11  # where it counts those of this version


def read_json(name):
    try:
        with open(name) as file:
            return json.load(file)
    except OSError:
        raise SystemExit("%s: missing; expected a JSON file: copy it to the device, then reset it" % name)
    except ValueError:
        raise SystemExit("%s: expected JSON, found something that does not parse: correct it, then reset the device" % name)


def checked_files():
    """(board, settings) as the functions of config return them. Raises SystemExit.

    The checks leave the memory again: they are 4 kB that nobody needs after the start.
    """
    import config

    try:
        pins = config.check_board(failsafe.board)
        set_up(pins)
        settings = config.check_config(read_json("config.json"))
        config.check_fit(settings, pins)
    except config.ConfigError as error:
        raise SystemExit(str(error))
    finally:
        del sys.modules["config"], sys.modules["config_rows"]
    return pins, settings


class Life:
    """Tells the floor how old this life is, so that five short ones are known as a boot loop, and a version that never gets 10 s
    old is left; tells the console that the box is healthy (tools/flash waits for it)."""

    def __init__(self, now_ms):
        self._told_ms = now_ms
        self._young = True

    def step(self, now_ms):
        """Once per step; allocates nothing."""
        if elapsed_ms(now_ms, self._told_ms) < AGE_EVERY_MS:
            return
        self._told_ms = now_ms
        if failsafe.record[AGE] < AGE_MAX:
            failsafe.record[AGE] += 1
            failsafe.record[STARTS] = 0
            failsafe.save()
        if self._young:
            self._young = False
            print("ladepunkt: healthy: version", VERSION.decode())


def set_up(pins):
    """Set-up over Wi-Fi where there is no config.json yet, or somebody holds the button while the box starts. At boot."""
    why = "config.json: missing"
    try:
        os.stat("config.json")
        if pins["button"] is None or not held(board.Button(pins["button"])):
            return
        why = "the button is held"
    except OSError:
        pass  # there is none
    import setup_mode

    setup_mode.run(board.box_id(), why)


def held(button):
    """True when it stays pressed for HELD_MS. At boot."""
    for _ in range(HELD_MS // 100):
        if not button.pressed():
            return False
        time.sleep_ms(100)
        failsafe.wdt.feed()
    return True


def run(report=None):
    """Starts the box and stays in the loop. report(gateway), if given, is called once per second (desk only)."""
    print("ladepunkt: start after", board.reset_cause().decode())
    try:
        pins, settings = checked_files()
        loop(settings, pins, failsafe.wdt, report)
    except Exception as error:
        sys.print_exception(error)
        raise


def open_net(mqtt, waiter):
    """What the MQTT door stands on: a listener for the broker on the box, a link for a client. At boot; raises SystemExit."""
    if mqtt["mode"] == "client":
        from resolver import Resolver

        if mqtt["ca_file"] is None:
            return net.TcpLink(waiter, Resolver())
        import tls_link

        return tls_link.TlsLink(waiter, Resolver(), tls_link.read_ca(mqtt["ca_file"]), mqtt["ca_file"])
    return listen(waiter, "mqtt", mqtt["port"], "MQTT broker on port %d: controllers dial in")


def open_modbus(modbus, waiter):
    """A listener, or None where Modbus is switched off. At boot; raises SystemExit."""
    if not modbus["enabled"]:
        return None
    return listen(waiter, "modbus", modbus["port"], "Modbus TCP on port %d: controllers dial in")


def open_page(settings, waiter, vitals):
    """What the status page stands on, or None where it is switched off. At boot; raises SystemExit."""
    if not settings["page"]["enabled"]:
        return None
    listener = listen(waiter, "page", settings["page"]["port"], "status page on port %d, and /status.json")
    return listener, Asset(PAGE, sys.path), vitals


def listen(waiter, section, port, text):
    """A listener; `text` is what the console says then. At boot; raises SystemExit."""
    listener = net.TcpListener(waiter, port, BACKLOG)
    if listener.error is not None:
        expected = "expected a port that can be opened, found %d (errno %d): choose another one" % (port, listener.error)
        raise SystemExit("config.json: %s.port: %s" % (section, expected))
    print("ladepunkt: " + text % port)
    return listener


def interface(settings, pins):
    """The network that the configuration wants, as the supervisor's port; None: this box has another way. At boot."""
    hostname = "%s-%04x" % (settings["name"], board.box_id() & 0xFFFF)
    if settings["network"] == "ethernet":
        import lan

        return lan.Lan(pins["ethernet"], hostname)
    if not settings["wifi"]["ssid"]:
        return None
    return wlan.Wlan(settings["wifi"]["ssid"], settings["wifi"]["password"], hostname)


def say_network(supervisor):
    """Episode."""
    supervisor.changed = False
    if supervisor.address:
        print("ladepunkt: address", supervisor.address)
    else:
        print("ladepunkt: the network is lost")


def open_extras(settings, pins, link):
    """The reader of tags and the port of the clock, None where they are not configured. At boot; raises SystemExit."""
    reader = udp = None
    if settings["rfid"]["reader"]:
        from readers import open_reader

        reader = open_reader(settings["rfid"]["reader"], pins["rfid"])
    if settings["time"]["server"]:
        from resolver import Resolver
        from udp import UdpPort

        udp = UdpPort(Resolver(), link)
    return reader, udp


def open_lines(settings, pins, waiter):
    """The ports of the RS485 lines, None where no charge point is on it. At boot."""
    ports = [None, None]
    for point in settings["charge_points"]:
        n = point["bus"]
        if ports[n] is None:
            ports[n] = board.Rs485(pins["rs485"][n], settings["bus"]["baud"])
            waiter.add(ports[n].uart, net.READABLE)
    return ports


def build(settings, pins, ports, net_port, modbus, link, page):
    """The gateway with everything the board has; ports: of the lines; link: the network interface, or None; page: see open_page. At boot."""
    reader, udp = open_extras(settings, pins, link)
    relays = [board.CpRelay(i) for i in range(len(pins["cp_relays"]))]
    coils = [board.Coils(i, pins["coils"][i]) for i in range(len(pins["coils"]))]
    button = board.Button(pins["button"]) if pins["button"] else None
    now_ms = time.ticks_ms() & TICKS_MASK
    memory = Memory(RtcMemory(failsafe), Flash(), now_ms)
    box = board.box_id()
    gateway = Gateway(
        settings, ports[0], net_port, box, now_ms, second_port=ports[1], grid=board.GridInput(pins["grid_input"]) if pins["grid_input"] else None,
        relays=relays, memory=memory, button=button, coils=coils, reader=reader, udp=udp, modbus=modbus, page=page,
    )  # fmt: skip
    gateway.note(b"started after " + board.reset_cause())
    gateway.events.now_ms = now_ms
    gateway.events.note(K_START, 0, 0)
    return gateway


def give_back():
    """At boot, at its very end: what nobody needs any more."""
    import forget

    forget.forget()


def loop(settings, pins, wdt, report):
    """Builds the gateway and steps it until something raises, or somebody asks for maintenance."""
    gc.threshold(BOOT_GARBAGE_BYTES)
    waiter = net.Waiter()
    ports = open_lines(settings, pins, waiter)
    uarts = [port.uart for port in ports if port]
    link = interface(settings, pins)
    supervisor = Supervisor(link, time.ticks_ms() & TICKS_MASK)
    net_port = open_net(settings["mqtt"], waiter)
    modbus = open_modbus(settings["modbus"], waiter)
    vitals = Vitals(time.ticks_ms() & TICKS_MASK, link)
    gateway = build(settings, pins, ports, net_port, modbus, link, open_page(settings, waiter, vitals))
    said = ""
    if gateway.client:
        from client_words import say_connection
    hungry = [True] * len(uarts)
    reported_ms = time.ticks_ms() & TICKS_MASK
    life = Life(reported_ms)
    service = Service(gateway, Console())
    give_back()
    while not service.step(time.ticks_ms() & TICKS_MASK):
        now_ms = time.ticks_ms() & TICKS_MASK
        wait_ms = gateway.step(now_ms)
        wdt.feed()
        vitals.step(now_ms, time.ticks_ms() & TICKS_MASK)
        life.step(now_ms)
        supervisor.step(now_ms)
        if supervisor.changed:
            say_network(supervisor)
        if gateway.take_episode():
            if gateway.client:
                said = say_connection(gateway.client, said)
            gc.collect()
        if report and elapsed_ms(now_ms, reported_ms) >= REPORT_EVERY_MS:
            reported_ms = now_ms
            report(gateway)
        for i in range(len(uarts)):
            if gateway.hungry(i) != hungry[i]:
                hungry[i] = not hungry[i]
                waiter.change(uarts[i], net.READABLE if hungry[i] else 0)
        waiter.wait(wait_ms)
