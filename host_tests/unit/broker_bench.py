"""A broker with its pool, inbox and charge points in virtual time, and clients that dial in over virtual sockets."""

import broker_session
from broker import Broker
from clock import TICKS_MASK
from connections import Connections, Door
from inbox import Inbox
from intents import NOBODY, Heartbeat, Wish
from points import Image

from host_tests.fakes import peer
from host_tests.fakes.peer import Client, Listener, publish, subscribe

ROOT = b"openWB/internal_chargepoint/"
SET = b"openWB/set/internal_chargepoint/"
SET_CURRENT = SET + b"0/data/set_current"
HEARTBEAT = SET + b"global_data"
COPY = ROOT + b"0/data/set_current"
GET = ROOT + b"0/get/#"
SETTINGS = {"prefix": "", "user": None, "password": None, "controllers": None}


def echo_of_16(topic=SET_CURRENT, copy=COPY):
    """What a subscriber of both sees of a set point of 16 A."""
    return [(topic, b"16", False), (copy, b"16", False), (topic, b"", False)]


class Point:
    def __init__(self):
        self.image = Image()
        self.standing = None
        self.coil = self.phases = None
        self.wish = Wish()

    def leader_alive(self):
        return self.wish.door != NOBODY


class Box:
    """`run_ms` steps pool and broker; the clock starts 7 s before it wraps. Every transition is checked."""

    def __init__(self, charge_points=1, sockets=10, heartbeat_alive=True, **settings):
        self.listener = Listener()
        self.door = Door("broker", self.listener, 4)
        self.modbus = Door("modbus", Listener(), 1)
        self.page = Door("page", Listener(), 1, first_to_go=True)
        self.spare = Door("spare", None, 1)
        self.pool = Connections([self.door, self.modbus, self.page, self.spare], sockets)
        self.points = [Point() for _ in range(charge_points)]
        self.heartbeat = Heartbeat(60000)
        if heartbeat_alive:
            self.heartbeat.arrive(b"1", 1, 0)
            self.heartbeat.arrive(b"2", 1, 0)
        wanted = {**SETTINGS, **settings}
        self.inbox = Inbox(wanted["prefix"].encode(), self.points, self.heartbeat)
        self.now_ms = TICKS_MASK - 7000
        self.broker = Broker(self.pool, self.door, self.points, self.inbox, wanted, self.now_ms)
        for session in self.broker.sessions:
            self._watch(session)

    def _watch(self, session):
        enter = session._enter

        def checked(state):
            assert (session.state, state) in broker_session.TRANSITIONS, f"{session.state} to {state}"
            enter(state)

        session._enter = checked

    def step(self, ms=10):
        self.now_ms = (self.now_ms + ms) & TICKS_MASK
        self.pool.step(self.now_ms)
        self.broker.step(self.now_ms)
        assert self.broker.wait_ms(self.now_ms) >= 0 and self.pool.wait_ms() > 0
        for slot in self.pool.slots:
            assert (slot.door is None) == (slot.peer is None) or slot.door is self.spare

    def run_ms(self, ms, step_ms=10):
        for _ in range(ms // step_ms):
            self.step(step_ms)

    def dial(self, address="192.168.1.50"):
        """A TCP connection that says nothing yet."""
        return Client(self.listener, address)

    def client(self, client_id=b"", address="192.168.1.50", **options):
        """A connected client; the CONNACK is taken out of what it received."""
        client = self.dial(address).send(peer.connect(client_id, **options))
        self.run_ms(30)
        assert client.take() == [(0x20, b"\x00\x00")]
        return client

    def subscriber(self, *filters, **options):
        """A client with subscriptions that has received what is retained."""
        client = self.client(**options)
        client.send(subscribe(*filters))
        self.settle()
        assert client.take()[0][0] == 0x90
        return client

    def settle(self, limit=500):
        """Steps of 0 ms until nothing more can happen at once."""
        for _ in range(limit):
            self.step(0)
            if self.broker.wait_ms(self.now_ms) and not self.listener.backlog and not self._readable():
                return
        raise AssertionError("the broker never comes to rest")

    def _readable(self):
        return any(slot.peer.readable and not slot.blocked for slot in self.pool.slots if slot.peer)

    def set(self, client, topic, payload, **options):
        client.send(publish(topic, payload, **options))
        self.settle()

    def ended(self):
        """{reason: count} of what is not 0."""
        return {reason: count for reason, count in enumerate(self.broker.ended) if count}

    def check_idle(self):
        """No slot is in use and nothing waits anywhere."""
        assert all(slot.door is None and (slot.tx is None or slot.tx.start == slot.tx.end) for slot in self.pool.slots)
        assert [door.used for door in self.pool.doors] == [0] * len(self.pool.doors)
        assert all(session.state == broker_session.CLOSED for session in self.broker.sessions)
