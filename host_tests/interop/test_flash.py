"""make flash and make configure from end to end, on a board that MicroPython on this machine stands for. In real time."""

import json
import time

import pytest

from host_tests.interop.stand_in import StandIn
from host_tests.interop.test_cutoff import free_port
from tools import board_data
from tools.flash import __main__ as flash
from tools.flash import device, files

BOARD = "esp32_generic_auto"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(floor, application) of this firmware."""
    return files.compiled(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch, built):
    monkeypatch.setattr(files, "compiled", lambda folder: built)


@pytest.fixture
def board(tmp_path):
    """A fresh stand-in board, started."""
    with StandIn(tmp_path) as box:
        box.wait_for(b">>> ")
        yield box


@pytest.fixture
def config(tmp_path):
    """Path of a good configuration."""
    path = tmp_path / "config.json"
    ports = {name: {"port": free_port()} for name in ("mqtt", "page", "modbus")}
    found = {**ports, "charge_points": [{"evse": 1, "meter": {"type": "none"}}]}
    path.write_text(json.dumps(found))
    return path


def run(box, *arguments, ask=None):
    """The exit status of make flash."""
    return flash.main(["--port", box.path, *map(str, arguments)], ask)


def flashed(box, config, *arguments):
    return run(box, "--board", BOARD, "--no-image", "--config", config, *arguments)


def installed(box, config, built):
    """The board has been flashed before, and runs."""
    floor, application = built
    name = board_data.BOARD_FILE
    there = {**floor, "active.txt": b"fw_a", "config.json": config.read_bytes(), name: (board_data.FOLDER / BOARD / name).read_bytes()}
    for path, data in {**there, **{f"fw_a/{name}": data for name, data in application.items()}}.items():
        (box.flash / path).parent.mkdir(parents=True, exist_ok=True)
        (box.flash / path).write_bytes(data)
    restarted(box, b"controllers dial in")


def restarted(box, word):
    """The supply went and came."""
    box.said = b""
    box.cut = True
    box.wait_for(word)


def test_a_bare_board_becomes_a_healthy_box_and_a_second_flash_copies_nothing(board, config, capsys):
    assert flashed(board, config) == 0
    out = capsys.readouterr().out
    assert "a board without Ladepunkt" in out and "healthy: version" in out and "openWB primary" in out
    there = board.files()
    assert there["active.txt"] == b"fw_a" and {"boot.py", "main.py", "failsafe.mpy", "fw_a/app.mpy", "fw_a/drivers/eastron.mpy"} <= set(there)
    assert there["board.json"] == (board_data.FOLDER / BOARD / "board.json").read_bytes()
    assert not [name for name in there if name.endswith(".new")]
    sent = board.sent
    assert flashed(board, config) == 0
    assert "the firmware is up to date (fw_a)" in capsys.readouterr().out
    assert board.sent - sent < 6000, "questions only, no file"
    assert {name: data for name, data in board.files().items() if name != "memory.bin"} == there
    assert board.starts == ["PWRON_RESET", "HARD_RESET", "HARD_RESET"], "nothing but the tool resets it"


def test_a_version_that_does_not_start_falls_back_to_the_one_before(board, config, built, monkeypatch, capsys):
    """Its watchdog is faster than it says, so that three starts do not take half a minute."""
    installed(board, config, built)
    floor, application = built
    good = application["gateway.mpy"]
    monkeypatch.setattr(files, "compiled", lambda folder: (floor, {**application, "gateway.mpy": b"broken"}))
    board.watchdogs[10] = 3
    assert flashed(board, config) == 1
    out, err = capsys.readouterr()
    assert "1 files sent" in out, "the others are copied on the board"
    assert "does not start" in err and "back to fw_a" in err and "which runs: version" in err
    there = board.files()
    assert there["active.txt"] == b"fw_a" and there["fw_b/gateway.mpy"] == b"broken" and there["fw_a/gateway.mpy"] == good
    assert board.starts[2:] == ["HARD_RESET", "WDT_RESET", "WDT_RESET", "WDT_RESET"]


def test_copying_may_take_longer_than_the_watchdog(board, config, built, monkeypatch):
    """Maintenance lasts 3 s here instead of 600; the cable is as slow as 115200 baud, so that the files need much longer."""
    installed(board, config, built)
    floor, application = built
    changed = {name: b"M" + data for name, data in application.items() if name in ("gateway.mpy", "broker_door.mpy", "page.mpy", "client_door.mpy")}
    monkeypatch.setattr(files, "compiled", lambda folder: (floor, {**application, **changed, "pad.mpy": bytes(20000)}))
    monkeypatch.setattr(device, "FEED_EVERY_S", 0.5)
    monkeypatch.setattr(flash.health, "wait", lambda *_, **__: ("-", None))
    board.watchdogs[600], board.bytes_per_s = 3, 11520
    began_s = time.monotonic()
    assert flashed(board, config) == 0
    assert time.monotonic() - began_s > 9
    assert "WDT_RESET" not in board.starts
    assert board.files()["active.txt"] == b"fw_b fw_a" and board.files()["fw_b/pad.mpy"] == bytes(20000)


@pytest.mark.long
def test_what_is_on_the_box_stays_unless_it_is_asked_for(board, config, built, capsys):
    installed(board, config, built)
    changed = {**json.loads(board.files()["board.json"]), "evse_ids": [1, 3]}
    (board.flash / "board.json").write_text(json.dumps(changed))
    (board.flash / "main.py").write_text("import failsafe\n\nfailsafe.run()  # mine\n")
    kept = board.files()
    assert run(board, "--board", BOARD, "--no-image") == 0
    out = capsys.readouterr().out
    assert "config.json of the box stays" in out and "--replace-board" in out and "--replace-floor" in out
    assert {name: board.files()[name] for name in ("board.json", "main.py", "config.json")} == {
        name: kept[name] for name in ("board.json", "main.py", "config.json")
    }
    assert run(board, "--board", "wt32_eth01", "--no-image") == 1
    assert "the box says that it is a esp32_generic_auto, expected wt32_eth01" in capsys.readouterr().err
    assert flashed(board, config, "--replace-board", "--replace-floor") == 0
    assert board.files()["board.json"] != kept["board.json"] and board.files()["main.py"] != kept["main.py"]


@pytest.mark.long
def test_a_box_without_a_usable_configuration_is_asked_and_configure_changes_it(board, config, capsys):
    (board.flash / "config.json").write_text(json.dumps({"charge_points": [{"evse": 77, "meter": {"type": "none"}}]}))
    answers = {"Modbus id of its EVSE": "1", "Charge points": "1", "energy meter": "none", "Name of the Wi-Fi": "net", "Its password": "pw"}
    asked = []

    def ask(text, default, choices, secret):
        asked.append(text)
        return next((answer for part, answer in answers.items() if part in text), default)

    assert run(board, "--board", BOARD, "--no-image", ask=ask) == 0
    assert "charge_points[0].evse" in capsys.readouterr().out
    written = json.loads(board.files()["config.json"])
    assert written["charge_points"][0]["evse"] == 1 and written["wifi"] == {"ssid": "net", "password": "pw"}
    answers["installation"] = "20"
    assert run(board, "--only-config", ask=ask) == 0
    assert json.loads(board.files()["config.json"]) == {**written, "installation_limit_a": 20}
    assert run(board, "--only-config", "--config", config) == 0
    assert json.loads(board.files()["config.json"]) == json.loads(config.read_text())


def test_configure_needs_a_box(board, config, capsys):
    assert run(board, "--only-config", "--config", config) == 1
    assert "run make flash BOARD=... first" in capsys.readouterr().err
    assert board.files() == {}


def test_a_configuration_that_does_not_fit_is_refused_before_anything_is_written(board, config, capsys):
    config.write_text(json.dumps({"charge_points": [{"evse": 9, "meter": {"type": "none"}}]}))
    assert flashed(board, config) == 1
    assert "charge_points[0].evse: expected one of evse_ids" in capsys.readouterr().err
    assert board.files() == {}


def test_a_box_that_charges_is_left_alone(board, config, capsys):
    """An app that refuses, as the real one does while a car charges."""
    (board.flash / "failsafe.py").write_text("wdt = None\nstart = lambda: None\n")
    (board.flash / "main.py").write_text(
        "import sys\nprint('up')\nfor line in sys.stdin:\n    if 'maintenance' in line:\n"
        "        print('ladepunkt: maintenance: refused: charge point 0 is charging; stop it first, or ask with force')\n"
    )
    (board.flash / "boot.py").write_text("")
    restarted(board, b"up")
    before = board.files()
    assert flashed(board, config) == 1
    assert "refused: charge point 0 is charging" in capsys.readouterr().err
    assert board.files() == before and b"KeyboardInterrupt" not in board.said
