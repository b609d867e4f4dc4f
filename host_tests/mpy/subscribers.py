"""Ports of the broker door on which subscribers of everything dial in, and take what they are given. Nothing is allocated on the way."""

CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"
SUBSCRIBE = b"\x82\x0d\x00\x01\x00\x08openWB/#\x00"
HELLO = CONNECT + SUBSCRIBE


class Subscriber:
    """Says HELLO, then nothing more."""

    address = "192.168.1.50"

    def __init__(self):
        self.taken = 0  # bytes
        self.kept = None  # a list: the pieces that were taken
        self._unsaid = True

    def readinto(self, buf):
        if not self._unsaid:
            return 0
        self._unsaid = False
        buf[0 : len(HELLO)] = HELLO
        return len(HELLO)

    def write(self, buf, offset, n):
        self.taken += n
        if self.kept is not None:
            self.kept.append(bytes(buf[offset : offset + n]))
        return n

    def close(self):
        raise RuntimeError("the broker ended a good connection")


class Crowd:
    """`left` subscribers wait to be let in; None: there is no end of them. `peers`: who is in."""

    def __init__(self, left=None):
        self.left = left
        self.peers = []

    def waiting(self):
        return self.left != 0

    def accept(self):
        if self.left is not None:
            self.left -= 1
        self.peers.append(Subscriber())
        return self.peers[-1]

    def watch(self, on):
        pass
