"""Ethernet as the port of the supervisor, for boards that have it. The driver follows the cable and asks for an address by itself."""

import machine
import network

from supervisor import JOINED, UNPLUGGED


class Lan:
    """state() allocates nothing."""

    def __init__(self, row, hostname):
        """row: board.json's ethernet. At boot."""
        network.hostname(hostname)
        power = None if row["power"] is None else machine.Pin(row["power"])
        mode = machine.Pin.IN if row["clk_dir"] == "in" else machine.Pin.OUT
        mdc = machine.Pin(row["mdc"])
        mdio = machine.Pin(row["mdio"])
        clk = machine.Pin(row["clk"])
        kind = network.PHY_LAN8720
        self._lan = network.LAN(mdc=mdc, mdio=mdio, power=power, phy_type=kind, phy_addr=row["addr"], ref_clk=clk, ref_clk_mode=mode)

    def join(self):
        self._switch(True)

    def leave(self):
        self._switch(False)

    def _switch(self, on):
        """Episode. A driver that does not want to is asked again by the supervisor."""
        try:
            self._lan.active(on)
        except (OSError, RuntimeError) as error:
            print("ladepunkt: Ethernet:", error)

    def state(self):
        """JOINED, or UNPLUGGED: what else it may lack the driver does not tell."""
        return JOINED if self._lan.isconnected() else UNPLUGGED

    def address(self):
        return self._lan.ifconfig()[0]

    def router(self):
        """Its address, "0.0.0.0" while it is not known."""
        return self._lan.ifconfig()[2]

    def rssi_dbm(self):
        return None
