"""One EVSE-DIN alone on the line, with what a test needs to be nasty to its driver."""
from drivers.evse_din import ERASING, READY, REFUSED, EvseDin

from host_tests.fakes.site import standard_site
from host_tests.unit.bench import Bench

FIRMWARES = (7, 8, 10, 15, 16, 17, 18)
START_TICKS = [0, (1 << 30) - 700]  # the second one wraps while the EVSE is set up
# by precise mode: what register 1000 may ever be told
ALLOWED = {False: {0, *range(6, 33)}, True: {0, *range(600, 3201)}}


class EvseBench(Bench):
    """`evse` is the driver, `model` the controller behind the line, `car` what is plugged into it."""

    def __init__(self, firmware=18, start_tick=0):
        site = standard_site(1, firmware, "none")
        self.evse = EvseDin(1, 20)
        self.model = site.charge_points[0].evse
        self.car = site.charge_points[0].car
        self.cut_raw = None  # the controller never holds more than this
        super().__init__([self.evse], site, start_tick)
        self.on_step = self._cut

    def _cut(self):
        if self.cut_raw is not None:
            self.model.set_current_raw = min(self.model.set_current_raw, self.cut_raw)

    def until_ready(self):
        """The ms it took."""
        return self.until(lambda: self.evse.state in (READY, REFUSED), 5000)

    def until_settled(self, target_ca):
        """Until the target has been written and read back."""
        self.evse.target_ca = target_ca
        self.until(lambda: self.evse.state == READY and self.evse.raw == self.evse._target_raw() and not self.evse._unread, 8000)

    def power_cycle(self):
        """A dip of the EVSE's supply; returns when its driver has noticed."""
        self.model.power_cycle(self.now_ms)
        self.until(lambda: self.evse.state == ERASING, 3000)

    def lose_replies(self, which, times):
        """The next replies to which(function, address) are lost; the device has done what it was asked for."""
        left = [times]

        def tamper(unit, function, address, words):
            if left[0] and which(function, address):
                left[0] -= 1
                return None
            return words

        self.tamper = tamper

    def lose_requests(self, which, times):
        """The next requests which(function, address) do not reach the device."""
        real, left = self.site.request, [times]

        def request(unit, function, address, payload, now_ms):
            if left[0] and which(function, address):
                left[0] -= 1
                return None
            return real(unit, function, address, payload, now_ms)

        self.site.request = request

    def script(self, since_ms=0):
        """Every request as text: "1000 := 0", "read 1005 x 1"."""
        return [
            f"read {f.address} x {f.count}" if f.value is None else f"{f.address} := {f.value}" for f in self.frames(1, since_ms)
        ]

    def eeprom_writes(self):
        return [write for write in self.writes() if write[0] >= 2000]


def start_up(bench, target_ca):
    """Ready, and at its target."""
    bench.until_ready()
    bench.until_settled(target_ca)
