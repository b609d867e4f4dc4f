"""What must hold after every step, whatever fails. Each sentence has a name; the checker knows the world, not the firmware.

The checker takes the firmware's word for nothing but the state of its machines (to compare transitions with their tables).
"""

import cp_relay
import phases
import tag
from drivers import evse_din
from host_tests.fakes.wire import NEVER_US
from host_tests.sim import coils, stops
from host_tests.sim.chip import PWRON_RESET
from host_tests.sim.leads import REACTION_MS, Leads
from mqtt_states import TRANSITIONS as CLIENT_TRANSITIONS
from topics import TOLD

CUT_OFF_MS = 1500  # from the limit to the end of the first 0 A frame
LOOK_MS = 100  # how often the box looks at its inputs
QUIET_CHARS = 3.5
BACK_MS = 250 + 600  # 600 ms: a cycle of two charge points at 50 ms latency and 50 ms gap
COMPLETE_MS = 2500  # an observer has seen every told topic within this time
SETTLE_MS = 3000  # after a connection is up again
RESUMES_MS = 30000
SWITCHED_MS = 12000  # a car that was interrupted on purpose begins anew

ROOTS = (b"openWB/internal_chargepoint/0/", b"openWB/internal_chargepoint/1/")

SENTENCES = {
    "zero_first": "the first frame to an EVSE after a start is 0 A",
    "shared_feeder": "no frame asks for current that both EVSEs on one feeder may only have together",
    "no_gap_values": "no frame asks for a current between 0 and 6 A, in the scale the EVSE is in",
    "ceilings": "no frame asks for more than the set point, the installation, the cable or the EVSE allow",
    "alive_only": "no frame asks for current without a living heartbeat",
    "cut_off": "a 0 A frame follows the heartbeat limit within 1.5 s while the EVSE is set to more",
    "eeprom": "nothing at 2000 and above is written, but bit 7 of 2005 once per start",
    "quiet_line": "3.5 characters of silence separate our frame from everything before it",
    "back_at_zero": "an EVSE that lost its supply gets a 0 A frame within a bus cycle + 250 ms of its first answer",
    "transitions": "no machine makes a transition that its table does not have",
    "complete_set": "while connected, every told topic is published again within 2.5 s",
    "no_foreign_data": "no reading reaches a topic that the meter never showed",
    "kept_whole": "a power cut while a file is written leaves all of the old or of the new one, and what is damaged counts for nothing",
    "bounded_wait": "no step asks to sleep for more than 1 s",
    "resumes": "30 s after the last fault has ended every car that wants to charge does",
    **stops.SENTENCES,
    **coils.SENTENCES,
}


class Violation(AssertionError):
    """Names the invariant, the world's time and the seed."""


class Invariants:
    """check(world) after every step, which also empties what line and broker have recorded; `counts` tells how often each invariant had something to check."""

    def __init__(self, world):
        self.counts = dict.fromkeys(SENTENCES, 0)
        self.world = world
        self.leads = Leads(world)
        self.stops = stops.Stops(self.counts, self._fail)
        self.coils = coils.Coils(self.counts, self._fail)
        self._cps = range(len(world.controller.set_text))
        self._foreign = set()  # charge points whose EVSE somebody else has set, and we have not read it since
        self._sent_ca = [[] for _ in self._cps]  # what each EVSE was last set to by us, the newest first
        self._switched_ms = {}  # when a charge point was last busy with a switch or an interruption
        self._well_ms = None  # since when nothing is broken
        self.restarted(PWRON_RESET)

    def restarted(self, cause):
        """A new gateway: nothing it was told before counts."""
        world = self.world
        self.leads.restarted(cause == PWRON_RESET)
        self._first = {point["evse"]: True for point in world.config["charge_points"]}
        self._eeprom_writes = 0
        self._starting = True
        self._states = self._quick = None
        self._online_ms = None
        self._seen = {}
        self._zero_frames = {}
        self._down = {}  # charge points whose EVSE is not as we left it since its last 0 A frame: when it answered again, or None
        self.stops.restarted(world, cause)
        self.coils.restarted(cause)

    def check(self, world):
        if self._starting:
            self._started(world)
        self.leads.listen()
        self._frames(world)
        self._supplies(world)
        self._cut_off(world)
        self._transitions(world)
        self._published(world)
        if self._well_ms is not None and world.now_ms - self._well_ms > RESUMES_MS:
            self._resumed(world)
        self.coils.check(world)
        for cp, point in enumerate(world.gateway.points):
            if point.phases is not None and point.phases.reason():
                self._switched_ms[cp] = world.now_ms
        self.stops.check(world, [self.leads.wanted(cp, world.now_ms) for cp in self._cps])

    def cut_short(self, world):
        """The power went in the middle of a step: what it has sent belongs to the life that ends."""
        self.leads.listen()
        self._frames(world)

    def cleared(self):
        """Somebody acted at the box."""
        self.stops.cleared()

    def well(self):
        """Nothing is broken from now on, and a controller wants every car to charge."""
        self._well_ms = self.world.now_ms

    def disturbed(self):
        """Something happens to the box again."""
        self._well_ms = None

    def foreign_value(self, cp):
        """Somebody else wrote to the EVSE: the box can know as soon as it reads, and never if it writes before that."""
        self._foreign.add(cp)

    def _fail(self, name, text):
        raise Violation(
            "%s (%s) at %d ms of seed %d: %s" % (name, SENTENCES[name], self.world.now_ms, self.world.seed, text)
        )

    def _started(self, world):
        """The first step of a life."""
        self._starting = False
        self.counts["kept_whole"] += 1
        found = world.flash.found()
        if found is not None:
            self._fail("kept_whole", found)

    # --- frames ---

    def _frames(self, world):
        for n, line in enumerate(world.lines):
            if line.frames:
                self._quiet(line)
            for start_us, end_us, data in line.frames:
                for cp in world.points_on(n):
                    if data[0] == world.evse(cp).unit:
                        self._evse_frame(cp, world.evse(cp), data, start_us, end_us)
            line.frames.clear()

    def _quiet(self, line):
        self.counts["quiet_line"] += 1
        missing_us = int(QUIET_CHARS * line.char_us) - line.shortest_quiet_us
        line.shortest_quiet_us = NEVER_US
        if missing_us > 0:
            self._fail("quiet_line", "%d us too early" % missing_us)

    def _evse_frame(self, cp, evse, data, start_us, end_us):
        address = data[2] << 8 | data[3]
        value = data[7] << 8 | data[8] if data[1] == 16 else None
        zero = data[1] == 16 and address == 1000 and value == 0
        if self._first[data[0]]:
            self._first[data[0]] = False
            self.counts["zero_first"] += 1
            if not zero:
                self._fail("zero_first", data.hex())
        if cp in self._down and evse.powered and self._down[cp] is None:
            self._down[cp] = end_us // 1000
        if value is None:
            if address == 1000 and cp in self._foreign:
                self._foreign.discard(cp)
                self._down[cp] = end_us // 1000
                self.stops.came_back(cp)
            self.stops.on_read(cp, address)
            return
        if address == 1000:
            self._foreign.discard(cp)
            self._sent_ca[cp] = [value if evse.precise else value * 100, *self._sent_ca[cp][:3]]
        if zero:
            self._zero_frames[cp] = end_us // 1000
            self._at_zero(cp, end_us // 1000)
        elif address == 1000:
            self._current(cp, evse, value, start_us // 1000)
        elif address >= 2000:
            self._eeprom(evse, address, value)

    def _current(self, cp, evse, value, at_ms):
        current_ca = value if evse.precise else value * 100
        self.counts["no_gap_values"] += 1
        if current_ca < 600:
            self._fail("no_gap_values", "raw %d, precise %r" % (value, evse.precise))
        self.counts["ceilings"] += 1
        world = self.world
        allowed_ca = min(world.config["installation_limit_a"] * 100, self.leads.highest_ca(cp, at_ms), 3200)
        allowed_ca = min(allowed_ca, evse.limit_a * 100, self._grid_ca(at_ms))
        if current_ca > allowed_ca:
            self._fail("ceilings", "%d, allowed %d (0.01 A)" % (current_ca, allowed_ca))
        self._feeder(cp, current_ca)
        self.counts["alive_only"] += 1
        if evse.powered:  # else nobody heard it, and the box can not know yet that the supply is gone
            self.stops.on_current(cp, current_ca)
        self.coils.on_current(self.world, cp, at_ms)
        if not self.leads.alive(cp, at_ms):
            self._fail("alive_only", "%d (0.01 A) at %d ms" % (current_ca, at_ms))

    def _grid_ca(self, at_ms):
        """What the grid operator leaves to each charge point; a single phase may have all of it."""
        grid = self.world.grid
        if grid is None or not grid.limits or at_ms - grid.since_ms < REACTION_MS + LOOK_MS:
            return 3200
        settings = self.world.config["grid"]
        return settings["limit_w"] * 100 // 230 if settings["limit_ca"] is None else settings["limit_ca"]

    def _feeder(self, cp, current_ca):
        """Of an EVSE that nobody but us has set; what somebody else does to it, nobody can foresee."""
        shared_ca = self.world.config["shared_ca"]
        if shared_ca is None:
            return
        other = self.world.evse(1 - cp)
        other_ca = other.set_current_raw if other.precise else other.set_current_raw * 100
        if not other.powered or 1 - cp in self._down or other_ca not in self._sent_ca[1 - cp]:
            return
        self.counts["shared_feeder"] += 1
        if other_ca and current_ca + other_ca > shared_ca:
            self._fail("shared_feeder", "%d and %d, shared %d (0.01 A)" % (current_ca, other_ca, shared_ca))

    def _eeprom(self, evse, address, value):
        self.counts["eeprom"] += 1
        self._eeprom_writes += 1
        allowed = len(self.world.site.charge_points)
        if address != 2005 or not value & 0x80 or self._eeprom_writes > allowed:
            self._fail("eeprom", "%d := %#x, write number %d" % (address, value, self._eeprom_writes))

    def _at_zero(self, cp, at_ms):
        """A 0 A frame: is it the answer to an EVSE that came back?"""
        back_ms = self._down.get(cp)
        if back_ms is None:
            return
        del self._down[cp]
        self.counts["back_at_zero"] += 1
        if at_ms - back_ms > BACK_MS:
            self._fail("back_at_zero", "after %d ms" % (at_ms - back_ms))

    def _supplies(self, world):
        for cp, point in enumerate(world.site.charge_points):
            if world.line.faults.get(point.evse.unit):
                self._down.pop(cp, None)  # nobody can tell what of its answers arrives
            elif not point.evse.powered:
                self._down[cp] = None
                self.stops.came_back(cp)
            elif self._down.get(cp) is not None and world.now_ms - self._down[cp] > BACK_MS:
                self._fail("back_at_zero", "none after %d ms" % (world.now_ms - self._down[cp]))

    def _cut_off(self, world):
        for cp, until_ms in self.leads.ended(world.now_ms, CUT_OFF_MS):
            self.counts["cut_off"] += 1
            if world.evse(cp).set_current_raw and self._zero_frames.get(cp, -1) < until_ms - REACTION_MS:
                self._fail("cut_off", "charge point %d: last 0 A frame at %r, limit at %d" % (cp, self._zero_frames.get(cp), until_ms))

    # --- machines and topics ---

    def _transitions(self, world):
        gateway = world.gateway
        states = [gateway.client.state] if gateway.client else []
        for point in gateway.points:  # nothing has moved in most steps
            states += (point.evse.state, point.relay.state, point.tag.state, point.phases.state if point.phases else 0)
        if states == self._quick:
            return
        self._quick = states
        now = [("mqtt_client", CLIENT_TRANSITIONS, gateway.client.state)] if gateway.client else []
        now += [("evse", evse_din.TRANSITIONS, point.evse.state) for point in gateway.points]
        now += [("cp_relay", cp_relay.TRANSITIONS, point.relay.state) for point in gateway.points]
        now += [("tag", tag.TRANSITIONS, point.tag.state) for point in gateway.points]
        now += [("phases", phases.TRANSITIONS, point.phases.state) for point in gateway.points if point.phases]
        if self._states is not None:
            for before, (machine, table, after) in zip(self._states, now):
                self._transition(machine, table, before, after)
        self._states = [state for _, _, state in now]

    def _transition(self, machine, table, before, after):
        if before == after:
            return
        self.counts["transitions"] += 1
        if (before, after) not in table and not _two_steps(table, before, after):
            self._fail("transitions", "%s: %d -> %d" % (machine, before, after))

    def _published(self, world):
        for topic, payload, _ in world.broker.log:
            self._seen[topic] = world.now_ms
            if topic.endswith(b"get/voltages"):
                self._readings(payload)
            elif topic.endswith(b"get/plug_state"):
                self.stops.on_told(world, topic[-len(b"0/get/plug_state")] - 48, payload)
        world.broker.log.clear()
        if not world.gateway.door.online() or world.broker.mode != "fine" or world.broker.crowded():
            self._online_ms = None
        elif self._online_ms is None:
            self._online_ms = world.now_ms
        elif world.now_ms - self._online_ms > SETTLE_MS:
            self._complete(world)

    def _complete(self, world):
        self.counts["complete_set"] += 1
        row = TOLD[self.counts["complete_set"] % len(TOLD)]  # one per step, in turn
        for root in range(len(world.site.charge_points)):
            age_ms = world.now_ms - self._seen.get(ROOTS[root] + row[0], -COMPLETE_MS)
            if age_ms > COMPLETE_MS:
                self._fail("complete_set", "%r is %d ms old" % (row[0], age_ms))

    def _resumed(self, world):
        self._well_ms = None
        self.counts["resumes"] += 1
        if (world.config["shared_ca"] or 3200) < 1200 and any(max(point.car.current_ca) for point in world.site.charge_points):
            return  # a feeder for one car at a time
        for cp, point in enumerate(world.site.charge_points):
            if world.now_ms - self._switched_ms.get(cp, -SWITCHED_MS) < SWITCHED_MS:
                continue
            if not max(point.car.current_ca):
                self._fail("resumes", "charge point %d: register 1000 is %d, the pilot is %s" % (cp, point.evse.set_current_raw, "open" if point.cp_open else "closed"))

    def _readings(self, payload):
        self.counts["no_foreign_data"] += 1
        if payload not in (b"null", b"[230.0,230.0,230.0]", b"[0.0,0.0,0.0]"):
            self._fail("no_foreign_data", repr(payload))

    def wait(self, wait_ms):
        self.counts["bounded_wait"] += 1
        if not 0 <= wait_ms <= 1000:
            self._fail("bounded_wait", "%r ms" % wait_ms)


def _two_steps(table, before, after):
    """One step of the gateway may make two transitions of one machine."""
    return any((before, middle) in table and (middle, after) in table for _, middle in table)
