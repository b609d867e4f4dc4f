"""What an inbox does with a message beyond the table of test_conformance: prefixes, charge points, leaders, noise, order."""

import json

import points
import pytest
from clock import TICKS_MASK
from hypothesis import given, settings
from hypothesis import strategies as st
from commands import CP_SECONDS_MAX, NO_CP_RELAY, NO_PHASE_SWITCH
from inbox import GLOBAL_DATA_BYTES, HEARTBEAT_END, TAG_BYTES, TOO_HIGH
from intents import MODBUS, MQTT, NOBODY
from safety import R_HEARTBEAT_FIRST, R_HEARTBEAT_NEVER

from host_tests.unit.inbox_bench import CP_SECONDS, LIMIT_MS, PARENT, PHASES, SET, SET_CURRENT, TOLD, TOPICS, TRIGGER, Box, copied, wiped

ALWAYS = settings(derandomize=True, deadline=None, max_examples=150)


# -- topics ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [b"", b"garage/", b"a/b/c/"])
def test_everything_happens_behind_the_prefix(prefix):
    box = Box(prefix=prefix)
    assert box.offer(SET_CURRENT, b"16") == copied(SET_CURRENT, b"16", prefix)
    assert box.offer(b"global_data", b'{"heartbeat": 7}') == copied(b"global_data", b'{"heartbeat": 7}', prefix)
    box.inbox.offer(b"other/" + SET + SET_CURRENT, b"10", False, 0)
    assert not box.inbox.pending() and box.points[0].wish.current_ca(0) == 1600


@pytest.mark.parametrize("topic", [b"", b"openWB", SET[:-1], b"openWB/internal_chargepoint/0/data/set_current", b"xopenWB/set/internal_chargepoint/"])
def test_what_does_not_stand_below_the_set_root_is_not_ours(topic):
    box = Box()
    box.inbox.offer(topic, b"16", False, 0)
    assert not box.inbox.pending() and box.inbox.accepted == box.inbox.rejected == 0


def test_each_charge_point_gets_its_own_set_points():
    box = Box(2)
    assert box.offer(b"1/data/set_current", b"10") == copied(b"1/data/set_current", b"10")
    assert (box.points[0].wish.current_ca(0), box.points[1].wish.current_ca(0)) == (None, 1000)
    assert box.offer(b"0/data/set_current", b"6") == copied(b"0/data/set_current", b"6")
    assert (box.points[0].wish.current_ca(0), box.points[1].wish.current_ca(0)) == (600, 1000)
    box.offer(b"1/data/phases_to_use", b"1")
    assert (box.value(points.P_PHASES_TO_USE, 0), box.value(points.P_PHASES_TO_USE, 1)) == (None, 1)


def test_a_charge_point_that_is_not_there_is_left_to_whoever_owns_it():
    for count in (1, 2):
        box = Box(count)
        for n in range(count, 10):
            assert box.offer(b"%d/data/set_current" % n, b"16") == []
        assert box.inbox.accepted == box.inbox.rejected == 0


def test_heartbeat_and_tag_are_for_the_whole_gateway_and_have_no_number():
    box = Box(2, alive=False)
    for name, payload in ((b"global_data", b'{"heartbeat": 7}'), (b"last_tag", b'"A"')):
        assert box.offer(b"0/" + name, payload) == wiped(b"0/" + name)
        assert box.offer(b"1/" + name, payload) == wiped(b"1/" + name)
        assert box.offer(name, payload) == copied(name, payload)
    assert box.heartbeat.reason == R_HEARTBEAT_FIRST
    assert [box.value(points.P_RFID, cp) for cp in (0, 1)] == [b"A", b"A"]
    box.offer(b"last_tag", b"null")
    assert [box.value(points.P_RFID, cp) for cp in (0, 1)] == [None, None]


@pytest.mark.parametrize("before", [b"", b"/", b"//", b"-/", b":/", b"x/", b"00", b"0x", b"/0/"])
def test_a_set_point_without_its_number_does_nothing(before):
    box = Box(2)
    assert box.offer(before + b"data/set_current", b"16") == []
    assert [point.wish.door for point in box.points] == [NOBODY, NOBODY]


@pytest.mark.parametrize("name", [b"0/get/power", b"0/get/rfid", b"0/data/nobody", b"0/set_current", b"0/"])
def test_unknown_names_of_a_charge_point_are_wiped_and_nothing_else(name):
    box = Box()
    before = list(box.points[0].image.value)
    assert box.offer(name, b"5") == wiped(name)
    assert box.points[0].image.value == before
    assert box.inbox.accepted == box.inbox.rejected == 0


@pytest.mark.parametrize("payload", [b"", b'""', b" ", b"\r\n", b' "" '])
@pytest.mark.parametrize("name", TOPICS)
def test_an_empty_message_is_the_echo_of_a_wipe_and_does_nothing_at_all(name, payload):
    box = Box()
    assert box.offer(name, payload) == []
    assert box.inbox.accepted == box.inbox.rejected == 0


# -- set points -----------------------------------------------------------------------------------------------------------


def test_a_set_point_above_32_a_is_named_until_a_good_one_comes():
    box = Box()
    box.offer(SET_CURRENT, b"16")
    assert box.offer(SET_CURRENT, b"1600") == wiped(SET_CURRENT)
    assert box.value(points.P_NOTICE) == TOO_HIGH
    assert box.points[0].wish.current_ca(0) == 1600, "the old value stays"
    assert box.value(points.P_SET_CURRENT_CA) == 1600
    box.offer(SET_CURRENT, b"ten")
    assert box.value(points.P_NOTICE) == TOO_HIGH
    box.offer(SET_CURRENT, b"0")
    assert box.value(points.P_NOTICE) is None


def test_a_rejected_set_point_makes_nobody_leader():
    box = Box()
    for payload in (b"33", b"null", b'"10"', b"\xff"):
        box.offer(SET_CURRENT, payload)
    assert box.points[0].wish.door == NOBODY and box.points[0].wish.current_ca(0) is None


def test_a_set_point_carries_its_arrival_time():
    box = Box()
    late_ms = TICKS_MASK - 5000
    box.points[0].wish.offer(MODBUS, 900, late_ms - 59999)
    box.offer(SET_CURRENT, b"16", now_ms=late_ms)
    assert box.points[0].wish.current_ca(late_ms) == 900, "still a contest"
    assert box.points[0].wish.current_ca(late_ms + 1) == 1600


@ALWAYS
@given(st.integers(-100000, 400000), st.integers(0, 4))
def test_any_number_is_0_or_6_to_32_or_rejected(hundredths, zeros):
    payload = b"%s%d.%02d" % (b"-" if hundredths < 0 else b"", abs(hundredths) // 100, abs(hundredths) % 100) + b"0" * zeros
    box = Box()
    told = box.offer(SET_CURRENT, payload)
    if hundredths > 3200:
        assert told == wiped(SET_CURRENT)
        return
    set_ca = hundredths if hundredths >= 600 else 0
    assert box.points[0].wish.current_ca(0) == box.value(points.P_SET_CURRENT_CA) == set_ca
    assert len(told) == 2
    assert round(json.loads(told[0][1]) * 100) == set_ca


# -- commands -------------------------------------------------------------------------------------------------------------

COMMANDS = ((TRIGGER, b"true", b"true", b"false", NO_PHASE_SWITCH), (CP_SECONDS, b"4", b"4", b"0", NO_CP_RELAY))


@pytest.mark.parametrize(("name", "payload", "copy", "reset", "notice"), COMMANDS)
@pytest.mark.parametrize(
    ("alive", "leader", "leader_alive", "allowed"),
    [
        (True, NOBODY, False, True),
        (True, MQTT, True, True),
        (True, MODBUS, True, False),
        (True, MODBUS, False, True),
        (False, NOBODY, False, False),
        (False, MQTT, False, False),
        (False, MODBUS, True, False),
        (False, MODBUS, False, False),
    ],
)
def test_commands_count_from_a_living_door_that_leads_or_while_nobody_leads(name, payload, copy, reset, notice, alive, leader, leader_alive, allowed):
    box = Box(alive=alive)
    if leader != NOBODY:
        box.points[0].wish.offer(leader, 1600, 0)
    box.points[0].alive = leader_alive
    told = box.offer(name, payload)
    if allowed:
        assert told == copied(name, copy) + [(TOLD + name, reset)]
        assert box.value(points.P_NOTICE) == notice
    else:
        assert told == wiped(name)
        assert box.value(points.P_NOTICE) is None
    assert (box.inbox.accepted, box.inbox.rejected) == (int(allowed), int(not allowed))


@pytest.mark.parametrize(("name", "payload"), [(TRIGGER, b"false"), (CP_SECONDS, b"0")])
def test_a_command_that_asks_for_nothing_is_copied_without_a_reset(name, payload):
    box = Box()
    assert box.offer(name, payload) == copied(name, payload)
    assert box.value(points.P_NOTICE) is None


@pytest.mark.parametrize("seconds", [b"-1", b"-4", b"4.5", b'"4"', b"null"])
def test_an_interruption_of_less_than_nothing_or_of_no_whole_seconds_is_rejected(seconds):
    box = Box()
    assert box.offer(CP_SECONDS, seconds) == wiped(CP_SECONDS)
    assert box.value(points.P_NOTICE) is None and box.inbox.rejected == 1


def test_commands_are_for_the_charge_point_they_name():
    box = Box(2)
    box.points[0].wish.offer(MODBUS, 1600, 0)
    assert box.offer(TRIGGER, b"true") == wiped(TRIGGER)
    assert len(box.offer(b"1/data/trigger_phase_switch", b"true")) == 3
    assert (box.value(points.P_NOTICE, 0), box.value(points.P_NOTICE, 1)) == (None, NO_PHASE_SWITCH)


@pytest.mark.parametrize(("seconds", "copy"), [(29, b"29"), (30, b"30"), (31, b"30"), (2**31, b"30")])
def test_interruptions_are_cut_to_thirty_seconds(seconds, copy):
    assert CP_SECONDS_MAX == 30
    assert Box().offer(CP_SECONDS, b"%d" % seconds)[0] == (TOLD + CP_SECONDS, copy)


# -- replays --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "payload"), [(b"global_data", b'{"heartbeat": 7}'), (TRIGGER, b"true"), (CP_SECONDS, b"4"), (b"last_tag", b'"A"'), (b"last_tag", b"null")]
)
def test_a_replay_of_what_must_be_live_is_wiped_and_counted(name, payload):
    box = Box()
    box.points[0].image.value[points.P_RFID] = b"OLD"
    assert box.offer(name, payload, retained=True) == wiped(name)
    assert (box.inbox.replays, box.inbox.rejected, box.inbox.accepted) == (1, 1, 0)
    assert box.value(points.P_RFID) == b"OLD" and box.value(points.P_NOTICE) is None


@pytest.mark.parametrize(("name", "payload"), [(SET_CURRENT, b"16"), (PHASES, b"3"), (PARENT, b'"3"')])
def test_a_replay_of_a_lasting_value_is_taken_and_wiped(name, payload):
    box = Box()
    assert box.offer(name, payload, retained=True) == copied(name, payload)
    assert (box.inbox.replays, box.inbox.rejected, box.inbox.accepted) == (0, 0, 1)


def test_replayed_heartbeats_never_wake_a_door_however_many_differ():
    box = Box(alive=False)
    for value in range(10):
        box.offer(b"global_data", b'{"heartbeat": %d}' % (1795000000 + value), retained=True, now_ms=value * 1000)
    assert box.heartbeat.reason == R_HEARTBEAT_NEVER


# -- heartbeats -----------------------------------------------------------------------------------------------------------


def test_heartbeats_count_by_the_digits_before_the_point():
    box = Box(alive=False)
    for now_ms, value in ((0, b"1795327212.25"), (1000, b"1795327212.75"), (2000, b"1795327212")):
        box.offer(b"global_data", b'{"heartbeat": ' + value + b"}", now_ms=now_ms)
    assert (box.heartbeat.reason, box.heartbeat.repeats) == (R_HEARTBEAT_FIRST, 2)
    box.offer(b"global_data", b'{"heartbeat": 1.795327213e9}', now_ms=3000)
    assert box.heartbeat.reason == 0


def test_a_heartbeat_arrives_at_the_time_it_is_offered():
    box = Box(alive=False)
    box.offer(b"global_data", b'{"heartbeat": 1}', now_ms=1000)
    box.offer(b"global_data", b'{"heartbeat": 2}', now_ms=2000)
    assert box.heartbeat.check(2000 + LIMIT_MS - 1) == 0
    assert box.heartbeat.check(2000 + LIMIT_MS) != 0


@pytest.mark.parametrize(
    ("value", "good"),
    [(b"4102441199", True), (b"4102441199.999", True), (b"4102441200", False), (b"4102441200.0", False), (b"0.000001", True), (b"0.0", False), (b"0e5", False),
     (b"9999999999", False), (b"10000000000", False), (b"999999999", True), (b"-0.1", False), (b"1e9", True), (b"1e10", False), (b"5000000000", False)],
)  # fmt: skip
def test_a_stamp_lies_above_0_and_before_2100(value, good):
    assert HEARTBEAT_END == b"4102441200"
    box = Box(alive=False)
    box.offer(b"global_data", b'{"heartbeat": ' + value + b"}")
    assert (box.inbox.accepted, box.inbox.rejected) == (int(good), int(not good))


@pytest.mark.parametrize(("size", "kept"), [(30, True), (GLOBAL_DATA_BYTES, True), (GLOBAL_DATA_BYTES + 1, False), (400, False)])
def test_a_heartbeat_is_kept_for_who_subscribes_later_unless_it_is_long_and_counts_either_way(size, kept):
    box = Box(2, alive=False)
    for stamp in (b"1", b"2"):
        payload = b'{"heartbeat": %s, "a": "' % stamp + b"x" * (size - 25) + b'"}'
        assert len(payload) == size
        assert box.offer(b"global_data", payload) == copied(b"global_data", payload)
        assert [box.value(points.P_HEARTBEAT, cp) for cp in (0, 1)] == [payload if kept else None, None]
    assert box.heartbeat.reason == 0


# -- tags -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "good"), [(1, True), (TAG_BYTES, True), (TAG_BYTES + 1, False), (400, False)])
def test_tags_up_to_64_bytes_are_kept(size, good):
    box = Box()
    box.offer(b"last_tag", b'"' + b"x" * size + b'"')
    assert box.value(points.P_RFID) == (b"x" * size if good else None)
    box.offer(b"last_tag", b"y" * size)
    assert box.value(points.P_RFID) == (b"y" * size if good else None)


@pytest.mark.parametrize("tag", [b"!A", b" A", b"0004141661", b"~"])
def test_a_tag_may_begin_with_any_sign(tag):
    box = Box()
    assert box.offer(b"last_tag", b'"' + tag + b'"') == copied(b"last_tag", b'"' + tag + b'"')
    assert box.value(points.P_RFID) == tag


# -- noise ----------------------------------------------------------------------------------------------------------------

PAYLOADS = st.one_of(
    st.binary(max_size=24),
    st.text('0123456789.-+eE"[]{}:, truefalsn', max_size=12).map(str.encode),
    st.sampled_from([b"true", b"1", b"4", b"16", b"null", b'"A"', b'{"heartbeat": 7}', b'{"heartbeat": 8.5}', b"33", b"-6", b"3"]),
)
NAMES = st.one_of(st.sampled_from(TOPICS), st.sampled_from([b"1/data/set_current", b"0/get/power", b"2/x", b"//", b"0", b""]), st.binary(max_size=12))


@ALWAYS
@given(st.lists(st.tuples(NAMES, PAYLOADS, st.booleans()), max_size=8), st.booleans())
def test_no_message_raises_and_none_leaves_a_value_that_must_not_be(messages, alive):
    box = Box(2, alive=alive)
    for name, payload, retained in messages:
        counts = box.inbox.accepted + box.inbox.rejected
        told = box.offer(name, payload, retained)
        topics = [topic for topic, _ in told]
        if told:
            assert (SET + name, b"") in told, "whatever is answered is wiped"
        if len(told) > 1:
            json.loads(told[0][1])
            assert topics[0] == TOLD + name and told[1] == (SET + name, b"")
        assert box.inbox.accepted + box.inbox.rejected - counts <= 1
        for point in box.points:
            value = point.image.value
            wanted_ca = point.wish.current_ca(0)
            assert wanted_ca is None or wanted_ca == 0 or 600 <= wanted_ca <= 3200
            assert value[points.P_SET_CURRENT_CA] == wanted_ca
            assert value[points.P_PHASES_TO_USE] in (None, 1, 3)
            for index in (points.P_RFID, points.P_PARENT_CP):
                if value[index] is not None:
                    json.loads(b'"' + value[index] + b'"')


# -- replays and who leads ------------------------------------------------------------------------------------------------


def test_a_replayed_set_point_does_not_take_the_lead_from_a_living_controller():
    box = Box()
    box.points[0].wish.offer(MQTT, 1000, 0, "192.0.2.1")
    box.inbox.sender = "192.0.2.2"
    assert box.offer(SET_CURRENT, b"16", retained=True) == wiped(SET_CURRENT)
    assert (box.points[0].wish.sender, box.points[0].wish.current_ca(0), box.inbox.replays) == ("192.0.2.1", 1000, 1)
    assert box.offer(SET_CURRENT, b"16") == copied(SET_CURRENT, b"16")
    assert box.points[0].wish.sender == "192.0.2.2"


@pytest.mark.parametrize("sender, leader_alive", [("192.0.2.1", True), ("192.0.2.2", False)])
def test_a_replayed_set_point_of_the_leader_or_while_nobody_leads_stays_pending(sender, leader_alive):
    box = Box()
    box.points[0].wish.offer(MQTT, 1000, 0, "192.0.2.1")
    box.points[0].alive = leader_alive
    box.inbox.sender = sender
    assert box.offer(SET_CURRENT, b"16", retained=True) == copied(SET_CURRENT, b"16")
    assert box.points[0].wish.sender == sender


def test_who_asks_is_heard_and_a_replayed_question_is_none():
    inbox = Box().inbox
    for topic, retained, asked in ((inbox.ask_topic + b"x", False, False), (inbox.ask_topic[:-1], False, False), (inbox.ask_topic, True, False), (inbox.ask_topic, False, True), (b"x", False, True)):
        inbox.offer(topic, b"", retained, 0)
        assert inbox.asked is asked


def test_the_parent_is_told_without_its_quotes_a_bool_is_a_number_and_none_exceeds_30_bits():
    box = Box()
    box.offer(PARENT, b'"cp1"')
    assert box.value(points.P_PARENT_CP) == b"cp1"
    assert [box.inbox._whole(payload) for payload in (b"true", b"false", b"7", b"1.5", b"x")] == [1, 0, 7, None, None]
    for digits in (b"999999999", b"1234567890", b"99999999999999999999999999"):
        assert (box.inbox._scan(digits, 0), box.inbox._scan(b"-" + digits, 0)) == (999999999, -999999999)
