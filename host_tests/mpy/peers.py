"""Ports of a door for who is measured: nothing is allocated once somebody has been let in."""


class Peer:
    """Says what say() was given, takes at most `bite` bytes per write, and counts them in `taken`. A door that ends it ends the measurement."""

    def __init__(self, address="192.168.1.50", bite=4096):
        self.address = address
        self.bite = bite
        self.taken = 0
        self._said = None
        self._at = 0

    def say(self, data):
        self._said = data
        self._at = 0

    def silent(self):
        """True when all that it had to say was read."""
        return self._said is None

    def readinto(self, buf):
        said = self._said
        if said is None:
            return 0
        n = 0
        while n < len(buf) and self._at < len(said):
            buf[n] = said[self._at]
            n += 1
            self._at += 1
        if self._at == len(said):
            self._said = None
        return n

    def write(self, buf, offset, n):
        n = min(n, self.bite)
        self.taken = (self.taken + n) & 0xFFFFFF
        return n

    def close(self):
        raise RuntimeError("the door ended a good connection")


class Listener:
    """Nobody comes but `next`."""

    next = None

    def waiting(self):
        return self.next is not None

    def accept(self):
        peer = self.next
        self.next = None
        return peer

    def watch(self, on):
        pass
