"""Times of the gateway in the virtual world: bus cycle, set point to bus, heartbeat limit to 0 A. Same seed, same result."""

import random

from host_tests.fakes import broker as broker_fake
from host_tests.fakes import wire
from host_tests.sim.chip import BOOT_MS
from host_tests.sim.swarm import Swarm
from host_tests.sim.world import SET, World, standard_config

EVSE, METER = 1, 105
LIMIT_S = 30  # the shortest heartbeat limit: what follows it does not depend on its length
READY_MS = 20000  # from start to 16 A, at most
DEAF_MS = 2000

NONE, NOISE, SLOW, SILENT_METER, DEAF_EVSE, DEAD_BROKER = "none", "noise", "slow", "silent meter", "EVSE deaf 2 s", "broker dead"
CUT_WIRE, STUBBORN_EVSE = "wire to the EVSE cut", "EVSE keeps its current"
HARSH_NOISE, HARSH_SLOW = "noise in 1 reply of 4", "120 ms latency"
SET_FAULTS = (NONE, NOISE, SLOW, SILENT_METER)
HARSH_FAULTS = (HARSH_NOISE, HARSH_SLOW)
CUT_FAULTS = (NONE, NOISE, SLOW, SILENT_METER, DEAF_EVSE, DEAD_BROKER, HARSH_NOISE, HARSH_SLOW)
STOP_FAULTS = (*CUT_FAULTS, CUT_WIRE, STUBBORN_EVSE)
DAMAGED_ONE_IN = {NOISE: 20, HARSH_NOISE: 4}
LATENCY_MS = {SLOW: 60, HARSH_SLOW: 120}


# --- the bus cycle ---


def transaction_ms(registers, latency_ms, gap_ms, char_ms):
    """What one read takes on the line: request, latency, reply, gap."""
    return (8 + 5 + 2 * registers) * char_ms + max(latency_ms, 3.5 * char_ms) + max(gap_ms, 3.5 * char_ms)


def bus_cycle(latency_ms=20, gap_ms=10, seconds=60):
    """(measured, calculated) mean ms of one round of EVSE block and fast meter block; rounds with more than that are left out."""
    world = World(1, standard_config(gap_ms=gap_ms), latency_us=latency_ms * 1000)
    _reach_16_a(world)
    world.line.keep_frames = 1000000
    world.line.frames.clear()
    world.run(seconds * 1000)
    measured, calculated = [], []
    frames = world.line.frames
    for first, second, third in zip(frames, frames[1:], frames[2:]):
        if (first[2][0], second[2][0], third[2][0]) == (EVSE, METER, EVSE) and first[2][1] == third[2][1] == 3:
            measured.append((third[0] - first[0]) / 1000)
            registers = (first[2][5], second[2][5])
            calculated.append(sum(transaction_ms(n, latency_ms, gap_ms, world.line.char_us / 1000) for n in registers))
    return sum(measured) / len(measured), sum(calculated) / len(calculated)


# --- reactions ---


class Timeline:
    """The world's controller, plus one action at its time to the millisecond (a run alone ends at the next event behind)."""

    def __init__(self, world, at_ms, action):
        self._controller = world.controller
        self._at_ms = at_ms
        self._action = action

    def step(self, world_ms):
        self._controller.step(world_ms)
        if self._action is not None and world_ms >= self._at_ms:
            self._action()
            self._action = None

    def next_ms(self):
        return self._controller.next_ms() if self._action is None else min(self._controller.next_ms(), self._at_ms)


def set_to_bus_ms(seed, fault):
    """From a set point's arrival at the client's link to the end of the frame that carries it to the EVSE."""
    rng = random.Random(seed)
    world = _charging_world(seed, rng)
    _break(world, fault)
    at_ms = world.now_ms + rng.randrange(200, 8000)  # longer without a meter, and there is no current to set
    world.controller.setting = False
    world.controller = Timeline(world, at_ms, lambda: world.broker.send(SET + b"0/data/set_current", b"10", True))
    raw = 1000 if world.evse().precise else 10
    return _frame_end_ms(world, raw, at_ms) - at_ms


def cut_off_lag_ms(seed, fault):
    """From the heartbeat limit to the end of the first 0 A frame behind it; 0 when the EVSE is at 0 A already."""
    world, limit_ms = _silent_world(seed, fault)
    end_ms = _frame_end_ms(world, 0, limit_ms)
    return 0 if end_ms is None else end_ms - limit_ms


def stop_lag_ms(seed, fault):
    """From the heartbeat limit until the box knows that 0 A is set, or the pilot is open; 0 when it was so before."""
    world, limit_ms = _silent_world(seed, fault)
    world.run(limit_ms - world.now_ms)
    point, driver = world.site.charge_points[0], world.gateway.points[0].evse
    world.run_until(lambda: point.cp_open or world.evse().set_current_raw == 0 and driver.zero_read(), 20000)
    return max(0, world.now_ms - limit_ms)


def _silent_world(seed, fault):
    """A charging world whose controller falls silent and in which something breaks; and when the limit is reached."""
    rng = random.Random(seed)
    world = _charging_world(seed, rng)
    limit_ms = world.controller.last_beat_ms + LIMIT_S * 1000
    world.controller.beating = False
    before_ms = rng.randrange(200, DEAF_MS if fault == DEAF_EVSE else LIMIT_S * 1000 - 2000)
    if fault == CUT_WIRE:
        before_ms = rng.randrange(200, 1000)  # much earlier, and its silence would have been the reason
    world.run(limit_ms - before_ms - world.now_ms)
    _break(world, fault)
    if fault == DEAF_EVSE:
        world.controller = Timeline(world, world.now_ms + DEAF_MS, world.line.faults.clear)
    return world, limit_ms


def zero_frame_after_reset_ms():
    """(from boot.py's first line to the end of the first 0 A frame, what the chip takes before that), in virtual time."""
    world = World(1)
    return world.line.frames[0][1] / 1000 - BOOT_MS, BOOT_MS


def speed(lives, seconds):
    """(simulated seconds, steps) of that many checked lives of the swarm, for whoever holds the stop-watch."""
    steps = 0
    for seed in range(1, 1 + lives):
        life = Swarm(seed)
        life.run(seconds)
        steps += life.world.steps
    return lives * seconds, steps


def _charging_world(seed, rng):
    world = World(
        seed,
        standard_config(heartbeat_limit_s=LIMIT_S, gap_ms=rng.choice((5, 20))),
        firmware=rng.choice((8, 16, 18)),
        latency_us=rng.choice((5000, 20000, 50000)),
    )
    world.controller.interval_ms = 1000
    world.plug()
    _reach_16_a(world)
    world.run(rng.randrange(1000))
    return world


def _reach_16_a(world):
    world.run_until(lambda: world.evse().set_current_raw in (16, 1600), READY_MS)


def _break(world, fault):
    if fault == DEAD_BROKER:
        world.broker.mode = broker_fake.REFUSING
        world.broker.link.cut()
    elif fault == SILENT_METER:
        world.line.faults[METER] = wire.SILENT
    elif fault == STUBBORN_EVSE:
        world.evse().deaf_to_writes = True
    elif fault in (DEAF_EVSE, CUT_WIRE):
        world.line.faults[EVSE] = wire.SILENT
    elif fault in DAMAGED_ONE_IN:
        world.line.damaged_one_in = DAMAGED_ONE_IN[fault]
        world.line.faults[EVSE] = world.line.faults[METER] = wire.NOISE
    elif fault in LATENCY_MS:
        world.line.latency_us = LATENCY_MS[fault] * 1000


def _frame_end_ms(world, raw, after_ms):
    """Runs until a frame sets register 1000 to `raw` and ends at `after_ms` or later: that end in world time.

    None when the EVSE holds `raw` at `after_ms` and no frame has to come. ValueError when there is no frame within 10 s.
    """
    world.line.frames.clear()
    reached = False
    while world.now_ms < after_ms + 10000:
        world.step()
        for _, end_us, data in world.line.frames:
            if end_us >= after_ms * 1000 and _sets(data, raw):
                return end_us / 1000
        world.line.frames.clear()
        if not reached and world.now_ms >= after_ms:
            reached = True
            if world.evse().set_current_raw == raw:
                return None
    raise ValueError("no frame set register 1000 to %d within 10 s of seed %d" % (raw, world.seed))


def _sets(data, raw):
    return data[0] == EVSE and data[1] == 16 and data[2] << 8 | data[3] == 1000 and data[7] << 8 | data[8] == raw
