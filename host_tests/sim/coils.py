"""What must hold of the coils of a phase relay. Used by Invariants; truth is taken from the site, as in `stops`."""

from host_tests.fakes.evse import STATE_C
from host_tests.sim.chip import PWRON_RESET

IDLE_CA = 100
AHEAD_MS = 1000
LEFT_C_MS = 2500  # three seconds, less what a reading may be old
MAXIMUM_MS = 500 + 300  # beyond the pulse; and a step
AFTER_MS = 1000

SENTENCES = {
    "coil_at_zero": "a phase relay moves only at 0 A, with less than 1 A flowing, 3 s after the car has left state C, and with the pilot open for 1 s",
    "one_coil": "never are two coils on at the same time, whichever charge points they belong to",
    "coil_cool_down": "between two moves of a phase relay lies its cool-down, whatever was reset meanwhile but the supply",
    "coil_pulse": "no coil is on for longer than its pulse and half a second more",
    "no_current_switching": "no frame asks for current while a coil is on, nor within a second after the pilot was closed again",
}


class Relay:
    """What the checker remembers of one charge point."""

    def __init__(self):
        self.on_ms = None  # since when a coil of a pair is on
        self.moved_ms = None
        self.open_ms = None  # since when the pilot is open
        self.told_open = False
        self.closed_ms = None  # when the relay was told to close it again
        self.left_c_ms = None


class Coils:
    """moved() for every change of a coil, check() after every step, on_current() for every frame that sets more than 0 A."""

    def __init__(self, counts, fail):
        self._counts = counts
        self._fail = fail
        self._relays = {}

    def _of(self, cp):
        if cp not in self._relays:
            self._relays[cp] = Relay()
        return self._relays[cp]

    def restarted(self, cause):
        """Every coil drops with a reset; a loss of power takes the memory of the last move with it."""
        for relay in self._relays.values():
            relay.on_ms = None
            relay.told_open = False  # it closes now; where it does not, the next check sees it
            if cause == PWRON_RESET:
                relay.moved_ms = None

    def check(self, world):
        for cp, point in enumerate(world.site.charge_points):
            relay = self._of(cp)
            if point.evse.state == STATE_C:
                relay.left_c_ms = None
            elif relay.left_c_ms is None:
                relay.left_c_ms = world.now_ms
            self._watch_pilot(relay, point, world.now_ms)
            if relay.on_ms is not None:
                self._counts["coil_pulse"] += 1
                row = world.chip.board["coils"][cp]
                if world.now_ms - relay.on_ms > row["pulse_ms"] + MAXIMUM_MS:
                    self._fail("coil_pulse", "charge point %d: %d ms" % (cp, world.now_ms - relay.on_ms))

    def _watch_pilot(self, relay, point, now_ms):
        if not point.cp_open:
            relay.open_ms = None
        elif relay.open_ms is None:
            relay.open_ms = now_ms
        if relay.told_open and not point.cp_wanted:
            relay.closed_ms = now_ms
        relay.told_open = point.cp_wanted

    def moved(self, world, cp, on):
        """A coil of a pair is on, or off, from now on; a held output (`on` None) goes to the other phases."""
        relay = self._of(cp)
        if world.chip.starting:
            relay.on_ms = None
            return
        if on is False:
            relay.on_ms = None
            return
        self._together(world, cp)
        self._at_zero(world, cp, relay)
        self._cooled(world, cp, relay)
        relay.on_ms = world.now_ms if on else None
        relay.moved_ms = world.now_ms

    def _together(self, world, cp):
        self._counts["one_coil"] += 1
        others = [i for i, point in enumerate(world.site.charge_points) if point.coils]
        if others:
            self._fail("one_coil", "charge points %s and %d" % (others, cp))

    def _at_zero(self, world, cp, relay):
        point, now_ms = world.site.charge_points[cp], world.now_ms
        self._counts["coil_at_zero"] += 1
        if point.evse.powered and (point.evse.set_current_raw or point.evse.signalled_ca):
            self._fail("coil_at_zero", "register 1000 is %d" % point.evse.set_current_raw)
        if max(point.car.current_ca) >= IDLE_CA:
            self._fail("coil_at_zero", "%d (0.01 A)" % max(point.car.current_ca))
        alone = point.cp_wanted and not point.car.plugged  # with nobody there, a CP relay that sticks can not be seen, and does no harm
        if not alone and (not point.cp_open or relay.open_ms is None or now_ms - relay.open_ms < AHEAD_MS):
            self._fail("coil_at_zero", "the pilot is open for %r ms" % (relay.open_ms and now_ms - relay.open_ms))
        if relay.left_c_ms is None or now_ms - relay.left_c_ms < LEFT_C_MS:
            self._fail("coil_at_zero", "the car was in state C %r ms ago" % (relay.left_c_ms and now_ms - relay.left_c_ms))

    def _cooled(self, world, cp, relay):
        if relay.moved_ms is None:
            return
        self._counts["coil_cool_down"] += 1
        if world.now_ms - relay.moved_ms < world.config["charge_points"][cp]["phase_switch"]["cool_down_s"] * 1000:
            self._fail("coil_cool_down", "%d ms after the last one" % (world.now_ms - relay.moved_ms))

    def on_current(self, world, cp, at_ms):
        relay = self._of(cp)
        self._counts["no_current_switching"] += 1
        if relay.on_ms is not None and at_ms >= relay.on_ms:
            self._fail("no_current_switching", "a coil of charge point %d is on" % cp)
        if relay.closed_ms is not None and 0 <= at_ms - relay.closed_ms < AFTER_MS:
            self._fail("no_current_switching", "the pilot was closed %d ms before" % (at_ms - relay.closed_ms))
