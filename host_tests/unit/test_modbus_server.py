"""Connections of the Modbus door: framing, who ends them and why, and that nobody waits for anybody."""

import pytest
from connections import STALL_MS
from modbus_server import BY_PEER, EVICTED, NOT_MODBUS, SILENT, STALLED

from host_tests.fakes.peer import Client
from host_tests.unit.modbus_bench import Box, adu, read, split, write, write_many


def test_a_request_is_answered_when_its_last_byte_is_there_and_not_before():
    box = Box()
    client = box.dial()
    request = adu(read(10100, 2))
    for i in range(len(request)):
        assert not client.received
        client.send(request[i : i + 1])
        box.run_ms(30)
    assert split(client.received) == [(7, 1, bytes.fromhex("04 04 0000 0d80"))] and client.writes == 1


def test_the_longest_requests_and_answers_fit():
    box = Box(charge_points=2)
    client = box.dial()
    assert len(box.words(client, 10100, 125)) == 125
    assert box.ask(client, write_many(10110, *[0] * 123)) == b"\x90\x02"
    assert box.ask(client, write_many(10110, *[0] * 124)[:253]) == b"\x90\x03"


@pytest.mark.parametrize(
    "head",
    ["0001 0001 0006", "0001 0100 0006", "0001 ffff 0006", "0001 0000 0000", "0001 0000 0001", "0001 0000 00ff", "0001 0000 0600", "4745 5420 2f20"],
    ids=["protocol 1", "protocol 100", "protocol ffff", "length 0", "length 1", "length 255", "swapped length", "a browser"],
)
def test_what_can_not_be_modbus_ends_the_connection(head):
    box = Box()
    client = box.dial().send(adu(read(10143)) + bytes.fromhex(head) + bytes(20))
    box.settle()
    assert client.closed_by_box and box.ended() == {NOT_MODBUS: 1}
    assert len(split(client.received)) == 1, "what came before was answered"


@pytest.mark.parametrize("length", [2, 254])
def test_the_shortest_and_the_longest_length_are_modbus(length):
    box = Box()
    client = box.dial()
    assert box.ask(client, b"\x2b" + bytes(length - 2)) == b"\xab\x01"
    assert client.open


@pytest.mark.parametrize("function", [1, 2, 5, 15])
def test_functions_of_coils_find_none_of_them(function):
    box = Box()
    assert box.ask(box.dial(), bytes([function, 0x27, 0x74, 0, 1])) == bytes([function | 0x80, 2])


@pytest.mark.parametrize("function", [0, 7, 8, 14, 17, 43])
def test_other_functions_are_not_known(function):
    box = Box()
    assert box.ask(box.dial(), bytes([function, 0x27, 0x74, 0, 1])) == bytes([function | 0x80, 1])


@pytest.mark.parametrize(
    "pdu",
    [read(10100, 2)[:-1], read(10100, 2) + b"\0", write(10180, 1)[:-1], write(10180, 1) + b"\0", write_many(10180, 1, 2)[:-1],
     write_many(10180, 1, 2) + b"\0", b"\x10" + bytes.fromhex("27c4 0002 03 0001 0002"), b"\x10" + bytes.fromhex("27c4 0002 05 0001 0002")],
    ids=["a read without its end", "a read that goes on", "a write without its end", "a write that goes on", "two registers without their end",
         "two registers that go on", "a smaller number of bytes than there are", "a larger one"],
)  # fmt: skip
def test_a_request_that_is_not_as_long_as_it_says_is_refused(pdu):
    box = Box()
    assert box.ask(box.dial(), pdu) == bytes([pdu[0] | 0x80, 3])


@pytest.mark.parametrize("unit", [0, 2, 255])
def test_other_units_are_not_here(unit):
    box = Box()
    assert box.ask(box.dial(), read(10143), unit=unit) == b"\x84\x02"


def test_function_16_takes_one_register_and_refuses_none():
    box = Box()
    client = box.dial()
    assert box.ask(client, write_many(10180, 1)) == bytes.fromhex("10 27c4 0001")
    assert box.ask(client, write_many(10180)) == b"\x90\x03"


def test_what_a_short_request_lacks_is_not_taken_from_the_one_before():
    box = Box()
    client = box.dial()
    box.ask(client, read(10100, 2))
    assert box.ask(client, read(10100, 2)[:-1]) == b"\x84\x03"


def test_who_asks_nothing_is_dropped_by_a_loop_that_comes_late_as_well():
    box = Box(idle_s=61)
    client = box.dial()
    box.words(client, 10143)
    box.step(61007)
    assert client.closed_by_box and box.ended() == {SILENT: 1}


def test_requests_and_refusals_are_counted():
    box = Box()
    client = box.dial()
    for _ in range(3):
        box.ask(client, read(10143))
    for _ in range(2):
        box.ask(client, read(9))
    assert (box.door.requests, box.door.exceptions) == (5, 2)


def test_a_client_that_leaves_is_let_go_after_its_last_answer():
    box = Box()
    client = box.dial().send(adu(read(10143))).hang_up()
    box.settle()
    assert split(client.received) == [(7, 1, b"\x04\x02\0\1")]
    assert client.closed_by_box and box.ended() == {BY_PEER: 1}


def test_a_reset_ends_it_as_well():
    box = Box()
    client = box.dial()
    box.run_ms(50)
    client.reset()
    box.run_ms(50)
    assert client.closed_by_box and box.ended() == {BY_PEER: 1}


@pytest.mark.parametrize("idle_s", [61, 120])
def test_who_asks_nothing_is_dropped_after_the_configured_time(idle_s):
    box = Box(idle_s=idle_s)
    client = box.dial()
    box.words(client, 10143)
    box.run_ms(idle_s * 1000 - 100)
    assert client.open
    box.words(client, 10143)
    box.run_ms(idle_s * 1000 - 100)
    assert client.open
    box.run_ms(200)
    assert client.closed_by_box and box.ended() == {SILENT: 1}


def test_a_byte_now_and_then_does_not_keep_a_connection():
    box = Box(idle_s=61)
    client = box.dial()
    for byte in adu(read(10143)):
        client.send(bytes([byte]))
        box.run_ms(10000)
    assert client.closed_by_box and box.ended() == {SILENT: 1} and not client.received


def test_a_peer_that_takes_nothing_keeps_nobody_waiting_and_goes():
    box = Box()
    slow, other = box.dial(), box.dial("192.168.1.31")
    slow.room = 3
    slow.send(adu(read(10100, 17)) * 20)
    for _ in range((STALL_MS - 200) // 100):
        assert box.words(other, 10143) == [1]
        box.run_ms(100)
    assert slow.open and len(slow.received) == 3 and slow.readable, "nothing more is read from it"
    box.run_ms(400)
    assert slow.closed_by_box and other.open and box.ended() == {STALLED: 1}


def test_a_peer_that_takes_its_answer_in_pieces_gets_it_whole():
    box = Box()
    client = box.dial()
    client.room = 0
    client.send(adu(read(10100, 17)) * 3)
    while len(client.received) < 3 * 43:
        client.room += 5
        box.step(200)
    assert len(split(client.received)) == 3 and client.open


def test_pipelined_requests_of_one_do_not_delay_another():
    box = Box()
    flood, other = box.dial(), box.dial("192.168.1.31")
    flood.send(adu(read(10100, 125)) * 200)
    box.run_ms(30)
    other.send(adu(read(10143)))
    box.run_ms(20)
    assert split(other.received) and len(flood.received) < 6 * 259, "one request per step and client"


def test_connections_without_end_evict_the_silent_ones_and_leave_nothing_behind():
    box = Box()
    clients = []
    for i in range(40):
        clients.append(box.dial("192.168.1.%d" % i))
        assert box.words(clients[-1], 10143) == [1]
        box.run_ms(2100)
    still = [client for client in clients if client.open]
    assert still == clients[-len(still) :] and 1 <= len(still) <= 7
    for client in still:
        client.hang_up()
    box.settle()
    assert all(slot.door is None for slot in box.pool.slots) and box.modbus.used == 0
    assert sum(box.door.ended) == box.modbus.accepted == 40


def test_a_slot_that_another_door_takes_starts_anew():
    """Half a request of an evicted client must not become the beginning of the next one's."""
    box = Box()
    old = box.dial()
    old.send(adu(read(10100, 2))[:9])
    box.run_ms(2100)
    assert box.words(box.dial("192.168.1.31"), 10143) == [1], "Modbus has more than its share now"
    broker = box.pool.doors[0]
    for i in range(7):
        Client(broker.listener, "192.168.2.%d" % i)
    box.run_ms(100)
    assert old.closed_by_box and box.ended() == {EVICTED: 1}
    for slot in box.pool.slots:
        if slot.door is broker:
            box.pool.close(slot)
    again = box.dial()
    assert box.words(again, 10143) == [1]


def test_who_has_written_is_a_controller_and_who_leads_and_reads_is_never_evicted():
    box = Box()
    dashboard, evcc = box.dial("192.168.1.9"), box.dial()
    box.words(dashboard, 10100, 2)
    box.words(evcc, 10100, 2)
    slots = {slot.peer: slot for slot in box.pool.slots if slot.peer}
    assert not slots[evcc].controller and box.pool.heartbeat_slot is None, "nobody leads"
    box.ask(evcc, write(10171, 1000))
    assert slots[evcc].controller and not slots[dashboard].controller
    box.words(evcc, 10100, 2)
    box.words(dashboard, 10100, 2)
    assert box.pool.heartbeat_slot is slots[evcc]


def test_episodes_are_told_once_and_reading_is_none():
    box = Box()
    assert not box.door.take_episode(), "nobody was there yet"
    client = box.dial()
    box.settle()
    assert box.door.take_episode() and not box.door.take_episode()
    box.words(client, 10100, 17)
    box.words(client, 10100, 17)
    box.door.take_episode()
    box.words(client, 10100, 17)
    assert not box.door.take_episode()
    box.ask(client, write(10171, 1000))
    assert box.door.take_episode()
    client.hang_up()
    box.settle()
    assert box.door.take_episode()
