"""What controllers do that lead by Modbus, well or ill: rows for `fates`. `leaders[0]` is the owner's, `leaders[1]` another one."""

from host_tests.sim.chip import PWRON_RESET, SOFT_RESET, WDT_RESET
from host_tests.sim.modbus_leader import FIRST, HEARTBEAT, INTERRUPT, PER_POINT, PHASES, SET_CURRENT, TRIGGER, ModbusLeader

OWN, OTHER = "192.168.1.30", "192.168.1.40"
SET_CA = (0, 600, 800, 1050, 1300, 1600, 2000, 3200, 599, 16, 1600)
# What is no set point, or one that means 0 A: 160 A, 32.01 A, whole amperes, negative ones.
LIES_CA = (16000, 3201, 16, 32, 0xFFFF, 0x8000, 0xF9C0, 0x7FFF)
OFFSETS = (SET_CURRENT, PHASES, TRIGGER, HEARTBEAT, INTERRUPT, 97, 99, 15, 72)
QUESTIONS = ((10114, 2), (10100, 125), (10199, 2), (10299, 1), (10300, 1), (10099, 2), (10215, 1), (0, 1))
SHORTEST_MS = 5000
LONG_MS = 85000  # a silence that ends every heartbeat
ON_ITS_WAY_MS = 2000  # what others have sent arrives before; one who does not repeat its set points would not notice
CHARGES_MS = 20000  # until a car follows
BY_MQTT, BY_MODBUS, BY_BOTH = range(3)


def add_leaders(world, rng):
    """Those of a life."""
    intervals_ms = (5000, 10000, 20000, 59000)
    for address in (OWN, OTHER):
        leader = ModbusLeader(world, address, rng.choice(intervals_ms), rng.random() < 0.5, rng.random() < 0.3)
        world.leaders.append(leader)
    own = world.leaders[0]
    own.reading = own.setting = rng.random() < 0.8
    own.want([1600] * len(own.set_ca))
    if own.reading and rng.random() < 0.75:
        world.controller.beating = world.controller.setting = False


def draw_controllers(rng):
    """Who may write: everybody (None), these two, or the owner's alone."""
    return rng.choice((None, None, None, [OWN, OTHER], [OWN]))


def mend_leaders(world, rng):
    """Whoever shall lead from now on wants 16 A: an MQTT controller, a Modbus one, or both."""
    if not world.leaders:
        return
    who = rng.choice((BY_MQTT, BY_MODBUS, BY_MODBUS, BY_BOTH))
    own, other = world.leaders
    other.silence()
    other.reset()
    if who == BY_MQTT:
        own.silence()
        own.reset()
    else:
        own.restart(world.now_ms + ON_ITS_WAY_MS, SHORTEST_MS, [1600] * len(own.set_ca))
    if who == BY_MODBUS:
        world.controller.setting = False
        world.controller.beating = rng.random() < 0.5


# --- the owner's ---


def lead(world, rng):
    """New set points; the MQTT controller may go on with its own."""
    own = world.leaders[0]
    own.want([rng.choice(SET_CA) for _ in own.set_ca])
    own.reading = own.setting = True


def lead_alone(world, rng):
    """All there is, at once, by Modbus; MQTT sets nothing any more."""
    world.controller.setting = False
    own = world.leaders[0]
    own.want([rng.choice((600, 1000, 1600))] * len(own.set_ca))
    own.reading = own.setting = True


def hand_over(world, rng):
    """The MQTT controller goes on, the Modbus one ends."""
    world.leaders[0].silence()
    world.controller.beating = world.controller.setting = True


def abandon(world, rng):
    """It leads, and then it is gone: hung up, reset, silent on an open connection, or writing without ever reading; perhaps after having
    wanted a heartbeat."""
    lead_alone(world, rng)
    if rng.random() < 0.4:
        world.leaders[0].write(FIRST + HEARTBEAT, 1)
    world.run(CHARGES_MS)
    own = world.leaders[0]
    end = rng.choice((own.hang_up, own.reset, None, None))
    if end is not None:
        end()
    own.repeats = own.repeats or end is None
    own.pause(LONG_MS, reads_only=rng.random() < 0.4)
    world.run(LONG_MS)


def two_doors(world, rng):
    """It wants current while an MQTT controller does: the lower one counts."""
    world.controller.restart(world.now_ms, SHORTEST_MS)
    world.controller.set_text = [rng.choice((b"16", b"10", b"32"))] * len(world.controller.set_text)
    world.run(CHARGES_MS // 2)
    lead(world, rng)
    world.run(CHARGES_MS)


def restart_led(world, rng):
    """The box starts anew under a leader that sets a current only when it changes, and may not even read for a while."""
    own = world.leaders[0]
    own.repeats = False
    lead_alone(world, rng)
    world.run(CHARGES_MS)
    world.start_gateway(rng.choice((WDT_RESET, SOFT_RESET, PWRON_RESET)))
    if rng.random() < 0.5:
        own.pause(CHARGES_MS, reads_only=True)
    world.run(CHARGES_MS)


def watch(world, rng):
    """Another one reads, which keeps nobody alive but itself."""
    world.leaders[1].reading = True
    world.leaders[1].setting = False


def read_only(world, rng):
    """It goes on reading, and sets nothing."""
    own = world.leaders[0]
    own.reading, own.setting = True, False


def come_back(world, rng):
    own = world.leaders[0]
    own.reading = own.setting = True
    own.portion = own.room = None


def reset_leaders(world, rng):
    """RST, also with requests on the way; they dial again."""
    for leader in world.leaders:
        if leader.reading and rng.random() < 0.5:
            leader.read()
        leader.reset()


def dribble(world, rng):
    """Its requests arrive in pieces, or it takes little of the answers."""
    own = world.leaders[0]
    own.portion, own.room = rng.choice((None, 1, 5)), rng.choice((None, 0, 7))


def half_a_request(world, rng):
    world.leaders[0].mumble()


def mislead(world, rng):
    """Registers and words that mean nothing, or something else than meant."""
    own = world.leaders[0]
    cp = rng.randrange(2)
    own.write(FIRST + PER_POINT * cp + SET_CURRENT, rng.choice(LIES_CA), several=rng.random() < 0.5)
    own.write(FIRST + PER_POINT * cp + rng.choice(OFFSETS), rng.choice((0, 1, 2, 3, 0xFFFF)))
    own.read(*rng.choice(QUESTIONS))
    own.ask(b"\x04\x27\x83\0\1", None, unit=2)


def enable_heartbeat(world, rng):
    """1: it wants one. 0: it wants none, which the owner of the box does not allow."""
    world.leaders[0].write(FIRST + HEARTBEAT, rng.choice((0, 1, 1)))


def switch_by_modbus(world, rng):
    own = world.leaders[0]
    base = FIRST + PER_POINT * rng.randrange(len(own.set_ca))
    own.write(base + PHASES, rng.choice((1, 3)))
    own.write(base + TRIGGER, 1)
    if rng.random() < 0.3:
        own.write(base + INTERRUPT, rng.choice((1, 4, 40)))


# --- another one ---


def second_leads(world, rng):
    """Another one with set points of its own, which reads only now and then, or goes away at once."""
    other = world.leaders[1]
    other.want([rng.choice(SET_CA) for _ in other.set_ca])
    other.setting = True
    other.reading = rng.random() < 0.7


def second_writes_once(world, rng):
    other = world.leaders[1]
    cp = rng.randrange(len(other.set_ca))
    other.write(FIRST + PER_POINT * cp + SET_CURRENT, rng.choice((0, 600, 1600, 3200)))
    other.hang_up()


def second_ends(world, rng):
    world.leaders[1].silence()


STORIES = ((watch, abandon, abandon), (two_doors,), (restart_led,))
ROWS = (
    *STORIES, (lead, lead, lead_alone), (lead_alone, hand_over), (read_only, come_back),
    (reset_leaders,), (dribble, half_a_request, come_back), (mislead, mislead), (enable_heartbeat,), (switch_by_modbus,),
    (second_leads, second_writes_once, second_ends), (second_leads, second_ends, lead_alone),
)  # fmt: skip
