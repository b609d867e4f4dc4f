"""What waiting, reading and writing on a real socket allocates, per 1,000 rounds. Needs sockets: unix port only.

Prints one JSON line as test_alloc.py describes.
"""
import gc
import json
import socket
import sys

import micropython
import net
from resolver import Resolver

gc.disable()

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


def rounds(waiter, link, other, n):
    for _ in range(n):
        waiter.wait(0)
        if link.readinto(BUF) != 0 or link.write(BUF, 8, 50) != 50:
            raise RuntimeError("expected no bytes to read and room for 50")
        other.readinto(BUF, 50)
        other.write(BUF, 20)
        waiter.wait(100)
        if link.readinto(BUF) != 20:
            raise RuntimeError("expected 20 bytes")


def main():
    waiter, link, other = connected()
    rounds(waiter, link, other, 10)
    # no rounds first: the figures and the frame of rounds() cost something themselves
    total = micropython.mem_total()
    net_bytes = gc.mem_alloc()
    rounds(waiter, link, other, 0)
    net_bytes = gc.mem_alloc() - net_bytes
    total = micropython.mem_total() - total
    total_before = micropython.mem_total()
    net_before = gc.mem_alloc()
    rounds(waiter, link, other, ROUNDS)
    net_bytes = gc.mem_alloc() - net_before - net_bytes
    total = micropython.mem_total() - total_before - total
    lock = True
    micropython.heap_lock()
    try:
        rounds(waiter, link, other, 10)
    except MemoryError as error:
        micropython.heap_unlock()
        sys.print_exception(error, sys.stderr)
        lock = False
    else:
        micropython.heap_unlock()
    print(json.dumps({"name": "net", "lock": lock, "net": net_bytes, "total": total}))


main()
