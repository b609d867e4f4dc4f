"""A door that knows its senders keeps their heartbeats apart: each counts for the one who sends it."""
import pytest
from intents import MQTT, SENDERS, Heartbeat, Senders, Wish
from safety import R_HEARTBEAT_LOST, R_HEARTBEAT_NEVER

A, B = "192.0.2.1", "192.0.2.2"
LIMIT_MS = 60000


@pytest.fixture
def senders():
    return Senders(LIMIT_MS)


def beat(senders, sender, *times_ms):
    for now_ms in times_ms:
        digits = b"%d" % (1795000000 + now_ms)
        senders.admit(sender).arrive(bytearray(digits), len(digits), now_ms)


def test_the_heartbeat_of_one_does_not_keep_another_alive(senders):
    beat(senders, A, 0, 5000)
    beat(senders, B, 0)
    assert senders.of(A).reason == 0
    assert senders.of(B).reason != 0
    beat(senders, B, 60000, 61000)
    senders.check(65001)
    assert senders.of(A).reason == R_HEARTBEAT_LOST
    assert senders.of(B).reason == 0


def test_two_senders_with_the_same_value_are_two(senders):
    beat(senders, A, 0)
    beat(senders, B, 0)
    assert senders.of(A).repeats == senders.of(B).repeats == 0


def test_one_who_was_never_heard_is_not_alive(senders):
    beat(senders, A, 0, 5000)
    assert senders.of("192.0.2.9").reason == R_HEARTBEAT_NEVER


def test_while_nobody_leads_the_newest_says_what_is_missing(senders):
    beat(senders, A, 0, 5000)
    beat(senders, B, 6000)
    assert senders.of(None) is senders.of(B)


def test_strangers_take_the_place_of_those_who_are_not_alive(senders):
    beat(senders, A, 0, 5000)
    for i in range(20):
        beat(senders, "198.51.100.%d" % i, 6000 + i)
    assert senders.of(A).reason == 0


def test_who_loses_the_place_starts_anew_and_is_never_alive_by_the_beat_of_another(senders):
    for i in range(SENDERS + 1):
        beat(senders, "198.51.100.%d" % i, 0, 1000)
    gone = [i for i in range(SENDERS + 1) if senders.of("198.51.100.%d" % i).reason]
    assert len(gone) == 1
    beat(senders, "198.51.100.%d" % gone[0], 2000)
    assert senders.of("198.51.100.%d" % gone[0]).reason != 0


def test_a_door_that_tells_nobody_apart_has_one_heartbeat_for_all():
    heartbeat = Heartbeat(LIMIT_MS)
    assert heartbeat.of(A) is heartbeat.of(None) is heartbeat.admit(B) is heartbeat


def test_a_command_of_another_address_of_the_same_door_does_not_count_while_somebody_leads():
    wish = Wish()
    wish.offer(MQTT, 1600, 0, A)
    assert wish.sender == A
    assert wish.may_command(MQTT, True, A)
    assert not wish.may_command(MQTT, True, B)
    assert wish.may_command(MQTT, False, B)
    wish.offer(MQTT, 600, 0, B)
    assert not wish.may_command(MQTT, True, A)


def test_who_was_heard_once_keeps_the_place_while_there_is_another(senders):
    """Four controllers that start together: none takes the first beat from another."""
    addresses = ["198.51.100.%d" % i for i in range(SENDERS)]
    for address in addresses:
        beat(senders, address, 0)
    for address in addresses:
        beat(senders, address, 1000)

    assert [senders.of(address).reason for address in addresses] == [0] * SENDERS


def test_where_all_are_alive_they_lose_their_places_in_turn_and_never_the_newest(senders):
    addresses = ["198.51.100.%d" % i for i in range(2 * SENDERS)]
    for address in addresses:
        beat(senders, address, 0, 1000)

    assert senders.addresses == addresses[SENDERS:]
    beat(senders, A, 0, 1000)
    beat(senders, B, 0, 1000)
    assert senders.addresses == [A, B, *addresses[SENDERS + 2 :]]


def test_who_is_not_alive_loses_the_place_before_who_is(senders):
    addresses = ["198.51.100.%d" % i for i in range(SENDERS)]
    for address in addresses:
        beat(senders, address, 0, *([] if address == addresses[2] else [1000]))

    beat(senders, A, 2000)

    assert senders.addresses == [*addresses[:2], A, addresses[3]]
