"""The doctor at the console of a box that runs: maintenance, the probe in its raw mode, the line, and the EVSE's EEPROM put right."""

import json

import pytest

from host_tests.fakes.meter import Sdm630
from host_tests.interop.stand_in import StandIn
from host_tests.interop.test_cutoff import free_port
from tools import board_data
from tools.doctor.__main__ import main
from tools.flash import files

BOARD = "waveshare_s3_relay_6ch"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A stand-in board with the firmware on it, two CP relays, an EVSE ex works and a meter."""
    folder = tmp_path_factory.mktemp("box")
    with StandIn(folder) as box:
        box.site.charge_points[0].meter = Sdm630(105)
        floor, application = files.compiled(tmp_path_factory.mktemp("compiled"))
        ports = {name: {"port": free_port()} for name in ("mqtt", "page", "modbus")}
        config = {**ports, "wifi": {"ssid": "", "password": "secret1"}, "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}]}
        board = json.loads((board_data.FOLDER / BOARD / board_data.BOARD_FILE).read_text())
        there = {**floor, "active.txt": b"fw_a", "config.json": json.dumps(config).encode(), board_data.BOARD_FILE: json.dumps(board).encode()}
        for path, data in {**there, **{f"fw_a/{name}": data for name, data in application.items()}}.items():
            (box.flash / path).parent.mkdir(parents=True, exist_ok=True)
            (box.flash / path).write_bytes(data)
        box.cut = True
        box.wait_for(b"controllers dial in")
        yield box


def visit(box, tmp_path, capsys, *more):
    status = main(["--port", box.path, "--report", str(tmp_path / "report.json"), *more])
    return status, capsys.readouterr().out


def test_a_box_ex_works_is_told_its_power_up_current_and_repaired_once_when_asked_to(box, tmp_path, capsys):
    status, text = visit(box, tmp_path, capsys)
    evse = box.site.charge_points[0].evse
    before = evse.eeprom_writes
    assert status == 1 and "fix   EVSE 1, current after a power dip (2000): 32 A" in text, text
    assert "ok    meter 105, type: Eastron SDM" in text and "ok    RS485 line: 2 devices answer at 9600 8N1" in text
    assert "CP relay at pin 1: CP is open" in text
    assert "secret1" not in (tmp_path / "report.json").read_text()
    status, text = visit(box, tmp_path, capsys, "--repair", "--yes")
    assert status == 0 and "written and read back: 2000 := 0" in text, text
    assert evse.eeprom_writes == before + 1
    status, text = visit(box, tmp_path, capsys, "--repair", "--yes")
    assert status == 0 and "ok    EVSE 1, current after a power dip (2000): 0 A" in text
    assert evse.eeprom_writes == before + 1, "nothing to repair, nothing written"


def test_a_port_that_is_no_box_is_told_with_what_to_do(tmp_path, capsys):
    assert main(["--port", "/dev/nonesuch", "--report", str(tmp_path / "report.json")]) == 1
    assert "no such port" in capsys.readouterr().out
