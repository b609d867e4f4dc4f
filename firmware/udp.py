"""A UDP socket that is open only while somebody waits for an answer: sockets are scarce. Loaded where a time server is configured."""

import os
import socket

ROUTER = "router"  # stands for the address of the router that the network has told
NO_ADDRESS = "0.0.0.0"  # what it tells before it is connected


class UdpPort:
    """
    resolve, then open once resolved() is 1, then write and readinto. Every method returns at once and raises nothing.
    The socket is connected: the stack hands on only what comes from the address and port that were asked.
    """

    def __init__(self, resolver, link):
        """link: the network interface, which knows the router; None where the box has none of its own."""
        self._resolver = resolver
        self._link = link
        self._lost = False  # there is no router now
        self._address = None
        self._socket = None

    def resolve(self, host, port):
        self._address = None
        self._lost = False
        if host == ROUTER:
            host = self._link.router() if self._link else NO_ADDRESS
            self._lost = host == NO_ADDRESS
        if not self._lost:
            self._resolver.ask(host, port)

    def resolved(self):
        """1 known, 0 not yet, -1 unknown."""
        if self._lost:
            return -1
        self._address = self._resolver.answer()
        if self._address is None:
            return 0
        return 1 if self._address else -1

    def open(self):
        """False when there is no socket left, or no network."""
        self.close()
        try:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.connect(self._address)
        except OSError:
            self.close()
            return False
        return True

    def write(self, buf, n):
        """Bytes sent: n, or less when it came to nothing."""
        try:
            return self._socket.write(buf, n) or 0
        except OSError:
            return 0

    def readinto(self, buf):
        """Bytes of one answer; 0 when there is none yet; -1 when there will be none."""
        try:
            return self._socket.readinto(buf) or 0
        except OSError:
            return -1

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def random(self, buf, at, n):
        """Writes n bytes that nobody can guess to buf[at:]."""
        buf[at : at + n] = os.urandom(n)
