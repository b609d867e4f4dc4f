"""A world with phase coils, in which every step looks at whether a coil is on where none may be."""
from phases import CLOSING, COASTING, DWELLING, OPENING, PULSING, REST, STOPPING

from host_tests.sim.chip import NC, PAIR
from host_tests.sim.invariants import Invariants
from host_tests.sim.world import SET, World, standard_config

WAY = (STOPPING, COASTING, OPENING, PULSING, DWELLING, CLOSING)
SWITCH_MS = 40000  # a switch, and the car charges again
SETTLED_MS = 5000


class Box(World):
    """A world with coils in which a car charges at 16 A, and what must hold of coils is looked at in every step."""

    def __init__(self, charge_points=1, boot="stored", cool_down_s=60, meter="sdm630", contact=NC, coils=PAIR, firmware=18, mode="client"):
        config = standard_config(charge_points, meter, mode=mode)
        for row in config["charge_points"]:
            row["phase_switch"] = {"cool_down_s": cool_down_s, "boot": boot}
        super().__init__(7, config, firmware=firmware, contact=contact, coils=coils)
        self.invariants = Invariants(self)
        self.moves = []  # (time, charge point, phases) of every coil that was switched on
        self.longest_ms = 0
        self._on_since = {}

    def charge(self):
        for cp in range(len(self.site.charge_points)):
            self.plug(cp)
        self.run_until(lambda: all(point.car.current_ca[0] == 1600 for point in self.site.charge_points), 60000)
        self.run(3000)
        return self

    def move_coil(self, cp, phases, on):
        point = self.site.charge_points[cp]
        if on and phases not in point.coils:
            self.moves.append((self.now_ms, cp, phases))
            self._on_since[cp] = self.now_ms
            assert point.cp_open and point.evse.set_current_raw == 0 and max(point.car.current_ca) < 100
        elif not on and phases in point.coils:
            self.longest_ms = max(self.longest_ms, self.now_ms - self._on_since[cp])
        super().move_coil(cp, phases, on)

    def step(self):
        super().step()
        on = [cp for cp, point in enumerate(self.site.charge_points) if point.coils]
        assert len(on) <= 1
        for cp in on:
            assert self.site.charge_points[cp].cp_open and not self.evse(cp).signalled_ca

    def trigger(self, phases, cp=0):
        self.broker.send(SET + b"%d/data/phases_to_use" % cp, b"%d" % phases, True)
        self.broker.send(SET + b"%d/data/trigger_phase_switch" % cp, b"true", True)

    def interrupt(self, seconds, cp=0):
        self.broker.send(SET + b"%d/data/cp_interruption_duration" % cp, b"%d" % seconds, True)

    def machine(self, cp=0):
        return self.gateway.points[cp].phases

    def until(self, state, limit_ms=60000, cp=0):
        return self.run_until(lambda: self.machine(cp).state == state, limit_ms)

    def recovers(self):
        """The switch is over, one way or the other, within two of its kind; then the car charges on what the relay gives, and goes on so."""
        self.run_until(lambda: self.machine().state == REST and self.charges(), 2 * SWITCH_MS)
        self.run(SETTLED_MS)
        return self.charges()

    def charges(self, cp=0):
        """At 16 A on every phase that the relay gives, with no coil on."""
        point = self.site.charge_points[cp]
        return point.coils == set() and self.car(cp).current_ca == [1600] * point.phases + [0] * (3 - point.phases)

    def reason(self, cp=0):
        return self.gateway.points[cp].reason

    def shown(self, cp=0):
        """(phases in use, fault state, plugged) as a primary reads them."""
        self.run(1500)
        return tuple(self.told(name, cp) for name in (b"get/phases_in_use", b"get/fault_state", b"get/plug_state"))


def switched(box, phases, cp=0):
    return box.site.charge_points[cp].phases == phases and box.gateway.points[cp].coil.position == phases
