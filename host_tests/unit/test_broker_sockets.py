"""The listener and what it accepts, on real sockets of this machine (through the stub that makes them MicroPython's)."""

import errno
import socket
import struct
import time

import net
import pytest

from host_tests.interop.live import until


@pytest.fixture
def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def waiter():
    return net.Waiter()


@pytest.fixture
def listener(waiter, port):
    listener = net.TcpListener(waiter, port, 4)
    assert listener.error is None
    yield listener
    listener.close()


def dial(port):
    return socket.create_connection(("127.0.0.1", port), 2)


@pytest.fixture
def pair(listener, port):
    """What was accepted, and the real socket at the other end."""
    with dial(port) as other:
        until(listener.waiting, "somebody knocks")
        peer = listener.accept()
        yield peer, other
        peer.close()


def test_nobody_knocks_then_somebody_does_and_the_wait_ends(listener, waiter, port):
    assert not listener.waiting() and not waiter.wait(20)
    with dial(port):
        assert waiter.wait(1000) and listener.waiting()
        peer = listener.accept()
        assert peer.address == "127.0.0.1" and not listener.waiting()
        peer.close()


def test_accept_without_anybody_returns_at_once_with_nothing(listener):
    begin = time.monotonic()
    assert listener.accept() is None and listener.failed == 1
    assert time.monotonic() - begin < 0.25


def test_knocking_wakes_nobody_while_it_is_not_watched(listener, waiter, port):
    listener.watch(False)
    listener.watch(False)
    with dial(port):
        assert not waiter.wait(50) and listener.waiting()
        listener.watch(True)
        assert waiter.wait(1000)


def test_a_port_in_use_is_told_and_nobody_ever_knocks(listener, waiter, port):
    second = net.TcpListener(waiter, port, 4)
    assert second.error == errno.EADDRINUSE and not second.waiting()
    second.close()


def test_no_socket_left_is_counted_and_raises_nothing(listener, monkeypatch):
    class Full:
        def accept(self):
            raise OSError(errno.ENFILE)

    real = listener._socket
    monkeypatch.setattr(listener, "_socket", Full())
    assert listener.accept() is None and listener.failed == 1
    monkeypatch.setattr(listener, "_socket", real)


def test_a_connection_that_breaks_while_it_is_accepted_is_closed(listener, monkeypatch):
    closed = []

    class Broken:
        def setblocking(self, on):
            raise OSError(errno.ECONNRESET)

        def close(self):
            closed.append(1)

    class Listening:
        def accept(self):
            return Broken(), ("192.0.2.1", 1)

    real = listener._socket
    monkeypatch.setattr(listener, "_socket", Listening())
    assert listener.accept() is None and closed == [1] and listener.failed == 1
    monkeypatch.setattr(listener, "_socket", real)


def test_bytes_go_both_ways_and_nothing_is_not_the_end(pair):
    peer, other = pair
    buf = bytearray(16)
    assert peer.readinto(buf) == 0
    other.sendall(b"hello")
    assert until(lambda: peer.readinto(buf), "bytes") == 5 and buf[:5] == b"hello"
    assert peer.write(b"..abc..", 2, 3) == 3
    assert other.recv(16) == b"abc"


def test_answers_are_not_delayed_by_nagle(listener, port):
    with dial(port):
        until(listener.waiting, "somebody knocks")
        peer = listener.accept()
        assert peer._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        peer.close()


def test_an_orderly_end_shows_after_what_was_sent(pair, waiter):
    peer, other = pair
    other.sendall(b"bye")
    other.close()
    buf = bytearray(8)
    assert until(lambda: peer.readinto(buf), "bytes") == 3
    assert until(lambda: peer.readinto(buf), "the end") == -1


def test_a_reset_shows_in_read_and_write(pair):
    peer, other = pair
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    assert until(lambda: peer.readinto(bytearray(4)), "the end") == -1
    assert until(lambda: peer.write(b"x", 0, 1) == -1, "the end")


def test_who_does_not_read_does_not_wake_the_loop_by_asking(pair, waiter):
    peer, other = pair
    data = bytes(1 << 16)
    while peer.write(data, 0, len(data)) == len(data):
        pass
    while peer.write(data, 0, len(data)):
        pass
    other.sendall(b"more questions")
    assert not waiter.wait(50)
    other.setblocking(False)
    for _ in range(1000):
        try:
            other.recv(1 << 20)
        except BlockingIOError:
            break
    assert waiter.wait(1000), "there is room now"
    assert peer.write(data, 0, 10) == 10
    assert waiter.wait(1000) and peer.readinto(bytearray(20)) == 14


def test_nothing_works_on_a_closed_peer_and_closing_twice_is_allowed(pair, waiter):
    peer, other = pair
    other.sendall(b"x")
    peer.close()
    peer.close()
    assert (peer.readinto(bytearray(4)), peer.write(b"x", 0, 1)) == (-1, -1)
    assert not waiter.wait(20)


def test_a_closed_listener_frees_its_port(listener, waiter, port):
    listener.close()
    listener.close()
    again = net.TcpListener(waiter, port, 4)
    assert again.error is None
    again.close()


@pytest.mark.parametrize(
    "address", [("192.168.1.50", 1234), bytearray(b"\x02\x00\x04\xd2\xc0\xa8\x01\x32\x00\x00\x00\x00\x00\x00\x00\x00")]
)
def test_the_address_is_text_on_every_port_of_micropython(address):
    assert net._dotted(address) == "192.168.1.50"
