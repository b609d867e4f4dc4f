"""The desk as it starts by default, with the MQTT broker on the box: who watches, who leads, and who does not. In real time."""

import contextlib
import itertools
import json
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from topics import TOLD

from host_tests.interop.test_broker_live import tool
from host_tests.interop.test_desk import FREE_PORTS, Control, Desk, descendants
from host_tests.waiting import until

SET = "openWB/set/internal_chargepoint/"
NAMES = {"openWB/internal_chargepoint/%d/%s" % (i, row[0].decode()) for i in range(2) for row in TOLD}
COMPLETE_S = 1.0  # a primary counts it from its connect
LIMIT_S = 30
LAG_S = 1.5  # from the limit to a car that draws nothing
STALL_MAX_S = 1.0  # what a busy machine may add, as far as it was seen to hold up this test itself
POLL_S = 0.1
LISTENING = "0A"  # in the kernel's table
_NEW = itertools.count(2)
WAYS = ("the leader is silent", "the leader is silent, and another address goes on")


class Box:
    """A desk with a car plugged in. `port`: of its MQTT broker."""

    def __init__(self, folder, *arguments):
        self._desk = Desk(folder, *FREE_PORTS, *arguments)
        try:
            self.control_port = int(self._desk.wait_for(r"control +127\.0\.0\.1:(\d+)", 30)[1])
            self.control = Control(self.control_port)
            self.port = int(self.control.do("state")["mqtt"].rpartition(":")[2])
            self.control.do("car", ramp_down_s=1)
            self.control.do("plug")
        except BaseException:
            self.end()
            raise

    def end(self):
        self._desk.end()

    def children(self):
        return descendants(self._desk.child.pid)

    def restart(self):
        """Only the gateway; it is away when this returns."""
        self.control.do("restart", what="gateway")
        self.control.until(lambda state: state["gateway"] == "restarting")

    def is_up(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def charges(self):
        return self.control.until(lambda state: state["cp"][0]["car"]["current_a"][0] >= 15.9)

    def raw(self):
        """Register 1000 of the EVSE."""
        return self.control.do("state")["cp"][0]["evse"]["set_current_raw"]

    def report(self):
        """What the firmware says of its charge point from now on."""
        old = self.control.do("state")["firmware"]
        return self.control.until(lambda state: state["firmware"] != old)["firmware"]["cp"][0]

    def rest(self):
        """Afterwards nobody has led it since its start, and nothing flows."""
        if self.control.do("state")["firmware"]["cp"][0]["heartbeat_age_ms"] is not None:
            self.restart()
            until(self.is_up, "the box is back")
            self.report()
        self.control.until(lambda state: not state["cp"][0]["evse"]["set_current_raw"] and not any(state["cp"][0]["car"]["current_a"]))


def impatient(folder):
    """A box with the shortest limit, without the stand-in controller."""
    folder.mkdir()
    path = folder / "config.json"
    path.write_text(json.dumps({"heartbeat_limit_s": LIMIT_S, "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}]}))
    return Box(folder, "--no-controller", "--config", str(path))


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """Two charge points, and nobody leads."""
    desk = Box(tmp_path_factory.mktemp("desk"), "--no-controller", "--charge-points", "2")
    yield desk
    desk.end()


class Controller:
    """One that publishes from an address of its own."""

    def __init__(self, port, address):
        self._beats = int(time.time())
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port, bind_address=address)
        self._client.loop_start()
        until(self._client.is_connected, "a connection")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def beat(self, times=1):
        """So many heartbeats, all different."""
        for _ in range(times):
            self._beats += 1
            self._publish("global_data", json.dumps({"heartbeat": self._beats}))

    def set(self, current_a):
        self._publish("0/data/set_current", json.dumps(current_a))

    def _publish(self, name, payload):
        self._client.publish(SET + name, payload, qos=1, retain=True).wait_for_publish(5)


@pytest.fixture
def addresses():
    """Two addresses of this machine that nobody has used yet."""
    found = ["127.0.0.%d" % next(_NEW), "127.0.0.%d" % next(_NEW)]
    for address in found:
        try:
            socket.create_server((address, 0)).close()
        except OSError:
            pytest.skip(f"{address} is no address of this machine (macOS: sudo ifconfig lo0 alias {address})")
    return found


# -- who watches ----------------------------------------------------------------------------------------------------------


def test_a_subscriber_has_every_topic_within_a_second(box):
    for _ in range(3):
        first = {}
        complete = threading.Event()

        def take(_client, _userdata, message, first=first, complete=complete):
            first.setdefault(message.topic, message.retain)
            if NAMES <= set(first):
                complete.set()

        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.on_connect = lambda client, *_: client.subscribe("openWB/#")
        client.on_message = take
        began_s = time.monotonic()
        client.connect("127.0.0.1", box.port)
        client.loop_start()
        assert complete.wait(COMPLETE_S), f"{len(NAMES - set(first))} topics missing after {time.monotonic() - began_s:.2f} s"
        client.disconnect()
        client.loop_stop()
        assert all(first[name] for name in NAMES), "as retained messages"


def test_mosquitto_sub_has_every_topic_within_a_second(box):
    began_s = time.monotonic()
    done = tool("mosquitto_sub", box, "-t", "openWB/internal_chargepoint/+/get/+", "-F", "%r %t", "-C", str(len(NAMES)), "-W", "3")
    assert time.monotonic() - began_s < COMPLETE_S
    assert {tuple(line.split(" ", 1)) for line in done.stdout.splitlines()} == {("1", name) for name in NAMES}


def hellos():
    """What somebody sends who takes the port for one that speaks something else."""
    yield b"\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03" + bytes(range(64))
    yield b"GET /mqtt HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"


def test_tls_and_websockets_are_hung_up_on(box):
    for hello in hellos():
        with socket.create_connection(("127.0.0.1", box.port), 3) as connection:
            connection.sendall(hello)
            with contextlib.suppress(ConnectionResetError):  # it left before it had read everything
                assert connection.recv(100) == b""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the tables of the Linux kernel")
def test_the_firmware_listens_on_the_ports_that_the_desk_names_and_on_no_other(box):
    listening = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[3] == LISTENING:
            listening["socket:[%s]" % columns[9]] = int(columns[1].rpartition(":")[2], 16)
    ports = set()
    for pid in box.children():
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                ports.add(listening.get(str(handle.readlink())))
    state = box.control.do("state")
    assert ports - {None} == {box.port} | {int(state[name].rpartition(":")[2].strip("/")) for name in ("modbus", "page")}


# -- who leads ------------------------------------------------------------------------------------------------------------


def test_the_heartbeat_of_another_address_does_not_count(box, addresses):
    with Controller(box.port, addresses[0]) as leader, Controller(box.port, addresses[1]) as other:
        leader.set(16)
        other.beat(3)
        box.control.until(lambda state: state["firmware"]["cp"][0]["state_str"].startswith("no heartbeat yet"))
        assert not box.raw()
        leader.beat(2)
        until(lambda: box.raw() == 1600, "16 A")
        other.beat()
        leader.set(0)
        until(lambda: not box.raw(), "0 A")
        other.set(10)
        until(lambda: box.raw() == 1000, "10 A: its heartbeats count since it leads")


@pytest.mark.long
def test_the_stand_in_controller_charges_the_car(tmp_path):
    box = Box(tmp_path)
    try:
        assert box.charges()["cp"][0]["evse"]["set_current_raw"] == 1600
    finally:
        box.end()


def stop_of(folder, addresses, way):
    """How long the car of a box of its own drew current after the last heartbeat of its leader, and likewise with register 1000."""
    box = impatient(folder)
    try:
        with Controller(box.port, addresses[0]) as leader, Controller(box.port, addresses[1]) as other:
            leader.beat()
            leader.set(16)
            leader.beat()
            box.charges()
            leader.beat()
            last_s = time.monotonic()
            return _watch(box.control, last_s, None if way == WAYS[0] else other)
    finally:
        box.end()


def _watch(control, last_s, other):
    found = {"charging_s": None, "set_s": None, "stall_s": 0, "why": None}
    beats, age_s = 0, time.monotonic() - last_s
    while found["charging_s"] is None and age_s < LIMIT_S + 10:
        before_s = age_s
        state = control.do("state")
        point = state["cp"][0]
        age_s = time.monotonic() - last_s
        found["stall_s"] = max(found["stall_s"], age_s - before_s - 2 * POLL_S)
        if not point["evse"]["set_current_raw"] and found["set_s"] is None:
            found["set_s"] = age_s
            found["why"] = state["firmware"]["cp"][0]  # as of up to one second ago
        if not any(point["car"]["current_a"]):
            found["charging_s"] = age_s
        if other is not None and age_s > beats:
            beats += 1
            other.beat()
        time.sleep(POLL_S)
    return found


@pytest.mark.long
def test_the_car_stops_when_its_leader_falls_silent(addresses, tmp_path):
    """All ways side by side: a heartbeat limit has to pass anyway."""
    with ThreadPoolExecutor(len(WAYS)) as pool:
        stops = list(pool.map(lambda way: stop_of(tmp_path / str(WAYS.index(way)), addresses, way), WAYS))
    for way, found in zip(WAYS, stops, strict=True):
        print(way, found)
        latest_s = LIMIT_S + LAG_S + min(found["stall_s"], STALL_MAX_S)
        assert LIMIT_S - 0.5 <= found["set_s"] <= latest_s, (way, found)
        assert found["charging_s"] is not None and found["charging_s"] <= latest_s, (way, found)
