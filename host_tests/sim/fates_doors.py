"""What browsers and Modbus clients do to a box, the grid operator, and controllers and brokers that lie: rows for `fates`."""

from host_tests.sim.world import SET

CROWD = 12
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: box\r\n\r\n", b"GET /status.json HTTP/1.1\r\n\r\n", b"GET /status.json HTTP/1.1\r\n\r\n", b"HEAD / HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n123456789", b"GET /", b"\x16\x03\x01\x02\x00", b"x" * 5000, b"",
)  # fmt: skip
QUESTIONS = (
    b"\0\1\0\0\0\6\1\4\x27\x74\0\x20", b"\0\2\0\0\0\6\1\3\x27\x74\0\2", 3 * b"\0\3\0\0\0\6\1\4\x27\x83\0\1", b"\0\4\0\0\0\6\1\4\0\0\0\1",
    b"\0\5\0\0\0\6\2\4\x27\x74\0\1", b"\0\6\0\0\0\6", b"\0\7\0\1\0\6\1\4\x27\x74\0\1", b"\0\x08\0\0\xff\xff\1\4", b"\xff" * 300, b"",
)  # fmt: skip
# None of these is a set point or a heartbeat: see section 2.3 of the contract, and decisions 2 and 6.
NO_SET_POINTS = (b"NaN", b"null", b'"10"', b"true", b"160", b"32.01", b"1e4", b"[16]", b"\xff\xfe", b"16 A", b"0x10")
NO_HEARTBEATS = (b"{}", b"17", b'{"heartbeat": null}', b'{"heartbeat": "%d"}', b'{"heartbeat": -%d}', b'{"heartbeat": %d000}', b'{"heartbeat": 0}', b'{"heartbeat": ', b"\x80")
NO_COMMANDS = (b"-1", b'"3"', b"null", b"on", b"1.5")
# What a broker may not say, each a whole packet, so that the box can hang up only where it does.
LIES = (
    b"\x20\x02\x00\x00", b"\x90\x03\xff\xff\x80", b"\x62\x02\x00\x01", b"\x10\x00", b"\xf0\x00", b"\x36\x05\x00\x01a\x00\x01", b"\x30\x00", b"\x30\x02\xff\xff",
    b"\xd0\x01\x00", b"\x40\x02\x00\x07", b"\xff\xff\xff\xff\xff\x7f", b"\x31\x80\x08" + b"\x00\x03a/b" + b"z" * 1019,
)  # fmt: skip


def browse(world, rng):
    """A browser, or something like it: at once or byte by byte; some take little of the answer."""
    request, portion, room = rng.choice(REQUESTS), rng.choice((None, None, 1, 7)), rng.choice((None, None, 0, 100, 900))
    if world.page is not None:
        world.visitors.call(world, world.page[0], request, portion, room)


def ask_modbus(world, rng):
    """Somebody who reads registers, or tries to. Who has not set a current keeps nobody alive by it."""
    question, portion, room = rng.choice(QUESTIONS), rng.choice((None, None, 1, 5)), rng.choice((None, None, 0, 11))
    if world.modbus is not None:
        world.visitors.call(world, world.modbus, question, portion, room)


def crowd(world, rng):
    """Many of both at once, and many who say nothing."""
    for _ in range(CROWD):
        rng.choice((browse, ask_modbus))(world, rng)


def read_on(world, rng):
    world.visitors.read_on(rng.choice((1, 50, 2000)))


def leave(world, rng):
    world.visitors.leave(world)


def break_off(world, rng):
    world.visitors.leave(world, broken=True)


def run_short(world, rng):
    """The heap is nearly full when somebody wants to see the page."""
    if world.page is not None:
        world.page[2].free = rng.choice((2000, 20000, 65536))


def limit_grid(world, rng):
    if world.grid is not None:
        world.grid.move(True, world.now_ms)


def chatter_grid(world, rng):
    """A contact that is open for a moment only."""
    limit_grid(world, rng)
    world.wait(rng.choice((20, 200)))
    free_grid(world, rng)


def free_grid(world, rng):
    if world.grid is not None:
        world.grid.move(False, world.now_ms)


def lie(world, rng):
    """A controller says what is no set point, no heartbeat, no command: nothing of it may count."""
    beat = rng.choice(NO_HEARTBEATS)
    world.broker.send(SET + b"global_data", beat % world.controller.stamp_s if b"%d" in beat else beat, True)
    cp = rng.randrange(len(world.controller.set_text))
    world.broker.send(SET + b"%d/data/set_current" % cp, rng.choice(NO_SET_POINTS), True)
    world.broker.send(SET + b"%d/data/" % cp + rng.choice((b"phases_to_use", b"trigger_phase_switch", b"cp_interruption_duration")), rng.choice(NO_COMMANDS), True)


def lying_broker(world, rng):
    world.broker.lie(rng.choice(LIES))


ROWS = (
    (browse, browse, ask_modbus, ask_modbus, read_on, leave), (crowd, break_off, leave), (browse, run_short, browse, leave),
    (limit_grid, chatter_grid, free_grid), (lie,), (lying_broker,),
)  # fmt: skip
