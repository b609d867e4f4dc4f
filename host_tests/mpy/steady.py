"""A gateway in steady state with ports that allocate nothing: the ground for counting bytes and operations.

One or two charge points, everything published every second, replies from prepared bytes, values at the edge of 31 bits.
"""

import modbus
from gateway import Gateway
from memory import Memory
from host_tests.fakes.broker import publish_packet
from host_tests.fakes.wire import reply_frame, sealed
from host_tests.sim.world import standard_config

TICKS_MASK = 0x3FFFFFFF
SET = b"openWB/set/internal_chargepoint/"
HUGE = (0x4E9C, 0x0000)  # 1.3e9 as a float, above 2**30
VOLTS = (0x4366, 0x0000)  # 230.0
AMPERES = (0x4180, 0x0000)  # 16.0
WATTS = (0x4566, 0x0000)  # 3680.0


def _key(unit, count, address):
    return (count << 7 | unit) << 16 | address


class CannedBus:
    """Answers every request at once from prepared frames; a write of register 1000 changes what is read there."""

    def __init__(self, charge_points, amperes=AMPERES):
        """amperes: what the car draws on each phase while a current is set, as the words of a float."""
        self._replies = {}
        self._amperes = amperes
        self._currents = {}  # EVSE: which reply of its meter, at 0 A, and above
        self._reply = None
        self._at = 0
        for i in range(charge_points):
            self._prepare(1 + i, 105 + i)

    def _prepare(self, evse, meter):
        self._can(evse, 3, 1005, (18,))
        self._can(evse, 3, 2005, (0x0289, 0, 32))
        self._can(evse, 3, 1000, (0, 1600, 3, 32, 0, 18, 2))
        self._can(evse, 3, 1000, (0, 1600, 3, 32, 0, 18, 2, 1))
        self._can(evse, 3, 2000, (0, evse, 5, 1, 0))
        self._can(meter, 4, 0x00, VOLTS * 3 + self._amperes * 3 + WATTS * 3)
        charging = self._replies[_key(meter, 18, 0)]
        self._can(meter, 4, 0x00, VOLTS * 3 + (0, 0) * 6)
        self._currents[evse] = (_key(meter, 18, 0), self._replies[_key(meter, 18, 0)], charging)
        self._can(meter, 4, 0x00, VOLTS)
        self._can(meter, 4, 0x1E, (0x3F80, 0) * 3)
        self._can(meter, 4, 0x46, (0x4248, 0))
        self._can(meter, 4, 0x48, HUGE + HUGE)
        self._can(meter, 3, 0xFC00, (0x0141, 0x6571))
        self._replies[_key(evse, 1, 1000)] = bytearray(sealed(bytes((evse, 16, 1000 >> 8, 1000 & 0xFF, 0, 1))))

    def _can(self, unit, function, address, words):
        request = bytes((unit, function, 0, 0, 0, 0))
        self._replies[_key(unit, len(words), address)] = bytearray(reply_frame(request, words))

    def write(self, buf, n):
        self._at = 0
        if buf[1] == 16:
            self._flow(buf[0], buf[7])
            self._store(self._replies[_key(buf[0], 7, 1000)], buf)
            self._store(self._replies[_key(buf[0], 8, 1000)], buf)
        self._reply = self._replies[_key(buf[0], buf[5], buf[2] << 8 | buf[3])]
        return n

    def _flow(self, evse, high_byte):
        """The meter shows a current while one is set."""
        row = self._currents[evse]
        self._replies[row[0]] = row[2] if high_byte else row[1]

    def _store(self, block, buf):
        block[3] = buf[7]
        block[4] = buf[8]
        block[5] = buf[7]
        block[6] = buf[8]
        crc = modbus.crc16(block, len(block) - 2)
        block[-2] = crc & 0xFF
        block[-1] = crc >> 8

    def readinto(self, buf):
        reply = self._reply
        if reply is None:
            return 0
        n = 0
        while n < 32 and self._at < len(reply):
            buf[n] = reply[self._at]
            n += 1
            self._at += 1
        if self._at == len(reply):
            self._reply = None
        return n


class CannedLink:
    """Swallows what is sent; answers CONNECT, SUBSCRIBE, PINGREQ; `say` hands one packet to the client."""

    def __init__(self):
        self.taken = 0
        self._answers = []

    def resolve(self, host, port):
        pass

    def resolved(self):
        return 1

    def dial(self):
        pass

    def status(self):
        return 1

    def close(self):
        pass

    def say(self, data):
        self._answers.append(data)

    def readinto(self, buf):
        if not self._answers:
            return 0
        answer = self._answers.pop()
        buf[0 : len(answer)] = answer
        return len(answer)

    def write(self, buf, offset, n):
        head = buf[offset]
        if head == 0x10:
            self._answers.append(b"\x20\x02\x00\x00")
        elif head == 0x82:
            self._answers.append(b"\x90\x03\x00\x01\x00")
        elif head == 0xC0:
            self._answers.append(b"\xd0\x00")
        self.taken = (self.taken + n) & 0xFFFFFF
        return n


class NoStore:
    """RTC memory and flash that take everything and hold nothing."""

    def load(self, *_):
        return 0

    def save(self, *_):
        return True

    def set_cp(self, i, byte):
        pass


class IdleRelay:
    """Nothing in a steady state opens it; `opened` tells whether that is so."""

    starts_open = False
    opened = False

    def open(self):
        self.opened = True

    def close(self):
        pass


class IdleCoils:
    """Nothing in a steady state switches phases."""

    pulse_ms = 1000
    rests_at = None

    def set(self, phases):
        raise ValueError("a coil has moved")


class FreeGrid:
    """The grid operator limits nothing."""

    def limited(self):
        return False


class Steady:
    """Steps a gateway in virtual time; `warm_up` brings it to 16 A with a living heartbeat."""

    def __init__(self, charge_points=1, start_tick=0x3FFFFFFF - 40000):
        self.link = CannedLink()
        config = standard_config(charge_points)
        if charge_points > 1:  # with everything that limits two of them
            config["shared_ca"] = 3200
        self.relays = [IdleRelay() for _ in range(charge_points)]
        memory = Memory(NoStore(), NoStore(), start_tick)
        coils = [IdleCoils() for _ in range(charge_points)]
        grid = FreeGrid() if charge_points > 1 else None
        self.gateway = Gateway(config, CannedBus(charge_points), self.link, 1, start_tick, self.relays, memory, grid=grid, coils=coils)
        self.tick = start_tick

    def step(self):
        """One step, and on by the time it asked for: 1 ms at least, 20 at most (replies are there at once)."""
        self.advance(self.gateway.step(self.tick))

    def advance(self, ms):
        self.tick = (self.tick - TICKS_MASK - 1 + max(1, min(20, ms))) & TICKS_MASK  # stays a small integer

    def run(self, steps):
        for _ in range(steps):
            self.step()

    def warm_up(self):
        self.run(600)
        self.link.say(publish_packet(SET + b"0/data/set_current", b"16", False))
        self.run(100)
        if len(self.gateway.points) > 1:
            self.link.say(publish_packet(SET + b"1/data/set_current", b"16", False))
        for stamp in (b"1795327212.5", b"1795327217.5"):
            self.link.say(publish_packet(SET + b"global_data", b'{"heartbeat": ' + stamp + b"}", False))
            self.run(400)
        self._near_overflow()
        for point in self.gateway.points:
            if point.evse.raw != 1600:
                raise ValueError("warm-up did not reach 16 A: %r" % point.image.value)

    def _near_overflow(self):
        """Counters a few steps before they roll over."""
        for point in self.gateway.points:
            point.evse.station.requests = 0x3FFFFFF - 5
            point.meter.station.requests = 0x3FFFFFF - 5
        self.gateway.steps = 0xFFFFFF - 5
        self.gateway.lines.plans[0].rounds = 0xFFFFFF - 5
        self.gateway.client.bytes_out = TICKS_MASK - 500
