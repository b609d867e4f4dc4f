"""Controllers that speak Modbus to the box in a World, as evcc, E3DC-Control and dashboards do.

Plain Python that also runs on MicroPython.
"""

from host_tests.fakes.peer import Client

EVCC = "192.168.1.30"
E3DC = "192.168.1.40"
DASHBOARD = "192.168.1.66"


class Caller:
    """One address. `per_request`: a new connection for each request, as E3DC-Control does."""

    def __init__(self, world, address, per_request=False):
        self.world = world
        self.address = address
        self._per_request = per_request
        self._client = None

    def ask(self, pdu):
        """The answer's PDU; the world goes on meanwhile. ValueError when there is none within 2 s."""
        client = self._connect()
        client.received = bytearray()
        client.send(b"\x12\x34\0\0" + bytes([0, len(pdu) + 1, 1]) + pdu)
        end_ms = self.world.now_ms + 2000
        while len(client.received) < 9:
            if self.world.now_ms > end_ms:
                raise ValueError("no answer")
            self.world.step()
        if self._per_request:
            client.hang_up()
        return bytes(client.received[7:])

    def _connect(self):
        if self._per_request or self._client is None or not self._client.open or self._client not in self._peers():
            self._client = Client(self.world.modbus, self.address)
        return self._client

    def _peers(self):
        """Who is connected: after a restart nobody is."""
        return [slot.peer for slot in self.world.gateway.pool.slots] + self.world.modbus.backlog

    def read(self, register, count=1):
        """Registers as numbers; ValueError when it is an exception."""
        pdu = self.ask(b"\x04" + register.to_bytes(2, "big") + bytes([0, count]))
        if pdu[0] != 4:
            raise ValueError("exception %d" % pdu[1])
        return [pdu[2 + 2 * i] << 8 | pdu[3 + 2 * i] for i in range(count)]

    def write(self, register, value):
        request = b"\x06" + register.to_bytes(2, "big") + value.to_bytes(2, "big")
        if self.ask(request) != request:
            raise ValueError("the write was not echoed")

    def die(self):
        if self._client is not None:
            self._client.hang_up()
        self._client = None


class Evcc(Caller):
    """Polls every 10 s; writes the set current only when it changes, and remembers what it has enabled."""

    def __init__(self, world, address=EVCC, connector=1):
        super().__init__(world, address)
        self._base = 100 * (connector - 1)

    def cycle(self):
        """{status, power_w, energy_wh, currents_ca}: what evcc works with. energy_wh is None while the box has none yet."""
        base = self._base
        status = "C" if self.read(base + 10115)[0] == 1 else "B" if self.read(base + 10114)[0] == 1 else "A"
        high, low = self.read(base + 10100, 2)
        energy = self.ask(b"\x04" + (base + 10102).to_bytes(2, "big") + b"\0\2")
        currents = [word - 0x10000 if word > 0x7FFF else word for word in self.read(base + 10107, 3)]
        energy_wh = None if energy == b"\x84\x06" else int.from_bytes(energy[2:], "big")
        return {"status": status, "power_w": high << 16 | low, "energy_wh": energy_wh, "currents_ca": currents}

    def set_current(self, set_ca):
        self.write(self._base + 10171, set_ca)

    def switch_phases(self, phases):
        self.write(self._base + 10180, phases)
        self.write(self._base + 10181, 1)

    def wake_up(self):
        self.write(self._base + 10198, 1)

    def poll(self, ms, every_ms=10000):
        """Lives for `ms`; returns the last cycle."""
        end_ms = self.world.now_ms + ms
        last = self.cycle()
        while self.world.now_ms + every_ms <= end_ms:
            self.world.run(every_ms)
            last = self.cycle()
        self.world.run(max(0, end_ms - self.world.now_ms))
        return last
