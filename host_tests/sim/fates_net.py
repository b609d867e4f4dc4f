"""What networks, clocks and files do to a box: rows for `fates`. Whoever means ill dials in to the broker on the box only."""

from host_tests.fakes.peer import connect, publish, subscribe
from host_tests.sim.world import SET

HEARTBEAT = SET + b"global_data"
STUTTER_MS = 250  # the longest step that the firmware is allowed
KEEPALIVE_S = 10
CROWD = 12
GARBAGE = (b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x05", b"\x16\x03\x01\x02\x00\x01\x00", b"\xff" * 90, b"\x30\x7f", b"GET / HTTP/1.1\r\n\r\n")


def trickle(world, rng):
    """Everything arrives in bites of a few bytes."""
    world.broker.portion = rng.choice((1, 3, 7))


def narrow(world, rng):
    """The network takes a few bytes of the box at a time."""
    world.broker.room = rng.choice((20, 60, 200))


def widen(world, rng):
    world.broker.portion = world.broker.room = None


def stall(world, rng):
    """Somebody subscribes to everything and takes nothing."""
    world.broker.intrude(connect(b"stalled", keepalive_s=0) + subscribe(b"openWB/#"), room=0)


def vanish(world, rng):
    """Somebody subscribes and is gone without a word: half of a connection stays."""
    world.broker.intrude(connect(b"gone", keepalive_s=KEEPALIVE_S) + subscribe(b"openWB/#"), vanishes=True)


def flood(world, rng):
    """A crowd dials in; some say nothing, some nonsense."""
    for _ in range(CROWD):
        world.broker.intrude(rng.choice((b"", b"", *GARBAGE)))


def reset_connections(world, rng):
    """RST for everybody, in whatever they are doing."""
    world.broker.reset_all()


def bridge(world, rng):
    """A bridge replays what its broker has kept: a heartbeat of yesterday, and a set point. Neither makes anything flow."""
    world.broker.intrude(
        connect(b"bridge", level=0x84, keepalive_s=0)
        + publish(HEARTBEAT, b'{"heartbeat": %d.25}' % (world.controller.stamp_s - 86400 + world.now_ms // 1000), retain=True)
        + publish(SET + b"0/data/set_current", rng.choice((b"0", b"16", b"32")), retain=True)
    )


def hush(world, rng):
    """Whoever means ill goes."""
    world.broker.hush()


def jump_clock(world, rng):
    """The clock of the controller is set: a heartbeat is no time."""
    world.controller.stamp_s += rng.choice((-86400 * 365, -3600, 3600, 86400))


def stutter(world, rng):
    """The chip does something else for a moment, as long as the firmware allows itself."""
    world.wait(STUTTER_MS)


def fill_flash(world, rng):
    world.flash.full = True


def free_flash(world, rng):
    world.flash.full = False


ROWS = (
    (trickle, widen), (narrow, widen), (stall, hush), (vanish, vanish, hush), (flood, hush), (reset_connections,), (bridge, bridge, hush),
    (jump_clock,), (stutter, stutter), (fill_flash, free_flash),
)  # fmt: skip
