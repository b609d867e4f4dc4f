"""The bytes the broker sends: a publish that queues behind what waits, the topics of the point table, their upper bounds."""

import points
import pytest
from broker_topics import OWED, WANTED, Topics
from hypothesis import given, settings
from hypothesis import strategies as st
from mqtt import PUBREC, Packet
from point_rows import POINTS
from points import RAW, STAMP, TEXT, Image
from topics import KEPT, SHARED, TOLD, render, room

from host_tests.fakes.peer import split


def waiting(p):
    return bytes(p.buf[p.start : p.end])


def queue(p, topic, payload, room_bytes=None, retain=False):
    if not p.open_behind(b"", topic, len(payload) if room_bytes is None else room_bytes):
        return False
    p.buf[p.end : p.end + len(payload)] = payload
    p.end += len(payload)
    p.close_behind(retain)
    return True


def test_publishes_queue_behind_each_other_and_behind_answers():
    p = Packet(64)
    p.put_receipt(PUBREC, 0x1234)
    assert queue(p, b"a", b"1", retain=True) and queue(p, b"b", b"2")
    assert waiting(p) == b"\x50\x02\x12\x34" + b"\x31\x04\x00\x01a1" + b"\x30\x04\x00\x01b2"


@pytest.mark.parametrize("payload_bytes", [0, 1, 123, 124, 125, 126, 252, 253])
@pytest.mark.parametrize("spare_bytes", [0, 1, 2, 50])
def test_the_length_is_written_in_as_few_bytes_as_possible_however_long_the_payload_might_have_been(payload_bytes, spare_bytes):
    p = Packet(512)
    queue(p, b"x", b"1")
    payload = b"p" * payload_bytes
    assert queue(p, b"t", payload, payload_bytes + spare_bytes, retain=True)
    length = payload_bytes + 3
    header = bytes([0x31, length]) if length < 128 else bytes([0x31, length & 0x7F | 0x80, length >> 7])
    assert waiting(p) == b"\x30\x04\x00\x01x1" + header + b"\x00\x01t" + payload


def test_what_is_rendered_next_does_not_overwrite_what_waits():
    p = Packet(64)
    assert queue(p, b"a", b"1" * 20) and queue(p, b"b", b"2" * 20)
    before = waiting(p)
    assert not p.open_behind(b"", b"c", 20)
    assert waiting(p) == before and p.refused == 0
    p.start += 25
    assert queue(p, b"c", b"3" * 20)
    assert waiting(p) == before[25:] + b"\x30\x17\x00\x01c" + b"3" * 20


def test_reserve_moves_nothing_while_that_would_not_help():
    p = Packet(32)
    queue(p, b"a", b"1" * 20)
    p.start = 4
    assert not p.reserve(20) and p.start == 4
    assert p.reserve(10) and p.start == 0


@pytest.mark.parametrize("row", TOLD + KEPT + SHARED, ids=lambda row: row[0].decode())
@pytest.mark.parametrize("number", [None, 0, -1, 2**30 - 1, -(2**30)])
@pytest.mark.parametrize("text", [None, b"", b"x" * 300])
def test_render_never_writes_more_than_room_promises(row, number, text):
    value = Image().value
    stamp = None if text is None else b"4102441199"
    for index, _, kind, _, _ in POINTS:
        value[index] = {TEXT: text, STAMP: stamp, RAW: text or b"{}"}.get(kind, number)
    buf = bytearray(1000)
    end = render(buf, 100, row, value)
    assert 0 < end - 100 <= room(row, value)
    assert len(buf) == 1000


class Point:
    def __init__(self):
        self.image = Image()


def told(topics, i, size=640):
    p = Packet(size)
    assert topics.tell(p, i, True)
    return split(waiting(p))


def test_every_told_topic_and_every_kept_one_has_a_number():
    topics = Topics(b"garage/", [Point(), Point()])
    names = [topics.name(i) for i in range(topics.count)]
    assert len(set(names)) == topics.count == 2 * (len(TOLD) + len(KEPT)) + 2
    assert names[0] == b"garage/openWB/internal_chargepoint/0/get/voltages"
    assert names[-3] == b"garage/openWB/internal_chargepoint/1/data/parent_cp"
    assert names[-2:] == [b"garage/openWB/internal_chargepoint/last_tag", b"garage/openWB/internal_chargepoint/global_data"]
    assert {name.split(b"/")[-1] for name in names if b"/data/" in name} == {
        b"set_current", b"phases_to_use", b"trigger_phase_switch", b"cp_interruption_duration", b"parent_cp",
    }  # fmt: skip


def test_what_a_controller_said_is_told_once_there_is_a_value_and_never_before():
    box = [Point(), Point()]
    topics = Topics(b"", box)
    i = next(i for i in range(topics.count) if topics.name(i) == b"openWB/internal_chargepoint/1/data/set_current")
    assert told(topics, i) == []
    box[1].image.value[points.P_SET_CURRENT_CA] = 1050
    assert told(topics, i)[0][1].endswith(b"1/data/set_current10.5")


def test_kept_topics_are_owed_to_subscribers_but_have_no_part_in_the_rounds():
    topics = Topics(b"", [Point()])
    flags = bytearray([WANTED | OWED] * topics.count)
    assert topics.next(flags, len(TOLD), OWED) == len(TOLD)
    assert topics.next(flags, len(TOLD) - 1, WANTED) == len(TOLD) - 1
    last_tag = topics.count - 2
    assert topics.next(flags, len(TOLD), WANTED) == last_tag
    assert topics.next(flags, last_tag + 1, WANTED) == topics.count
    assert topics.next(flags, last_tag + 1, OWED) == topics.count - 1


def test_a_text_that_can_never_fit_is_left_out_and_counted_and_one_that_must_wait_is_not():
    box = [Point()]
    topics = Topics(b"", box)
    i = next(i for i in range(topics.count) if topics.name(i).endswith(b"get/fault_str"))
    box[0].image.value[points.P_FAULT_STR] = b"x" * 200
    p = Packet(128)
    assert topics.tell(p, i, False) and waiting(p) == b"" and p.refused == 1
    p = Packet(300)
    assert topics.tell(p, 0, False)
    before = waiting(p)
    assert not topics.tell(p, i, False) and waiting(p) == before and p.refused == 0


@given(st.integers(0, 61), st.integers(0, 300), st.integers(0, 640), st.booleans())
@settings(derandomize=True, deadline=None, max_examples=400)
def test_whatever_waits_a_topic_is_told_whole_or_not_at_all(i, text_bytes, used_bytes, retain):
    box = [Point(), Point()]
    for point in box:
        for index, _, kind, _, _ in POINTS:
            if kind == TEXT:
                point.image.value[index] = b"t" * text_bytes
    topics = Topics(b"p/" * 20, box)
    p = Packet(640)
    used_bytes -= used_bytes % 2
    for _ in range(used_bytes // 2):
        p.append(b"\xd0\x00")
    if topics.tell(p, i, retain):
        assert len(split(waiting(p))) in (used_bytes // 2, used_bytes // 2 + 1)
    assert waiting(p)[:used_bytes] == b"\xd0\x00" * (used_bytes // 2) and len(p.buf) == 640
