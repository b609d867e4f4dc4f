"""The UDP port of the clock, on real sockets of this machine."""
import socket
import time

import pytest
import udp
from resolver import Resolver
from sntp import ASKING, RESTING, Sntp
from wall import WallClock

from host_tests.fakes.time_server import answer_to
from host_tests.waiting import until

NOW_S = 1795327212


@pytest.fixture
def server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(2)
        yield s


@pytest.fixture
def port(server):
    port = udp.UdpPort(Resolver(), None)
    port.resolve("127.0.0.1", server.getsockname()[1])
    assert port.resolved() == 1
    yield port
    port.close()


def test_a_question_and_its_answer(port, server):
    assert port.open() and port.write(b"question and more", 8) == 8
    data, address = server.recvfrom(100)
    assert data == b"question"
    buf = bytearray(6)
    assert port.readinto(buf) == 0
    server.sendto(b"answer", address)
    assert until(lambda: port.readinto(buf)) == 6 and buf == b"answer"


def test_somebody_else_is_not_heard(port, server):
    port.open()
    port.write(b"q", 1)
    _, address = server.recvfrom(100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"x" * 6, address)
    server.sendto(b"answer", address)
    buf = bytearray(6)
    assert until(lambda: port.readinto(buf)) == 6 and buf == b"answer"
    assert port.readinto(buf) == 0


def test_what_exceeds_the_buffer_is_cut_off_and_the_next_answer_is_whole(port, server):
    port.open()
    port.write(b"q", 1)
    _, address = server.recvfrom(100)
    server.sendto(b"a" * 60, address)
    server.sendto(b"b" * 48, address)
    buf = bytearray(48)
    assert until(lambda: port.readinto(buf)) == 48 and buf == b"a" * 48
    assert until(lambda: port.readinto(buf)) == 48 and buf == b"b" * 48


def test_nobody_there_is_told_and_raises_nothing(port, server):
    server.close()
    port.open()
    port.write(b"q", 1)
    assert until(lambda: port.readinto(bytearray(6))) == -1


def test_no_socket_left_is_told(port, monkeypatch):
    def no_socket(*_):
        raise OSError(23)

    monkeypatch.setattr(udp.socket, "socket", no_socket)
    assert port.open() is False


def test_no_network_is_told_and_leaves_no_socket(port, monkeypatch):
    closed = []

    class Unreachable:
        def __init__(self, *_):
            pass

        def setblocking(self, on):
            pass

        def connect(self, address):
            raise OSError(118)

        def close(self):
            closed.append(True)

    monkeypatch.setattr(udp.socket, "socket", Unreachable)
    assert port.open() is False and closed == [True]


def test_close_may_come_at_any_time_and_twice(port):
    port.close()
    port.open()
    port.close()
    port.close()
    assert port.open()


class Link:
    def __init__(self, router):
        self._router = router

    def router(self):
        return self._router


def test_the_word_router_is_the_router_of_the_network(monkeypatch):
    asked = []
    resolver = Resolver()
    monkeypatch.setattr(resolver, "ask", lambda *question: asked.append(question))
    monkeypatch.setattr(resolver, "answer", lambda: ("192.0.2.254", 123))
    port = udp.UdpPort(resolver, Link("192.0.2.254"))
    for host in ("router", "router.example"):
        port.resolve(host, 123)
        assert port.resolved() == 1
    assert asked == [("192.0.2.254", 123), ("router.example", 123)]


@pytest.mark.parametrize("link", [None, Link("0.0.0.0")])
def test_there_is_no_router_before_there_is_a_network(link):
    port = udp.UdpPort(Resolver(), link)
    port.resolve("router", 123)
    assert port.resolved() == -1
    port.resolve("192.0.2.1", 123)
    assert port.resolved() == 1


def test_random_bytes_differ_and_stay_in_their_place(port):
    one, other = bytearray(12), bytearray(12)
    port.random(one, 2, 8)
    port.random(other, 2, 8)
    assert one != other and one[:2] == one[10:] == bytes(2) and len(one) == 12


def test_the_clock_is_set_over_a_real_socket(port, server, monkeypatch):
    monkeypatch.setattr("sntp.PORT", server.getsockname()[1])
    wall = WallClock()
    machine = Sntp("127.0.0.1", 24, port, wall, 1, 0)
    for now_ms in (100, 200):
        machine.step(now_ms)
    assert machine.state == ASKING
    question, address = server.recvfrom(100)
    server.sendto(bytes(answer_to(question, NOW_S)), address)
    until(lambda: machine.step(300) or wall.valid)
    assert machine.state == RESTING and wall.text(300, 300) == b"%d" % NOW_S
