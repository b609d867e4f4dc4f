"""The desk as its users meet it: a process with ports, lines of text, signals and an exit status."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import paho.mqtt.client as paho
import pytest
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusIOException

from host_tests.fakes.site import standard_site
from tools.desk import broker, process, settings
from tools.desk.line import Line

ROOT = process.ROOT
FREE_PORTS = ("--broker-port", "0", "--control-port", "0", "--modbus-port", "0", "--http-port", "0")


class Desk:
    """`python -m tools.desk --headless` on free ports, with its own directory for temporary files."""

    def __init__(self, temporary, *arguments):
        self.temporary = str(temporary)
        self.lines = []
        self._fresh = queue.Queue()
        command = [sys.executable, "-m", "tools.desk", "--headless", *arguments]
        self.child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(os.environ, TMPDIR=self.temporary),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))
            self._fresh.put(self.lines[-1])
        self._fresh.put(None)

    def wait_for(self, pattern, limit_s=15):
        """The match of the next line that contains the pattern."""
        deadline_s = time.monotonic() + limit_s
        while True:
            line = self._fresh.get(timeout=max(0.01, deadline_s - time.monotonic()))
            assert line is not None, "the desk ended:\n" + "\n".join(self.lines)
            match = re.search(pattern, line)
            if match:
                return match

    def wait(self, limit_s=10):
        """The exit status."""
        status = self.child.wait(limit_s)
        self._reader.join(2)
        return status

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            finally:
                self.child.kill()


class Control:
    """A client of the control port."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._file = self._socket.makefile("rw")

    def send(self, text):
        self._file.write(text + "\n")
        self._file.flush()
        return json.loads(self._file.readline())

    def do(self, verb, **arguments):
        return self.send(json.dumps(dict(do=verb, **arguments)))

    def until(self, condition, limit_s=12):
        """The first state for which the condition holds."""
        deadline_s = time.monotonic() + limit_s
        while True:
            state = self.do("state")
            if condition(state):
                return state
            assert time.monotonic() < deadline_s, state
            time.sleep(0.05)


@pytest.fixture(scope="module", params=["micropython", "cpython"])
def running(request, tmp_path_factory):
    """A desk with two charge points on each runtime, and a client of its control port."""
    if request.param == "micropython" and process.find_micropython() is None:
        pytest.skip("there is no MicroPython package for this machine")
    desk = Desk(tmp_path_factory.mktemp("desk"), *FREE_PORTS, "--charge-points", "2", "--runtime", request.param)
    try:
        port = int(desk.wait_for(r"control +127\.0\.0\.1:(\d+)").group(1))
        yield desk, Control(port)
    finally:
        desk.end()


def test_state_has_the_promised_shape(running):
    state = running[1].do("state")
    assert state["ok"] is True and state["gateway"] == "running"
    assert len(state["cp"]) == 2
    for point in state["cp"]:
        assert {"set_current_raw", "state", "precise", "eeprom_writes", "writes"} <= set(point["evse"])
        assert {"plugged", "current_a"} <= set(point["car"])
        assert {"power_w", "imported_wh"} <= set(point["meter"])
        assert point["relays"] == {"cp_open": False, "stuck": "none", "phases": 3, "phases_stuck": False, "coils": []}
    assert len(state["firmware"]["cp"]) == 2
    assert state["firmware"]["bus"][0]["requests"] > 0


@pytest.mark.parametrize("running", ["micropython"], indirect=True)
@pytest.mark.parametrize(
    "line, word",
    [
        ("plug", "JSON"),
        ("[1]", "JSON"),
        ("{}", "plug"),
        ('{"do":["plug"]}', "plug"),
        ('{"do":"fly"}', "plug"),
        ('{"do":"plug","cp":2}', "cp"),
        ('{"do":"plug","cp":true}', "cp"),
        ('{"do":"plug","cp":"0"}', "cp"),
        ('{"do":"car","cp":0,"phases":2}', "phases"),
        ('{"do":"car","cp":0,"max_a":NaN}', "max_a"),
        ('{"do":"car","cp":0,"stubborn":1}', "stubborn"),
        ('{"do":"car","cp":0,"colour":"red"}', "colour"),
        ('{"do":"bus","device":"car","fault":"none"}', "device"),
        ('{"do":"bus","device":"evse","fault":"loud"}', "fault"),
        ('{"do":"restart","what":"world"}', "what"),
        ('{"do":"relay","cp":0,"stuck":"half"}', "stuck"),
        ('{"do":"relay","cp":0}', "stuck"),
        ('{"do":"evse","cp":0,"rcd_error":1}', "rcd_error"),
        ('{"do":"evse","cp":0,"state":5}', "state"),
        ('{"do":"evse","cp":0,"registers":{"2001":7}}', "registers"),
        ('{"do":"evse","cp":0,"registers":{"2005":32768}}', "registers"),
        ('{"do":"meter","cp":0,"type":"mechanical"}', "type"),
        ('{"do":"meter","cp":0,"volts":[230,230]}', "volts"),
        ('{"do":"meter","cp":0,"backwards":4}', "backwards"),
        ('{"do":"controller","mode":"away"}', "mode"),
        ('{"do":"controller","every_s":0}', "every_s"),
        ('{"do":"weld","cp":0,"welded":"yes"}', "welded"),
        ('{"do":"phases","cp":0,"at":2}', "at"),
        ('{"do":"phases","cp":0,"stuck":1}', "stuck"),
        ('{"do":"switch","cp":0}', "phases"),
        ('{"do":"switch","cp":0,"phases":2}', "phases"),
        ('{"do":"interrupt","cp":0,"seconds":31}', "seconds"),
        ('{"do":"crash","how":"softly"}', "how"),
        ('{"do":"console","line":"two\\nlines"}', "line"),
        ('{"do":"console"}', "line"),
    ],
)
def test_errors_are_answers(running, line, word):
    answer = running[1].send(line)
    assert answer["ok"] is False
    assert word in answer["error"]
    assert set(answer) == {"ok", "error"}


def test_a_silent_device_shows_in_the_gateways_own_counters(running):
    control = running[1]

    def timeouts(state):
        return {device["name"]: device["timeouts"] for device in state["firmware"]["bus"]}

    before = timeouts(control.do("state"))
    assert control.do("bus", cp=0, device="meter", fault="silent") == {"ok": True}
    after = timeouts(control.until(lambda s: timeouts(s)["meter 105"] > before["meter 105"]))
    assert after["meter 106"] == before["meter 106"]
    assert control.do("bus", device="all", fault="none") == {"ok": True}


@pytest.mark.parametrize("running", ["micropython"], indirect=True)
def test_a_plugged_car_is_charged_on_the_lead_of_the_stand_in_controller(running):
    control = running[1]
    assert control.do("plug", cp=1) == {"ok": True}
    assert control.do("car", cp=1, max_a=10, phases=1, stubborn=False) == {"ok": True}
    state = control.until(lambda s: s["cp"][1]["car"]["current_a"] == [10.0, 0.0, 0.0])
    assert state["cp"][1]["evse"]["set_current_raw"] == 1600
    assert state["cp"][1]["meter"]["power_w"] == 2300
    assert state["cp"][0]["car"] == dict(state["cp"][0]["car"], plugged=False, current_a=[0.0, 0.0, 0.0])
    assert control.do("unplug", cp=1) == {"ok": True}
    control.until(lambda s: s["cp"][1]["car"]["current_a"] == [0.0, 0.0, 0.0] and s["cp"][1]["evse"]["state"] == 1)


@pytest.mark.parametrize("running", ["micropython"], indirect=True)
def test_a_stuck_relay_shows_on_the_control_pilot_until_it_is_mended(running):
    control = running[1]
    assert control.do("relay", cp=1, stuck="open") == {"ok": True}
    points = control.do("state")["cp"]
    assert (points[1]["relays"]["cp_open"], points[1]["relays"]["stuck"]) == (True, "open")
    assert points[0]["relays"]["cp_open"] is False
    assert control.do("relay", cp=1, stuck="none") == {"ok": True}
    assert control.do("state")["cp"][1]["relays"]["cp_open"] is False


@pytest.mark.parametrize("running", ["micropython"], indirect=True)
def test_phases_are_switched_and_every_part_of_it_can_be_watched(running):
    control = running[1]
    assert control.do("plug", cp=0) == {"ok": True}
    control.until(lambda s: s["cp"][0]["car"]["current_a"] == [16.0, 16.0, 16.0])
    assert control.do("switch", cp=0, phases=1) == {"ok": True}
    control.until(lambda s: s["cp"][0]["relays"]["coils"] == [1], 30)
    state = control.until(lambda s: s["cp"][0]["car"]["current_a"] == [16.0, 0.0, 0.0], 40)
    assert state["cp"][0]["relays"]["phases"] == 1
    state = control.until(lambda s: s["firmware"]["cp"][0]["position"] == 1)
    assert state["firmware"]["cp"][0]["fault_state"] == 0
    assert control.do("unplug", cp=0) == {"ok": True}


def test_restarts(running):
    control = running[1]
    assert control.do("restart", what="evse", cp=1) == {"ok": True}
    assert control.until(lambda s: not s["cp"][1]["evse"]["powered"])["cp"][0]["evse"]["powered"]
    control.until(lambda s: s["cp"][1]["evse"]["powered"])
    assert control.do("restart", what="gateway") == {"ok": True}
    control.until(lambda s: s["gateway"] == "restarting")
    state = control.until(lambda s: s["gateway"] == "running" and s["firmware"]["uptime_s"] <= 3)
    assert state["restarts"] == 1 and state["watchdog_resets"] == 0


@pytest.mark.parametrize("option, use_instead", [("--broker-port", "--mqtt 127.0.0.1:"), ("--control-port", "--control-port "), ("--modbus-port", "--modbus-port "), ("--http-port", "--http-port ")])
def test_a_busy_port_is_one_sentence_and_status_2(tmp_path, option, use_instead):
    ports = {"--broker-port": "0", "--control-port": "0", "--modbus-port": "0", "--http-port": "0"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ports[option] = str(listener.getsockname()[1])
        desk = Desk(tmp_path, *[word for pair in ports.items() for word in pair])
        assert desk.wait() == 2
    assert len(desk.lines) == 1, desk.lines
    assert "Port %s is in use" % ports[option] in desk.lines[0]
    assert option in desk.lines[0] and use_instead in desk.lines[0]
    assert os.listdir(tmp_path) == []


def test_the_last_line(tmp_path):
    desk = Desk(
        tmp_path, *FREE_PORTS,
        "--meter", "none", "--no-controller", "--evse-firmware", "10", "--seconds", "1",
    )  # fmt: skip
    assert desk.wait(20) == 0
    assert desk.lines[-1].startswith("1 s on the desk; cp0 set 0.00 A; gateway restarts 0; bus requests ")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "number, moment, options",
    [(signal.SIGINT, "^broker", ["--client"]), (signal.SIGTERM, "^gateway", []), (signal.SIGTERM, "^control", [])],
)
def test_signals_leave_nothing_behind(tmp_path, number, moment, options):
    desk = Desk(tmp_path, *FREE_PORTS, *options)
    desk.wait_for(moment)
    children = descendants(desk.child.pid)
    assert children
    desk.child.send_signal(number)
    assert desk.wait() == 0
    assert not children & set(processes())
    assert os.listdir(tmp_path) == []


def processes():
    """{process id: parent} of everything that runs (a zombie does not)."""
    listing = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    return {int(pid): int(parent) for pid, parent, stat in rows if not stat.startswith("Z")}


def descendants(root):
    """Process ids below this one."""
    parents = processes()
    found = set()
    for pid in parents:
        above = pid
        while above in parents and above != root:
            above = parents[above]
        if above == root and pid != root:
            found.add(pid)
    return found


def test_amqtt_serves_where_mosquitto_is_missing(tmp_path):
    port = settings.choose_port(0, "--broker-port")
    spare = broker.Broker(port, str(tmp_path), mosquitto=None)
    received = queue.Queue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: received.put((message.topic, message.payload))
    spare.start()
    try:
        deadline_s = time.monotonic() + broker.START_LIMIT_S
        while not spare.ready():
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        client.connect("127.0.0.1", port)
        client.loop_start()
        client.subscribe("openWB/#")
        client.publish("openWB/set/internal_chargepoint/global_data", b"{}", retain=True)
        assert received.get(timeout=5) == ("openWB/set/internal_chargepoint/global_data", b"{}")
    finally:
        client.disconnect()
        client.loop_stop()
        spare.stop()
    assert not spare.running()


@pytest.fixture
def line():
    site_lock = threading.RLock()
    result = Line(standard_site(), site_lock)
    result.start()
    yield result
    result.stop()


@pytest.fixture
def master(line):
    client = ModbusSerialClient(line.path, baudrate=9600, timeout=0.2, retries=0)
    assert client.connect()
    yield client
    client.close()


def test_line_keeps_the_time_of_9600_baud(master):
    times_s = []
    for _ in range(5):
        started_s = time.monotonic()
        current, _, vehicle_state = master.read_holding_registers(1000, count=3, device_id=1).registers
        assert (current, vehicle_state) == (32, 1)
        times_s.append(time.monotonic() - started_s)
    wire_s = (8 + 11) * 10 / 9600
    assert min(times_s) >= wire_s + 0.020
    assert min(times_s) < wire_s + 0.020 + 0.030


def test_line_writes_and_refuses(master):
    assert not master.write_registers(1000, [6], device_id=1).isError()
    assert master.read_holding_registers(1000, count=1, device_id=1).registers == [6]
    assert master.read_holding_registers(1500, count=1, device_id=1).exception_code == 2
    assert master.read_input_registers(0, count=2, device_id=105).registers == [0x4366, 0]
    with pytest.raises(ModbusIOException):
        master.read_holding_registers(1000, count=1, device_id=9)


@pytest.mark.parametrize("fault, good", [("silent", (0, 0)), ("crc", (0, 0)), ("noise", (1, 3)), ("slow", (1, 3))])
def test_line_faults(line, master, fault, good):
    line.set_fault(fault, "evse", 0)
    answered = 0
    for _ in range(4):
        try:
            answered += not master.read_holding_registers(1000, count=1, device_id=1).isError()
        except ModbusIOException:
            pass  # counted by what is missing in `answered`
        time.sleep(0.02)
    assert good[0] <= answered <= good[1]
    line.set_fault("none", "evse", 0)
    time.sleep(0.5)
    assert master.read_input_registers(0, count=2, device_id=105).registers == [0x4366, 0]
