"""The client door with the real umqtt.simple on real MicroPython: against Mosquitto, and against brokers that misbehave.

In every test no step of the door's loop may exceed 250 ms, and the door must find its way back.
"""

import random
import signal
import socket
import time

import mqtt_states as st
import pytest

from host_tests.interop import live
from host_tests.interop.live import BadBroker, Door, Mosquitto, Watcher, check_it_works, doors, mosquitto, port, reset  # noqa: F401
from host_tests.waiting import until

# -- Mosquitto ------------------------------------------------------------------------------------------------------------


def test_all_topics_are_there_for_somebody_who_comes_later(mosquitto, doors):
    mosquitto.start()
    doors(mosquitto.port).online()
    time.sleep(1.5)
    with Watcher(mosquitto.port, "box/get/#") as watcher:
        until(lambda: len(watcher.seen) == 26, "26 topics")
        assert all(retained and len(payload) == 1 for payload, retained in watcher.first.values())


def test_messages_are_echoed_and_replays_are_told_apart(mosquitto, doors):
    mosquitto.start()
    with Watcher(mosquitto.port, "echo/#") as watcher:
        for i in range(20):
            watcher.publish(f"set/old/{i}", b"%d" % i, retain=True)
        doors(mosquitto.port).online()
        for i in range(20):
            assert watcher.sees(f"echo/replay/set/old/{i}")[0] == b"%d" % i
        watcher.publish("set/new", b"x" * 400, retain=True, qos=1)
        assert watcher.sees("echo/live/set/new")[0] == b"x" * 400
        watcher.publish("set/big", b"x" * 5000)
        watcher.publish("set/after", b"still there")
        assert watcher.sees("echo/live/set/after")[0] == b"still there"


def test_a_name_instead_of_an_address_is_resolved_beside_the_loop(mosquitto, doors):
    mosquitto.start()
    doors(mosquitto.port, host="localhost").online()
    check_it_works(mosquitto.port)


def test_user_and_password_are_used(tmp_path, port, doors):
    broker = Mosquitto(tmp_path, port, "installer", "hühner 123").start()
    try:
        doors(port, user="installer", password="hühner 123").online()
        with Watcher(port, "box/get/#", "installer", "hühner 123") as watcher:
            watcher.sees("box/get/25")
        wrong = doors(port, user="installer", password="wrong")
        wrong.failed(4, 5)
        assert wrong.now["connects"] == 0
    finally:
        broker.stop()


def test_the_last_will_tells_that_the_box_is_gone(mosquitto, doors, port):
    mosquitto.start()
    door = Door(port)
    with Watcher(port, "box/will") as watcher:
        door.online()
        door.kill()
        assert watcher.sees("box/will")[0] == b"gone"
    with Watcher(port, "box/will") as later:
        assert later.sees("box/will") == (b"gone", True)


def test_it_comes_back_after_kill_9_of_the_broker(mosquitto, doors):
    door = doors(mosquitto.start().port)
    door.online()
    for connects in (2, 3):
        mosquitto.signal(signal.SIGKILL)
        door.failed(st.ERR_CLOSED)
        door.failed(st.ERR_DIAL, st.ERR_CLOSED)
        time.sleep(0.5)
        mosquitto.start()
        door.online(connects)
        check_it_works(mosquitto.port)


def test_a_stopped_broker_is_noticed_and_found_again(mosquitto, doors):
    door = doors(mosquitto.start().port)
    door.online()
    mosquitto.signal(signal.SIGSTOP)
    door.failed(st.ERR_NO_PINGRESP, st.ERR_STALLED)
    time.sleep(1.5)  # long enough for dials that the stopped broker's backlog accepts
    mosquitto.signal(signal.SIGCONT)
    door.online(2)
    check_it_works(mosquitto.port)


# -- brokers that misbehave ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behave", "errors"),
    [
        (live.stay_silent, {st.ERR_SILENT}),
        (live.half_a_connack_and_stall, {st.ERR_SILENT}),
        (live.half_a_packet_and_stall, {st.ERR_NO_PINGRESP}),
        (live.reset_at_once, {st.ERR_CLOSED, st.ERR_DIAL}),
        (live.reset_after_subscription, {st.ERR_CLOSED}),
        (live.garbage_at_once, {st.ERR_GARBAGE, st.ERR_SILENT}),
        (live.garbage_after_subscription, {st.ERR_GARBAGE}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_survives_and_finds_the_good_broker_that_takes_its_place(mosquitto, doors, port, behave, errors):
    bad = BadBroker(port, behave)
    door = doors(port)
    try:
        door.failed(*errors)
        assert bad.accepted >= 1
    finally:
        bad.stop()
    time.sleep(0.2)  # its reports come every 50 ms
    before = door.now["connects"]
    mosquitto.start()
    door.online(before + 1)
    check_it_works(port)


def test_dropped_syns_do_not_stop_the_loop(mosquitto, doors, port):
    """A listener with a full backlog answers no SYN."""
    full = socket.create_server(("127.0.0.1", port), backlog=0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
    time.sleep(0.05)
    door = doors(port)
    door.failed(st.ERR_DIAL_TIMEOUT)
    for s in (*fillers, full):
        reset(s)
    mosquitto.start()
    door.online()
    check_it_works(port)


@pytest.mark.long
def test_a_broker_that_is_killed_stopped_and_restarted_at_random_for_minutes(mosquitto, doors):
    lot = random.Random(3)
    door = doors(mosquitto.start().port)
    for _ in range(15):
        door.online(door.now["drops"] + 1)
        check_it_works(mosquitto.port)
        drops = door.now["drops"]
        number = lot.choice((signal.SIGKILL, signal.SIGSTOP))
        mosquitto.signal(number)
        until(lambda drops=drops: door.now["drops"] > drops, "the loss is noticed")
        time.sleep(lot.random() * 6)
        if number == signal.SIGSTOP:
            mosquitto.signal(signal.SIGCONT)
        else:
            mosquitto.start()
    door.online(door.now["drops"] + 1)
