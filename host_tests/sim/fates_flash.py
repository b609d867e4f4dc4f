"""What a power cut, or worn flash, does to the files of a box: rows for `fates`."""

from memory import NAME

from host_tests.sim.chip import PWRON_RESET
from host_tests.sim.files import CONFIG, LEAVES_ALL, LEAVES_HALF, LEAVES_NOTHING, OPERATIONS

LIMITS_A = (6, 10, 16, 32)
CHARGES_MS = 10000
REST_MS = 65000  # within that time a box that is at rest has written what is new


def arm(world, rng):
    """The power goes during one of the next operations on files."""
    world.flash.cut_in = rng.randrange(OPERATIONS)
    world.flash.leaves = rng.choice((LEAVES_NOTHING, LEAVES_HALF, LEAVES_HALF, LEAVES_ALL))


def cut_while_kept(world, rng):
    """A Modbus controller leads, then the box comes to rest, and the power goes while it writes what must survive."""
    world.controller.setting = False
    for leader in world.leaders[:1]:
        leader.reading = leader.setting = True
        leader.want([1600] * len(leader.set_ca))
    world.run(CHARGES_MS)
    arm(world, rng)
    for leader in world.leaders[:1]:
        leader.want([rng.choice((0, 599))] * len(leader.set_ca))
    world.run(REST_MS)
    world.flash.cut_in = None


def cut_in_set_up(world, rng):
    """Somebody changes limit and password on the set-up page; perhaps the power goes while they are written."""
    if rng.random() < 0.8:
        arm(world, rng)
    world.flash.set_up(rng.choice(LIMITS_A))
    world.flash.cut_in = None


def damage_memory(world, rng):
    """Half of the file, its length changed, a bit of it, or none of it is right; then the power comes back."""
    old = world.flash.files.get(NAME, bytes(40))
    at = rng.randrange(len(old))
    longer = old + b"\xff" * 7
    spoilt = rng.choice((old[:at], old[:at] + bytes(len(old) - at), old[:at] + bytes([old[at] ^ 0x10]) + old[at + 1 :], b"\xff" * len(old), longer))
    whole = [version for version in world.flash.versions[NAME] if version and spoilt.startswith(version)]
    world.flash.damage(NAME, spoilt, whole)
    world.start_gateway(PWRON_RESET)


def damage_config(world, rng):
    """What a copy that broke off, or worn flash, has left of config.json."""
    old = world.flash.files[CONFIG]
    at = rng.randrange(1, len(old) - 1)
    world.flash.damage(CONFIG, rng.choice((old[:at], old[:at] + b"\xff" * (len(old) - at), b"", bytes(len(old)), old + b"}")))
    world.start_gateway(PWRON_RESET)


ROWS = ((cut_while_kept, cut_in_set_up, cut_in_set_up), (damage_memory, cut_in_set_up), (damage_config,))
