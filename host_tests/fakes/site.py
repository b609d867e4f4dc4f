"""A site: charge points (EVSE, meter, car, relays) and the devices on its RS485 bus, by unit id.

Plain Python that also runs on MicroPython; time is an argument.
"""

from .car import MASK_MS, STATE_A, Car, elapsed_ms
from .evse import EvseDin
from .meters import build


class ChargePoint:
    """One outlet. `cp_open` and `phases` are its relays, set by whoever plays them. `meter` may be None.

    `cp_stuck` holds the CP relay where it is: None, or the value of `cp_open` that it keeps.
    """

    def __init__(self, evse, meter, car):
        self.evse = evse
        self.meter = meter
        self.car = car
        self.cp_wanted = False  # what the relay is told
        self.cp_stuck = None
        self.phases = 3  # where the phase relay stands
        self.phases_stuck = False  # ... and stays, whatever its coils do
        self.coils = set()  # phases whose coil is energised
        self.welded = False  # the contactor stays closed whatever the EVSE says

    @property
    def cp_open(self):
        return self.cp_wanted if self.cp_stuck is None else self.cp_stuck

    @cp_open.setter
    def cp_open(self, is_open):
        self.cp_wanted = is_open

    def energise(self, phases, on):
        """A coil of the phase relay: it moves at once, and keeps its place without power."""
        (self.coils.add if on else self.coils.discard)(phases)
        if on and not self.phases_stuck:
            self.phases = phases

    def step(self, now_ms):
        """Let time pass: pilot to the car, car to the EVSE, current through the meter."""
        pilot_ca = None if self.cp_open else self.evse.signalled_ca
        supplied = self.phases if self.evse.relay_on or self.welded else 0
        self.car.step(now_ms, pilot_ca, supplied)
        self.evse.step(now_ms, STATE_A if self.cp_open else self.car.state)
        if self.meter is not None:
            self.meter.step(now_ms, self.car.current_ca)


class Site:
    """All charge points behind one bus."""

    def __init__(self, charge_points):
        self.charge_points = charge_points
        self._now_ms = None

    def device(self, unit):
        """The device with this unit id, or None."""
        for charge_point in self.charge_points:
            if charge_point.evse.unit == unit:
                return charge_point.evse
            if charge_point.meter is not None and charge_point.meter.unit == unit:
                return charge_point.meter
        return None

    def step(self, now_ms):
        """Time never goes back, although a request that was sent a little ahead may have moved it on."""
        if self._now_ms is not None and elapsed_ms(now_ms, self._now_ms) > MASK_MS // 2:
            now_ms = self._now_ms
        self._now_ms = now_ms
        for charge_point in self.charge_points:
            charge_point.step(now_ms)

    def request(self, unit, function, address, payload, now_ms):
        """What the bus answers: a list of words (empty after a write), an exception code, or None for silence.

        `payload` is the number of registers to read, or the list of values to write.
        """
        self.step(now_ms)
        device = self.device(unit)
        if device is None:
            return None
        return device.request(function, address, payload)


def standard_site(charge_points=1, firmware=18, meter="sdm630"):
    """The usual box: EVSE 1 (and 2), meter 105 (and 106; others where openWB has them), or meter "none"."""
    points = []
    for index in range(charge_points):
        model = None if meter == "none" else build(meter, index)
        points.append(ChargePoint(EvseDin(1 + index, firmware), model, Car()))
    return Site(points)
