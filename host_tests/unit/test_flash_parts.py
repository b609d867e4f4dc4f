"""The parts of make flash: what is copied, which image, when a box is healthy, and what to enter where."""

import hashlib
import types

import pytest

from host_tests.fakes import esp_image
from host_tests.unit.test_config import BOARD_MINIMAL, MINIMAL
from tools import board_data, configure
from tools.flash import FlashError, files, health, image, lines, stock
from tools.flash import __main__ as flash

APP = {"app.mpy": b"app", "drivers/meter.mpy": b"meter"}
HASHES = {name: files.sha256(data) for name, data in APP.items()}
OLD = {"app.mpy": files.sha256(b"old"), "drivers/meter.mpy": HASHES["drivers/meter.mpy"], "gone.mpy": b"x"}


# -- what is copied --------------------------------------------------------------------------------------------------------


def test_a_bare_board_gets_everything_into_the_first_folder():
    plan = files.plan(APP, [], {"fw_a": {}, "fw_b": {}})
    assert plan == files.Plan("fw_a", "", tuple(APP), (), (), "fw_a")


def test_the_version_that_runs_is_never_touched():
    for active, target in (("fw_a", "fw_b"), ("fw_b fw_a", "fw_a")):
        current = active.split()[0]
        plan = files.plan(APP, active.split(), {current: OLD, target: {}})
        assert (plan.target, plan.older, plan.active) == (target, current, f"{target} {current}")
        assert plan.send == ("app.mpy",) and plan.clone == ("drivers/meter.mpy",)


def test_what_is_there_already_is_neither_sent_nor_cloned_and_what_is_gone_is_removed():
    plan = files.plan(APP, ["fw_a"], {"fw_a": {}, "fw_b": OLD})
    assert plan.send == ("app.mpy",) and plan.clone == () and plan.remove == ("gone.mpy",)


def test_the_version_that_runs_already_leaves_nothing_to_do():
    plan = files.plan(APP, ["fw_b", "fw_a"], {"fw_a": {}, "fw_b": HASHES})
    assert plan == files.Plan("fw_b", "", (), (), (), "fw_b fw_a")


@pytest.mark.parametrize("active", [["elsewhere"], ["fw_c", "fw_a"]])
def test_a_list_of_versions_that_is_not_ours_is_replaced(active):
    assert files.plan(APP, active, {"fw_a": {}, "fw_b": {}}).active == "fw_a"


def test_folders_come_before_what_is_in_them():
    assert files.folders("fw_a", ["app.mpy", "a/b/c.mpy"]) == ["fw_a", "fw_a/a", "fw_a/a/b"]


# -- MicroPython ------------------------------------------------------------------------------------------------------------

ABOUT = board_data.read("waveshare_s3_relay_6ch")[1]
FLASH_ID = "esptool v5.6.0\nConnected to ESP32-S3 on /dev/ttyUSB0:\nChip type:          ESP32-S3 (QFN56)\n\nDetected flash size: 8MB\n"


def refusal(function, *arguments):
    with pytest.raises(FlashError) as error:
        function(*arguments)
    return str(error.value)


def test_a_chip_and_a_flash_that_fit_pass():
    image.check_chip("P", ABOUT, lambda *_: FLASH_ID)
    image.check_chip("P", board_data.read("wt32_eth01")[1], lambda *_: FLASH_ID.replace("ESP32-S3 on", "ESP32 on").replace("8MB", "4MB"))


@pytest.mark.parametrize(
    "text, words",
    [
        (FLASH_ID.replace("ESP32-S3 on", "ESP32 on"), "the board has an ESP32, expected ESP32-S3: is BOARD right"),
        (FLASH_ID.replace("8MB", "4MB"), "the flash has 4 MB, expected at least 8 MB"),
        (FLASH_ID.replace("8MB", "Unknown"), "a size that esptool can not tell"),
        ("", "a chip that esptool does not name"),
    ],
)
def test_another_chip_or_a_small_flash_is_refused(text, words):
    assert words in refusal(image.check_chip, "P", ABOUT, lambda *_: text)


@pytest.mark.parametrize("erase", [False, True])
@pytest.mark.parametrize("name, offset", [("esp32_generic", "0x1000"), ("waveshare_s3_relay_6ch", "0x0")])
def test_the_image_goes_where_the_chip_looks_for_it(erase, name, offset):
    asked = []
    image.write("P", board_data.read(name)[1], "i.bin", erase, lambda *arguments: asked.append(arguments))
    assert asked[-1][-3:] == ("write-flash", offset, "i.bin")
    assert [arguments[-1] for arguments in asked[:-1]] == ["erase-flash"] * erase


def test_an_image_is_what_it_should_be(tmp_path):
    path = tmp_path / "esp32.bin"
    data = esp_image.stock(ABOUT["chip"])
    path.write_bytes(data)
    right = hashlib.sha256(data).hexdigest()
    assert image.fetch(str(path), right.upper(), ABOUT) == image.fetch(str(path), None, ABOUT) == path
    assert "expected SHA-256 00, found " + right in refusal(image.fetch, str(path), "00", ABOUT)
    path.write_bytes(b"<html>")
    assert "first byte 0xE9), found 3c" in refusal(image.fetch, str(path), None, ABOUT)
    assert "can not be read" in refusal(image.fetch, str(tmp_path / "none.bin"), None, ABOUT)


def test_a_download_that_nobody_checks_is_refused():
    assert "expected --image-sha256 with it" in refusal(image.fetch, "https://example.org/esp32.bin", None, ABOUT)


def test_a_failing_esptool_is_quoted_with_what_to_do(monkeypatch):
    done = types.SimpleNamespace(returncode=2, stdout="Connecting...\n", stderr="A fatal error occurred: Failed to connect\n")
    monkeypatch.setattr(image.subprocess, "run", lambda *_, **__: done)
    text = refusal(image.esptool, "flash-id")
    assert "Failed to connect: hold BOOT" in text


def facts(**changes):
    return {"version": (1, 26, 1), "abi": 6, "platform": "esp32", "machine": "Generic ESP32S3 module with ESP32S3", **changes}


@pytest.mark.parametrize(
    "changes, words",
    [({}, None), ({"version": (1, 30, 0)}, None), ({"version": (1, 25, 9)}, "it is 1.25.9, the firmware needs 1.26.0"), ({"abi": 5}, "version 5, the firmware has 6")],
)
def test_an_old_micropython_is_told(changes, words):
    found = image.old(facts(**changes))
    assert found is None if words is None else words in found


def test_the_chip_that_micropython_names_is_checked_too():
    assert image.wrong_chip(facts(), ABOUT) is None
    assert image.wrong_chip(facts(platform="linux"), ABOUT) is None
    assert "the board has an ESP32, expected ESP32-S3" in image.wrong_chip(facts(machine="Generic ESP32 module with ESP32"), ABOUT)


def test_who_has_no_image_is_told_where_it_is():
    text = str(stock.refusal(ABOUT, "nobody answers"))
    assert "https://micropython.org/download/ESP32_GENERIC_S3/" in text and "--image FILE" in text and stock.address(ABOUT) in text


# -- healthy ------------------------------------------------------------------------------------------------------------------


class Box:
    """Says its lines, one per second of its own clock."""

    def __init__(self, *said):
        self.now_s = 0.0
        self.said = list(said)
        self.reopened = 0

    def clock(self):
        return self.now_s

    def listen(self):
        return self

    def reopen(self):
        self.reopened += 1

    def next(self, end_s):
        self.now_s += 1
        line = self.said.pop(0) if self.said else None
        if isinstance(line, Exception):
            raise line
        return line


UP = health.HEALTHY + "0.1.0"
BACK = "ladepunkt: floor: three starts of fw_b failed: back to fw_a"


def waited(*said):
    box = Box(*said)
    return health.wait(box, lambda text: None, box.clock), box


def test_a_healthy_box_with_an_address_is_not_waited_for_any_longer():
    found, box = waited("ladepunkt: start after power on", UP, None, health.ADDRESS + "192.0.2.5")
    assert found == ("0.1.0", "192.0.2.5") and box.now_s == 4


def test_an_address_before_the_report_is_not_the_end():
    found, box = waited(health.ADDRESS + "192.0.2.5", None, None, UP)
    assert found == ("0.1.0", "192.0.2.5") and box.now_s == 4


def test_an_address_that_never_comes_is_waited_for_half_a_minute():
    found, box = waited(UP)
    assert found == ("0.1.0", None) and 30 <= box.now_s <= 32


def test_a_port_that_goes_away_with_the_reset_is_opened_again():
    found, box = waited(health.maintenance.MaintenanceError("gone"), UP, health.ADDRESS + "192.0.2.5")
    assert found[0] == "0.1.0" and box.reopened == 1


def test_a_box_that_holds_is_a_failure_at_once_with_its_reason():
    assert "stays at 0 A: config.json: missing" in refusal(waited, health.HOLDS + "config.json: missing")


def test_a_box_that_went_back_is_a_failure_with_the_error_that_did_it():
    text = refusal(waited, "Traceback (most recent call last):", "ImportError: no module named 'x'", BACK, UP)
    assert "back to fw_a" in text and "ImportError: no module named 'x'" in text and "which runs: version 0.1.0" in text


def test_a_box_that_says_nothing_is_a_failure_after_two_minutes():
    box = Box()
    assert "does not say that it is healthy" in refusal(lambda: health.wait(box, print, box.clock))
    assert 119 <= box.now_s <= 122


# -- what to enter where --------------------------------------------------------------------------------------------------------


def told(mqtt=None, **changes):
    config = configure.check({**MINIMAL, "mqtt": mqtt or {}}, BOARD_MINIMAL)
    return {who: "\n".join(text) for who, text in lines.lines({**config, **changes}, BOARD_MINIMAL, "192.0.2.5")}


def test_a_primary_gets_the_address():
    assert told()["openWB primary"].endswith("192.0.2.5")
    assert "set mqtt.port to 1883" in told({"port": 1884})["openWB primary"]
    assert "client of the broker 192.0.2.9:1883" in told({"host": "192.0.2.9"})["openWB primary"]


def test_evcc_gets_a_charger_where_the_box_has_modbus():
    text = told(modbus={"enabled": True, "port": 1503})["evcc (evcc.yaml)"]
    assert "template: openwb-2.0" in text and "host: 192.0.2.5" in text and "port: 1503" in text
    assert "modbus: tcpip" in text and "phases1p3p: false" in text, "evcc asks for the one, and believes in phase relays without the other"
    assert "evcc (evcc.yaml)" not in told(modbus={"enabled": False, "port": 1502})


def test_evcc_gets_a_charger_for_each_charge_point_and_is_told_about_phase_relays():
    two = [{"evse": 1, "meter": {"type": "none"}}, {"evse": 2, "meter": {"type": "none"}}]
    board = {"coils": [{}]}
    config = configure.check({**MINIMAL, "charge_points": two, "mqtt": {}}, {**BOARD_MINIMAL, "evse_ids": [1, 2]})
    text = "\n".join(dict(lines.lines(config, board, "192.0.2.5"))["evcc (evcc.yaml)"])
    assert text.count("name: ") == 2 and "connector: 1" in text and "connector: 2" in text and "phases1p3p: true" in text


def test_home_assistant_gets_a_bridge_its_discovery_or_its_sensors():
    assert any("address 192.0.2.5:1883" in text for text in told().values())
    assert "by itself" in told({"host": "192.0.2.9", "discovery": "homeassistant"})["Home Assistant"]
    sensors = told({"host": "192.0.2.9", "prefix": "garage/"})["Home Assistant (configuration.yaml, its MQTT on 192.0.2.9)"]
    assert "state_topic: garage/openWB/internal_chargepoint/0/get/power" in sensors


def test_an_unknown_address_is_named_as_such():
    config = configure.check({**MINIMAL, "mqtt": {}}, BOARD_MINIMAL)
    assert lines.UNKNOWN in str(list(lines.lines(config, BOARD_MINIMAL, None)))


# -- the port --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ports, found",
    [
        ([], "no board at USB: plug it in with a data cable"),
        ([("/dev/ttyS0", None)], "no board at USB"),
        ([("/dev/ttyUSB0", 1), ("/dev/ttyUSB1", 1)], "several boards at USB: /dev/ttyUSB0, /dev/ttyUSB1: name one with PORT="),
    ],
)
def test_a_port_that_is_not_clear_is_asked_for(monkeypatch, ports, found):
    monkeypatch.setattr(flash.list_ports, "comports", lambda: [types.SimpleNamespace(device=name, vid=vid) for name, vid in ports])
    assert found in refusal(flash.find_port, None)
    assert flash.find_port("/dev/mine") == "/dev/mine"


def test_the_only_port_is_taken(monkeypatch):
    monkeypatch.setattr(flash.list_ports, "comports", lambda: [types.SimpleNamespace(device="/dev/ttyUSB3", vid=1)])
    assert flash.find_port(None) == "/dev/ttyUSB3"


def test_a_board_is_named_first(capsys):
    assert flash.main([]) == 1
    assert "which board? Name it with BOARD=NAME; there are: esp32_generic" in capsys.readouterr().err


def test_a_board_json_somebody_has_changed_is_checked_against_the_chip():
    board, _ = board_data.read("olimex_esp32_poe")
    flash.check_pins(board)
    found = refusal(flash.check_pins, {**board, "grid_input": {"pin": 34, "limited": 1}})
    assert found == "board.json: grid_input.pin: expected a pin with a pull resistor, found GPIO34: choose another pin: this one has none, and a broken wire has to limit"
