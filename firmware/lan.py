"""Ethernet of boards that have it: the driver follows the cable and asks for an address by itself, so nothing here waits."""

import machine
import network


def join(row, hostname):
    """Starts it and returns the interface at once. row: board.json's ethernet. At boot."""
    network.hostname(hostname)
    power = None if row["power"] is None else machine.Pin(row["power"])
    mode = machine.Pin.IN if row["clk_dir"] == "in" else machine.Pin.OUT
    mdc = machine.Pin(row["mdc"])
    mdio = machine.Pin(row["mdio"])
    clk = machine.Pin(row["clk"])
    kind = network.PHY_LAN8720
    lan = network.LAN(mdc=mdc, mdio=mdio, power=power, phy_type=kind, phy_addr=row["addr"], ref_clk=clk, ref_clk_mode=mode)
    lan.active(True)
    return lan
