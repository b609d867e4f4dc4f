"""The doctor on what the box at USB says about itself, and on a board with two RS485 lines."""

import json
import re
from types import SimpleNamespace

import pytest
import serial
from tools import board_data, maintenance
from tools.doctor import usb
from tools.doctor.__main__ import main
from tools.doctor.box import READY, RUN, Box
from tools.doctor.finding import FIX, HINT, OK

from host_tests.unit.doctor_bench import BadLine

BOARD = json.loads((board_data.FOLDER / "waveshare_s3_relay_6ch" / board_data.BOARD_FILE).read_text())
CONFIG = {"charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}]}
OPEN = [[row["pin"], row["active"] if row["contact"] == "nc" else 1 - row["active"]] for row in BOARD["cp_relays"]]
COILS = [[row[key], 1 - row["active"]] for row in BOARD["coils"] for key in ("one_pin", "three_pin")]
ABOUT = {
    "board": BOARD, "config": CONFIG, "system": "3.4.0; MicroPython v1.26.1 on 2025-09-11", "pins": OPEN, "coils": COILS,
    "latched": 0, "starts": 0, "active": "fw_a", "rssi_dbm": -60, "idf_free": 90000,
}  # fmt: skip


def judged(**changes):
    return [finding for finding in usb.judge_box({**ABOUT, **changes}) if finding.level != OK]


def test_a_box_at_rest_in_maintenance_is_fine():
    assert judged() == []


@pytest.mark.parametrize(
    ("level", "changes", "says"),
    [
        (FIX, {"system": "3.4.0; MicroPython v1.25.0 on 2025-04-15"}, "older than 1.26"),
        (FIX, {"board": {}, "pins": [], "coils": []}, "make flash BOARD="),
        (FIX, {"config": {"unreadable": "[Errno 2] ENOENT"}}, "make configure"),
        (FIX, {"config": {**CONFIG, "heartbeat_limit_s": 10}}, "heartbeat_limit_s"),
        (FIX, {"latched": 1}, "boot loop"),
        (HINT, {"starts": 3}, "version before"),
        (FIX, {"pins": [[pin, 1 - level] for pin, level in OPEN[:1]]}, "expected open in maintenance"),
        (FIX, {"coils": [[COILS[0][0], 1 - COILS[0][1]]]}, "has power at rest"),
        (FIX, {"rssi_dbm": -85}, "Ethernet"),
        (FIX, {"idf_free": 9000}, "IDF heap"),
        (HINT, {"board": {**BOARD, "cp_relays": [], "coils": []}, "pins": [], "coils": []}, "no second stop path"),
    ],
)
def test_what_is_wrong_with_the_box_is_told_with_what_to_do(level, changes, says):
    found = judged(**changes)
    assert any(finding.level == level and says in finding.line() and finding.todo for finding in found), found
    assert sum(finding.level == FIX for finding in found) == (level == FIX) or "board" in changes


def test_a_floor_that_tells_less_is_judged_by_what_it_tells():
    assert judged(**{key: None for key in ("rssi_dbm", "idf_free", "active")}) == []


@pytest.mark.parametrize(
    ("trouble", "status", "says"),
    [
        (serial.SerialException("device disconnected"), 1, "gone in the middle of it (device disconnected). check the cable"),
        (maintenance.NoFloorError("MicroPython but no ladepunkt"), 1, "make flash"),
        (maintenance.MaintenanceError("refused: charging. It goes on as before; --force ends the session"), 1, "ARGS=--force"),
        (KeyboardInterrupt(), 130, "stopped; the box stays at 0 A"),
    ],
)
def test_a_visit_that_comes_to_nothing_is_told_with_what_to_do(tmp_path, capsys, monkeypatch, trouble, status, says):
    def run(self):
        raise trouble

    monkeypatch.setattr(usb.Visit, "run", run)
    assert main(["--port", "/dev/ttyUSB0", "--report", str(tmp_path / "r.json")]) == status
    assert says in "".join(capsys.readouterr())


class Raw:
    """A box in raw mode that prints `answer` whatever it is asked to run."""

    def __init__(self, answer):
        self._out = READY
        self._answer = answer

    def write(self, data):
        if data == RUN:
            self._out += b"OK" + self._answer + b"\x04\x04>"

    def read(self, n):
        got, self._out = self._out[:n], self._out[n:]
        return got


def test_a_box_that_tells_something_else_is_not_believed():
    assert Box(Raw(b'{"board": {}}'), lambda: 0).open().about() == {"board": {}}
    with pytest.raises(maintenance.MaintenanceError, match="reset it"):
        Box(Raw(b"boot: brownout"), lambda: 0).open().about()


class Told:
    """Stands in for the Doctor."""

    def __init__(self):
        self.findings = []
        self.details = {}
        self.tell = self.findings.extend

    def say(self, text):
        pass

    def withdraw(self, is_gone):
        self.findings[:] = [finding for finding in self.findings if not is_gone(finding)]


def test_each_line_of_a_board_with_two_is_scanned_for_its_own_charge_points():
    wires = [BadLine(), BadLine()]
    for wire in wires:
        wire.site.charge_points[0].evse.set_power_on_current(0)
    wires[1].silent = True
    row = BOARD["rs485"][0]
    board = {**BOARD, "rs485": [row, {**row, "uart": 2, "tx": 4, "rx": 5}]}
    points = [CONFIG["charge_points"][0], {"evse": 1, "bus": 1, "meter": {"type": "sdm630", "unit": 105}}]
    about = {**ABOUT, "board": board, "config": {"charge_points": points}}
    box = SimpleNamespace(about=lambda: about, line=lambda number, baud: wires[number].line())
    doctor = Told()
    usb.Visit(doctor, SimpleNamespace(repair=False, yes=False), None)._look_at_box(box)
    lines = [finding for finding in doctor.findings if re.fullmatch("RS485 line .", finding.what)]
    assert [(finding.what, finding.level) for finding in lines] == [("RS485 line 0", OK), ("RS485 line 1", FIX)], doctor.findings
