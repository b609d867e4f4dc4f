"""Stand-in for the ESP32's `network`: the host's own network is the Wi-Fi, always there and always connected."""

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
PHY_LAN8720 = 1


def hostname(name=None):
    return name or "ladepunkt"


def country(code=None):
    return code or "XX"


class WLAN:
    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = 0
    PM_PERFORMANCE = 1

    def __init__(self, interface=STA_IF):
        self._active = False

    def active(self, on=None):
        if on is not None:
            self._active = bool(on)
        return self._active

    def connect(self, ssid=None, key=None, **options):
        if not self._active:
            raise OSError("Wifi Not Started")  # the driver's own words

    def disconnect(self):
        pass

    def isconnected(self):
        return self._active

    def status(self, what=None):
        if what == "rssi":
            return -50
        return STAT_GOT_IP if self._active else STAT_IDLE

    def ifconfig(self, setup=None):
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")

    def config(self, what=None, **settings):
        return b"\x02\x00\x00\x00\x00\x01" if what == "mac" else None


class LAN(WLAN):
    """Wired, always connected. The keywords are those of the ESP32."""

    def __init__(self, id=None, *, mdc, mdio, phy_type, phy_addr, power=None, ref_clk=None, ref_clk_mode=None):
        super().__init__()
        self.wiring = (mdc, mdio, phy_type, phy_addr, power, ref_clk, ref_clk_mode)
