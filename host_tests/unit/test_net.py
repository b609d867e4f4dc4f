"""Sockets of the edge, on real sockets of this machine (through the stub that makes them behave as MicroPython's)."""

import errno
import select
import socket
import struct
import threading
import time

import net
import pytest
import resolver

from host_tests.waiting import until

LIMIT_S = 0.25  # no call may take longer


class Clocked:
    """Calls a method of the link and fails when it waited."""

    def __init__(self, link):
        self._link = link

    def __getattr__(self, name):
        def call(*args):
            begin = time.monotonic()
            result = getattr(self._link, name)(*args)
            assert time.monotonic() - begin < LIMIT_S, f"{name} waited"
            return result

        return call


@pytest.fixture
def listener():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(4)
        yield s


@pytest.fixture
def waiter():
    return net.Waiter()


@pytest.fixture
def link(waiter):
    link = net.TcpLink(waiter, resolver.Resolver())
    yield Clocked(link)
    link.close()


def dial(link, port):
    link.resolve("127.0.0.1", port)
    assert link.resolved() == 1
    link.dial()
    return until(link.status)


@pytest.fixture
def pair(link, listener):
    """A connected link and the real socket at the other end."""
    assert dial(link, listener.getsockname()[1]) == 1
    other, _ = listener.accept()
    with other:
        yield link, other


# -- TcpLink --------------------------------------------------------------------------------------------------------------


def test_bytes_go_both_ways_and_nothing_is_not_the_end(pair):
    link, other = pair
    buf = bytearray(16)
    assert link.readinto(buf) == 0
    other.sendall(b"hello")
    assert until(lambda: link.readinto(buf)) == 5 and buf[:5] == b"hello"
    assert link.write(b"..abc..", 2, 3) == 3
    assert other.recv(16) == b"abc"


def test_small_writes_are_not_delayed_by_nagle(link, listener, monkeypatch):
    options = []
    real = net.socket.socket

    class Spy(real):
        def setsockopt(self, *args):
            options.append(args)
            self._real.setsockopt(*args)

    monkeypatch.setattr(net.socket, "socket", Spy)
    dial(link, listener.getsockname()[1])
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in options


def test_a_refused_dial_fails(link, listener):
    port = listener.getsockname()[1]
    listener.close()
    assert dial(link, port) == -1
    assert link.write(b"x", 0, 1) == -1 or link.status() == -1


def test_dropped_syns_leave_the_dial_pending(link):
    """A listener with a full backlog drops SYNs."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        time.sleep(0.05)
        link.resolve("127.0.0.1", full.getsockname()[1])
        link.resolved()
        link.dial()
        for _ in range(20):
            assert link.status() == 0
            time.sleep(0.01)
        for filler in fillers:
            filler.close()


def test_an_orderly_end_shows_in_the_next_read(pair):
    link, other = pair
    other.close()
    assert until(lambda: link.readinto(bytearray(4))) == -1


def test_a_reset_shows_in_read_and_write(pair):
    link, other = pair
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    assert until(lambda: link.readinto(bytearray(4))) == -1
    assert until(lambda: link.write(b"x", 0, 1) == -1)


def test_a_full_send_buffer_takes_a_part_and_wakes_the_waiter_when_there_is_room(pair, waiter):
    link, other = pair
    data = bytes(1 << 16)
    taken = 0
    while True:
        n = link.write(data, 0, len(data))
        taken += n
        if n < len(data):
            break
    assert link.write(data, 0, len(data)) == 0
    assert not waiter.wait(20), "woken without room"
    other.setblocking(True)
    received = 0
    while received < taken:
        received += len(other.recv(1 << 20))
    assert waiter.wait(1000)
    assert link.write(data, 0, 10) == 10
    assert not waiter.wait(20), "woken although all was taken"


def test_nothing_works_on_a_closed_link_and_closing_twice_is_allowed(pair):
    link, _ = pair
    link.close()
    link.close()
    assert (link.status(), link.readinto(bytearray(4)), link.write(b"x", 0, 1)) == (-1, -1, -1)


def test_a_closed_socket_does_not_wake_the_waiter(pair, waiter):
    link, other = pair
    other.close()
    assert waiter.wait(1000)
    link.close()
    begin = time.monotonic()
    assert not waiter.wait(30)
    assert time.monotonic() - begin >= 0.025


def test_the_same_link_dials_again(pair, listener):
    link, other = pair
    other.close()
    link.close()
    assert dial(link, listener.getsockname()[1]) == 1
    again, _ = listener.accept()
    with again:
        again.sendall(b"x")
        assert until(lambda: link.readinto(bytearray(4))) == 1


def dial_with(link, monkeypatch, error):
    class Failing(net.socket.socket):
        def connect(self, address):
            raise error

    monkeypatch.setattr(net.socket, "socket", Failing)
    link.resolve("127.0.0.1", 1)
    link.resolved()
    link.dial()


def test_the_number_of_einprogress_is_the_one_of_the_platform(link, monkeypatch):
    """lwIP says 119, Linux 115."""
    monkeypatch.setattr(net.errno, "EINPROGRESS", 119)
    dial_with(link, monkeypatch, OSError(119, "in progress"))
    assert link._link._socket is not None
    link.close()
    dial_with(link, monkeypatch, OSError(115, "not in progress on lwIP"))
    assert link.status() == -1


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNREFUSED])
def test_a_dial_without_a_way_fails_at_once(link, monkeypatch, number):
    dial_with(link, monkeypatch, OSError(number, "no way"))
    assert link.status() == -1


def test_no_socket_left_is_a_failed_dial(link, monkeypatch):
    def none_left():
        raise OSError(errno.ENFILE, "no socket")

    monkeypatch.setattr(net.socket, "socket", none_left)
    link.resolve("127.0.0.1", 1)
    assert link.resolved() == 1
    link.dial()
    assert link.status() == -1


# -- Waiter ---------------------------------------------------------------------------------------------------------------


def test_the_waiter_returns_when_bytes_come_and_else_when_the_time_is_up(waiter):
    a, b = socket.socketpair()
    with a, b:
        waiter.add(a, select.POLLIN)
        begin = time.monotonic()
        assert not waiter.wait(50) and time.monotonic() - begin >= 0.045
        b.send(b"x")
        begin = time.monotonic()
        assert waiter.wait(1000) and time.monotonic() - begin < LIMIT_S
        waiter.change(a, 0)
        assert not waiter.wait(10)
        waiter.remove(a)
        assert not waiter.wait(10)


# -- Resolver -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lookups(monkeypatch):
    """Takes the place of getaddrinfo: names wait for `go`, then give `answers[name]` or fail."""

    class Lookups:
        asked = []
        answers = {"broker.local": "192.0.2.7", "other.local": "192.0.2.8"}
        go = threading.Event()

        def __call__(self, host, port, *hints):
            self.asked.append((host, threading.get_ident() == main))
            if not resolver.is_numeric(host):
                assert self.go.wait(5)
                if host not in self.answers:
                    raise OSError(-2, "unknown")
                host = self.answers[host]
            return [(2, 1, 0, "", (host, port))]

    main = threading.get_ident()
    lookups = Lookups()
    lookups.asked, lookups.go = [], threading.Event()
    monkeypatch.setattr(resolver.socket, "getaddrinfo", lookups)
    monkeypatch.setattr(resolver.Resolver, "_busy", False)
    yield lookups
    lookups.go.set()


def test_a_numeric_address_is_known_at_once_without_a_thread(lookups):
    names = resolver.Resolver()
    names.ask("192.0.2.1", 1883)
    assert names.answer() == ("192.0.2.1", 1883)
    assert lookups.asked == [("192.0.2.1", True)]


def test_a_name_is_looked_up_beside_the_loop(lookups):
    names = resolver.Resolver()
    names.ask("broker.local", 1883)
    for _ in range(5):
        assert names.answer() is None
    lookups.go.set()
    assert until(names.answer) == ("192.0.2.7", 1883)
    assert lookups.asked == [("broker.local", False)]


def test_an_unknown_name_is_an_answer_too_and_can_be_asked_for_again(lookups):
    names = resolver.Resolver()
    lookups.go.set()
    names.ask("nobody.local", 1883)
    assert until(lambda: names.answer() is not None) and names.answer() is False
    lookups.answers["nobody.local"] = "192.0.2.9"
    names.ask("nobody.local", 1883)
    assert until(names.answer) == ("192.0.2.9", 1883)


def test_there_is_never_more_than_one_thread_and_the_newest_question_is_answered(lookups):
    names = resolver.Resolver()
    for _ in range(5):
        names.ask("broker.local", 1883)
        names.answer()
    names.ask("other.local", 1883)
    names.answer()
    until(lambda: lookups.asked)
    assert len(lookups.asked) == 1
    lookups.go.set()
    assert until(names.answer) == ("192.0.2.8", 1883)
    assert [host for host, _ in lookups.asked] == ["broker.local", "other.local"]


def test_two_who_ask_share_the_one_thread_and_each_gets_its_own_answer(lookups):
    one, other = resolver.Resolver(), resolver.Resolver()
    one.ask("broker.local", 1883)
    other.ask("other.local", 123)
    for _ in range(5):
        assert one.answer() is None and other.answer() is None
    until(lambda: lookups.asked)
    assert len(lookups.asked) == 1
    lookups.go.set()
    assert until(one.answer) == ("192.0.2.7", 1883)
    assert until(other.answer) == ("192.0.2.8", 123)


def test_no_memory_for_a_thread_is_a_failed_lookup(lookups, monkeypatch):
    def no_thread(function, args):
        raise OSError("can't create thread")

    monkeypatch.setattr(resolver._thread, "start_new_thread", no_thread)
    names = resolver.Resolver()
    names.ask("broker.local", 1883)
    assert names.answer() is False


def test_a_lookup_that_runs_out_of_memory_fails_and_the_next_one_is_made(lookups, monkeypatch):
    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr(resolver.socket, "getaddrinfo", no_memory)
    names = resolver.Resolver()
    names.ask("broker.local", 1883)
    assert until(lambda: names.answer() is not None) and names.answer() is False
    monkeypatch.setattr(resolver.socket, "getaddrinfo", lookups)
    lookups.go.set()
    names.ask("broker.local", 1883)
    assert until(names.answer) == ("192.0.2.7", 1883)


def test_the_link_tells_known_unknown_and_not_yet_apart(lookups, link):
    link.resolve("broker.local", 1883)
    assert link.resolved() == 0
    lookups.go.set()
    assert until(link.resolved) == 1
    link.resolve("nobody.local", 1883)
    assert until(link.resolved) == -1


@pytest.mark.parametrize("host", ["192.168.1.5", "0.0.0.0", "255.255.255.255", "127.0.0.1"])
def test_four_numbers_with_dots_need_no_name_server(host):
    assert resolver.is_numeric(host)


@pytest.mark.parametrize("host", ["broker", "broker.local", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.x", "", "1..2.3", "-1.2.3.4"])
def test_everything_else_is_a_name(host):
    assert not resolver.is_numeric(host)
