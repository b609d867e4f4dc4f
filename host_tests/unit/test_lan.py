"""Ethernet: the driver gets what board.json says, and the configuration chooses between it and Wi-Fi."""

import app
import lan
import pytest
from config import check_board, check_config
from supervisor import JOINED, UNPLUGGED

from host_tests.unit.test_config import BOARD_FULL, FULL
from tools import board_data

WIRED = [name for name in board_data.names() if "ethernet" in board_data.read(name)[0]]


class Driver:
    """Notes what the driver is told, in order."""

    PHY_LAN8720 = 1

    def __init__(self):
        self.told = []

    def hostname(self, name):
        self.told.append(("hostname", name))

    def LAN(self, **wiring):
        self.told.append(("LAN", {key: getattr(value, "id", value) for key, value in wiring.items()}))
        return self

    def active(self, on):
        self.told.append(("active", on))

    def isconnected(self):
        return self.plugged


EXPECTED = {
    "wt32_eth01": {"mdc": 23, "mdio": 18, "power": 16, "phy_type": 1, "phy_addr": 1, "ref_clk": 0, "ref_clk_mode": 1},
    "olimex_esp32_poe": {"mdc": 23, "mdio": 18, "power": 12, "phy_type": 1, "phy_addr": 0, "ref_clk": 17, "ref_clk_mode": 3},
}


@pytest.mark.parametrize("name", WIRED)
def test_the_driver_gets_the_wiring_of_the_board_and_is_switched_on(monkeypatch, name):
    driver = Driver()
    monkeypatch.setattr(lan, "network", driver)
    row = check_board(board_data.read(name)[0])["ethernet"]
    lan.Lan(row, "garage").join()
    assert driver.told == [("hostname", "garage"), ("LAN", EXPECTED[name]), ("active", True)]


def test_a_phy_without_a_power_pin_gets_none(monkeypatch):
    driver = Driver()
    monkeypatch.setattr(lan, "network", driver)
    lan.Lan({**BOARD_FULL["ethernet"], "power": None}, "garage")
    assert driver.told[1][1]["power"] is None


def test_a_phy_that_does_not_start_is_told_and_ends_nothing(monkeypatch, capsys):
    driver = Driver()
    monkeypatch.setattr(lan, "network", driver)
    port = lan.Lan(BOARD_FULL["ethernet"], "garage")

    def fail(on):
        raise OSError("ethernet enable failed")

    driver.active = fail
    port.join()
    port.leave()
    assert capsys.readouterr().out.count("ethernet enable failed") == 2


def test_a_pulled_cable_is_told_as_such(monkeypatch):
    driver = Driver()
    monkeypatch.setattr(lan, "network", driver)
    port = lan.Lan(BOARD_FULL["ethernet"], "garage")
    driver.plugged = False
    assert port.state() == UNPLUGGED
    driver.plugged = True
    assert port.state() == JOINED
    port.leave()
    assert driver.told[-1] == ("active", False)


def test_the_configuration_chooses_the_network_and_the_name_differs_from_box_to_box(monkeypatch):
    monkeypatch.setattr(app.wlan, "Wlan", lambda *wifi: ("wifi", wifi))
    monkeypatch.setattr(lan, "Lan", lambda *wired: ("ethernet", wired))
    monkeypatch.setattr(app.board, "box_id", lambda: 0x7712AB)
    config, board = check_config(FULL), check_board(BOARD_FULL)
    assert app.interface(config, board) == ("ethernet", (BOARD_FULL["ethernet"], "garage-12ab"))
    assert app.interface({**config, "network": "wifi"}, board) == ("wifi", ("net", "secret", "garage-12ab"))
    assert app.interface({**config, "network": "wifi", "wifi": {"ssid": "", "password": ""}}, board) is None
