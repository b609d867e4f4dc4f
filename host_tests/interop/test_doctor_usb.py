"""The doctor at the console of a box that runs: maintenance, the probe in its raw mode, the line, and the EVSE's EEPROM put right."""

import errno
import json
import re
import termios
import time

import pytest
import serial

from host_tests.fakes.meter import Sdm630
from host_tests.fakes.meters import Mpm3pm
from host_tests.interop.stand_in import StandIn
from host_tests.interop.test_cutoff import free_port
from host_tests.unit.doctor_bench import undocumented
from tools import board_data
from tools.doctor.__main__ import main
from tools.flash import files

BOARD = "waveshare_s3_relay_6ch"


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A stand-in board with the firmware on it, two CP relays, an EVSE ex works and a meter."""
    folder = tmp_path_factory.mktemp("box")
    with StandIn(folder) as box:
        box.site.charge_points[0].meter = Sdm630(105)
        floor, application = files.compiled(tmp_path_factory.mktemp("compiled"))
        board = json.loads((board_data.FOLDER / BOARD / board_data.BOARD_FILE).read_text())
        there = {**floor, "active.txt": b"fw_a", "config.json": json.dumps(config()).encode(), board_data.BOARD_FILE: json.dumps(board).encode()}
        for path, data in {**there, **{f"fw_a/{name}": data for name, data in application.items()}}.items():
            (box.flash / path).parent.mkdir(parents=True, exist_ok=True)
            (box.flash / path).write_bytes(data)
        box.cut = True
        box.wait_for(b"controllers dial in")
        yield box


def config(**meter):
    ports = {name: {"port": free_port()} for name in ("mqtt", "page", "modbus")}
    meter = {"type": "sdm630", "unit": 105, **meter}
    return {**ports, "wifi": {"ssid": "", "password": "secret1"}, "charge_points": [{"evse": 1, "meter": meter}]}


@pytest.fixture
def box(stand_in):
    """The same with a healthy line."""
    point, line = stand_in.site.charge_points[0], stand_in.line
    point.meter = Sdm630(105)
    point.evse.registers = {"2000": 0, "2002": 5, "2003": 1, "2004": 0, "2005": 0x0289, "2006": 0, "2007": 32}
    line.set_fault("none")
    line.echoes = line.deaf = False
    line.other_speed = None
    (stand_in.flash / "config.json").write_text(json.dumps(config()))
    return stand_in


@pytest.fixture
def visit(box, tmp_path, capsys):
    def visit(*more, force=True):
        """force: a line that is broken confirms no 0 A."""
        more = [*more, "--force"] if force else more
        status = main(["--port", box.path, "--report", str(tmp_path / "report.json"), *more])
        text = capsys.readouterr().out
        return status, [line for line in text.splitlines() if line[:4] in ("fix ", "hint")], text

    return visit


def test_a_healthy_box_has_nothing_to_be_fixed(visit, tmp_path):
    status, wrong, text = visit(force=False)
    assert (status, wrong) == (0, []), text
    for part in (
        "ok    board.json: waveshare_s3_relay_6ch", "ok    config.json: 1 charge point", "ok    starts: version fw_a", "CP relay at pin 1: CP is open",
        "ok    RS485 line: 2 devices answer at 9600 8N1", "ok    line echo: none", "ok    EVSE 1, firmware (1005): 18", "ok    EVSE 1, 8 registers at once",
        "ok    meter 105, type: Eastron SDM", "ok    meter 105, registers at once", "ok    meter 105, voltages: 230 V, 230 V, 230 V",
    ):  # fmt: skip
        assert part in text, (part, text)
    assert undocumented(text) == set()
    assert "secret1" not in (tmp_path / "report.json").read_text()


def test_what_is_wrong_in_the_eeprom_is_repaired_once_when_asked_to(box, visit, monkeypatch):
    evse = box.site.charge_points[0].evse
    evse.registers = {"2000": 32, "2002": 8, "2005": 0x4289, "2007": 5}
    before = evse.eeprom_writes
    monkeypatch.setattr("builtins.input", lambda text: "n")
    status, wrong, text = visit("--repair")
    assert status == 1 and len(wrong) == 4 and "nothing was written" in text, text
    for part in ("(2000): 32 A", "(2002): 8: at 6 A it would not charge", "(2005): 17033: bits 13 to 15", "(2007): 5: below 6 A"):
        assert any(part in line for line in wrong), text
    assert evse.eeprom_writes == before, "nobody agreed"
    status, wrong, text = visit("--repair", "--yes")
    assert status == 0 and "written and read back: 2000 := 0, 2002 := 6, 2005 := 649, 2007 := 0" in text, text
    assert evse.eeprom_writes == before + 4
    status, wrong, text = visit("--repair", "--yes")
    assert (status, wrong) == (0, []) and evse.eeprom_writes == before + 4, "nothing to repair, nothing written"


def test_two_devices_with_the_id_of_the_evse_are_named(box, visit):
    box.line.set_fault("double", "evse")
    status, wrong, text = visit()
    assert status == 1 and any("unit id 1: answers, but never with a whole frame: two devices with one id?" in line for line in wrong), text


@pytest.mark.long
def test_a_missing_evse_is_named_with_the_key_that_names_it(box, visit):
    box.line.set_fault("silent", "evse")
    status, wrong, text = visit()
    assert status == 1 and len(wrong) == 1 and "EVSE at unit id 1: config.json names it, but nobody answers" in wrong[0], text


def test_a_box_that_hears_only_itself_is_told_about_its_direction_pin(box, visit):
    box.line.echoes = box.line.deaf = True
    status, wrong, text = visit()
    assert status == 1 and any("hears what it sends itself, and nobody else" in line and "`de` in board.json" in line for line in wrong), text


def test_devices_at_another_speed_are_found_there(box, visit):
    box.line.other_speed = termios.B19200
    status, wrong, text = visit()
    assert status == 1 and any("unit id 1 answers at 19200 8N1 only" in line for line in wrong), text


@pytest.mark.long
def test_another_meter_than_configured_is_named_with_both(box, visit):
    box.site.charge_points[0].meter = Mpm3pm(105)
    status, wrong, text = visit()
    assert status == 1 and any("it is a MPM3PM, config.json says sdm630" in line for line in wrong), text


@pytest.mark.long
def test_a_running_box_whose_evse_does_not_answer_asks_for_force(box, visit):
    box.cut = True
    begin = len(box.said)
    while b"controllers dial in" not in box.said[begin:]:
        time.sleep(0.1)
    box.line.deaf = True
    time.sleep(3)
    status, wrong, text = visit(force=False)
    assert status == 1 and len(wrong) == 1 and "0 A is not confirmed" in wrong[0] and "ARGS=--force" in wrong[0], text


@pytest.mark.long
def test_nobody_at_any_speed_is_the_wires(box, visit):
    box.line.deaf = True
    status, wrong, text = visit()
    assert status == 1 and any("silence: nobody answers, at any speed" in line and "A and B" in line for line in wrong), text


@pytest.mark.long
def test_an_echo_alone_is_a_hint(box, visit):
    box.line.echoes = True
    status, wrong, text = visit()
    assert status == 0 and len(wrong) == 1 and wrong[0].startswith("hint  line echo"), text


@pytest.mark.long
def test_a_wrong_configuration_is_told_with_key_expected_and_found(box, visit):
    (box.flash / "config.json").write_text(json.dumps(config(type="mechanical")))
    status, wrong, text = visit()
    assert status == 1 and "config.json: " in wrong[0] and "type" in wrong[0] and "'mechanical'" in wrong[0] and "make configure" in wrong[0], text


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (FileNotFoundError(errno.ENOENT, "none"), r"no such port; ports there are: .*name another port"),
        (PermissionError(errno.EACCES, "no"), r"usermod -a -G dialout"),
        (OSError(errno.EBUSY, "busy"), r"another program has it"),
    ],
)
def test_a_port_that_can_not_be_opened_is_told_with_what_to_do(tmp_path, capsys, monkeypatch, error, says):
    def refuse(*_arguments, **_options):
        raise serial.SerialException(error.errno, error.strerror)

    monkeypatch.setattr(serial, "Serial", refuse)
    assert main(["--port", "/dev/ttyUSB0", "--report", str(tmp_path / "report.json")]) == 1
    assert re.search(says, capsys.readouterr().out)
