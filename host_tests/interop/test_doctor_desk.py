"""The doctor over the network, against the desk: a healthy box, and what goes wrong with it provoked one after the other."""

import re

import pytest

from host_tests.interop.test_desk import FREE_PORTS, Control, Desk
from tools.desk import process
from tools.doctor.__main__ import main


class Visit:
    """What the doctor said: `status`, and its lines by level."""

    def __init__(self, status, text):
        self.status = status
        self.text = text

    def lines(self, level):
        return [line for line in self.text.splitlines() if line.startswith(level)]


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """(control, ports of MQTT, Modbus and page) of a desk with a car that charges."""
    if process.find_micropython() is None:
        pytest.skip("there is no MicroPython package for this machine")
    desk = Desk(tmp_path_factory.mktemp("desk"), *FREE_PORTS)
    try:
        mqtt = desk.wait_for(r"broker .* at 127\.0\.0\.1:(\d+)").group(1)
        modbus = desk.wait_for(r"modbus .*:(\d+), unit").group(1)
        page = desk.wait_for(r"page .*127\.0\.0\.1:(\d+)/").group(1)
        control = Control(int(desk.wait_for(r"control +127\.0\.0\.1:(\d+)", 40).group(1)))
        control.do("plug")
        control.until(lambda state: state["cp"][0]["car"]["current_a"][0] > 5, 40)
        yield control, (mqtt, modbus, page)
    finally:
        desk.end()


@pytest.fixture
def visit(box, tmp_path, capsys):
    def visit(*more, ports=None):
        mqtt, modbus, page = ports or box[1]
        asked = ["--host", "127.0.0.1", "--mqtt-port", mqtt, "--modbus-port", modbus, "--http-port", page, "--report", str(tmp_path / "r.json")]
        status = main([*asked, *more])
        return Visit(status, capsys.readouterr().out)

    yield visit
    box[0].do("bus", fault="none")


def test_a_box_that_charges_is_healthy_but_for_its_evse_after_a_power_dip(box, visit):
    """The simulated EVSE comes from the factory: 32 A in register 2000."""
    found = visit()
    assert [re.sub(r":.*", "", line) for line in found.lines("fix")] == ["fix   charge point 0, EVSE register 2000"], found.text
    assert len(found.lines("ok")) >= 15 and found.status == 1
    for part in ("connected", "complete after", "heartbeat on MQTT: every", "Modbus map: registers and topics say the same", "second stop"):
        assert part in found.text


@pytest.mark.parametrize(
    ("device", "fault", "says"),
    [
        pytest.param("meter", "silent", "meter at unit id 105: silent", marks=pytest.mark.long),
        ("evse", "silent", "evse at unit id 1: silent"),
        pytest.param("meter", "crc", "answered with errors", marks=pytest.mark.long),
    ],
)
def test_a_fault_of_the_line_is_told_with_the_device(box, visit, device, fault, says):
    box[0].do("bus", fault=fault, device=device)
    if fault == "silent":
        box[0].until(lambda state: state["firmware"]["cp"][0]["fault_state"] == 2, 25)
    found = visit("--no-heartbeat")
    assert found.status == 1 and any(says in line for line in found.lines("fix")), found.text
    box[0].do("bus", fault="none")
    box[0].until(lambda state: state["firmware"]["cp"][0]["fault_state"] == 0, 30)


def test_a_wrong_address_is_told_with_what_to_look_at(visit):
    found = visit(ports=("1", "1", "1"))
    assert found.status == 1 and "no connection" in found.text and "modbus.enabled" in found.text
