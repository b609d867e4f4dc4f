"""What asking a listener, and reading and writing on an accepted socket, allocates, per 1,000 rounds. Needs sockets: unix port only.

Prints one JSON line as test_alloc.py describes.
"""

import socket

import net
from host_tests.mpy.heap_cost import cost, runs_locked, tell

ROUNDS = 1000
BUF = bytearray(64)


def connected():
    """The listener, what it accepted, and the other end of that."""
    waiter = net.Waiter()
    for port in range(20003, 30000, 7):
        listener = net.TcpListener(waiter, port, 4)
        if listener.error is None:
            break
    other = socket.socket()
    other.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    while not listener.waiting():
        pass
    return waiter, listener, listener.accept(), other


def main():
    waiter, listener, peer, other = connected()

    def rounds(n):
        for _ in range(n):
            waiter.wait(0)
            if listener.waiting():
                raise RuntimeError("nobody knocks")
            if peer.readinto(BUF) != 0 or peer.write(BUF, 8, 50) != 50:
                raise RuntimeError("expected no bytes to read and room for 50")
            other.readinto(BUF, 50)
            other.write(BUF, 20)
            waiter.wait(100)
            if peer.readinto(BUF) != 20:
                raise RuntimeError("expected 20 bytes")

    rounds(10)
    tell("listener", cost(rounds, ROUNDS), runs_locked(rounds, 10))


main()
