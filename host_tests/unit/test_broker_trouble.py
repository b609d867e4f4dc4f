"""Trouble at the broker: peers that take nothing, floods, full houses, and the hours after."""

import broker_session as bs
import points
import pytest
from clock import TICKS_MASK, elapsed_ms
from connections import STALL_MS, TX_BYTES
from topics import TOLD

from host_tests.fakes.peer import DISCONNECT, PINGREQ, connect, publish, split, subscribe
from host_tests.unit.broker_bench import GET, HEARTBEAT, ROOT, SET, SET_CURRENT, Box

pytestmark = pytest.mark.no_cover  # it covers nothing that the tests of the parts do not


@pytest.fixture
def box():
    return Box()


def complete(messages):
    """True when every told topic of charge point 0 is among the messages."""
    return {ROOT + b"0/" + row[0] for row in TOLD} <= {topic for topic, _, _ in messages}


# -- peers that take nothing ----------------------------------------------------------------------------------------------


def test_a_stalled_observer_loses_its_connection_and_the_others_lose_nothing(box):
    stalled, other = box.subscriber(GET), box.subscriber(GET)
    box.run_ms(1000)
    other.take()
    stalled.room = 0
    for second in range(20):
        box.run_ms(1000)
        assert len(other.messages()) == len(TOLD), second
    assert stalled.closed_by_box and other.open
    assert box.ended() == {bs.STALLED: 1}


def test_a_stalled_observer_does_not_hold_up_set_messages(box):
    stalled, other, client = box.subscriber(b"openWB/#"), box.subscriber(b"openWB/set/#"), box.client()
    stalled.room = 0
    box.run_ms(1500)
    assert stalled.open
    for i in range(6, 12):
        client.send(publish(SET_CURRENT, b"%d" % i))
        box.run_ms(60)
        assert box.points[0].wish.current_ca(box.now_ms) == i * 100
    assert len(other.messages()) == 12 and box.broker.lost > 0


def test_every_echo_that_a_blocked_peer_has_no_room_for_is_counted(box):
    observer, client = box.subscriber(b"openWB/set/#"), box.client()
    observer.room = 0
    for _ in range(20):
        box.set(client, SET_CURRENT, b"16")
    observer.room = None
    box.settle()
    assert len(observer.messages()) + box.broker.lost == 40 and box.broker.lost > 1


def test_who_takes_nothing_is_dropped_after_two_rounds_it_could_not_take(box):
    stalled = box.subscriber(b"openWB/#")
    box.run_ms(1000)
    stalled.room = 0
    box.run_ms(1900)
    assert stalled.open
    box.run_ms(200)
    assert stalled.closed_by_box and box.ended() == {bs.STALLED: 1}


def test_who_comes_after_a_stalled_one_has_two_rounds_of_its_own(box):
    stalled = box.subscriber(b"openWB/#")
    stalled.room = 0
    box.run_ms(4000)
    assert stalled.closed_by_box
    slow = box.client()
    slow.room = 0
    slow.send(subscribe(b"openWB/#"))
    box.run_ms(1100)
    assert slow.open, "it has missed one round"
    box.run_ms(1000)
    assert slow.closed_by_box, "and another one"


def test_who_has_no_subscription_and_takes_no_answers_is_dropped_after_5_s(box):
    client = box.client()
    client.room = 0
    client.send(PINGREQ)
    box.run_ms(STALL_MS - 200)
    assert client.open
    box.run_ms(400)
    assert client.closed_by_box and box.ended() == {bs.STALLED: 1}


def test_a_stall_of_a_second_costs_nothing(box):
    client = box.subscriber(b"openWB/#")
    for _ in range(10):
        client.room = 0
        box.run_ms(1000)
        client.room = None
        box.run_ms(2000)
        assert complete(client.messages())
    assert client.open


def test_a_slow_peer_gets_whole_packets_byte_by_byte(box):
    client = box.subscriber(GET)
    box.run_ms(990)
    client.take()
    for _ in range(200):
        client.room = 9
        box.run_ms(10)
    client.room = None
    box.run_ms(50)
    assert complete(client.messages()) and client.open


def test_a_flood_of_pings_from_who_reads_nothing_does_not_grow_anything(box):
    client = box.client()
    client.room = 0
    client.send(PINGREQ * 10000)
    for _ in range(100):
        box.step(10)
        [tx] = [slot.tx for slot in box.pool.slots if slot.tx is not None]
        assert tx.end - tx.start <= len(tx.buf) == TX_BYTES
    box.run_ms(STALL_MS)
    assert client.closed_by_box and box.ended() == {bs.STALLED: 1}


def test_the_loop_does_not_spin_on_a_blocked_peer(box):
    client = box.subscriber(GET)
    client.room = 0
    box.run_ms(1100)
    client.send(PINGREQ)
    box.run_ms(50)
    assert box.broker.wait_ms(box.now_ms) > 0


# -- bites ----------------------------------------------------------------------------------------------------------------


def test_a_step_reads_one_chunk_and_handles_one_packet_per_connection(box):
    client = box.client()
    client.send(PINGREQ * 50)
    box.step(0)
    assert len(client.take()) <= 1
    client.send(publish(b"elsewhere", b"x" * 300))
    before = len(client._sent)
    box.step(0)
    assert before - len(client._sent) <= 96


def test_a_step_renders_two_messages_per_session_at_most(box):
    client = box.client()
    client.send(subscribe(GET))
    [tx] = [slot.tx for slot in box.pool.slots if slot.peer is client]
    waiting = 0
    for _ in range(4):
        box.step(0)
        told = len(split(bytes(tx.buf[tx.start : tx.end])))
        assert told == (waiting + 2 if waiting else 3), "the SUBACK and two, then two more"
        waiting = told


def test_a_flood_from_one_client_does_not_delay_the_others(box):
    flood, good = box.client(), box.client()
    flood.send(publish(SET + b"0/data/phases_to_use", b"3") * 2000)
    box.step(10)
    good.send(publish(SET_CURRENT, b"16"))
    box.run_ms(100)
    assert box.points[0].wish.current_ca(box.now_ms) == 1600


def test_who_has_set_something_is_asked_last_so_that_nobody_is_kept_waiting(box):
    flood, good = box.client(), box.client()
    message = publish(b"openWB/set/isss/x", b"y" * 27)
    assert len(message) == 48, "each chunk is two whole messages: there is one more in every step"
    flood.send(message * 500)
    for _ in range(3):
        box.step(0)
    good.send(publish(SET_CURRENT, b"16"))
    for _ in range(4):
        box.step(0)
    assert box.points[0].wish.current_ca(box.now_ms) == 1600 and flood.readable


def test_idle_means_waiting_for_the_next_round(box):
    box.subscriber(b"openWB/#")
    box.run_ms(3500)
    assert 0 < box.broker.wait_ms(box.now_ms) <= 1000
    ms = box.broker.wait_ms(box.now_ms)
    box.step(ms)
    assert box.broker.wait_ms(box.now_ms) == 0, "the round has begun"


def test_a_pause_of_the_whole_loop_costs_no_connection(box):
    clients = [box.subscriber(b"openWB/#") for _ in range(3)]
    for pause_ms in (1000, 3000, 10000):
        box.step(pause_ms)
        box.run_ms(2000)
    assert all(client.open and complete(client.messages()) for client in clients)


# -- a full house ---------------------------------------------------------------------------------------------------------


def test_an_observer_goes_when_a_controller_comes_and_can_come_back(box):
    observers = [box.subscriber(GET, client_id=b"o%d" % i) for i in range(7)]
    box.run_ms(2500)
    box.set(box.client(), SET_CURRENT, b"16")
    assert [client.open for client in observers].count(False) == 1 and box.door.evicted == 1
    assert box.ended() == {bs.EVICTED: 1}
    assert box.subscriber(GET, client_id=b"o0").open
    assert box.points[0].wish.current_ca(box.now_ms) == 1600


def test_the_slot_of_an_evicted_client_starts_anew(box):
    observers = [box.subscriber(b"openWB/#", client_id=b"o%d" % i, keepalive_s=5) for i in range(7)]
    box.run_ms(2500)
    fresh = box.client(b"new", keepalive_s=0)
    assert fresh.open and [client.open for client in observers].count(False) == 1
    box.run_ms(6000)
    assert fresh.open and fresh.messages() == []


@pytest.mark.parametrize("sets", [b"", publish(SET_CURRENT, b"32"), publish(SET_CURRENT, b"32") + publish(SET + b"last_tag", b'"A"')])
def test_a_persistent_primary_stays_while_a_crowd_dials_in_again_and_again(box, sets):
    primary = box.subscriber(GET, client_id=b"primary", address="192.168.1.10")
    box.run_ms(1500)
    came = 0
    for second in range(120):
        if second % 10 == 0:
            primary.send(publish(HEARTBEAT, b'{"heartbeat": %d}' % (1000 + second)))
        while len(box.listener.backlog) < 4:
            came += 1
            box.dial("192.168.1.66").send(connect(b"crowd%d" % (came % 11)) + sets + subscribe(b"#"))
        box.run_ms(1000, 20)
        assert primary.open, second
        assert complete(primary.messages())
    assert came > 100 and not box.heartbeat.check(box.now_ms)


@pytest.mark.parametrize("sets", [b"", publish(SET + b"0/data/phases_to_use", b"3")])
def test_a_primary_of_short_connections_gets_through_a_crowd(box, sets):
    """Its connections wait until one of the others is 2 s old, at most."""
    for second in range(60):
        while len(box.listener.backlog) < 3:
            box.dial("192.168.1.66").send(connect() + sets + subscribe(b"#"))
        publisher = box.dial("192.168.1.10").send(connect() + publish(HEARTBEAT, b'{"heartbeat": %d}' % (1000 + second)) + DISCONNECT)
        publisher.hang_up()
        begin_ms = box.now_ms
        for _ in range(300):
            box.step(10)
            if publisher.closed_by_box:
                break
        assert publisher.closed_by_box and elapsed_ms(box.now_ms, box.heartbeat.last.at_ms) <= elapsed_ms(box.now_ms, begin_ms)
    assert box.door.evicted > 20


# -- hours ----------------------------------------------------------------------------------------------------------------


def test_rounds_go_on_when_the_clock_wraps(box):
    client = box.subscriber(GET)
    box.run_ms(1000)
    client.take()
    seen_wrap = False
    for _ in range(12):
        before = box.now_ms
        box.run_ms(1000)
        seen_wrap = seen_wrap or box.now_ms < before
        assert len(client.messages()) == len(TOLD)
    assert seen_wrap and box.now_ms <= TICKS_MASK


def test_counters_stay_small_integers(box):
    for name in ("connects", "sets", "refused", "ignored", "lost"):
        setattr(box.broker, name, 0xFFFFFF)
    box.broker.ended = [0xFFFFFF] * bs.END_COUNT
    client = box.client()
    box.set(client, SET_CURRENT, b"16")
    box.set(client, b"elsewhere", b"16")
    client.hang_up()
    box.settle()
    assert (box.broker.connects, box.broker.sets, box.broker.ignored, box.broker.ended[bs.BY_PEER]) == (0, 0, 0, 0)


def test_a_long_text_is_told_with_two_length_bytes(box):
    box.points[0].image.value[points.P_FAULT_STR] = b"Die Ladung wurde beendet. " * 12
    client = box.client()
    client.send(subscribe(ROOT + b"0/get/fault_str"))
    box.settle()
    head, body = split(client.received)[1]
    assert head == 0x31 and body.endswith(b'beendet. "') and len(body) > 300


def test_a_long_echo_in_the_middle_of_a_round_reaches_every_healthy_peer(box):
    observer, client = box.subscriber(b"openWB/#"), box.client()
    seen = []
    for i in range(60):
        client.send(publish(b"openWB/set/isss/note", b"%02d" % i + b"x" * 300))
        box.run_ms(70)
        seen += [payload[:2] for topic, payload, _ in observer.messages() if topic.startswith(b"openWB/set/")]
    assert seen == [b"%02d" % i for i in range(60)] and box.broker.lost == 0


def test_a_client_that_rests_is_heard_at_once_and_its_times_are_kept(box):
    silent, client = box.client(keepalive_s=2), box.client(keepalive_s=60)
    box.run_ms(2000)
    assert [session.resting for session in box.broker.sessions[:2]] == [True, True]
    client.send(PINGREQ)
    box.step()
    assert split(client.received) == [(0xD0, b"")]
    box.run_ms(900)
    assert silent.open
    box.run_ms(200)
    assert not silent.open and client.open, "1.5 times its keepalive, at most 0.1 s late"
    client.hang_up()
    box.step()
    assert box.ended() == {bs.SILENT: 1, bs.BY_PEER: 1}
    box.check_idle()
