"""Who calls at the doors of a world's box that are not the broker's: browsers and Modbus clients, most of them not as they should be."""

from host_tests.fakes.peer import Client

PAGE_BYTES = 3000


class File:
    """The page as Asset hands it out: longer than any buffer."""

    size = PAGE_BYTES

    def read(self, at, buf):
        n = max(0, min(len(buf), PAGE_BYTES - at))
        buf[:n] = b"x" * n
        return n


class Vitals:
    uptime_s = 90061
    longest_step_ms = 12
    free = 65536

    def free_bytes(self):
        return self.free

    def used_bytes(self):
        return 98304

    def idf_free_bytes(self):
        return None

    def rssi_dbm(self):
        return -61


class GridInput:
    """The contact of the grid operator. `since_ms`: world time of its last change."""

    def __init__(self):
        self.limits = False
        self.since_ms = 0

    def limited(self):
        return self.limits

    def move(self, limits, now_ms):
        if limits != self.limits:
            self.limits = limits
            self.since_ms = now_ms


class Visitors:
    """Everybody who has called in this life of the gateway."""

    def __init__(self):
        self._clients = []
        self._gateway = None

    def call(self, world, listener, data, portion=None, room=None):
        """Somebody dials in and says `data`. portion: bytes of it that arrive at once; room: bytes of the answer that are taken; None: all."""
        self._forget(world)
        client = Client(listener, "192.168.1.%d" % (100 + len(self._clients) % 100))
        client.portion = portion or client.portion
        client.room = room
        client.send(data)
        self._clients.append(client)

    def read_on(self, n):
        """Those who took nothing more take n bytes."""
        for client in self._clients:
            if client.room is not None:
                client.room += n

    def leave(self, world, broken=False):
        """All hang up, or are reset."""
        self._forget(world)
        for client in self._clients:
            client.reset() if broken else client.hang_up()

    def _forget(self, world):
        if self._gateway is not world.gateway:
            self._clients = []
        self._gateway = world.gateway
        self._clients = [client for client in self._clients if not client.closed_by_box]
