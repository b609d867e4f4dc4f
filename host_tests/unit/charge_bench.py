"""A charge point whose EVSE and meter say what a test wants, stepped without a line between them."""
from charge_point import ChargePoint
from cp_relay import CpRelay
from drivers.evse_din import READY, EvseDin
from drivers.meter import Meter
from drivers.meters import EASTRON_3P
from faults import NOT_CONFIRMED_MS
from guard import Guard
from intents import MQTT, Heartbeat
from points import P_CURRENT_CA, P_POWER_L_CW, P_VOLTAGE_CV, Image

START_MS = 1000


class Box:
    """A charge point in the middle of a charge: EVSE ready at 16 A, meter fine, heartbeat alive, set point 32 A."""

    def __init__(self, with_meter=True, installation_ca=3200, lost_current_ca=0, phases=3, english=False):
        self.now_ms = START_MS
        self.image = Image()
        self.value = self.image.value
        self.evse = EvseDin(1, 20)
        self.evse.state = READY
        self.evse.precise = True
        self.evse.heard.mark(START_MS)
        self.evse.raw = 1600
        self.evse.vehicle_state = 3
        self.evse.limit_a = 32
        self.meter = Meter(((EASTRON_3P, 105),), 20, self.image, START_MS) if with_meter else None
        if with_meter:
            self.meter.accepted = True
            self.measure([1600, 1600, 1600], [368000, 368000, 368000])
        self.heartbeats = [Heartbeat(60000), Heartbeat(60000)]
        for heartbeat in self.heartbeats:
            heartbeat.reason = 0
        self.point = ChargePoint(self.evse, self.meter, self.image, self.heartbeats, START_MS)
        self.point.configure(installation_ca, lost_current_ca, phases, english)
        self.point.wish.offer(MQTT, 3200, START_MS)

    def measure(self, currents_ca, powers_cw):
        self.value[P_VOLTAGE_CV : P_VOLTAGE_CV + 3] = [23000] * 3
        self.value[P_CURRENT_CA : P_CURRENT_CA + 3] = currents_ca
        self.value[P_POWER_L_CW : P_POWER_L_CW + 3] = powers_cw

    def step(self, ms=1):
        self.now_ms += ms
        self.point.step(self.now_ms)
        return self

    def currents(self):
        return self.value[P_CURRENT_CA : P_CURRENT_CA + 3]


class Pilot:
    """The contact of a CP relay."""

    starts_open = False

    def __init__(self):
        self.is_open = False

    def open(self):
        self.is_open = True

    def close(self):
        self.is_open = False


class Watched(Box):
    """A Box with a second stop and a guard. EVSE and meter answer in every step unless `answers` or `reads` is off."""

    def __init__(self, relay=True, **options):
        super().__init__(**options)
        self.pilot = Pilot() if relay else None
        self.point.fit(CpRelay(self.pilot, 0, START_MS), Guard(0))
        self.relay, self.guard = self.point.relay, self.point.guard
        self.answers = self.reads = True
        self.age_ms = 0  # of what the meter tells
        self.evse.signalled_raw = self.evse._written = self.evse.raw

    def run(self, ms):
        for _ in range(ms // 100):
            if self.answers:
                self.evse.heard.mark(self.now_ms + 100)
            self.evse._missed = not self.answers
            if self.reads:
                self.image.meter.mark(self.now_ms + 100 - self.age_ms)
            self.step(100)
        return self

    def want(self, set_ca):
        self.point.wish.offer(MQTT, set_ca, self.now_ms)
        return self

    def obey(self, raw=0):
        """The EVSE was told that, and it was read back; its pilot follows."""
        self.evse.raw = self.evse._written = self.evse.signalled_raw = raw
        return self

    def trip(self):
        """0 A is wanted and not read back: the pilot opens, and the EVSE sees no car any more."""
        self.want(0).run(NOT_CONFIRMED_MS + 200)
        assert self.pilot.is_open
        self.evse.vehicle_state = 1
        return self

    def flow(self, current_ca):
        self.measure([current_ca, 0, 0], [230 * current_ca, 0, 0])
        return self

    def volts(self, voltage_cv):
        self.value[P_VOLTAGE_CV : P_VOLTAGE_CV + 3] = [voltage_cv] * 3
        return self

    def limit(self):
        assert self.evse.target_ca == self.point.limit_ca
        return self.point.limit_ca
