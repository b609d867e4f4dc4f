"""Fits the charge points with relays, coils and what an earlier life has left, and keeps for the next life what must survive."""

from cp_relay import ABSENT, CpRelay, after_power_loss
from guard import Guard
from memory import M_BLOCK, M_LATCHED, M_METER, M_PHASES


class Keeper:
    """Of all charge points. `memory`: see Memory; None keeps nothing."""

    def __init__(self, points, memory):
        self._points = points
        self._memory = memory
        self._cold = memory is None or memory.cold

    def fit_second_stops(self, relays, now_ms):
        """At boot: what an earlier life left open stays open, what it latched stays latched. relays: ports, one per charge point."""
        for i in range(len(self._points)):
            port = relays[i] if i < len(relays) else None
            saved = self._memory.cp(i) if self._memory else 0
            if self._cold:
                saved = after_power_loss(saved)
            latched = self._memory.value[M_LATCHED + i] if self._memory else 0
            self._points[i].fit(CpRelay(port, saved, now_ms), Guard(latched))

    def fit_switches(self, coils, config, now_ms):
        """At boot. coils: ports, one per charge point. A board without CP relay has no use for the machine."""
        turn = None
        for i in range(len(self._points)):
            point = self._points[i]
            if point.relay.state == ABSENT:
                continue
            from phases import Phases

            row = config["charge_points"][i]["phase_switch"]
            if i < len(coils):
                from coil import Coil, Turn

                turn = turn or Turn()
                point.coil = Coil(coils[i], turn, row["cool_down_s"] * 1000)
                point.coil.restore(self._memory.value[M_PHASES + i] if self._memory else 0, self._cold, now_ms)
            point.phases = Phases(point, now_ms)
            point.phases.start(row["boot"], self._cold)

    def step(self, now_ms):
        """At once in RTC memory, in flash only while nobody charges and no coil moves."""
        if self._memory is not None:
            self._keep(now_ms)
        for point in self._points:
            if point.coil is not None:
                point.coil.noted = True

    def _keep(self, now_ms):
        """The position of a phase relay is written to flash at once, if no other charge point charges."""
        resting = True
        moved = False
        for i in range(len(self._points)):
            moved = self._keep_point(i) or moved
            resting = resting and self._points[i].at_rest()
        if moved and resting:
            self._memory.write(now_ms)
        else:
            self._memory.step(now_ms, resting)

    def _keep_point(self, i):
        """True when a phase relay's position is news."""
        point = self._points[i]
        self._memory.put_cp(i, point.relay.saved)
        self._memory.put(M_LATCHED + i, point.guard.latched)
        self._keep_meter(i, point.meter)
        if point.coil is None:
            return False
        self._memory.put(M_PHASES + i, point.coil.position)
        return not point.coil.noted

    def _keep_meter(self, i, meter):
        """Which meter there is, and what it answers."""
        if meter is not None and meter.longest:
            self._memory.put(M_METER + i, meter.kind)
            self._memory.put(M_BLOCK + i, meter.longest)
