"""A box on the network: its MQTT topics as a primary gets them, and its Modbus registers as evcc does. Only reads, sets nothing."""

import itertools
import json
import threading
import time

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from tools.doctor.finding import fix, hint, ok

ROOT = "openWB/internal_chargepoint/"
# Without these an openWB primary throws the charge point's values away.
NEEDED = ("power", "phases_in_use", "imported", "exported", "currents", "plug_state", "charge_state", "fault_state")
COLLECT_S = 1.0  # so long a primary listens
AGAIN_S = 2.5  # a value must come again within 2 s
HEARTBEAT_S = 25
MODBUS_FIRST, MODBUS_COUNT = 10100, 60
NO_MQTT = "is this the address of the box (its console prints it), is mqtt.mode broker, does a firewall stand between?"


class Mqtt:
    """Subscribes to everything. `values` are the newest payloads by topic, `times` when each came, in s since the connection."""

    def __init__(self, host, port, user=None, password=None):
        self.host, self.port = host, port
        self.values = {}
        self.times = {}
        self.beats = []  # when a heartbeat passed by
        self.refused = None
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
        if not self._up.wait(5):
            self.refused = "no CONNACK within 5 s"
        return self.refused is None

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client, _data, _flags, code, _properties):
        if code.is_failure:
            self.refused = str(code)
        else:
            client.subscribe("openWB/#")
        self._up.set()

    def _on_message(self, _client, _data, message):
        now_s = time.monotonic() - self._begin
        if message.payload:
            self.values[message.topic] = message.payload.decode("utf-8", "replace")
            self.times.setdefault(message.topic, []).append(now_s)
        if message.topic == "openWB/set/internal_chargepoint/global_data" and message.payload:
            self.beats.append(now_s)

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
        return [fix(what, f"no connection: {mqtt.refused}", NO_MQTT)]
    findings = [ok(what, "connected")]
    time.sleep(COLLECT_S)
    for index in range(charge_points):
        findings += _complete(mqtt, index)
    time.sleep(AGAIN_S)
    for index in range(charge_points):
        findings += _repeated(mqtt, index) + _told(mqtt.point(index), index)
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


def _told(values, index):
    """What the box itself complains about, and why it gives no current."""
    findings = []
    level = values.get("fault_state")
    what = f"charge point {index} says"
    text = str(values.get("fault_str"))
    if level == 2:
        findings.append(fix(what, text, "see docs/safety.md for this fault"))
    elif level == 1:
        findings.append(hint(what, text, "see docs/safety.md"))
    elif level == 0:
        findings.append(ok(what, text))
    state = values.get("state_str")
    if state:
        findings.append(ok(f"charge point {index} is limited by", str(state)))
    return findings + _plausible(values, index)


def _plausible(values, index):
    volts = values.get("voltages")
    if not isinstance(volts, list) or not volts[0]:
        return []
    text = ", ".join(f"{v:.0f} V" for v in volts)
    what = f"voltages of charge point {index}"
    if not 200 <= volts[0] <= 260:
        return [fix(what, text, "L1 must be between 200 and 260 V: wire L1 and N of the meter")]
    if volts[1] < 150 < volts[2]:
        return [fix(what, text, "L2 is missing while L3 is there: check the terminals of the meter")]
    return [ok(what, text)]


def look_heartbeat(mqtt, limit_s, say=lambda text: None):
    """Waits until a controller has sent two heartbeats, HEARTBEAT_S at most."""
    end_s = time.monotonic() + HEARTBEAT_S
    say(f"waiting up to {HEARTBEAT_S} s for a controller's heartbeat")
    while len(mqtt.beats) < 2 and time.monotonic() < end_s:
        time.sleep(0.2)
    if not mqtt.beats:
        todo = "enter this address in openWB as a secondary (or lead it by Modbus: evcc). Without a controller it stays at 0 A"
        return [hint("heartbeat on MQTT", f"none within {HEARTBEAT_S} s", todo)]
    if len(mqtt.beats) == 1:
        return [hint("heartbeat on MQTT", f"one within {HEARTBEAT_S} s", f"the controller's interval must stay below {limit_s} s")]
    interval_s = mqtt.beats[-1] - mqtt.beats[-2]
    if interval_s > limit_s:
        return [fix("heartbeat on MQTT", f"every {interval_s:.0f} s", f"send it more often than every {limit_s} s, or raise heartbeat_limit_s")]
    return [ok("heartbeat on MQTT", f"every {interval_s:.1f} s")]


def look_modbus(host, port, values):
    """The registers of charge point 0, and whether they say the same as its topics (`values`, {} when there are none)."""
    what = f"Modbus at {host}:{port}"
    client = ModbusTcpClient(host, port=port, timeout=3)
    try:
        if not client.connect():
            return [fix(what, "no connection", "modbus.enabled must be true and the port 1502; evcc needs it, openWB does not")]
        begin = time.monotonic()
        first = client.read_input_registers(MODBUS_FIRST, count=17, device_id=1)
        took_ms = (time.monotonic() - begin) * 1000
        kind = client.read_input_registers(MODBUS_FIRST + 43, count=1, device_id=1)
    except (ModbusException, OSError) as error:
        return [fix(what, f"no answer: {error}", "is something else listening on this port?")]
    finally:
        client.close()
    if first.isError() or kind.isError():
        todo = "before its first meter reading the box answers exception 6: see the meter" if first.isError() else "is this a ladepunkt?"
        return [fix(what, f"refused: {first if first.isError() else kind}", todo)]
    findings = [ok(what, f"answers in {took_ms:.0f} ms")]
    wrong = _differences(first.registers, values)
    if kind.registers != [1]:
        wrong.append(f"10143 is {kind.registers[0]}, not 1")
    findings.append(
        fix("Modbus map", "; ".join(wrong), "another device on this port, or a defect: please report it with this output")
        if wrong
        else ok("Modbus map", "registers and topics say the same")
    )
    return findings


def _differences(registers, values):
    wrong = []
    volts = values.get("voltages")
    if isinstance(volts, list) and abs(registers[4] / 100 - volts[0]) > 15:
        wrong.append(f"10104 says {registers[4] / 100} V, get/voltages {volts[0]} V")
    for register, name in ((14, "plug_state"), (15, "charge_state")):
        if name in values and isinstance(values[name], bool) and registers[register] != values[name]:
            wrong.append(f"{MODBUS_FIRST + register} is {registers[register]}, get/{name} {values[name]}")
    if 0xFFFF in (registers[2], registers[3]) and registers[2] == registers[3]:
        wrong.append("10102 holds -1, which a client books as 4 294 967 kWh")
    return wrong
