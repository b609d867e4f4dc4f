"""A box on the network: its MQTT topics as a primary gets them, and its Modbus registers as evcc does. Only reads, sets nothing."""

import dataclasses
import itertools
import logging
import json
import threading
import time

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from tools.doctor.finding import fix, hint, ok
from tools.doctor.words import NOBODY

ROOT = "openWB/internal_chargepoint/"
# Without these an openWB primary throws the charge point's values away.
NEEDED = ("power", "phases_in_use", "imported", "exported", "currents", "plug_state", "charge_state", "fault_state")
COLLECT_S = 1.0  # so long a primary listens
AGAIN_S = 2.5  # a value must come again within 2 s
HEARTBEAT_S = 25
CONNACK_S = 5
DEFAULT_LIMIT_S = 60
BEAT = "heartbeat on MQTT"
MODBUS_FIRST, MODBUS_STEP = 10100, 100
BUSY = 6
NO_MQTT = "is MQTT_PORT its mqtt.port (1883)? A box that is a client of a broker elsewhere has none: MQTT_PORT=0 then"
NOT_LET_IN = "its config.json names a user: ARGS=\"--user NAME --password PASSWORD\""

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # what it has to say is said here in other words


class Mqtt:
    """Subscribes to everything. `values` are the newest payloads by topic, `times` when each came, in s since the connection."""

    def __init__(self, host, port, user=None, password=None):
        self.host, self.port = host, port
        self.values = {}
        self.times = {}
        self.beats = []  # when a heartbeat passed by, by time.monotonic()
        self.refused = None
        self.let_in = None  # False: the broker said no
        self._begin = None
        self._up = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def open(self):
        """False when it could not be done; `refused` then says why."""
        self._begin = time.monotonic()
        try:
            self._client.connect(self.host, self.port, keepalive=30)
        except OSError as error:
            self.refused = str(error)
            return False
        self._client.loop_start()
        if not self._up.wait(CONNACK_S):
            self.refused = f"no CONNACK within {CONNACK_S} s"
        return self.refused is None

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client, _data, _flags, code, _properties):
        if code.is_failure:
            self.refused, self.let_in = str(code), False
        else:
            client.subscribe("openWB/#")
        self._up.set()

    def _on_message(self, _client, _data, message):
        now_s = time.monotonic() - self._begin
        if message.payload:
            self.values[message.topic] = message.payload.decode("utf-8", "replace")
            self.times.setdefault(message.topic, []).append(now_s)
        if message.topic == "openWB/set/internal_chargepoint/global_data" and message.payload and not message.retain:
            self.beats.append(time.monotonic())

    def point(self, index):
        """{name: decoded value} of get/ of one charge point."""
        start = f"{ROOT}{index}/get/"
        return {topic[len(start) :]: _decode(text) for topic, text in list(self.values.items()) if topic.startswith(start)}


def _decode(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def look_mqtt(mqtt, charge_points=1):
    """Findings of what a primary would meet. `mqtt` is not open yet and stays open."""
    what = f"MQTT at {mqtt.host}:{mqtt.port}"
    if not mqtt.open():
        return [fix(what, f"no connection: {mqtt.refused}", NOT_LET_IN if mqtt.let_in is False else NO_MQTT)]
    findings = [ok(what, "connected")]
    time.sleep(COLLECT_S)
    for index in range(charge_points):
        findings += _complete(mqtt, index)
    time.sleep(AGAIN_S)
    for index in range(charge_points):
        findings += _repeated(mqtt, index)
    return findings


def _complete(mqtt, index):
    there = mqtt.point(index)
    missing = [name for name in NEEDED if name not in there]
    what = f"topics of charge point {index}"
    if missing:
        return [fix(what, "missing after 1 s: " + ", ".join(missing), "is it configured? Is the Wi-Fi too weak (see its margin)?")]
    last_s = max(mqtt.times[f"{ROOT}{index}/get/{name}"][0] for name in NEEDED)
    return [ok(what, f"complete after {last_s * 1000:.0f} ms")]


def _repeated(mqtt, index):
    times = mqtt.times.get(f"{ROOT}{index}/get/power", [])
    what = f"values of charge point {index}"
    gaps_s = [later - earlier for earlier, later in itertools.pairwise(times)]
    if not gaps_s or max(gaps_s) > 2.0:
        return [fix(what, "not repeated within 2 s", "the loop of the box hangs or the network is slow: look at its longest step")]
    return [ok(what, f"came {len(times)} times in {times[-1]:.1f} s")]


def heartbeat_of(status):
    """What the box tells about its MQTT heartbeat, as look_heartbeat wants it; None where it does not say."""
    points = status.get("charge_points", [])
    limit_s = status.get("mqtt", {}).get("heartbeat_limit_s")
    if limit_s is None or not points:
        return None
    ages_s = [point.get("heartbeat_age_s") for point in points if point.get("leader") != "modbus"]
    ages_s = [age_s for age_s in ages_s if age_s is not None]
    return Told(limit_s, time.monotonic() - min(ages_s) if ages_s else None, status.get("uptime_s", 0) > limit_s)


@dataclasses.dataclass
class Told:
    """`last_s`: when the last heartbeat came, None if that was longer ago than `limit_s`; `sure`: it has had the time to come."""

    limit_s: int
    last_s: float = None
    sure: bool = False


def look_heartbeat(mqtt, told=None, say=lambda text: None):
    """The interval at which a controller sends its heartbeat. Waits for HEARTBEAT_S at most. `told`: see Told."""
    told = told or Told(DEFAULT_LIMIT_S)
    if not mqtt.beats and told.last_s is None and told.sure:
        return [hint(BEAT, f"none within {told.limit_s} s", NOBODY)]
    needed = 2 if told.last_s is None else 1
    end_s = time.monotonic() + HEARTBEAT_S
    if len(mqtt.beats) < needed:
        say(f"waiting up to {HEARTBEAT_S} s for a controller's heartbeat")
    while len(mqtt.beats) < needed and time.monotonic() < end_s:
        time.sleep(0.1)
    return [_judge_beats(list(mqtt.beats), told)]


def _judge_beats(beats, told):
    if not beats and told.last_s is not None:
        found = f"the last one {time.monotonic() - told.last_s:.0f} s ago"
        return hint(BEAT, found, f"after {told.limit_s} s it goes to 0 A: let the controller send one every 10 s")
    if not beats:
        return hint(BEAT, f"none within {HEARTBEAT_S} s", NOBODY)
    before = beats[:-1] or ([told.last_s] if told.last_s else [])
    if not before:
        return hint(BEAT, f"one within {HEARTBEAT_S} s", f"the controller's interval must stay below {told.limit_s} s")
    interval_s = beats[-1] - before[-1]
    if interval_s > told.limit_s - 1:
        return fix(BEAT, f"every {interval_s:.0f} s", f"send it more often than every {told.limit_s} s, or raise heartbeat_limit_s")
    if interval_s > told.limit_s / 2:
        return hint(BEAT, f"every {interval_s:.0f} s", f"the limit is {told.limit_s} s: one that is lost stops the charge; every 10 s is a good interval")
    return ok(BEAT, f"every {interval_s:.0f} s, limit {told.limit_s} s")


def look_modbus(host, port, points):
    """The registers of every charge point, and whether they say the same as its topics. `points`: their values, {} where unknown."""
    what = f"Modbus at {host}:{port}"
    client = ModbusTcpClient(host, port=port, timeout=3)
    try:
        if not client.connect():
            return [fix(what, "no connection", "modbus.enabled must be true and the port its modbus.port; MODBUS_PORT=0 if it is off on purpose")]
        findings = []
        for index, values in enumerate(points):
            findings += _look_at_registers(client, what, index, values)
        return findings
    except (ModbusException, OSError) as error:
        return [fix(what, f"no answer: {error}", "is something else listening on this port?")]
    finally:
        client.close()


def _look_at_registers(client, what, index, values):
    base = MODBUS_FIRST + MODBUS_STEP * index
    begin = time.monotonic()
    first = client.read_input_registers(base, count=17, device_id=1)
    took_ms = (time.monotonic() - begin) * 1000
    kind = client.read_input_registers(base + 43, count=1, device_id=1)
    map_of = f"charge point {index}, Modbus map"
    if first.isError() and getattr(first, "exception_code", 0) == BUSY:
        return [hint(map_of, "no energy yet (exception 6)", "the meter has not been read since the start: look at the meter")]
    if first.isError() or kind.isError():
        found = first if first.isError() else kind
        return [fix(map_of, f"refused: {found}", "is this a ladepunkt, and modbus.unit 1?")]
    wrong = _differences(base, first.registers, values)
    if kind.registers != [1]:
        wrong.append(f"{base + 43} is {kind.registers[0]}, not 1")
    findings = [ok(what, f"answers in {took_ms:.0f} ms")] if not index else []
    if wrong:
        return [*findings, fix(map_of, "; ".join(wrong), "another device on this port, or a defect: please report it with this output")]
    return [*findings, ok(map_of, "registers and topics say the same" if values else "as it should be; no topics to compare with")]


def _differences(base, registers, values):
    wrong = []
    volts = values.get("voltages")
    if isinstance(volts, list) and abs(registers[4] / 100 - volts[0]) > 15:
        wrong.append(f"{base + 4} says {registers[4] / 100} V, get/voltages {volts[0]} V")
    for register, name in ((14, "plug_state"), (15, "charge_state")):
        if name in values and isinstance(values[name], bool) and registers[register] != values[name]:
            wrong.append(f"{base + register} is {registers[register]}, get/{name} {values[name]}")
    if registers[2] == registers[3] == 0xFFFF:
        wrong.append(f"{base + 2} holds -1, which a client books as 4 294 967 kWh")
    return wrong
