"""The doctor over the network, against `make run`: a healthy box, and what can go wrong with it provoked one after the other.

One desk serves the file, another one is everything that a box can be from the start: old, bare, and led by nobody.
"""

import json
import time

import pytest

from host_tests.interop.test_desk import FREE_PORTS, Control, Desk
from host_tests.unit.doctor_bench import undocumented
from tools.desk import process
from tools.doctor import net
from tools.doctor.__main__ import main

CHARGING_S = 40
HEALTHY = {"2000": 0}  # what the simulated EVSE ex works lacks


class Visit:
    """What the doctor said: `status`, and its lines by level."""

    def __init__(self, status, text):
        self.status = status
        self.text = text

    def lines(self, level):
        return [line for line in self.text.splitlines() if line.startswith(level)]

    def check(self, status, *parts, level="fix"):
        """The exit status, and a line of that level that has all parts."""
        assert self.status == status, self.text
        assert any(all(part in line for part in parts) for line in self.lines(level)), self.text


class Box:
    """A desk, its control port and the ports of the box on it."""

    def __init__(self, folder, *options):
        if process.find_micropython() is None:
            pytest.skip("there is no MicroPython package for this machine")
        self.desk = Desk(folder, *FREE_PORTS, *options)
        self.control = Control(int(self.desk.wait_for(r"control +127\.0\.0\.1:(\d+)", 40).group(1)))
        state = self.control.do("state")
        self.ports = {name: "0" if state[name] is None else state[name].rstrip("/").rpartition(":")[2] for name in ("mqtt", "modbus", "page")}

    def fault_state(self, wanted, limit_s=30):
        self.control.until(lambda state: state["firmware"]["cp"][0]["fault_state"] == wanted, limit_s)

    def visit(self, folder, capsys, *more, **ports):
        ports = {**self.ports, **ports}
        asked = ["--host", "127.0.0.1", "--mqtt-port", ports["mqtt"], "--modbus-port", ports["modbus"], "--http-port", ports["page"]]
        status = main([*asked, "--report", str(folder / "report.json"), *more])
        return Visit(status, capsys.readouterr().out)


@pytest.fixture(scope="module")
def charging(tmp_path_factory):
    """A healthy box with a car that charges."""
    box = Box(tmp_path_factory.mktemp("desk"))
    try:
        box.control.do("evse", registers=HEALTHY)
        box.control.do("restart", what="evse")  # the firmware reads them after that
        box.control.do("plug")
        wait_for_charge(box)
        yield box
    finally:
        box.desk.end()


def wait_for_charge(box):
    box.control.until(lambda state: min(state["cp"][0]["car"]["current_a"]) > 5, CHARGING_S)


def clear_faults(box):
    """What is latched can be found again right after it was cleared; a voltage has to be plausible for a minute to be believed."""
    end_s = time.monotonic() + 90
    asked_s = 0
    while box.control.do("state")["firmware"]["cp"][0]["fault_state"]:
        now_s = time.monotonic()
        assert now_s < end_s, box.control.do("state")
        if now_s - asked_s > 5:
            asked_s = now_s
            box.control.do("console", line="clear")
        time.sleep(0.1)


@pytest.fixture
def box(charging):
    """The same, whatever the test before has done to it."""
    charging.control.do("bus", fault="none")
    charging.control.do("relay", stuck="none")
    charging.control.do("evse", rcd_error=False, deaf_to_writes=False)
    charging.control.do("controller", mode="leads", every_s=5, current_a=16)
    charging.control.do("meter", type="sdm630")
    charging.control.do("evse", registers={**HEALTHY, "2003": 1, "2005": 0x0289})
    clear_faults(charging)
    return charging


@pytest.fixture
def visit(box, tmp_path, capsys):
    def visit(*more, **ports):
        return box.visit(tmp_path, capsys, "--no-heartbeat", *more, **ports)

    return visit


def test_a_healthy_box_that_charges_has_nothing_to_be_fixed(box, tmp_path, capsys):
    wait_for_charge(box)
    found = box.visit(tmp_path, capsys)
    assert found.status == 0 and not found.lines("fix") and not found.lines("hint"), found.text
    assert len(found.lines("ok")) >= 20, found.text
    for part in (
        "connected", "complete after", "heartbeat on MQTT: every", " s, limit 60 s", "registers and topics say the same", "CP relay fitted",
        "relays idle: CP closed", "fault: none", "limited by: set point", "power fits voltage and current on every phase",
        "current after a power dip (2000): 0 A", "minimum current (2002): 5", "firmware (1005): 18", "longest step", "heap",
    ):  # fmt: skip
        assert part in found.text, (part, found.text)
    assert undocumented(found.text) == set()
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["findings"]) == len(found.lines("ok")) and report["details"]["status"]["version"]


def test_a_meter_that_counts_one_phase_backwards_is_named_by_phase(box, visit):
    wait_for_charge(box)
    box.control.do("meter", backwards=2)
    box.control.until(lambda state: state["cp"][0]["meter"]["power_w"] < 5000)
    visit(modbus="0").check(1, "phase order: L2 counts backwards")


def test_a_door_that_is_not_there_is_named_with_its_port(visit):
    found = visit(modbus="1", page="1")
    found.check(1, "Modbus at 127.0.0.1:1: no connection", "modbus.enabled")
    found.check(1, "status page at 127.0.0.1:1", "page.enabled", level="hint")
    found.check(1, "charge point 0, limited by: set point", level="ok")


def test_doors_mixed_up_are_no_box(box, visit, monkeypatch):
    monkeypatch.setattr(net, "CONNACK_S", 1)
    found = visit(mqtt=box.ports["page"], modbus="0", page=box.ports["modbus"])
    found.check(1, "MQTT at", "no connection", "mqtt.port")


def test_a_wrong_address_is_one_line_that_says_what_to_look_at(visit):
    found = visit(mqtt="1", modbus="2", page="3")
    found.check(1, "none of the ports 1, 2, 3 is open", "`make run`")
    assert len(found.lines("fix")) == 1 and "1 checks" in found.text


def test_a_latched_fault_says_who_clears_it(box, visit):
    box.control.do("evse", rcd_error=True)
    box.fault_state(2)
    visit().check(1, "fault: RCD has tripped", "button of the box", "`clear`")


def test_a_silent_evse_is_named_with_its_wires(box, visit):
    box.control.do("bus", fault="silent", device="evse")
    box.fault_state(2)
    found = visit()
    found.check(1, "evse at unit id 1: silent", "A, B and GND")
    found.check(1, "charge point 0, fault: EVSE does not answer")


@pytest.mark.long
def test_damaged_answers_of_the_meter_are_told_as_such(box, visit):
    box.control.do("bus", fault="crc", device="meter")
    visit().check(1, "meter at unit id 105", "answered with errors", "termination")


@pytest.mark.long
def test_two_devices_with_the_id_of_the_evse_are_suspected(box, visit):
    box.control.do("bus", fault="double", device="evse")
    time.sleep(1)
    found = visit()
    assert found.status == 1 and any("evse at unit id 1" in line for line in found.lines("fix")), found.text
    assert "two devices with one unit id" in found.text


@pytest.mark.long
def test_an_echo_of_the_transceiver_is_a_hint_and_the_box_goes_on(box, visit):
    box.control.do("bus", echo=True)
    time.sleep(1)
    visit().check(0, "evse at unit id 1", "returns what it sends", level="hint")


@pytest.mark.long
def test_a_silent_meter_is_named_and_the_box_says_so_itself(box, visit):
    box.control.do("bus", fault="silent", device="meter")
    box.fault_state(2)
    found = visit()
    found.check(1, "meter at unit id 105: silent")
    found.check(1, "fault: meter does not answer", "meter.type and meter.unit")


@pytest.mark.long
def test_an_evse_that_its_own_register_switches_off_is_told_with_the_repair(box, visit):
    box.control.do("evse", registers={"2005": 0x4289, "2000": 32})
    box.control.do("restart", what="evse")
    box.fault_state(1)
    time.sleep(3)
    found = visit()
    found.check(1, "switched off in register 2005", "ARGS=--repair")
    found.check(1, "(2000): 32 A", "power dip")
    box.control.do("evse", registers={**HEALTHY, "2005": 0x0289})
    box.control.do("restart", what="evse")


@pytest.mark.long
def test_an_evse_that_listens_to_its_analog_input_is_found_out(box, visit):
    """After a power dip it stays at 0 A, whatever it is told; with 32 A there it would not let go of them."""
    box.control.do("evse", registers={"2003": 0})
    box.control.do("restart", what="evse")
    box.control.until(lambda state: "does not do what it is told" in state["firmware"]["cp"][0]["state_str"], 30)
    visit().check(1, "EVSE does not do what it is told", "register 2003", "ARGS=--repair")
    box.control.do("evse", registers={"2000": 32})
    box.control.do("restart", what="evse")
    time.sleep(5)
    box.control.until(lambda state: "does not do what it is told" in state["firmware"]["cp"][0]["state_str"], 30)
    visit().check(1, "EVSE does not do what it is told", "register 2003")


@pytest.mark.long
def test_a_cp_relay_that_sticks_is_told_when_it_should_have_opened(box, visit):
    wait_for_charge(box)
    box.control.do("relay", stuck="closed")
    box.control.do("evse", deaf_to_writes=True)
    box.control.do("controller", current_a=0)
    box.fault_state(2)
    box.control.until(lambda state: "CP relay" in state["firmware"]["cp"][0]["state_str"], 40)
    visit().check(1, "control pilot does not open", "cp_relays in board.json")


@pytest.mark.long
def test_a_controller_that_has_gone_is_told_with_the_age_of_its_heartbeat(box, tmp_path, capsys, monkeypatch):
    box.control.do("controller", mode="silent")
    monkeypatch.setattr(net, "HEARTBEAT_S", 8)
    found = box.visit(tmp_path, capsys)
    found.check(0, "heartbeat on MQTT: the last one", "after 60 s it goes to 0 A", level="hint")
    box.control.until(lambda state: "heartbeat lost" in state["firmware"]["cp"][0]["state_str"], 70)
    found = box.visit(tmp_path, capsys)
    found.check(0, "heartbeat on MQTT: none within 60 s", level="hint")
    found.check(0, "limited by: heartbeat lost", "controller or the network", level="hint")


@pytest.mark.long
def test_another_meter_than_configured_is_suspected(box, visit):
    box.control.do("meter", type="mpm3pm")
    box.fault_state(2)
    visit().check(1, "charge point 0, fault", "meter.type")


# -- a box that is bare from the start ---------------------------------------------------------------------------------------

BARE = {
    "charge_points": [{"evse": 1, "phases": 3, "meter": {"type": "none"}}],
    "heartbeat_limit_s": 30,
    "modbus": {"enabled": False},
    "mqtt": {"user": "box", "password": "secret1"},
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """No meter, no CP relay, an EVSE that others found broken, no Modbus, a password, and nobody who leads."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "config.json").write_text(json.dumps(BARE))
    (folder / "tmp").mkdir()
    box = Box(folder / "tmp", "--config", str(folder / "config.json"), "--board", "esp32_generic", "--evse-firmware", "9", "--no-controller")
    yield box
    box.desk.end()


def test_a_broker_with_a_password_is_told_with_the_option_that_gives_it(bare, tmp_path, capsys):
    found = bare.visit(tmp_path, capsys)
    found.check(1, "MQTT at", "names a user", "--user NAME")


def test_a_bare_box_is_told_all_that_it_lacks(bare, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(net, "HEARTBEAT_S", 0.5)
    found = bare.visit(tmp_path, capsys, "--user", "box", "--password", "secret1", modbus="1")
    assert [line for line in found.lines("fix") if "(2000): 32 A" not in line] == [], found.text
    found.check(1, "(2000): 32 A", "what a car gets")
    found.check(1, "firmware (1005): 9", "found broken", level="hint")
    found.check(1, "second stop: no CP relay", "no second stop path", level="hint")
    found.check(1, "heartbeat on MQTT: none", "secondary", level="hint")
    found.check(1, "limited by: no", level="hint")
    found.check(1, "Modbus: switched off", level="ok")
    found.check(1, "meter: none", level="ok")
    assert undocumented(found.text) <= {"Modbus", "charge point #, meter"}
    assert "secret1" not in (tmp_path / "report.json").read_text()


@pytest.mark.long
def test_a_heartbeat_slower_than_the_limit_is_told_with_the_limit_to_set(bare, tmp_path, capsys, monkeypatch):
    import paho.mqtt.client as paho

    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set("box", "secret1")
    client.connect("127.0.0.1", int(bare.ports["mqtt"]))
    client.loop_start()
    try:
        for _ in range(3):
            client.publish("openWB/set/internal_chargepoint/global_data", json.dumps({"heartbeat": int(time.time())}), retain=True)
            client.publish("openWB/set/internal_chargepoint/0/data/set_current", "16", retain=True)
            time.sleep(32)
        bare.visit(tmp_path, capsys, "--no-heartbeat", "--user", "box", "--password", "secret1").check(1, "limited by: heartbeat interval", "set heartbeat_limit_s")
    finally:
        client.loop_stop()
