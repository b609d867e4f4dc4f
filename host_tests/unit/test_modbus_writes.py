"""What a write to a register means, who may write, and what the client and the user are told."""

import commands
import pytest
from intents import MODBUS, MQTT, NOBODY
from modbus_door import OFF, STAYS_ON, TOO_HIGH
from points import P_NOTICE, P_PHASES_TO_USE, P_RFID, P_SET_CURRENT_CA
from safety import R_HEARTBEAT_LOST

from host_tests.unit.modbus_bench import EVCC, Box, read, write, write_many

OTHER = "192.168.1.66"


@pytest.fixture
def acts(monkeypatch):
    """What triggers and interruptions did: (charge point or seconds)."""
    done = []
    monkeypatch.setattr(commands, "switch_phases", lambda point, now_ms: done.append(("switch", point)))
    monkeypatch.setattr(commands, "interrupt_cp", lambda point, seconds, now_ms: done.append(("interrupt", point, seconds)) or max(0, seconds))
    return done


def echoed(box, client, pdu):
    """A write that is answered as done. Afterwards: how many of its values were not taken."""
    before = box.door.rejected
    assert box.ask(client, pdu) == pdu[:5]
    return box.door.rejected - before


@pytest.mark.parametrize(
    ("value", "set_ca"),
    [(0, 0), (600, 600), (1600, 1600), (1598, 1598), (3200, 3200), (1, 0), (599, 0), (0xFFFF, 0), (0x8000, 0), (40000, 0)],
)
@pytest.mark.parametrize("cp", [0, 1])
def test_a_set_point_counts_hundredths_of_an_ampere_and_its_sender_leads(value, set_ca, cp):
    box = Box(charge_points=2)
    assert echoed(box, box.dial(), write(10171 + 100 * cp, value)) == 0
    point, other = box.points[cp], box.points[1 - cp]
    assert (point.wish.door, point.wish.sender, point.wish.current_ca(box.now_ms)) == (MODBUS, EVCC, set_ca)
    assert point.image.value[P_SET_CURRENT_CA] == set_ca and other.wish.door == NOBODY


@pytest.mark.parametrize("value", [3201, 16000, 0x7FFF])
def test_a_set_point_above_32_a_is_echoed_but_the_old_one_stays_and_the_user_is_told(value):
    box = Box()
    client = box.dial()
    echoed(box, client, write(10171, 1000))
    assert echoed(box, client, write(10171, value)) == 1
    assert box.points[0].wish.current_ca(box.now_ms) == 1000
    assert box.points[0].image.value[P_NOTICE] == TOO_HIGH and b"0.01 A" in TOO_HIGH and b"10171" in TOO_HIGH
    echoed(box, client, write(10171, 600))
    assert box.points[0].image.value[P_NOTICE] is None


def test_nobody_becomes_the_leader_by_a_set_point_that_is_rejected():
    box = Box()
    echoed(box, box.dial(), write(10171, 3201))
    assert box.points[0].wish.door == NOBODY


@pytest.mark.parametrize(("value", "taken"), [(1, True), (3, True), (0, False), (2, False), (4, False), (0xFFFF, False)])
def test_phases_are_1_or_3(value, taken):
    box = Box()
    assert echoed(box, box.dial(), write(10180, value)) == (0 if taken else 1)
    assert box.points[0].image.value[P_PHASES_TO_USE] == (value if taken else None)


def test_a_phase_switch_in_one_request_is_phases_then_trigger(acts):
    box = Box(charge_points=2)
    client = box.dial()
    box.words(client, 10114)
    assert echoed(box, client, write_many(10280, 1, 1)) == 0
    assert box.points[1].image.value[P_PHASES_TO_USE] == 1 and acts == [("switch", box.points[1])]


@pytest.mark.parametrize(("value", "rejected"), [(0, 0), (2, 1), (0xFFFF, 1)])
def test_a_trigger_is_1_and_nothing_else(acts, value, rejected):
    box = Box()
    client = box.dial()
    box.words(client, 10114)
    assert echoed(box, client, write(10181, value)) == rejected and acts == []


@pytest.mark.parametrize(("value", "seconds"), [(1, 1), (30, 30), (4, 4), (0, None)])
def test_an_interruption_takes_so_many_seconds(acts, value, seconds):
    box = Box()
    client = box.dial()
    box.words(client, 10114)
    assert echoed(box, client, write(10198, value)) == 0
    assert acts == ([] if seconds is None else [("interrupt", box.points[0], seconds)])


def test_less_than_no_seconds_interrupt_nothing():
    box = Box()
    client = box.dial()
    box.words(client, 10114)
    assert echoed(box, client, write(10198, 0xFFFF)) == 1
    assert box.points[0].image.value[P_NOTICE] is None


def test_who_is_not_alive_triggers_nothing(acts):
    box = Box()
    client = box.dial()
    assert echoed(box, client, write(10181, 1)) == 1, "it has never read anything"
    box.words(client, 10114)
    assert echoed(box, client, write(10181, 1)) == 0
    box.run_ms(80000, 1000)
    assert echoed(box, client, write(10198, 1)) == 1
    assert acts == [("switch", box.points[0])]


def test_only_the_leader_triggers_while_somebody_leads(acts):
    box = Box()
    evcc, other = box.dial(), box.dial(OTHER)
    echoed(box, evcc, write(10171, 1600))
    box.words(evcc, 10114)
    box.words(other, 10114)
    assert echoed(box, other, write(10181, 1)) == 1 and echoed(box, other, write(10198, 5)) == 1
    assert echoed(box, evcc, write(10181, 1)) == 0
    box.run_ms(79000, 1000)
    box.words(other, 10114)
    box.run_ms(1000)
    assert echoed(box, other, write(10181, 1)) == 0, "nobody leads any more"
    assert len(acts) == 2


@pytest.mark.parametrize("value", [0, 1, 2])
def test_the_tag_is_cleared_on_1(value):
    box = Box(charge_points=2)
    assert echoed(box, box.dial(), write(10297, value)) == (value != 1), "any other value is counted as not taken"
    assert [point.image.value[P_RFID] for point in box.points] == [None if value == 1 else b"0004141661"] * 2


def test_an_update_is_acknowledged_and_changes_nothing():
    box = Box()
    before = list(box.points[0].image.value)
    assert echoed(box, box.dial(), write_many(10197, 0, 0, 1)) == 1, "0 clears no tag"
    assert box.points[0].image.value == before


@pytest.mark.parametrize("register", [10099, 10100, 10170, 10172, 10179, 10182, 10196, 10200, 10271, 10280, 9999, 0, 10300, 0xFFFF])
def test_what_can_not_be_written_is_refused_as_a_whole(register):
    box = Box()
    client = box.dial()
    assert box.ask(client, write(register, 1)) == b"\x86\x02"
    assert box.ask(client, write_many(10171, 1600, 0)) == b"\x90\x02"
    assert box.points[0].wish.door == NOBODY and box.door.rejected == 0


# -- access ---------------------------------------------------------------------------------------------------------------


def test_others_than_the_controllers_may_read_and_their_writes_are_refused_and_counted():
    box = Box(controllers=[EVCC, "192.168.1.31"])
    other = box.dial(OTHER)
    assert box.words(other, 10143) == [1]
    for pdu in (write(10171, 1600), write_many(10180, 1, 1), write(10190, 0), write(9, 9)):
        assert box.ask(other, pdu) == bytes([pdu[0] | 0x80, 1])
    assert box.door.refused == 4 and box.points[0].wish.door == NOBODY
    for address in (EVCC, "192.168.1.31"):
        assert echoed(box, box.dial(address), write(10171, 1600)) == 0
    assert box.door.refused == 4


# -- the heartbeat register -----------------------------------------------------------------------------------------------


def alive(box, sender=EVCC):
    return not box.door.readers.of(sender).reason


def test_the_heartbeat_can_not_be_switched_off_and_the_user_is_told_who_tried():
    box = Box()
    client = box.dial()
    echoed(box, client, write(10171, 1600))
    assert echoed(box, client, write(10190, 0)) == 1
    assert box.points[0].image.value[P_NOTICE] == STAYS_ON
    box.words(client, 10114)
    assert alive(box)
    box.run_ms(80000, 1000)
    assert box.door.readers.of(EVCC).reason == R_HEARTBEAT_LOST


@pytest.mark.parametrize(("usual", "off"), [(None, OFF), (b"no meter", b"no meter; " + OFF)])
def test_where_the_owner_allows_it_it_is_off_until_it_is_switched_on_again_and_everybody_sees_that(usual, off):
    box = Box(allow_heartbeat_off=True)
    box.points[0].standing = box.door._standing[0] = usual
    client = box.dial()
    assert echoed(box, client, write(10190, 0)) == 0
    echoed(box, client, write(10171, 1600))
    assert box.points[0].image.value[P_NOTICE] == off, "a set point does not hide it"
    box.run_ms(600000, 1000)
    assert alive(box)
    assert echoed(box, client := box.dial(), write(10190, 1)) == 0
    assert not alive(box) and box.points[0].image.value[P_NOTICE] == usual
    box.words(client, 10114)
    assert alive(box)


@pytest.mark.parametrize("value", [2, 0xFFFF])
@pytest.mark.parametrize("allowed", [False, True])
def test_what_is_neither_on_nor_off_leaves_the_heartbeat_alone(allowed, value):
    box = Box(allow_heartbeat_off=allowed)
    client = box.dial()
    assert echoed(box, client, write(10190, value)) == 1
    assert not alive(box) and box.points[0].image.value[P_NOTICE] is None
    box.words(client, 10114)
    box.run_ms(70000, 1000)
    assert alive(box), "the limit is still the longer one"


def test_reads_of_anybody_keep_a_leader_alive_only_where_the_owner_says_so():
    for heartbeat_from, kept in (("leader", False), ("any", True)):
        box = Box(heartbeat_from=heartbeat_from)
        evcc, dashboard = box.dial(), box.dial(OTHER)
        echoed(box, evcc, write(10171, 1600))
        box.words(dashboard, 10114)
        assert alive(box) == kept


def test_reads_of_other_controllers_keep_a_leader_alive_and_those_of_a_dashboard_do_not():
    box = Box(controllers=[EVCC, "192.168.1.31"])
    echoed(box, box.dial(), write(10171, 1600))
    box.words(box.dial(OTHER), 10114)
    assert not alive(box)
    box.words(box.dial("192.168.1.31"), 10114)
    assert alive(box)


def test_once_somebody_wants_the_heartbeat_the_limit_is_60_s():
    box = Box(idle_s=3600)
    client = box.dial()
    box.words(client, 10114)
    box.run_ms(79990)
    assert alive(box)
    box.run_ms(10)
    assert not alive(box)
    box.words(client, 10114)
    assert echoed(box, client, write(10190, 1)) == 0
    box.run_ms(59990)
    assert alive(box)
    box.run_ms(10)
    assert not alive(box)


def test_a_write_is_no_heartbeat():
    box = Box()
    client = box.dial()
    for _ in range(5):
        for pdu in (write(10171, 1600), write(10190, 1), write(10199, 1)):
            echoed(box, client, pdu)
        box.run_ms(1000)
    assert not alive(box)


@pytest.mark.parametrize(
    ("pdu", "counts"),
    [
        (read(10100, 2), True), (read(10100, 2, 3), True), (read(10110), True), (read(10199, 101), True), (read(10200), False), (read(10299), False),
        (read(10099), False), (read(10300), False), (read(10100, 0), False), (read(10100, 126), False), (b"\x01\x27\x74\0\1", False),
    ],
)  # fmt: skip
def test_reads_of_a_charge_point_that_there_is_are_heartbeats(pdu, counts):
    box = Box()
    box.ask(box.dial(), pdu)
    assert alive(box) == counts


def test_a_read_that_is_answered_with_busy_shows_that_somebody_is_there():
    box = Box()
    box.points[0].image.value[14] = None
    assert box.ask(box.dial(), read(10102, 2)) == b"\x84\x06" and alive(box)


def test_reads_for_another_unit_are_none():
    box = Box()
    box.ask(box.dial(), read(10100, 2), unit=2)
    assert not alive(box)


def test_the_other_door_is_not_touched():
    box = Box()
    box.points[0].wish.offer(MQTT, 1600, box.now_ms, "192.168.1.10")
    box.words(box.dial(), 10114)
    assert box.pool.heartbeat_slot is None and box.points[0].wish.door == MQTT
