"""The bridge of docs/mqtt.md, as it is printed there: a real Mosquitto with it, and the firmware on the desk. In real time."""

import json
import os
import re
import signal
import threading

import config
import config_rows
import pytest

from host_tests.interop.live import Mosquitto, Watcher
from host_tests.waiting import until
from host_tests.interop.test_cutoff import free_port
from host_tests.interop.test_desk import Control
from host_tests.interop.test_desk_broker import Box
from tools.runtimes import ROOT

PAGE = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
BRIDGE = re.search(r"```conf\n(.*?)```", PAGE, re.DOTALL)[1]
ADDRESS = re.compile(r"(?<=^address )\S+$", re.MULTILINE)
SET = "openWB/set/internal_chargepoint/"
KEPT = "openWB/internal_chargepoint/"
POWER, CURRENT, TRIGGER = KEPT + "0/get/power", KEPT + "0/data/set_current", KEPT + "0/data/trigger_phase_switch"
RETAINED = {
    "global_data": b'{"heartbeat": 1795327212}',
    "0/data/set_current": b"16",
    "0/data/trigger_phase_switch": b"true",
    "0/data/cp_interruption_duration": b"5",
    "last_tag": b'"ABC"',
}
COMMANDS = [name for name in RETAINED if name != "0/data/set_current"]
TOO_LONG = b'"' + b"x" * 600 + b'"'
MARKS = ("", "try_private false", "notifications false")  # the box knows a bridge by either one
MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1"))
RESTARTS = 40 if MINUTES >= 10 else 3
LOOK_S = 0.05
USER = {"user": "homeassistant", "password": "secret"}  # as the page has it


class Home(Mosquitto):
    """The Mosquitto of a Home Assistant, with the printed bridge to a box; what is retained it keeps over its restarts."""

    def __init__(self, folder, box_port, user=False):
        super().__init__(folder, free_port())
        printed, found = ADDRESS.subn(f"127.0.0.1:{box_port}", BRIDGE)
        assert found == 1, "the page names one address"
        self._bridge = printed.replace("#remote_", "remote_") if user else printed
        self._own = self._config.read_text().replace("persistence false", f"persistence true\npersistence_location {folder}/")

    def begin(self, mark="", bridge=True):
        """Starts; with `mark` as one more line of the bridge."""
        self._config.write_text(f"{self._own}\n{self._bridge if bridge else ''}{mark}\n")
        return self.start()

    def end(self):
        """Ends as the system ends it: what has to be kept is saved."""
        self.signal(signal.SIGTERM)
        self._process.wait(5)

    def command(self, name, payload, retain=False):
        with Watcher(self.port, "none") as client:
            client.publish(SET + name, payload, retain, qos=1)


AT_REST = {"cp_open": False, "phases": 3, "stuck": "none"}


class Lookout:
    """Looks at the box all the time; `moved` is all that was not at rest."""

    def __init__(self, port):
        self.looks = 0
        self.moved = []
        self._control = Control(port)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _run(self):
        while not self._end.wait(LOOK_S):
            state = self._control.do("state")
            point = state["cp"][0]
            limits_ca = [row["limit_ca"] for row in state["firmware"]["cp"]]
            currents = [point["evse"]["set_current_raw"], *point["car"]["current_a"], *limits_ca]
            relays = {name: point["relays"][name] for name in AT_REST}
            if any(currents) or relays != AT_REST:
                self.moved.append((currents, point["relays"]))
            self.looks += 1


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    running = Box(tmp_path_factory.mktemp("desk"), "--no-controller")
    yield running
    running.end()


@pytest.fixture
def box(desk):
    desk.rest()
    return desk


@pytest.fixture
def home(box, tmp_path):
    broker = Home(tmp_path, box.port)
    yield broker
    broker.stop()


def lead(publish, first):
    """Two live heartbeats and a set point, as the page says it."""
    for stamp in (first, first + 1):
        publish(SET + "global_data", json.dumps({"heartbeat": stamp}).encode())
    publish(SET + "0/data/set_current", b"16")


def test_what_was_published_with_retain_long_ago_commands_nothing_however_often_box_and_bridge_restart(box, home):
    home.begin(bridge=False)
    for name, payload in RETAINED.items():
        home.command(name, payload, retain=True)
    home.command("0/data/parent_cp", TOO_LONG, retain=True)
    with Lookout(box.control_port) as lookout:
        for number in range(RESTARTS):
            _restart(box, home, MARKS[number % len(MARKS)], also_box=number % 2)
    assert lookout.looks > RESTARTS and not lookout.moved


def _restart(box, home, mark, also_box):
    """Bridge, or box and bridge; then looks at what the replays have done."""
    if also_box:
        box.restart()
        for stamp in range(5):
            home.command("global_data", json.dumps({"heartbeat": 1795327213 + stamp}).encode())
    home.end()
    until(box.is_up, "the box is back")
    with Watcher(box.port, "openWB/#") as direct:
        home.begin(mark)
        for name in RETAINED:
            until(lambda name=name: direct.seen.get(SET + name, ("",))[0] == b"", f"{name} came and was wiped")
        told = box.report()
        assert told["limit_ca"] == 0 and told["heartbeat_age_ms"] is None
        until(lambda: box.report()["state_str"] == "no heartbeat yet", "a box that has read its meter still waits for the first heartbeat")
        assert direct.seen[CURRENT][0] == b"16", "it stays pending"
        seen = {name for name in COMMANDS if direct.seen.get(KEPT + name, (b"null",))[0] != b"null"}  # last_tag is always told
        assert not seen, "copies are of what was accepted"
        assert SET + "0/data/parent_cp" not in direct.seen and direct.seen[KEPT + "0/get/rfid"][0] == b"null"


def test_values_come_out_and_only_what_is_live_goes_in(box, home):
    with Watcher(home.begin().port, KEPT + "#") as watcher:
        watcher.sees(POWER)
        lead(lambda topic, payload: watcher.publish(topic, payload, retain=True), 1)
        watcher.sees(CURRENT)
        told = box.report()
        assert told["limit_ca"] == 0 and told["heartbeat_age_ms"] is None, "published with retain: a replay"
        lead(watcher.publish, 3)
        box.charges()
        watcher.publish(SET + "0/data/trigger_phase_switch", b"true", retain=True)
        watcher.publish(SET + "0/data/set_current", b"0")
        until(lambda: watcher.seen[CURRENT][0] == b"0", "the next message")
        assert TRIGGER not in watcher.seen, "also a leader's replay is one"
        watcher.publish(SET + "0/data/trigger_phase_switch", b"true")
        watcher.sees(TRIGGER)
    with Watcher(home.port, KEPT + "0/get/#") as later:
        assert later.sees(POWER)[1], "Home Assistant restarts and finds the values"


@pytest.mark.long
def test_with_its_two_last_lines_the_bridge_gets_into_a_box_with_a_password(tmp_path):
    settings = {"mqtt": USER, "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}]}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    box = Box(tmp_path, "--no-controller", "--config", str(tmp_path / "config.json"))
    home = Home(tmp_path, box.port, user=True)
    try:
        with Watcher(home.begin().port, KEPT + "#") as watcher:
            watcher.sees(POWER)
            lead(watcher.publish, 1)
            assert box.charges()
    finally:
        home.stop()
        box.end()


def test_every_setting_on_the_page_exists():
    point = {"evse": 1, "meter": {"type": "none"}}
    rows = re.findall(r'^\| `("(?:controllers|first_come|user).*?)` \|', PAGE, re.MULTILINE)
    assert len(rows) == 3
    for text in rows:
        assert config.check_config({"mqtt": json.loads("{%s}" % text), "charge_points": [point]})["mqtt"]["mode"] == "broker"
    (elsewhere,) = re.findall(r"^## A broker elsewhere\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    words = set(re.findall(r'`"?(\w+)', elsewhere))
    assert words and words <= {row[0] for row in config_rows.MQTT}
