"""Joins the configured Wi-Fi once; the driver then reconnects by itself for ever, so nothing here waits."""

import network


def join(ssid, password, hostname):
    """Starts joining and returns the interface at once; None for an empty ssid: this box has another way into the network."""
    if not ssid:
        return None
    network.hostname(hostname)
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    wlan.config(pm=network.WLAN.PM_NONE)  # power saving adds hundreds of ms to every answer
    if not wlan.isconnected():
        wlan.connect(ssid, password)
    return wlan
