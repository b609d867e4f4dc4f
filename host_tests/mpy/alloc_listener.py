"""What asking a listener, and reading and writing on an accepted socket, allocates, per 1,000 rounds. Needs sockets: unix port only.

Prints one JSON line as test_alloc.py describes.
"""
import gc
import json
import socket
import sys

import micropython
import net

gc.disable()

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


def rounds(waiter, listener, peer, other, n):
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


def runs_locked(waiter, listener, peer, other):
    micropython.heap_lock()
    try:
        rounds(waiter, listener, peer, other, 10)
    except MemoryError as error:
        micropython.heap_unlock()
        sys.print_exception(error, sys.stderr)
        return False
    micropython.heap_unlock()
    return True


def main():
    waiter, listener, peer, other = connected()
    rounds(waiter, listener, peer, other, 10)
    # no rounds first: the figures and the frame of rounds() cost something themselves
    total = micropython.mem_total()
    net_bytes = gc.mem_alloc()
    rounds(waiter, listener, peer, other, 0)
    net_bytes = gc.mem_alloc() - net_bytes
    total = micropython.mem_total() - total
    total_before = micropython.mem_total()
    net_before = gc.mem_alloc()
    rounds(waiter, listener, peer, other, ROUNDS)
    net_bytes = gc.mem_alloc() - net_before - net_bytes
    total = micropython.mem_total() - total_before - total
    print(json.dumps({"name": "listener", "lock": runs_locked(waiter, listener, peer, other), "net": net_bytes, "total": total}))


main()
