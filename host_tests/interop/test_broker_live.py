"""The broker on real MicroPython with an ESP32-sized heap and ten sockets: paho, Mosquitto's tools, a bridge, a primary."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import broker_session as bs
import paho.mqtt.client as paho
import paho.mqtt.publish as paho_publish
import pytest
from topics import TOLD

from host_tests.fakes.peer import CONNACK, connect
from host_tests.fakes.primary import COLLECT_MS, PUBLISH_BUDGET_MS, golden
from host_tests.interop.live import PLACES, Mosquitto, Watcher
from host_tests.waiting import until
from tools import mpy
from tools.runtimes import ROOT, STUBS, UMQTT, micropython

HERE = Path(__file__).resolve().parent
MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1"))
PLAYERS = 5  # primaries at the same time, each with its own charge point number as far as ids go
CYCLES = 200 if MINUTES >= 10 else 8  # per player
CONNECTIONS = 7  # of ten sockets three listen
SET = "openWB/set/internal_chargepoint/"
GET = "openWB/internal_chargepoint/0/get/"
NAMES = {"openWB/internal_chargepoint/0/" + row[0].decode() for row in TOLD}
STEP_LIMIT_MS = 250


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


class Box:
    """run_broker.py in a process of its own; `now` is its last report."""

    def __init__(self, firmware, ports=None, **settings):
        self.ports = ports or free_ports(3)
        self.port = self.ports[0]
        wanted = {"ports": self.ports, "charge_points": 1, "prefix": "", "user": None, "password": None, "controllers": None, **settings}
        command = [micropython(), "-X", "heapsize=160K", "-m", "run_broker", json.dumps(wanted)]
        environment = {"MICROPYPATH": f"{STUBS}:{UMQTT}:{firmware}:{ROOT}:.frozen"}
        self._process = subprocess.Popen(
            list(map(str, command)), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.now = {}
        self.other_output = []
        threading.Thread(target=self._read, daemon=True).start()
        until(lambda: self.now or self.other_output, "the first report")

    def _read(self):
        for line in self._process.stdout:
            if line.startswith("{"):
                self.now = json.loads(line)
            else:
                self.other_output.append(line)

    def fresh(self):
        """A report from after this call."""
        old = self.now
        until(lambda: self.now is not old, "a report")
        old = self.now
        return until(lambda: self.now is not old and self.now, "a report")

    def empty(self):
        """Waits until nobody is connected; the report."""
        until(lambda: self.now["used"] == 0, f"all slots free, now {self.now}")
        return self.fresh()

    def close(self):
        alive = self._process.poll() is None
        self._process.kill()
        self._process.wait()
        assert alive and not self.other_output, "the box ended: " + "".join(self.other_output)
        print("box:", self.now)
        assert self.now["worst_ms"] <= STEP_LIMIT_MS


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """The firmware as .mpy, as on a device: there is no room for the compiler in a heap of that size."""
    folder = tmp_path_factory.mktemp("firmware")
    mpy.build(folder, extra=[HERE / "run_broker.py"], public=True, merged=False)  # merged, a part of the box brings all of it along
    return folder


@pytest.fixture
def boxes(firmware):
    """Starts boxes; at the end of the test all must be alive and have raised nothing."""
    with contextlib.ExitStack() as stack:

        def start(**settings):
            box = Box(firmware, **settings)
            stack.callback(box.close)
            return box

        yield start


@pytest.fixture
def box(boxes):
    return boxes()


# -- paho -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [paho.MQTTv31, paho.MQTTv311], ids=["3.1", "3.1.1"])
def test_paho_subscribes_publishes_and_leaves(box, protocol):
    seen, first, acked = {}, {}, threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "paho", protocol=protocol)
    client.on_connect = lambda client, *_: client.subscribe([(GET + "#", 1), ("openWB/set/#", 2), ("openWB/#", 0)])

    def on_message(client, userdata, message):
        first.setdefault(message.topic, (message.payload, message.retain))
        seen.setdefault(message.topic, []).append(message.payload)

    client.on_message = on_message
    client.on_publish = lambda *_: acked.set()
    client.connect("127.0.0.1", box.port)
    client.loop_start()
    until(lambda: NAMES <= set(first), "all topics", 3)
    assert all(retained for topic, (_, retained) in first.items() if topic in NAMES)
    for qos in (0, 1, 2):
        acked.clear()
        client.publish(SET + "0/data/set_current", f"1{qos}", qos, retain=True)
        assert acked.wait(3)
        until(lambda qos=qos: box.now["set_current_ca"] == [1000 + qos * 100], "the set point")
    until(lambda: seen.get("openWB/internal_chargepoint/0/data/set_current") == [b"10", b"11", b"12"], "the copies")
    assert seen[SET + "0/data/set_current"] == [b"10", b"", b"11", b"", b"12", b""]
    client.disconnect()
    client.loop_stop()
    assert box.empty()["ended"][bs.BY_DISCONNECT] == 1


def test_paho_with_mqtt_5_is_told_that_it_is_not_supported(box):
    told = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "five", protocol=paho.MQTTv5)
    client.on_connect = lambda client, userdata, flags, reason, properties: told.append(str(reason))
    client.connect("127.0.0.1", box.port)
    client.loop_start()
    until(lambda: told, "an answer")
    client.disconnect()
    client.loop_stop()
    assert told[0] == "Unsupported protocol version"


def test_user_password_and_list_of_controllers(boxes):
    box = boxes(user="installer", password="hühner 123", controllers=["192.0.2.1"])
    with Watcher(box.port, GET + "#", "installer", "hühner 123") as watcher:
        watcher.sees(GET + "power")
        watcher.publish(SET + "0/data/set_current", b"16", qos=1)
        until(lambda: box.now["refused"] == 1, "the refusal")
    reasons = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set("installer", "wrong")
    client.on_connect = lambda client, userdata, flags, reason, properties: reasons.append(str(reason))
    client.connect("127.0.0.1", box.port)
    client.loop_start()
    until(lambda: reasons, "an answer")
    client.disconnect()
    client.loop_stop()
    assert reasons[0] == "Bad user name or password" and box.fresh()["set_current_ca"] == [None]


# -- Mosquitto's tools ----------------------------------------------------------------------------------------------------


def tool(name, box, *arguments, seconds=10):
    program = shutil.which(name, path=PLACES)
    if program is None:
        pytest.skip(f"{name} is not installed: apt-get install mosquitto-clients")
    command = [program, "-h", "127.0.0.1", "-p", str(box.port), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds)


@pytest.mark.parametrize("version", ["31", "311"])
def test_mosquitto_sub_gets_everything(box, version):
    filters = ["-t", GET + "#", "-t", "openWB/+/0/get/+", "-q", "2"]
    done = tool("mosquitto_sub", box, "-V", version, *filters, "-F", "%r %t %p", "-C", str(len(TOLD)), "-W", "5")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and {line.split()[1] for line in lines} == NAMES
    assert all(line.startswith("1 ") for line in lines)


def test_mosquitto_pub_sets_with_every_qos(box):
    for qos in "012":
        done = tool("mosquitto_pub", box, "-t", SET + "0/data/set_current", "-m", f"1{qos}", "-q", qos, "-r")
        assert done.returncode == 0
        until(lambda qos=qos: box.now["set_current_ca"] == [1000 + int(qos) * 100], "the set point")
    done = tool("mosquitto_sub", box, "-t", "openWB/+/0/data/#", "-C", "1", "-W", "5", "-v")
    assert done.stdout == "openWB/internal_chargepoint/0/data/set_current 12.0\n"


def test_mosquitto_tools_with_mqtt_5_are_told(box):
    done = tool("mosquitto_pub", box, "-V", "5", "-t", "a", "-m", "1")
    assert done.returncode != 0 and "unsupported protocol version" in (done.stdout + done.stderr).lower()


def test_messages_too_long_end_their_connection_only(box):
    with Watcher(box.port, GET + "power") as watcher:
        tool("mosquitto_pub", box, "-t", SET + "0/data/set_current", "-m", "x" * 5000)
        until(lambda: box.now["ended"][bs.TOO_BIG] == 1, "the end")
        watcher.seen.clear()
        assert watcher.sees(GET + "power")
    box.empty()


# -- a primary ------------------------------------------------------------------------------------------------------------


class Player:
    """Cycles as openWB's chargepoint_module makes them, with paho; what took longest, and what went wrong."""

    def __init__(self, port, number):
        self.port = port
        self.number = number
        self.publish_ms = []
        self.collect_ms = []
        self.missing = []

    def play(self, cycles):
        for cycle in range(cycles):
            for row, _ in golden():
                if "subscribe" in row:
                    self._collect(row, cycle)
                else:
                    payload = row["payload"].replace("1795327212", str(1795327212 + cycle * PLAYERS + self.number))
                    begin = time.monotonic()
                    paho_publish.single(row["topic"], payload, hostname="127.0.0.1", port=self.port, retain=True)
                    self.publish_ms.append((time.monotonic() - begin) * 1000)
        return self

    def _collect(self, row, cycle):
        got, complete = set(), []
        client_id = row["client_id"].replace("Chargepoint3", f"Chargepoint{self.number}") + str(cycle)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            client = paho.Client(paho.CallbackAPIVersion.VERSION1, client_id)
        client.on_connect = lambda *_: client.subscribe(row["subscribe"], 0)

        def on_message(client, userdata, message):
            got.add(message.topic)
            if not complete and got >= NAMES:
                complete.append(time.monotonic())

        client.on_message = on_message
        begin = time.monotonic()
        client.connect("127.0.0.1", self.port)
        while time.monotonic() - begin < COLLECT_MS / 1000:
            client.loop(0.02)
        client.socket().close()
        self.missing += NAMES - got
        self.collect_ms += [(at - begin) * 1000 for at in complete]


def everybody_at_once(box):
    """All connections that the box has room for, open at the same time."""
    with contextlib.ExitStack() as stack:
        for i in range(CONNECTIONS):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", box.port)))
            peer.sendall(connect(b"everybody %d" % i))
            peer.settimeout(3)
            assert peer.recv(4) == CONNACK
    box.empty()


def percentiles(ms):
    ms = sorted(ms)
    return {"p50": round(ms[len(ms) // 2]), "p99": round(ms[len(ms) * 99 // 100]), "max": round(ms[-1])}


def test_primaries_are_served_in_real_time_and_nothing_leaks(box):
    everybody_at_once(box)  # each slot makes its buffers when first used: from here on there are none to come
    players = [Player(box.port, i) for i in range(PLAYERS)]
    with ThreadPoolExecutor(PLAYERS) as pool:
        list(pool.map(lambda player: player.play(1), players))
        before = box.empty()
        list(pool.map(lambda player: player.play(CYCLES - 1), players))
    after = box.empty()
    publish_ms = [ms for player in players for ms in player.publish_ms]
    collect_ms = [ms for player in players for ms in player.collect_ms]
    print("publish", percentiles(publish_ms), "collect", percentiles(collect_ms), "live bytes", before["live"], after["live"])
    cycles = PLAYERS * CYCLES
    assert [player.missing for player in players] == [[]] * PLAYERS and len(collect_ms) == cycles
    assert max(collect_ms) < COLLECT_MS and max(publish_ms) < PUBLISH_BUDGET_MS
    assert after["connects"] == sum(after["ended"]) == CONNECTIONS + 8 * cycles and after["accepted"] == 3 * cycles
    assert after["ended"][bs.BY_PEER] + after["ended"][bs.BY_DISCONNECT] == CONNECTIONS + 8 * cycles
    assert after["evicted"] == after["pool_lost"] == after["lost"] == 0 and after["alive"]
    assert after["live"] <= before["live"] + 1024, "4 bytes per connection would show"


# -- a bridge -------------------------------------------------------------------------------------------------------------

# What somebody with Home Assistant on another Mosquitto writes there.
BRIDGE = """
connection wallbox
address 127.0.0.1:{port}
bridge_protocol_version mqttv311
try_private {private}
cleansession true
restart_timeout 1
topic openWB/internal_chargepoint/# in 0
topic openWB/set/internal_chargepoint/# out 1
"""
RESTARTS = 10 if MINUTES >= 10 else 1  # each takes 6 s, as Mosquitto looks after its bridges every 5 s


@pytest.fixture
def bridged(tmp_path):
    """Starts a Mosquitto with a bridge to a port of this machine."""
    with contextlib.ExitStack() as stack:

        def start(port, private):
            broker = Mosquitto(tmp_path, free_ports(1)[0])
            with open(tmp_path / "mosquitto.conf", "a") as config:
                config.write(BRIDGE.format(port=port, private=private))
            stack.callback(broker.stop)
            return broker.start()

        yield start


@pytest.mark.parametrize("private", ["true", "false"])
def test_a_bridge_brings_the_values_out_and_live_set_points_in(box, bridged, private):
    broker = bridged(box.port, private)
    with Watcher(broker.port, "openWB/internal_chargepoint/#") as watcher:
        watcher.sees(GET + "power", 10)
        watcher.publish(SET + "0/data/set_current", b"16", qos=1)
        assert watcher.sees("openWB/internal_chargepoint/0/data/set_current")[0] == b"16"
    with Watcher(broker.port, "openWB/internal_chargepoint/#") as later:
        assert later.sees(GET + "fault_state") == (b"0", True), "Home Assistant restarts and finds the values"
    assert box.fresh()["set_current_ca"] == [1600] and box.now["online"] == 1


@pytest.mark.parametrize("private", ["true", pytest.param("false", marks=pytest.mark.long)])
def test_what_a_bridge_replays_after_a_restart_of_the_box_commands_nothing(firmware, bridged, private):
    ports = free_ports(3)
    broker = bridged(ports[0], private)
    with Watcher(broker.port, "openWB/internal_chargepoint/#") as watcher:
        watcher.publish(SET + "0/data/trigger_phase_switch", b"true", retain=True, qos=1)
        watcher.publish(SET + "0/data/set_current", b"16", retain=True, qos=1)
        watcher.publish(SET + "global_data", b'{"heartbeat": 1795327212}', retain=True, qos=1)
    for _ in range(RESTARTS):
        box = Box(firmware, ports)
        try:
            until(lambda box=box: box.now["sets"] == 3, "replays")
            told = box.fresh()
        finally:
            box.close()
        assert told["replays"] == 2 and not told["alive"] and told["triggers"] == [None] and told["set_current_ca"] == [1600]
