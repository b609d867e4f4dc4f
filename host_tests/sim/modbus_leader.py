"""A controller that leads by Modbus TCP, stepped with the world: it reads, which is its heartbeat, and writes set points.

Plain Python that also runs on MicroPython.
"""

from host_tests.fakes.peer import Client

FIRST, PER_POINT = 10100, 100
SET_CURRENT, PHASES, TRIGGER, HEARTBEAT, INTERRUPT = 71, 80, 81, 90, 98
STATUS = 15
READ, WRITE_SINGLE, WRITE_MULTIPLE = 4, 6, 16
BUSY = 6  # the exception: there is no value yet, but who reads is there


class _Connection(Client):
    """Tells its owner when the box begins an answer: then it has done what was asked, whether the answer arrives or not."""

    def __init__(self, owner, listener):
        super().__init__(listener, owner.address)
        self.listener = listener
        self._owner = owner

    def write(self, buf, offset, n):
        if offset == 0:
            self._owner.told(buf[0] << 8 | buf[1], not buf[7] & 0x80 or buf[8] == BUSY)
        return Client.write(self, buf, offset, n)


class ModbusLeader:
    """One address. It dials again whenever it has to; what was not confirmed is written again at its next turn.

    `answered` holds what the box has done, in order, until somebody empties it: ("read",) of registers that count as a heartbeat,
    ("enable",), ("set", charge point, 0.01 A as the box reads it).
    `reading`, `setting`: what it does; `repeats`: it writes its set points at every turn, not only when they change; `per_request`: a
    connection for each turn. `portion`: bytes of it that arrive at once; `room`: bytes of the answers that it takes; None: all.
    """

    def __init__(self, world, address, interval_ms=10000, repeats=False, per_request=False):
        self.world = world
        self.address = address
        self.interval_ms = interval_ms
        self.repeats = repeats
        self.per_request = per_request
        self.reading = self.setting = False
        self.set_ca = [0] * len(world.site.charge_points)
        self.portion = self.room = None
        self.answered = []
        self._confirmed = [None] * len(self.set_ca)
        self._asked = {}  # by transaction: what it means when it is answered
        self._transaction = 0
        self._client = None
        self._next_ms = 0
        self._acts_ms = self._reads_ms = 0  # not before

    def next_ms(self):
        return self._next_ms

    def step(self, world_ms):
        if world_ms < self._next_ms:
            return
        self._next_ms = world_ms + self.interval_ms
        if (self.reading or self.setting) and world_ms >= self._acts_ms:
            self._turn()

    def restart(self, world_ms, interval_ms, set_ca):
        """It begins anew, and is well: reads and set points, at most this far apart."""
        self.reading = self.setting = True
        self.portion = self.room = None
        self._acts_ms = self._reads_ms = 0
        self.reset()
        self.want(set_ca)
        self.interval_ms = min(self.interval_ms, interval_ms)
        self._next_ms = world_ms

    def want(self, set_ca):
        """New set points in 0.01 A; written at once, even where they are what they were."""
        self._next_ms = self.world.now_ms
        self.set_ca = list(set_ca)
        self._confirmed = [None] * len(set_ca)

    def silence(self):
        self.reading = self.setting = False

    def pause(self, ms, reads_only=False):
        """Says nothing at all for so long, whatever anybody wants of it; or goes on writing, and reads nothing."""
        self._reads_ms = self.world.now_ms + ms
        if not reads_only:
            self._acts_ms = self._reads_ms

    def hang_up(self):
        """FIN; what was sent may still be read."""
        if self._client is not None:
            self._client.hang_up()
        self._client = None

    def reset(self):
        """RST: what was sent is lost, unless the box has read it already."""
        if self._client is not None:
            self._client.reset()
        self._client = None

    # --- requests ---

    def read(self, register=FIRST + STATUS, count=1):
        in_use = FIRST <= register < FIRST + PER_POINT * len(self.set_ca) and register + count <= FIRST + 2 * PER_POINT
        self.ask(bytes([READ, register >> 8, register & 0xFF, 0, count]), ("read",) if in_use else None)

    def write(self, register, value, several=False):
        """A register of one charge point or the other, and any word."""
        head = bytes([WRITE_MULTIPLE if several else WRITE_SINGLE, register >> 8, register & 0xFF])
        cp, offset = divmod(register - FIRST, PER_POINT)
        means = None
        if offset == SET_CURRENT and 0 <= cp < len(self.set_ca):
            means = ("set", cp, value - 0x10000 if value > 0x7FFF else value)
        elif offset == HEARTBEAT and value == 1:
            means = ("enable",)
        self.ask(head + (b"\0\1\2" if several else b"") + bytes([value >> 8, value & 0xFF]), means)

    def ask(self, pdu, means, unit=1):
        """Sends a request. means: what goes to `answered` when the box answers it without an exception."""
        if self.world.now_ms < (self._reads_ms if pdu[0] == READ else self._acts_ms):
            return
        client = self._connected()
        self._transaction = (self._transaction + 1) & 0xFFFF
        self._asked[self._transaction] = means
        client.send(bytes([self._transaction >> 8, self._transaction & 0xFF, 0, 0, 0, len(pdu) + 1, unit]) + pdu)

    def mumble(self):
        """The beginning of a request, and never its end: what comes next makes no sense to the box."""
        self._connected().send(b"\xff\xff\0\0\0\6")

    def told(self, transaction, done):
        """The box begins this answer."""
        means = self._asked.pop(transaction, None)
        if not done or means is None:
            return
        self.answered.append(means)
        if means[0] == "set" and means[2] == self.set_ca[means[1]]:
            self._confirmed[means[1]] = means[2]

    def _turn(self):
        if self.per_request:
            self.hang_up()
        if self.reading:
            self.read()
        if self.setting:
            for cp, set_ca in enumerate(self.set_ca):
                if self.repeats or self._confirmed[cp] != set_ca:
                    self.write(FIRST + PER_POINT * cp + SET_CURRENT, set_ca & 0xFFFF, several=self.repeats)

    def _connected(self):
        """A connection to the box as it is now; what was asked through another one, and not read, is not answered any more."""
        client = self._client
        if client is None or not client.open or client.listener is not self.world.modbus:
            client = self._client = _Connection(self, self.world.modbus)
        client.portion = self.portion or 1 << 20
        client.room = self.room
        return client
