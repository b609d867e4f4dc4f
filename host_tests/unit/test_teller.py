"""The events over MQTT: told once to who asks, one message each, in both modes; nobody who asks can do anything else by it."""

import json
import random

import pytest
from events import EVENTS, K_FOREIGN
from host_tests.fakes.peer import Client, connect, publish, subscribe
from host_tests.sim.world import World, standard_config
from teller import REST_MS, RESTING, TELLING, TRANSITIONS, Teller

ASK = b"ladepunkt/events/get"
TELL = b"ladepunkt/events"
ALL_MS = EVENTS * 150  # longer than an answer takes
BRIDGE_WILL = (b"$SYS/broker/connection/ha/state", b"0", 1, True)


class Asker:
    """Somebody at the broker of a world, in either mode: `answers()` are the messages that came on the topic of the events."""

    def __init__(self, world, prefix=b"", will=None):
        self.world = world
        self.prefix = prefix
        self.client = None
        if world.inside:
            self.client = Client(world.broker.listener, "192.168.1.99")
            self.client.send(connect(b"asker", keepalive_s=0, will=will) + subscribe(prefix + b"ladepunkt/#"))
            world.run(1000)
            self.client.take()

    def ask(self, payload=b"", retain=False, topic=ASK):
        if self.client:
            self.client.send(publish(self.prefix + topic, payload, retain=retain))
        else:
            self.world.broker.send(self.prefix + topic, payload, retain)
        return self

    def answers(self, ms=ALL_MS):
        self.world.run(ms)
        said = self.client.messages() if self.client else self.world.broker.log
        found = [(payload, retain) for topic, payload, retain in said if topic == self.prefix + TELL]
        if not self.client:
            self.world.broker.log.clear()
        assert not any(retain for _, retain in found)
        return [json.loads(payload) for payload, _ in found]


def charging(mode, prefix="", **mqtt):
    config = standard_config(mode=mode)
    config["mqtt"] = {**config["mqtt"], "prefix": prefix, **mqtt}
    world = World(config=config)
    world.plug()
    world.run(15000)
    return world


@pytest.fixture(params=["client", "broker"])
def world(request):
    return charging(request.param)


def test_who_asks_is_told_every_event_once_the_oldest_first(world):
    asker = Asker(world)
    ring = world.gateway.events
    count = ring.count
    answers = asker.ask().answers()

    assert [answer["n"] for answer in answers] == list(range(count)) and {answer["last"] for answer in answers} == {count - 1}
    assert any(answer["text"] == "cp 0: limit 16.00 A: set point" for answer in answers)
    assert all(early["ago_s"] >= late["ago_s"] >= 0 for early, late in zip(answers, answers[1:]))
    assert asker.answers() == [] and world.gateway.extras[-1].state == RESTING


def test_nobody_asks_and_nothing_is_told_or_loaded(world):
    assert Asker(world).answers() == [] and not any(isinstance(extra, Teller) for extra in world.gateway.extras)


def test_one_answer_in_ten_seconds_however_often_somebody_asks(world):
    asker = Asker(world)
    count = world.gateway.events.count
    answers = []
    for _ in range(30):
        answers += asker.ask().answers(500)
    told = [answer["n"] for answer in answers]
    assert len(told) < 3 * count and told.count(0) == 2
    assert world.gateway.extras[-1].refused > 10
    asker.answers(ALL_MS + REST_MS)
    assert len(asker.ask().answers()) == world.gateway.events.count


def test_a_ring_that_has_turned_tells_what_is_still_there(world):
    asker = Asker(world)
    ring = world.gateway.events
    while ring.count < EVENTS + 40:
        ring.note(K_FOREIGN, 0, ring.count)
    asker.ask().answers(EVENTS * 50)
    for n in range(30):
        ring.note(K_FOREIGN, 0, 1000 + n)
    late = asker.answers()
    assert [answer["n"] for answer in late] == sorted({answer["n"] for answer in late})
    assert late[-1]["n"] == late[-1]["last"] == EVENTS + 39


def test_what_is_asked_again_by_a_broker_that_kept_it_is_not_answered():
    world = charging("client")
    asker = Asker(world).ask(retain=True)
    assert len(asker.answers()) > 5
    world.broker.link.cut()
    assert asker.answers(60000) == [] and world.gateway.client.connects == 2


def test_a_bridge_that_replays_the_question_is_not_answered():
    world = charging("broker")
    bridge = Asker(world, will=BRIDGE_WILL)
    assert bridge.ask(retain=True).answers() == []
    assert len(bridge.ask().answers()) > 5


@pytest.mark.parametrize("mode", ["client", "broker"])
def test_the_prefix_stands_before_both_topics(mode):
    world = charging(mode, prefix="garage/")
    world.broker.send(b"garage/openWB/set/internal_chargepoint/0/data/set_current", b"10")
    assert Asker(world).ask().answers() == []
    assert len(Asker(world, prefix=b"garage/").ask().answers()) > 3


def test_only_the_answer_goes_out_and_the_charge_goes_on(world):
    limit_ca, wish = world.gateway.points[0].limit_ca, world.gateway.points[0].wish.door
    counters = world.gateway.door.inbox.accepted, world.gateway.door.inbox.rejected
    world.controller.setting = world.controller.beating = False
    Asker(world).ask(b"16").answers(5000)
    assert (world.gateway.points[0].limit_ca, world.gateway.points[0].wish.door) == (limit_ca, wish) == (1600, 0)
    assert (world.gateway.door.inbox.accepted, world.gateway.door.inbox.rejected) == counters
    assert [row for row in world.broker.retained if b"events" in row] == []


def test_asking_is_no_heartbeat_and_makes_nobody_leader(world):
    world.controller.beating = False
    asker = Asker(world)
    for n in range(8):
        asker.ask(b'{"heartbeat": %d}' % (1795327300 + n)).answers(10000)
    assert world.gateway.points[0].limit_ca == 0


def test_nobody_who_listens_ends_the_answer():
    world = charging("broker")
    asker = Asker(world)
    asker.ask().answers(300)
    assert world.gateway.extras[-1].state == TELLING
    asker.client.reset()
    world.run(500)
    assert world.gateway.extras[-1].state == RESTING


def test_a_connection_that_breaks_ends_the_answer():
    world = charging("client")
    asker = Asker(world).ask()
    world.run(300)
    assert world.gateway.extras[-1].state == TELLING
    world.broker.die()
    world.run(1000)
    assert world.gateway.extras[-1].state == RESTING
    world.broker.recover()
    world.run(15000)
    asker.answers(0)
    assert len(asker.ask().answers()) > 5


def test_a_broker_that_hangs_up_on_the_question_is_not_asked_again():
    """Some brokers end the connection of whoever subscribes to more than it may."""
    world = World()
    world.plug()
    answer = world.link._answer
    tries = []

    def hanging_up(head, body):
        if head == 0x82 and ASK in body:
            tries.append(world.now_ms)
            world.link.cut()
        else:
            answer(head, body)

    world.link._answer = hanging_up
    world.run(60000)
    assert len(tries) == 1 and world.gateway.client.connects == 2
    assert world.gateway.points[0].limit_ca == 1600


def test_no_memory_for_it_is_no_reason_to_stop(world, monkeypatch):
    asker = Asker(world)

    def no_room(*_):
        raise MemoryError

    monkeypatch.setattr(Teller, "_payload", no_room)
    assert asker.ask().answers(2000) == []
    monkeypatch.undo()
    assert world.gateway.points[0].limit_ca == 1600
    asker.answers(REST_MS)
    assert len(asker.ask().answers()) > 5


def test_no_memory_for_the_module_is_no_reason_either(world, monkeypatch):
    def no_room(*_):
        raise MemoryError

    monkeypatch.setattr("teller.Teller", no_room)
    assert Asker(world).ask().answers(2000) == []
    assert world.gateway.points[0].limit_ca == 1600 and not world.gateway.door.inbox.asked


@pytest.mark.parametrize("mode", ["client", "broker"])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_said_around_that_topic_only_the_topic_itself_is_a_question(mode, seed):
    random.seed(seed)
    world = charging(mode)
    asker = Asker(world)
    for _ in range(60):
        wrong = random.choice([ASK[:-1], ASK + b"/", ASK + b"x", b"/" + ASK, TELL, b"openWB/set/" + ASK, b"ladepunkt", b"openWB/set/internal_chargepoint/events/get"])
        asker.ask(random.randbytes(random.randrange(60)), topic=wrong).answers(100)
    assert not any(isinstance(extra, Teller) for extra in world.gateway.extras)
    assert world.gateway.points[0].limit_ca == 1600
    asker.answers(0)
    assert len(asker.ask(random.randbytes(200)).answers()) > 5


def test_every_transition_of_the_machine_is_in_its_table(world, monkeypatch):
    enter = Teller._enter
    seen = []

    def watched(teller, state):
        seen.append((teller.state, state))
        enter(teller, state)

    monkeypatch.setattr(Teller, "_enter", watched)
    Asker(world).ask().answers()
    assert set(seen) == set(TRANSITIONS)
