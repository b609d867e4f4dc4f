"""An openWB primary dials straight in: its bytes as paho sends them, and its cycles in virtual time, alone and in company."""

import os
import socket
import threading
import warnings

import paho.mqtt.client as paho
import paho.mqtt.publish as paho_publish
import pytest
from topics import TOLD

from host_tests.fakes.peer import connect, publish, subscribe
from host_tests.fakes.primary import COLLECT_MS, PUBLISH_BUDGET_MS, Primary, golden
from host_tests.unit.broker_bench import HEARTBEAT, ROOT, SET_CURRENT, Box

pytestmark = pytest.mark.no_cover  # it covers nothing that the tests of the parts do not

MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1"))
CYCLES = 10000 if MINUTES >= 10 else 150

# -- the bytes ------------------------------------------------------------------------------------------------------------


class Recorder:
    """Answers CONNECT and SUBSCRIBE and keeps what came, one entry per connection."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def record(self, act):
        """What `act` sends over its one connection."""
        got = bytearray()
        thread = threading.Thread(target=self._serve, args=(got,))
        thread.start()
        act(self.port)
        thread.join(5)
        assert not thread.is_alive()
        return bytes(got)

    def _serve(self, got):
        connection, _ = self._listener.accept()
        connection.settimeout(5)
        with connection:
            while data := connection.recv(4096):
                got += data
                if data[0] == 0x10:
                    connection.sendall(b"\x20\x02\0\0")
                elif data[0] == 0x82:
                    connection.sendall(b"\x90\x03" + data[2:4] + b"\0")

    def close(self):
        self._listener.close()


@pytest.fixture
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.close()


def publish_like_a_primary(row):
    return lambda port: paho_publish.single(row["topic"], row["payload"], hostname="127.0.0.1", port=port, retain=True)


def collect_like_a_primary(row):
    """The connection is dropped without DISCONNECT."""

    def act(port):
        subscribed = threading.Event()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            client = paho.Client(paho.CallbackAPIVersion.VERSION1, row["client_id"])
        client.on_connect = lambda *_: client.subscribe(row["subscribe"], 0)
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert subscribed.wait(5)
        client.loop_stop()
        client.socket().close()

    return act


@pytest.mark.parametrize("row, packets", golden(), ids=lambda value: value["name"] if isinstance(value, dict) else "")
def test_paho_sends_what_the_golden_file_says(recorder, row, packets):
    act = collect_like_a_primary(row) if "subscribe" in row else publish_like_a_primary(row)
    assert recorder.record(act) == b"".join(packets)


# -- the cycles -----------------------------------------------------------------------------------------------------------


def needed(charge_point=0):
    return [ROOT + b"%d/" % charge_point + row[0] for row in TOLD]


def play(box, players, cycles, each_second=lambda box: None):
    """Steps the box while every player does so many cycles, which begin every 4 s at the earliest."""
    for _ in range(cycles):
        running = [player.cycle() for player in players]
        begin_ms = box.now_ms
        second_ms = 0
        while running or (box.now_ms - begin_ms) & 0x3FFFFFFF < 4000:
            running = [cycle for cycle in running if next(cycle, "done") != "done"]
            box.step(10 if running else 200)
            second_ms += 10 if running else 200
            if second_ms >= 1000:
                second_ms = 0
                each_second(box)
    box.settle()


def check_served(player, cycles):
    assert player.cycles == cycles and player.incomplete == 0
    assert player.worst_publish_ms < PUBLISH_BUDGET_MS and player.worst_collect_ms < COLLECT_MS


def test_a_primary_is_served_for_ever_and_leaves_nothing_behind():
    box = Box(heartbeat_alive=False)
    primary = Primary(box, topics=needed())
    play(box, [primary], CYCLES)
    check_served(primary, CYCLES)
    assert not box.heartbeat.check(box.now_ms) and box.points[0].wish.current_ca(box.now_ms) == 1600
    assert box.inbox.accepted == 3 * CYCLES and box.inbox.rejected == 0
    assert box.broker.connects == 8 * CYCLES and sum(box.broker.ended) == 8 * CYCLES
    assert box.door.accepted == 8 * CYCLES and box.door.evicted == 0 and box.pool.lost == 0
    box.check_idle()


def test_two_charge_points_are_served_side_by_side():
    box = Box(2)
    players = [Primary(box, n, topics=needed(n)) for n in (0, 1)]
    play(box, players, 20)
    for player in players:
        check_served(player, 20)
    assert [point.wish.current_ca(box.now_ms) for point in box.points] == [1600, 1600]
    box.check_idle()


class Company:
    """Three observers that come back when they are thrown out, a primary that stays connected, three hostile publishers."""

    def __init__(self, box):
        self.observers = [None] * 3
        self.lost = 0
        self.staying = box.subscriber(b"openWB/internal_chargepoint/0/get/#", client_id=b"primary 2", address="192.168.1.11")
        self.stamp = 1000

    def second(self, box):
        for i, observer in enumerate(self.observers):
            if observer is None or not observer.open:
                self.lost += observer is not None
                self.observers[i] = box.dial("192.168.1.20").send(connect(b"observer %d" % i, keepalive_s=0) + subscribe(b"openWB/#"))
            else:
                observer.take()
        self.stamp += 1
        self.staying.send(publish(HEARTBEAT, b'{"heartbeat": %d}' % self.stamp, retain=True))
        self.staying.take()
        if len(box.listener.backlog) < 2:
            for i in range(3):
                hostile = box.dial("192.168.1.66").send(connect(b"evil %d" % i) + publish(SET_CURRENT, b"999") * 3)
                hostile.send((b"\xff" * 20, b"\x30\xff\xff\x7f", publish(b"openWB/set/#", b""))[i])


def test_in_company_observers_may_go_and_come_back_but_primaries_are_served():
    box = Box()
    company = Company(box)
    primary = Primary(box, topics=needed())
    play(box, [primary], 30, company.second)
    check_served(primary, 30)
    assert company.staying.open
    box.run_ms(3000)
    company.second(box)
    box.run_ms(3000)
    assert all(observer.open and len(observer.messages()) > len(TOLD) for observer in company.observers)
