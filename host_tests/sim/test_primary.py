"""openWB primaries and their company at the broker door in virtual time, at the pace of the box's own loop, for very many cycles."""

import itertools
import os

import broker_session
import pytest
from broker_door import BrokerDoor
from clock import TICKS_MASK
from connections import Connections, Door
from intents import Senders, Wish
from points import P_SET_CURRENT_CA, Image
from topics import TOLD

from host_tests.fakes.peer import Client, Listener, connect, publish, subscribe
from host_tests.fakes.primary import ADDRESS, COLLECT_MS, PUBLISH_BUDGET_MS, Primary
from host_tests.sim.world import standard_config

MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1"))
STEP_MS = 20  # a turn of the loop takes longer on no box
CONTROL_MS = 10000  # a primary's control interval
STUCK_MS = 60000  # a cycle that takes longer will never end
ROOT = b"openWB/internal_chargepoint/"
SET = b"openWB/set/internal_chargepoint/"
OBSERVER = "192.168.1.20"
HOSTILE = "192.168.1.66"
TAKEN = 3  # of the set messages of a cycle: heartbeat, parent_cp, set_current


def lives(cycles, long_cycles_per_minute):
    """The two sizes of a test: for every commit, and for the time that is given."""
    return [pytest.param(cycles, id="short"), pytest.param(int(long_cycles_per_minute * MINUTES), id="long", marks=pytest.mark.long)]


class Point:
    def __init__(self):
        self.image = Image()
        self.standing = None
        self.wish = Wish()

    def leader_alive(self):
        return True


class Box:
    """The broker door as a gateway has it. `evicted`: the addresses of those who were thrown out to make room."""

    def __init__(self, charge_points=1):
        self.listener = Listener()
        self.points = [Point() for _ in range(charge_points)]
        self.heartbeats = Senders(60000)
        self.now_ms = TICKS_MASK - 30000  # it wraps on the way
        config = standard_config(charge_points)
        door = Door("broker", self.listener, 4)
        self.pool = Connections([door, Door("spare", None, 1)], 8)
        self.door = BrokerDoor(config, self.points, self.heartbeats, self.pool, door, self.now_ms)
        self.broker = self.door.broker
        self.evicted = []
        self._victim = self.pool._victim
        self.pool._victim = self._watched_victim

    def _watched_victim(self, door, now_ms):
        slot = self._victim(door, now_ms)
        if slot is not None:
            self.evicted.append(slot.peer.address)
        return slot

    def step(self, longest_ms):
        """One turn of the loop, and on to the next: it sleeps only when nobody has anything to tell it."""
        self.pool.step(self.now_ms)
        self.door.step(self.now_ms)
        self.heartbeats.check(self.now_ms)
        wait_ms = 0 if self._called() else min(longest_ms, self.pool.wait_ms(), self.door.wait_ms(self.now_ms))
        self.now_ms = (self.now_ms + max(STEP_MS, wait_ms)) & TICKS_MASK

    def _called(self):
        """What would wake the loop."""
        knocking = self.listener.watched and self.listener.backlog
        return knocking or any(slot.peer is not None and slot.peer.readable for slot in self.pool.slots)

    def check_all_free(self):
        """No slot is in use, nothing waits anywhere, and every connection that came has an end that was counted."""
        assert all(slot.door is None and slot.peer is None and (slot.tx is None or slot.tx.start == slot.tx.end) for slot in self.pool.slots)
        assert [door.used for door in self.pool.doors] == [0] * len(self.pool.doors)
        assert all(session.state == broker_session.CLOSED for session in self.broker.sessions)
        assert self.pool.doors[0].accepted == sum(self.broker.ended) and self.pool.lost == 0


class NoCompany:
    def step(self, box):
        pass


def play(box, players, cycles, company=NoCompany()):
    """Every player does so many cycles; all begin theirs at once. ValueError when one is kept waiting for ever."""
    for _ in range(cycles):
        begin_ms = box.now_ms
        running = [player.cycle() for player in players]
        while running or (box.now_ms - begin_ms) & TICKS_MASK < CONTROL_MS:
            running = [cycle for cycle in running if next(cycle, "done") != "done"]
            company.step(box)
            box.step(STEP_MS if running else 1000)
            if (box.now_ms - begin_ms) & TICKS_MASK > STUCK_MS:
                raise ValueError(f"a primary is not served: {players[0].cycles} cycles were done, {box.evicted.count(ADDRESS)} times it was evicted")


def primaries(box):
    return [Primary(box, cp, topics={ROOT + b"%d/" % cp + row[0] for row in TOLD}) for cp in range(len(box.points))]


def check_served(box, players, cycles):
    """All collectors complete, everything in time, every set message obeyed, nobody of them evicted."""
    for player in players:
        print(f"publish {player.worst_publish_ms} ms, collect {player.worst_collect_ms} ms at worst")
        assert player.cycles == cycles and player.incomplete == 0
        assert player.worst_collect_ms < COLLECT_MS and player.worst_publish_ms < PUBLISH_BUDGET_MS
    assert box.door.inbox.accepted == TAKEN * cycles * len(players)
    assert [point.image.value[P_SET_CURRENT_CA] for point in box.points] == [1600] * len(players)
    assert not box.heartbeats.of(ADDRESS).reason, "the heartbeat does not count"
    assert ADDRESS not in box.evicted


@pytest.mark.parametrize("cycles", lives(300, 1000))
def test_a_primary_is_served_and_leaves_nothing_behind(cycles):
    box = Box()
    players = primaries(box)

    play(box, players, cycles)

    check_served(box, players, cycles)
    assert box.broker.connects == 8 * cycles and box.evicted == []
    box.check_all_free()


@pytest.mark.parametrize("cycles", lives(100, 1000))
def test_two_charge_points_are_served_at_the_same_time(cycles):
    box = Box(2)
    players = primaries(box)

    play(box, players, cycles)

    check_served(box, players, cycles)
    assert box.broker.connects == 16 * cycles and box.evicted == []
    box.check_all_free()


class Guest:
    """Somebody who says his piece, and dials again `pause_ms` after the box has ended the connection.

    `lost`: how often that was. `again`: what is said whenever nearly all of it was heard.
    """

    def __init__(self, address, hello, pause_ms, again=b""):
        self.address = address
        self.client = None
        self.lost = 0
        self._hello = hello
        self._again = again
        self._pause_ms = pause_ms
        self._ended_ms = None

    def step(self, box):
        if self.client is not None and self.client.open:
            self.client.received.clear()
            if self._again and len(self.client._sent) < 200:
                self.client.send(self._again)
            return
        if self.client is not None and self._ended_ms is None:
            self._ended_ms = box.now_ms
            self.lost += 1
        if self.client is None or (box.now_ms - self._ended_ms) & TICKS_MASK >= self._pause_ms:
            self.client = Client(box.listener, self.address).send(self._hello)
            self._ended_ms = None


TOO_MUCH = publish(SET + b"0/data/set_current", b"999")


class Company:
    """Observers that never leave of their own accord, and hostile publishers, all of them there for some time already."""

    def __init__(self, box, observers, hostile):
        self.observers = [
            Guest(OBSERVER, connect(b"observer %d" % i, keepalive_s=0) + subscribe(b"openWB/#"), 1000) for i in range(observers)
        ]
        self.hostile = hostile
        self._spend(box, 400)
        for guest in self.observers:
            guest.lost = 0
        box.evicted.clear()

    def step(self, box):
        for guest in itertools.chain(self.observers, self.hostile):
            guest.step(box)

    def check(self, box):
        """Whatever was done to the observers, when nobody pushes any more each is there and told everything."""
        self.hostile = []
        self._spend(box, 200)
        for _ in range(100):  # nobody clears what they receive now
            box.step(STEP_MS)
        assert all({topic for topic, _, _ in guest.client.messages()} >= {ROOT + b"0/" + row[0] for row in TOLD} for guest in self.observers)

    def _spend(self, box, steps):
        for _ in range(steps):
            self.step(box)
            box.step(STEP_MS)


def liars():
    """Set points and then garbage, a packet that is longer than it may be, half a packet for ever."""
    hello = (
        connect(b"garbage") + TOO_MUCH * 3 + b"\xff" * 20,
        connect(b"length") + TOO_MUCH + b"\x30\xff\xff\x7f" + b"x" * 500,
        connect(b"half") + TOO_MUCH * 3 + b"\x30\x7f",
    )
    return [Guest(HOSTILE, data, 500) for data in hello]


@pytest.mark.parametrize("cycles", lives(60, 100))
@pytest.mark.parametrize("charge_points", [1, 2])
def test_in_company_primaries_are_served_and_never_evicted(charge_points, cycles):
    box = Box(charge_points)
    players = primaries(box)
    company = Company(box, 3, liars())

    play(box, players, cycles, company)

    check_served(box, players, cycles)
    assert all(guest.lost > cycles for guest in company.hostile[:2])
    assert (len(box.evicted) > 0) == (charge_points == 2), "the second primary is one too many"
    company.check(box)


@pytest.mark.parametrize("observers, evictions", [(6, 1), (7, 3)])
def test_an_observer_has_to_go_for_a_primary_and_comes_back(observers, evictions):
    """Seven connections are all there is. Who comes back may find the next one to replace."""
    box = Box()
    players = primaries(box)
    company = Company(box, observers, [])

    play(box, players, 30, company)

    check_served(box, players, 30)
    assert box.evicted == [OBSERVER] * (30 * evictions) and sum(guest.lost for guest in company.observers) == len(box.evicted)
    company.check(box)


@pytest.mark.parametrize("observers, floods", [(1, 1), (3, 3)])
def test_who_sets_something_without_end_keeps_no_primary_waiting(observers, floods):
    box = Box()
    players = primaries(box)
    company = Company(box, observers, [Guest(HOSTILE, connect(b"flood %d" % i), 500, TOO_MUCH * 20) for i in range(floods)])

    play(box, players, 20, company)

    check_served(box, players, 20)
