"""A seeded life of a box: which faults exist is drawn first, then when they happen. Same seed, same trace.

    python -m host_tests.sim.swarm SEED [SECONDS]     prints the trace of one seed

A fault is a row: a tuple of actions, those that begin it and those that end it. Rows of the network are in `fates_net`, all of
them in `fates`; a new part of the firmware adds its rows there, so that the lives of FATES stay as they are (`mutants` counts on them).
Every CHAPTER_S everything is repaired, and charging has to come back (Invariants.well).
"""

import random
import traceback
from pathlib import Path

from clock import TICKS_MASK
from host_tests.fakes import broker as broker_fake
from host_tests.fakes import wire
from host_tests.fakes.peer import Listener
from host_tests.sim import fates_flash, fates_leads, fates_switch
from host_tests.sim.chip import HELD_1, HELD_3, NC, NO, PAIR, PWRON_RESET, SOFT_RESET, WDT_RESET, WorldFlash
from host_tests.sim.draws import Draws, Replay
from host_tests.sim.files import Files
from host_tests.sim.invariants import RESUMES_MS, Invariants, Violation
from host_tests.sim.visitors import File, GridInput, Visitors, Vitals
from host_tests.stubs.cpython.install import FIRMWARE
from host_tests.sim.world import SET, World, standard_config

LAST_MINUTE = TICKS_MASK - 60000
BUS_FAULTS = (wire.SILENT, wire.NOISE, wire.CRC, wire.SLOW, wire.ECHO, wire.FOREIGN, wire.LATE)
BROKER_FAULTS = (broker_fake.REFUSING, broker_fake.DROPPING, broker_fake.MUTE, broker_fake.STOPPED)
SET_POINTS = (b"0", b"6", b"10.5", b"13", b"16", b"20", b"32", b"3", b"-6")
EVENT_MS = (2000, 22000)
CHAPTER_S = 200
REST_MS = RESUMES_MS + 2000
RESUME_BEAT_MS = 5000
MENDED_MS = 7000  # until every car has followed, and the box has read it; somebody acts at the box then
HANG_MS = 10000  # the watchdog's time
SWITCHING = 1001  # lives from this seed on have a phase relay, and a controller that uses it
SHARING = 2001  # ... and from this one on instead two charge points behind one feeder
LEADING = 3001  # ... and from this one on instead controllers that lead by Modbus, and files that tear; of lives with rows some have them, too
FEEDERS_CA = (800, 1200, 1600, 2000, 3200)


def draw_config(rng, seed):
    return standard_config(
        charge_points=2 if SHARING <= seed < LEADING else rng.choice((1, 1, 2)),
        meter=rng.choice(("sdm630", "sdm630", "sdm72", "none")),
        gap_ms=rng.choice((5, 20, 20, 50)),
        heartbeat_limit_s=rng.choice((30, 30, 60, 120)),
        installation_limit_a=rng.choice((10, 16, 32)),
        mode=rng.choice(("client", "broker")),
    )


class Swarm:
    """One world and its fate. `events` holds [world time in ms, name of the action, what it drew] of what has happened."""

    def __init__(self, seed, rows=None, setup=None):
        """rows: the faults that may exist, FATES if None. setup: what was drawn for the world of an earlier life."""
        self.rng = Draws(random.Random(seed)) if setup is None else Replay(setup)
        rng = self.rng
        config = draw_config(rng, seed)
        more = random.Random(seed * 1000003)  # a lot of its own: what came later changes no draw of what was there before
        leads, tears = (more.random() < 0.4, more.random() < 0.4) if rows else 2 * (seed >= LEADING,)
        if len(config["charge_points"]) > 1:
            config["charge_points"][1]["bus"] = seed % 2
        contacts = (NC, NC, NC, NO) if SWITCHING <= seed < SHARING else (NC, NC, NC, NO, None)
        self.world = World(
            seed,
            config,
            start_tick=rng.choice((0, LAST_MINUTE + rng.randrange(60000))),
            firmware=rng.choice((8, 10, 15, 16, 17, 18)),
            latency_us=rng.choice((5000, 20000, 50000)),
            contact=rng.choice(contacts),
            coils=self._draw_coils(seed, config, rows),
            **self._draw_doors(seed, config, rows, more if leads else None),
            flash=Files if tears else WorldFlash,
        )
        self.world.visitors = Visitors()
        self.world.invariants = Invariants(self.world)
        self.world.controller.interval_ms = rng.choice((5000, 10000, 20000, 59700))
        fates = [ALWAYS] + [fate for fate in FATES if rng.random() < 0.35]
        self.events = []
        self.trace = []
        self._last = None
        self._chapter_ms = CHAPTER_S * 1000
        for point in self.world.site.charge_points:
            point.car.ramp_down_ms = rng.randrange(1000, 5000)
            point.car.phases = rng.choice((1, 3))
            point.evse.cable_a = rng.choice((13, 20, 32))
            point.evse.configure(2007, rng.choice((0, 16, 20, 32)))
            point.car.plug()
        fates += [row for row in rows or () if rng.random() < 0.35]
        fates += 2 * fates_switch.ROWS if SWITCHING <= seed < SHARING else ()
        fates += 4 * ((trade, trade, unplug_one),) if config["shared_ca"] else ()
        if leads and not rows:
            fates = [*fates_leads.STORIES, *fates_flash.ROWS[:1], *more.sample(fates, len(fates) // 2)]
        if leads:
            fates_leads.add_leaders(self.world, more)
            fates += [row for row in fates_leads.ROWS if more.random() < 0.6]
        fates += [row for row in fates_flash.ROWS if tears and more.random() < 0.6]
        self.actions = [action for fate in fates for action in fate]
        self.setup = rng.take() if setup is None else setup

    def _draw_coils(self, seed, config, rows):
        """Which phase relay there is; None: none. Lives without rows of their own stay as they are."""
        if rows is None and not SWITCHING <= seed < SHARING:
            return None
        for point in config["charge_points"]:
            point["phase_switch"] = {"cool_down_s": self.rng.choice((60, 60, 90)), "boot": self.rng.choice(("stored", "stored", "one"))}
        return self.rng.choice((PAIR, PAIR, HELD_1, HELD_3))

    def _draw_doors(self, seed, config, rows, more):
        """What else a box may have: a feeder for both charge points, Modbus, the page, the grid operator's input. more: for who leads by
        Modbus, None where nobody does."""
        if len(config["charge_points"]) > 1 and (SHARING <= seed < LEADING or rows is not None and self.rng.random() < 0.5):
            config["shared_ca"] = self.rng.choice(FEEDERS_CA)
        if more is not None:
            config["modbus"].update(enabled=True, controllers=fates_leads.draw_controllers(more))
        if rows is None:
            return {}
        config["modbus"]["enabled"] = self.rng.random() < 0.6 or more is not None
        config["page"]["enabled"] = self.rng.random() < 0.6
        config["grid"] = {"limit_w": self.rng.choice((0, 1400, 4200, 22080)), "limit_ca": self.rng.choice((None, None, 0, 600, 800))}
        grid = GridInput() if self.rng.random() < 0.4 else None
        return {"page": (Listener(), File(), Vitals()) if config["page"]["enabled"] else None, "grid": grid}

    def run(self, seconds):
        """Runs the world with an event every few seconds; raises invariants.Violation."""
        end_ms = self.world.now_ms + seconds * 1000
        while self.world.now_ms < end_ms:
            self._run(self.rng.randrange(*EVENT_MS))
            action = self.rng.choice(self.actions)
            self.rng.take()
            self._act(action)
            if self.world.now_ms >= min(end_ms, self._chapter_ms):
                self._act(mend)
                self._run(MENDED_MS)
                self._act(recover)
                self._run(REST_MS)
                self._chapter_ms = self.world.now_ms + CHAPTER_S * 1000

    def replay(self, events, end_ms):
        """The same life again, with these events only. Raises Violation."""
        for at_ms, name, draws in events:
            self._run(at_ms - self.world.now_ms)
            self.rng = Replay(draws)
            self._act(named(name), draws)
        self._run(end_ms - self.world.now_ms)

    def _act(self, action, draws=()):
        """draws: what it drew when it was lived for the first time."""
        at_ms = self.world.now_ms
        self._note(action.__name__)
        self.world.invariants.disturbed()
        event = [at_ms, action.__name__, list(draws)]
        self.events.append(event)
        try:
            action(self.world, self.rng)
        finally:  # what breaks in the middle of an action is played again with its draws
            if isinstance(self.rng, Draws):
                event[2] = self.rng.take()

    def _run(self, ms):
        end_ms = self.world.now_ms + ms
        while self.world.now_ms < end_ms:
            self._step()
            told = [(point.limit_ca, point.reason, point.evse.raw, point.evse.state) for point in self.world.gateway.points]
            if told != self._last:
                self._last = told
                self._note("%r" % told)

    def _step(self):
        try:
            self.world.step()
        except Violation:
            raise
        except Exception as error:  # the box would stop and start again: safe, and a fault all the same
            frames = traceback.extract_tb(error.__traceback__)
            if not any(Path(frame.filename).parent == FIRMWARE for frame in frames):
                raise  # not the firmware's
            where = "%s:%d" % (Path(frames[-1].filename).name, frames[-1].lineno)
            raise Violation("escaped (nothing escapes a step) at %d ms of seed %d: %r in %s" % (self.world.now_ms, self.world.seed, error, where)) from error

    def _note(self, text):
        self.trace.append("%9d %s" % (self.world.now_ms, text))


def mend(world, rng):
    """Everything that is broken is repaired, and a controller wants 16 A."""
    world.line.faults.clear()
    world.broker.recover()
    world.flash.full = False
    world.visitors.leave(world)
    if world.grid is not None:
        world.grid.move(False, world.now_ms)
    world.controller.restart(world.now_ms, RESUME_BEAT_MS)
    world.controller.set_text = [b"16"] * len(world.controller.set_text)
    fates_leads.mend_leaders(world, rng)
    for point in world.site.charge_points:
        point.cp_stuck = None
        point.phases_stuck = False
        point.welded = point.car.stubborn = point.evse.rcd_error = False
        point.car.plug()


def recover(world, rng):
    """Somebody acts at the box in which nothing is broken any more: from now on charging has to come back."""
    repair_box(world, rng)
    world.invariants.well()


def break_bus(world, rng):
    units = [point["evse"] for point in world.config["charge_points"]]
    units += [point["meter"]["unit"] for point in world.config["charge_points"] if point["meter"]["unit"]]
    world.line.faults[rng.choice(units)] = rng.choice(BUS_FAULTS)


def deafen(world, rng):
    """The EVSEs hear nothing any more: a cut wire."""
    for point in world.config["charge_points"]:
        world.line.faults[point["evse"]] = wire.SILENT


def break_all(world, rng):
    fault = rng.choice(BUS_FAULTS)
    for point in world.config["charge_points"]:
        world.line.faults[point["evse"]] = fault
        world.line.faults[point["meter"]["unit"]] = fault


def heal_bus(world, rng):
    world.line.faults.clear()


def break_broker(world, rng):
    world.broker.mode = rng.choice(BROKER_FAULTS)
    if rng.random() < 0.5 and world.broker.link is not None:
        world.broker.link.cut()


def heal_broker(world, rng):
    world.broker.recover()


def silence(world, rng):
    world.controller.beating = False


def speak(world, rng):
    world.controller.beating = True
    world.controller.setting = True


def new_set_point(world, rng):
    world.controller.set_text = [rng.choice(SET_POINTS) for _ in world.controller.set_text]


def _want(world, texts):
    """All cars are there, and a controller sets all currents now; both charge points share a feeder."""
    for point in world.site.charge_points:
        point.car.plug()
    world.controller.set_text = texts
    for cp, text in enumerate(texts):
        world.broker.send(SET + b"%d/data/set_current" % cp, text, True)


def trade(world, rng):
    """What one car shall give up, the other one shall have, at once."""
    _want(world, [rng.choice((b"0", b"6", b"32")), rng.choice((b"0", b"6", b"32"))])


def unplug_one(world, rng):
    """One car goes, and both charge points may have all."""
    _want(world, [b"32", b"32"])
    rng.choice(world.site.charge_points).car.unplug()


def replay(world, rng):
    """The last heartbeat again and again, as a mad bridge would."""
    world.controller.beating = False
    for _ in range(5):
        world.controller.beat(b'{"heartbeat": %d.25}' % world.controller.stamp_s, world.now_ms)


def second_controller(world, rng):
    """Another one that means well: a stamp and a set point of its own, between those of the first."""
    world.controller.beat(b'{"heartbeat": %d.5}' % (world.controller.stamp_s - 3600 + world.now_ms // 1000), world.now_ms)
    for cp in range(len(world.controller.set_text)):
        world.broker.send(SET + b"%d/data/set_current" % cp, rng.choice(SET_POINTS), True)


def cut_power(world, rng):
    world.start_gateway(PWRON_RESET)


def reset(world, rng):
    world.start_gateway(rng.choice((WDT_RESET, SOFT_RESET)))


def hang(world, rng):
    """A step that never ends: the watchdog resets."""
    world.wait(HANG_MS)
    world.start_gateway(WDT_RESET)


def meddle(world, rng):
    """Somebody else on the bus sets 31 A."""
    cp = rng.randrange(len(world.site.charge_points))
    evse = world.evse(cp)
    if evse.powered and not world.line.faults.get(evse.unit):
        evse.set_current_raw = 3100 if evse.precise else 31
        world.invariants.foreign_value(cp)


def trip_rcd(world, rng):
    rng.choice(world.site.charge_points).evse.rcd_error = True


def break_relay(world, rng):
    point = rng.choice(world.site.charge_points)
    point.cp_stuck = point.cp_open


def weld(world, rng):
    """A contactor that does not open, and a car that goes on; it shows when the controller wants 0 A."""
    cp = rng.randrange(len(world.site.charge_points))
    point = world.site.charge_points[cp]
    point.welded = point.car.stubborn = True
    world.controller.set_text[cp] = b"0"


def spoil_car(world, rng):
    rng.choice(world.site.charge_points).car.stubborn = True


def repair_box(world, rng):
    """Somebody repairs what is broken and acts at the box."""
    for point in world.site.charge_points:
        point.cp_stuck = None
        point.welded = point.car.stubborn = False
    world.gateway.clear(world.tick())
    world.invariants.cleared()


def dip_evse(world, rng):
    rng.choice(world.site.charge_points).evse.power_cycle(world.now_ms)


def pull_plug(world, rng):
    car = rng.choice(world.site.charge_points).car
    if car.plugged:
        car.unplug()
    else:
        car.plug()


ALWAYS = (new_set_point, new_set_point, repair_box)
# What can happen to a box, each with its end: without it the rest of the life would be dull.
FATES = (
    (silence, speak), (replay, replay, replay, speak), (break_bus, heal_bus), (break_all, heal_bus), (deafen, heal_bus, heal_bus), (break_broker, heal_broker, heal_broker),
    (cut_power,), (reset,), (hang,), (dip_evse,), (pull_plug,), (meddle,), (second_controller, second_controller),
    (trip_rcd, repair_box), (break_relay, repair_box), (weld, repair_box), (spoil_car, repair_box),
)  # fmt: skip


def named(name):
    """The action of that name, of this module or of those that have rows of their own."""
    from host_tests.sim import fates

    return globals().get(name) or fates.actions()[name]


def main():
    import sys

    swarm = Swarm(int(sys.argv[1]))
    try:
        swarm.run(int(sys.argv[2]) if len(sys.argv) > 2 else 300)
    finally:
        print("\n".join(swarm.trace))
        print(swarm.world.invariants.counts)


if __name__ == "__main__":
    main()
