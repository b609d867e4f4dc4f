"""What waiting, reading and writing on a real socket allocates, per 1,000 rounds. Needs sockets: unix port only.

Prints one JSON line as test_alloc.py describes.
"""

import socket

import net
from host_tests.mpy.heap_cost import cost, runs_locked, tell
from resolver import Resolver

ROUNDS = 1000
BUF = bytearray(64)


def connected():
    """A TcpLink and the other end of it."""
    listener = socket.socket()
    address = None
    for port in range(20000, 30000, 7):
        address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
        try:
            listener.bind(address)
            break
        except OSError:
            continue
    listener.listen(1)
    waiter = net.Waiter()
    link = net.TcpLink(waiter, Resolver())
    link.resolve("127.0.0.1", port)
    while not link.resolved():
        pass
    link.dial()
    other = listener.accept()[0]
    while not link.status():
        pass
    return waiter, link, other


def main():
    waiter, link, other = connected()

    def rounds(n):
        for _ in range(n):
            waiter.wait(0)
            if link.readinto(BUF) != 0 or link.write(BUF, 8, 50) != 50:
                raise RuntimeError("expected no bytes to read and room for 50")
            other.readinto(BUF, 50)
            other.write(BUF, 20)
            waiter.wait(100)
            if link.readinto(BUF) != 20:
                raise RuntimeError("expected 20 bytes")

    rounds(10)
    tell("net", cost(rounds, ROUNDS), runs_locked(rounds, 10))


main()
