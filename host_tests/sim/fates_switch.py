"""What a controller asks of a box that switches phases and interrupts the pilot, and what of that hardware can fail."""

from host_tests.sim.world import SET


def _trigger(world, cp, phases):
    world.broker.send(SET + b"%d/data/phases_to_use" % cp, b"%d" % phases, True)
    world.broker.send(SET + b"%d/data/trigger_phase_switch" % cp, b"true", True)


def switch_one(world, rng):
    _trigger(world, rng.randrange(len(world.site.charge_points)), rng.choice((1, 3)))


def switch_all(world, rng):
    """Both charge points at once, and the same again a moment later."""
    phases = rng.choice((1, 3))
    for _ in range(2):
        for cp in range(len(world.site.charge_points)):
            _trigger(world, cp, phases)


def switch_with_current(world, rng):
    """The trigger and a set point in one breath."""
    cp = rng.randrange(len(world.site.charge_points))
    _trigger(world, cp, rng.choice((1, 3)))
    world.broker.send(SET + b"%d/data/set_current" % cp, b"16", True)


def interrupt(world, rng):
    cp = rng.randrange(len(world.site.charge_points))
    world.broker.send(SET + b"%d/data/cp_interruption_duration" % cp, b"%d" % rng.choice((1, 4, 12)), True)


def stick_phases(world, rng):
    rng.choice(world.site.charge_points).phases_stuck = True


def free_phases(world, rng):
    for point in world.site.charge_points:
        point.phases_stuck = False


ROWS = (
    (switch_one, switch_one, switch_with_current),
    (switch_all, switch_all),
    (interrupt, interrupt),
    (stick_phases, free_phases),
)
