"""What must hold for the second stop, for faults at the box and for what is kept over a reset. Used by Invariants.

Truth is taken from the site (relays, pilots, currents), never from the firmware.
"""

import cp_relay
import phases
from host_tests.sim.chip import PWRON_RESET

OPEN_MS = 10000
CALM_MS = 5000
CLOSINGS, HOUR_MS = 3, 3600000
CONFIRM_MS = 4500  # from the moment nobody allows current to: 0 A confirmed, or pilot open
IDLE_CA = 100
FOUND_MS = 10000 + 100  # a box whose relay opens now has found it
WELD_MS = 10000 + 2500  # a reading may be that old
IDLE_MS = 5000
OVER_MS = 5000 + 6000 + 2500
READING_MS = 1500  # how long a state must have lasted to be sure that it was read
UNPLUG_MS = 5000
FLASH_EVERY_MS = 60000
ASKED = (1005, 2005, 1000)

SENTENCES = {
    "confirmed_or_open": "4.5 s after nobody allows current any more no pilot offers any: 0 A was obeyed, or the CP relay is open",
    "cp_closing": "the CP relay closes only at 0 A; after a fault with less than 1 A for 5 s, after 10 s open, and three times an hour",
    "open_survives": "a CP relay that was open before a reset without loss of power is open before the first frame after it",
    "no_unplug": "a pilot that the box opened is never told as an unplugged car",
    "weld": "current that flows for 10 s at 0 A opens the pilot",
    "over_current": "a car that takes more than it is told is stopped",
    "latched": "after an RCD trip, a weld suspicion or an over-current nothing but 0 A is set until somebody acts at the box",
    "asked_again": "an EVSE that came back is asked for firmware, configuration and cable before it gets current",
    "flash_at_rest": "flash is written while nobody charges and no coil moves, at most once a minute, and around a phase switch",
}


class Since:
    """Since when something is so, in world time."""

    def __init__(self):
        self.at_ms = None

    def lasted_ms(self, is_so, now_ms):
        if not is_so:
            self.at_ms = None
            return 0
        if self.at_ms is None:
            self.at_ms = now_ms
        return now_ms - self.at_ms


class Outlet:
    """What the checker remembers of one charge point."""

    def __init__(self):
        self.offered = Since()
        self.calm = Since()
        self.open = Since()
        self.plugged = Since()
        self.flows = Since()
        self.over = Since()
        self.rcd = Since()
        self.readable = Since()
        self.was_open = False
        self.was_held = False  # open for a switch or an interruption, and not by a fault
        self.fresh = True  # the relay has not moved by order of the gateway since the start
        self.closings = []
        self.latched = None  # why nothing may be set any more
        self.resting = Since()  # nobody draws current while that is so
        self.written = False  # ... for long enough: flash knows it
        self.unasked = set()  # registers that must be read before current is set
        self.told_plugged = None


class Stops:
    """check() after every step, on_frame() for every frame to an EVSE, on_told() for every publish of plug_state."""

    def __init__(self, counts, fail):
        self._counts = counts
        self._fail = fail
        self.outlets = None
        self._flash_writes = 0

    def restarted(self, world, cause):
        if self.outlets is None:
            self.outlets = [Outlet() for _ in world.site.charge_points]
        kept = cause != PWRON_RESET
        self._must_be_open = [kept and point.cp_wanted for point in world.site.charge_points]
        self._writes_before = self._flash_writes = len(world.flash.writes)
        for outlet, must_be_open in zip(self.outlets, self._must_be_open):
            outlet.fresh = not must_be_open
            outlet.was_held = False
            outlet.told_plugged = None
            outlet.unasked = set(ASKED)
            outlet.readable.at_ms = None  # a new life has read nothing yet
            outlet.resting.at_ms = None
            if not kept:
                outlet.closings = []
                outlet.latched = outlet.latched if outlet.written else None
            if not kept and (world.flash.full or not world.flash.sure):
                outlet.latched = None  # nowhere to keep it

    def cleared(self):
        """Somebody acted at the box."""
        for outlet in self.outlets:
            outlet.latched = None
            outlet.closings = []
            outlet.over.at_ms = outlet.flows.at_ms = outlet.rcd.at_ms = None

    def came_back(self, cp):
        """The EVSE lost its supply, or somebody else wrote to it."""
        self.outlets[cp].unasked = set(ASKED)

    def check(self, world, allowed):
        """`allowed`: by charge point, whether anybody may set current now."""
        if self._must_be_open is not None:
            self._survived(world)
            self._must_be_open = None
        self._flash(world)
        now_ms, faults = world.now_ms, world.line.faults
        at_rest = True
        for point in world.site.charge_points:
            if point.evse.set_current_raw or max(point.car.current_ca) >= IDLE_CA:
                at_rest = False
        for cp, point in enumerate(world.site.charge_points):
            outlet = self.outlets[cp]
            self._keep(outlet, at_rest, now_ms)
            readable = point.evse.powered and not (faults and self._disturbed(point, faults))
            steady_ms = outlet.readable.lasted_ms(readable, now_ms)
            if allowed[cp]:
                outlet.offered.at_ms = None
            else:
                self._offer(world, point, outlet)
            highest_ca = max(point.car.current_ca)
            self._relay(world, point, outlet, highest_ca)
            outlet.was_held = world.gateway.points[cp].relay.state == cp_relay.HELD
            if point.meter is not None:
                self._current(world, point, outlet, steady_ms, highest_ca)
            if point.evse.rcd_error or outlet.rcd.at_ms is not None:
                self._rcd(world, point, outlet, steady_ms)
            outlet.plugged.lasted_ms(point.car.plugged, now_ms)

    def _keep(self, outlet, at_rest, now_ms):
        """What is latched is in flash once the box has been at rest for long enough."""
        if outlet.latched is None:
            outlet.resting.at_ms = None
            outlet.written = False
        else:
            rested_ms = outlet.resting.lasted_ms(at_rest, now_ms)
            outlet.written = outlet.written or rested_ms > FLASH_EVERY_MS + READING_MS

    def _disturbed(self, point, faults):
        """True when what it, or its meter, says may not arrive."""
        return bool(faults.get(point.evse.unit)) or point.meter is not None and bool(faults.get(point.meter.unit))

    def _survived(self, world):
        at_first = world.chip.pilots_at_first_frame
        for cp, must in enumerate(self._must_be_open):
            self.outlets[cp].was_open = world.site.charge_points[cp].cp_wanted  # moved by the reset, not by the gateway
            if must:
                self._counts["open_survives"] += 1
                if at_first is None or not at_first[cp]:
                    self._fail("open_survives", "charge point %d" % cp)

    def _flash(self, world):
        writes = world.flash.writes
        if len(writes) == self._flash_writes:
            return
        self._counts["flash_at_rest"] += 1
        switching = any(point.phases and point.phases.state in (phases.OPENING, phases.DWELLING) for point in world.gateway.points)
        if len(writes) > self._writes_before + 1 and writes[-1] - writes[-2] < FLASH_EVERY_MS and not switching:
            self._fail("flash_at_rest", "%d ms after the last write" % (writes[-1] - writes[-2]))
        self._flash_writes = len(writes)
        for cp, point in enumerate(world.site.charge_points):
            if point.coils:
                self._fail("flash_at_rest", "a coil of charge point %d is on" % cp)
            offered = (point.evse.signalled_ca or 0) > 0 and not point.cp_wanted
            # an EVSE that came back with its own idea of a current is no charge that the box could know of
            if offered and world.gateway.points[cp].evse.set_current_ca():
                self._fail("flash_at_rest", "charge point %d is charging" % cp)

    def _offer(self, world, point, outlet):
        """While nobody allows current. Only with a relay that works: without one the box can do no more than send 0 A, see cut_off."""
        able = world.chip.board["cp_relays"] and point.cp_stuck is None
        offers = able and (point.evse.signalled_ca or 0) > 0 and not point.cp_open
        lasted_ms = outlet.offered.lasted_ms(offers, world.now_ms)
        if lasted_ms:
            self._counts["confirmed_or_open"] += 1
        if lasted_ms > CONFIRM_MS:
            self._fail("confirmed_or_open", "%d ms, register 1000 is %d" % (lasted_ms, point.evse.set_current_raw))

    def _relay(self, world, point, outlet, highest_ca):
        now_ms = world.now_ms
        calm_ms = outlet.calm.lasted_ms(highest_ca < IDLE_CA, now_ms)
        opened_ms = outlet.open.at_ms
        outlet.open.lasted_ms(point.cp_wanted, now_ms)
        if point.cp_wanted == outlet.was_open:
            return
        outlet.was_open = point.cp_wanted
        if point.cp_wanted:
            outlet.fresh = False
            return
        self._counts["cp_closing"] += 1
        if point.evse.powered and point.evse.set_current_raw:
            self._fail("cp_closing", "register 1000 is %d" % point.evse.set_current_raw)
        if outlet.fresh or outlet.was_held:
            return  # wiring that is open without power closes for the first time; what no fault has opened
        if point.meter is not None and calm_ms < CALM_MS:
            self._fail("cp_closing", "current flowed %d ms ago" % calm_ms)
        if now_ms - opened_ms < OPEN_MS:
            self._fail("cp_closing", "%d ms after it opened" % (now_ms - opened_ms))
        outlet.closings = [at_ms for at_ms in outlet.closings if now_ms - at_ms < HOUR_MS] + [now_ms]
        if len(outlet.closings) > CLOSINGS:
            self._fail("cp_closing", "%d times within an hour" % len(outlet.closings))

    def _current(self, world, point, outlet, steady_ms, highest_ca):
        """Only while everything can be read, and has been for as long as the rule needs."""
        signalled_ca = point.evse.signalled_ca or 0
        at_zero = point.evse.powered and point.evse.set_current_raw == 0
        flows_ms = outlet.flows.lasted_ms(at_zero and highest_ca >= IDLE_CA + 50, world.now_ms)
        if min(flows_ms, steady_ms) > FOUND_MS:
            self._counts["weld"] += 1
            if point.cp_wanted or not world.chip.board["cp_relays"]:
                outlet.latched = "weld"
        if min(flows_ms, steady_ms) > WELD_MS:
            outlet.latched = "weld"
            if world.chip.board["cp_relays"] and not point.cp_wanted:
                self._fail("weld", "%d ms, %d (0.01 A)" % (flows_ms, highest_ca))
        limit_ca = signalled_ca + max(100, signalled_ca // 10) + 50
        over_ms = outlet.over.lasted_ms(signalled_ca > 0 and highest_ca > limit_ca, world.now_ms)
        if min(over_ms, steady_ms) > IDLE_MS:
            self._counts["over_current"] += 1
        if min(over_ms, steady_ms) > OVER_MS:
            outlet.latched = "over-current"
            if point.evse.set_current_raw:
                self._fail("over_current", "%d, signalled %d (0.01 A) for %d ms" % (highest_ca, signalled_ca, over_ms))

    def _rcd(self, world, point, outlet, steady_ms):
        tripped = point.evse.powered and point.evse.rcd_error and point.evse.firmware >= 16
        if min(outlet.rcd.lasted_ms(tripped, world.now_ms), steady_ms) > READING_MS:
            outlet.latched = "RCD"

    def on_read(self, cp, address):
        self.outlets[cp].unasked.discard(address)

    def on_current(self, cp, current_ca):
        """A frame that sets more than 0 A."""
        outlet = self.outlets[cp]
        self._counts["latched"] += 1
        if outlet.latched:
            self._fail("latched", "%d (0.01 A) after %s" % (current_ca, outlet.latched))
        self._counts["asked_again"] += 1
        if outlet.unasked:
            self._fail("asked_again", "not asked: %s" % sorted(outlet.unasked))

    def on_told(self, world, cp, payload):
        """A car that has been plugged in all the while is told as gone."""
        outlet = self.outlets[cp]
        before, outlet.told_plugged = outlet.told_plugged, payload
        if outlet.open.at_ms is not None:
            self._counts["no_unplug"] += 1
        plugged_ms = outlet.plugged.lasted_ms(world.site.charge_points[cp].car.plugged, world.now_ms)
        point = world.site.charge_points[cp]
        if point.cp_open != point.cp_wanted:
            return  # a contact that sticks: nobody can tell
        if before == b"true" and payload == b"false" and plugged_ms > UNPLUG_MS:
            self._fail("no_unplug", "plugged in for %d ms" % plugged_ms)
