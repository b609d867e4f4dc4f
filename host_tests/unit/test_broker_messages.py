"""Messages through the broker: subscriptions, the echo of set messages, QoS handshakes."""

import points
import pytest
from topics import TOLD

from host_tests.fakes.peer import publish, split, subscribe, unsubscribe
from host_tests.unit.broker_bench import COPY, GET, HEARTBEAT, ROOT, SET, SET_CURRENT, Box, echo_of_16



@pytest.fixture
def box():
    return Box()


# -- subscriptions --------------------------------------------------------------------------------------------------------


def names(messages):
    return [topic for topic, _, _ in messages]


def test_everything_is_there_right_behind_the_suback_with_the_retain_bit(box):
    client = box.client()
    client.send(subscribe(GET, packet_id=0x1234))
    box.settle()
    packets = split(client.received)
    assert packets[0] == (0x90, b"\x12\x34\x00")
    assert names(client.messages()) == [ROOT + b"0/" + row[0] for row in TOLD]
    assert all(head == 0x31 for head, _ in packets[1:])


def test_a_primary_needs_few_large_segments(box):
    client = box.client()
    before = client.writes
    client.send(subscribe(GET))
    box.settle()
    assert len(client.received) > 1200 and client.writes - before <= 4
    client.take()
    before = client.writes
    box.run_ms(1500)
    assert len(client.received) > 1200 and client.writes - before <= 4, "likewise in every round"


def test_then_everything_is_told_every_second_changed_or_not_without_the_retain_bit(box):
    client = box.subscriber(GET)
    rounds = []
    for _ in range(5):
        box.run_ms(1000)
        rounds.append(client.messages())
    for messages in rounds[1:]:
        assert len(messages) == len(TOLD) and not any(retained for _, _, retained in messages)
    box.points[0].image.value[points.P_POWER_CW] = 123450
    box.run_ms(2000)
    assert (ROOT + b"0/get/power", b"1234.5", False) in client.messages()


def test_one_filter_gets_one_charge_point_of_two():
    box = Box(2)
    client = box.client()
    client.send(subscribe(ROOT + b"1/get/#"))
    box.settle()
    assert names(client.messages()) == [ROOT + b"1/" + row[0] for row in TOLD]


def test_overlapping_filters_deliver_once(box):
    client = box.subscriber(b"openWB/#", b"#", ROOT + b"+/get/power", ROOT + b"0/get/power")
    box.run_ms(2000)
    client.take()
    box.run_ms(1000)
    assert names(client.messages()).count(ROOT + b"0/get/power") == 1
    box.set(box.client(), SET_CURRENT, b"16")
    assert [m for m in client.messages() if b"set_current" in m[0]] == echo_of_16()


def test_qos_1_and_2_are_granted_as_qos_0(box):
    client = box.client()
    client.send(subscribe(b"a", b"b", qos=1) + subscribe(b"c", qos=2, packet_id=2))
    box.settle()
    assert client.take() == [(0x90, b"\0\1\0\0"), (0x90, b"\0\2\0")]


def test_the_same_filter_again_brings_the_retained_messages_again(box):
    client = box.subscriber(ROOT + b"0/get/power")
    for _ in range(3):
        client.send(subscribe(ROOT + b"0/get/power"))
        box.settle()
        assert [m for m in client.messages() if m[2]] == [(ROOT + b"0/get/power", b"0.0", True)]


def test_unsubscribe_ends_the_messages_of_this_filter_only(box):
    client = box.subscriber(ROOT + b"0/get/power", GET)
    client.send(unsubscribe(GET, b"unknown", packet_id=7))
    box.settle()
    assert client.take() == [(0xB0, b"\0\x07")]
    box.run_ms(2000)
    assert set(names(client.messages())) == {ROOT + b"0/get/power"}
    client.send(unsubscribe(ROOT + b"0/get/power"))
    box.settle()
    client.take()
    box.run_ms(3000)
    assert client.messages() == []


def test_unsubscribe_stops_what_is_still_owed(box):
    client = box.client()
    client.send(subscribe(GET) + unsubscribe(GET))
    box.settle()
    assert len([1 for head, _ in client.take() if head & 0xF0 == 0x30]) < len(TOLD)


def test_openems_subscribes_nine_exact_topics_with_qos_1(box):
    wanted = [
        b"voltages", b"currents", b"power", b"powers", b"imported", b"plug_state", b"charge_state", b"phases_in_use", b"fault_state",
    ]  # fmt: skip
    client = box.client()
    for i, name in enumerate(wanted):
        client.send(subscribe(ROOT + b"0/get/" + name, qos=1, packet_id=i + 1))
        box.settle()
    assert sorted(names(client.messages())) == sorted(ROOT + b"0/get/" + name for name in wanted)


def test_more_filters_than_there_is_room_for_are_refused_one_by_one(box):
    client = box.client()
    client.send(subscribe(*[b"f/%d" % i for i in range(20)]))
    box.settle()
    assert client.take() == [(0x90, b"\0\1" + b"\0" * 16 + b"\x80" * 4)]
    other = box.client()
    other.send(subscribe(b"x" * 300, b"y" * 100) + subscribe(b"z" * 113, packet_id=2) + subscribe(b"z" * 112, packet_id=3))
    box.settle()
    assert other.take() == [(0x90, b"\0\1\0\0"), (0x90, b"\0\2\x80"), (0x90, b"\0\3\0")]


def test_a_subscription_of_as_many_filters_as_fit_is_answered(box):
    client = box.client()
    client.send(subscribe(*[b"a"] * 103))
    box.settle()
    assert client.take() == [(0x90, b"\0\1" + b"\0" * 103)]


def test_what_a_controller_said_is_there_for_who_comes_later(box):
    box.set(box.client(), SET_CURRENT, b"10.5")
    box.set(box.client(), SET + b"0/data/phases_to_use", b"3")
    box.set(box.client(), SET + b"0/data/parent_cp", b'"7"')
    client = box.client()
    client.send(subscribe(b"openWB/+/+/data/#"))
    box.settle()
    assert client.messages() == [
        (COPY, b"10.5", True), (ROOT + b"0/data/phases_to_use", b"3", True), (ROOT + b"0/data/parent_cp", b'"7"', True),
    ]  # fmt: skip
    box.run_ms(3000)
    assert client.messages() == []


def test_the_set_tree_is_empty_for_who_comes_later(box):
    box.set(box.client(), SET_CURRENT, b"16")
    client = box.client()
    client.send(subscribe(b"openWB/set/#"))
    box.settle()
    assert client.messages() == []


def test_nothing_is_sent_to_who_subscribed_to_nothing(box):
    client = box.client()
    box.set(client, SET_CURRENT, b"16")
    box.run_ms(3000)
    assert client.take() == []


# -- the echo -------------------------------------------------------------------------------------------------------------


def test_a_set_message_comes_back_as_value_copy_and_wipe_in_this_order(box):
    observer, controller = box.subscriber(b"openWB/set/#", COPY), box.client()
    box.set(controller, SET_CURRENT, b" 16 ", retain=True)
    assert observer.messages() == [(SET_CURRENT, b" 16 ", False), (COPY, b"16", False), (SET_CURRENT, b"", False)]
    assert controller.take() == []


@pytest.mark.parametrize(("filters", "per_step"), [((b"openWB/set/#", COPY), [0, 1, 1, 1, 0]), ((COPY,), [0, 1, 0, 0, 0])])
def test_a_step_sends_one_message_of_an_echo_and_passes_over_what_nobody_wants(box, filters, per_step):
    observer, controller = box.subscriber(*filters), box.client()
    controller.send(publish(SET_CURRENT, b"16"))
    counts = []
    for _ in per_step:
        box.step(0)
        counts.append(len(observer.messages()))
    assert counts == per_step


def test_of_an_invalid_value_only_value_and_wipe_are_seen(box):
    observer = box.subscriber(b"openWB/#")
    observer.take()
    box.set(box.client(), SET_CURRENT, b'"ten"')
    assert observer.messages() == [(SET_CURRENT, b'"ten"', False), (SET_CURRENT, b"", False)]


def test_the_reset_of_a_command_comes_last(box):
    topic = SET + b"0/data/trigger_phase_switch"
    observer = box.subscriber(b"openWB/+/internal_chargepoint/0/data/#", ROOT + b"0/data/#")
    box.set(box.client(), topic, b"true")
    copy = ROOT + b"0/data/trigger_phase_switch"
    assert observer.messages() == [(topic, b"true", False), (copy, b"true", False), (topic, b"", False), (copy, b"false", False)]


@pytest.mark.parametrize("name", [b"isss/heartbeat", b"isss/Current", b"command/primary/todo", b"internal_chargepoint/7/data/set_current"])
def test_what_is_not_for_this_box_is_passed_on_and_left_alone(box, name):
    observer = box.subscriber(b"openWB/set/#")
    box.set(box.client(), b"openWB/set/" + name, b"5", retain=True)
    assert observer.messages() == [(b"openWB/set/" + name, b"5", False)]
    assert box.inbox.accepted == box.inbox.rejected == 0


def test_a_wipe_by_a_client_wipes_nothing_else(box):
    observer = box.subscriber(b"openWB/#")
    observer.take()
    box.set(box.client(), SET_CURRENT, b"", retain=True)
    assert observer.messages() == [(SET_CURRENT, b"", False)]


def test_who_sets_and_is_subscribed_sees_its_own_message(box):
    client = box.subscriber(b"openWB/set/#", COPY)
    box.set(client, SET_CURRENT, b"16")
    assert client.messages() == echo_of_16()


def test_the_next_set_message_waits_until_the_echo_of_the_last_one_is_out(box):
    observer = box.subscriber(b"openWB/set/#", ROOT + b"0/data/#")
    clients = [box.client() for _ in range(3)]
    for i, client in enumerate(clients):
        client.send(publish(SET_CURRENT, b"1%d" % i) + publish(SET + b"0/data/phases_to_use", b"3"))
    box.settle()
    messages = observer.messages()
    assert len(messages) == 18
    for i in range(0, 18, 3):
        topic, value, _ = messages[i]
        assert messages[i + 1 : i + 3] == [(topic.replace(b"/set/", b"/", 1), value, False), (topic, b"", False)]


def test_everything_happens_behind_the_prefix():
    box = Box(prefix="garage/")
    observer = box.subscriber(b"garage/#")
    box.run_ms(2000)
    assert b"garage/" + ROOT + b"0/get/power" in names(observer.messages())
    client = box.client()
    observer.take()
    box.set(client, SET_CURRENT, b"16")
    assert SET_CURRENT not in names(observer.messages()) and box.broker.ignored == 1
    box.set(client, b"garage/" + SET_CURRENT, b"16")
    assert observer.messages() == echo_of_16(b"garage/" + SET_CURRENT, b"garage/" + COPY)
    assert box.points[0].wish.current_ca(box.now_ms) == 1600


def test_two_charge_points_share_tag_and_heartbeat():
    box = Box(2)
    observer = box.subscriber(b"openWB/set/#", ROOT + b"last_tag", ROOT + b"global_data", ROOT + b"1/data/#")
    client = box.client()
    box.set(client, SET + b"1/data/set_current", b"16")
    box.set(client, SET + b"last_tag", b'"ABC"')
    box.set(client, HEARTBEAT, b'{"heartbeat": 9}')
    assert [m for m in observer.messages() if b"/set/" not in m[0]] == [
        (ROOT + b"1/data/set_current", b"16", False), (ROOT + b"last_tag", b'"ABC"', False), (ROOT + b"global_data", b'{"heartbeat": 9}', False),
    ]  # fmt: skip
    assert [point.image.value[points.P_RFID] for point in box.points] == [b"ABC"] * 2


# -- QoS ------------------------------------------------------------------------------------------------------------------


def test_qos_1_is_acknowledged_by_its_id(box):
    client = box.client()
    box.set(client, SET_CURRENT, b"16", qos=1, packet_id=0x0102)
    assert client.take() == [(0x40, b"\x01\x02")] and box.inbox.accepted == 1


def test_qos_2_is_received_released_and_completed(box):
    client = box.client()
    box.set(client, SET_CURRENT, b"16", qos=2, packet_id=5)
    assert client.take() == [(0x50, b"\0\5")] and box.inbox.accepted == 1
    client.send(b"\x62\x02\x00\x05")
    box.settle()
    assert client.take() == [(0x70, b"\0\5")]


def test_a_qos_2_message_that_is_repeated_before_its_release_is_delivered_once(box):
    client = box.client()
    for dup in (False, True, True):
        box.set(client, SET_CURRENT, b"16", qos=2, packet_id=5, dup=dup)
    assert client.take() == [(0x50, b"\0\5")] * 3 and box.inbox.accepted == 1
    client.send(b"\x62\x02\x00\x05")
    box.settle()
    box.set(client, SET_CURRENT, b"16", qos=2, packet_id=5)
    assert box.inbox.accepted == 2, "after the release the id is free"


def test_a_released_id_is_not_mistaken_for_another_one(box):
    client = box.client()
    for packet_id in (5, 1, 2, 65535, 5):
        box.set(client, SET_CURRENT, b"16", qos=2, packet_id=packet_id)
        client.send(b"\x62\x02" + packet_id.to_bytes(2, "big"))
        box.settle()
    assert box.inbox.accepted == 5


def test_a_release_frees_its_own_id_and_no_other(box):
    client = box.client()
    for packet_id in (3, 5, 7):
        box.set(client, SET_CURRENT, b"16", qos=2, packet_id=packet_id)
    client.send(b"\x62\x02\x00\x05")
    for packet_id in (3, 7):
        box.set(client, SET_CURRENT, b"16", qos=2, packet_id=packet_id, dup=True)
    assert box.inbox.accepted == 3


def test_twenty_qos_2_messages_in_flight_are_told_apart_and_more_do_no_harm(box):
    client = box.client()
    for i in range(1, 21):
        box.set(client, SET_CURRENT, b"16", qos=2, packet_id=i)
    for i in range(1, 21):
        box.set(client, SET_CURRENT, b"16", qos=2, packet_id=i, dup=True)
    assert box.inbox.accepted == 20
    box.set(client, SET_CURRENT, b"16", qos=2, packet_id=21)
    assert box.inbox.accepted == 21 and len(client.take()) == 41 and client.open
    box.set(client, SET_CURRENT, b"16", qos=2, packet_id=2, dup=True)
    assert box.inbox.accepted == 21
    box.set(client, SET_CURRENT, b"16", qos=2, packet_id=1, dup=True)
    assert box.inbox.accepted == 22, "the oldest of too many is forgotten"


def test_ids_of_the_last_connection_mean_nothing_to_the_next_one(box):
    for i in (1, 2):
        client = box.client()
        for packet_id in (1, 5):
            box.set(client, SET_CURRENT, b"16", qos=2, packet_id=packet_id)
        client.hang_up()
        box.settle()
        assert box.inbox.accepted == 2 * i


def test_a_release_of_what_is_not_known_is_completed_all_the_same(box):
    client = box.client()
    client.send(b"\x62\x02\x12\x34")
    box.settle()
    assert client.take() == [(0x70, b"\x12\x34")]


@pytest.mark.parametrize("topic", [b"a", ROOT + b"0/get/power", COPY, b"openWB/setx/a", b"$SYS/broker/connection/ha/state", b"openWB/set"])
def test_publishes_outside_the_set_tree_are_acknowledged_and_dropped(box, topic):
    observer, client = box.subscriber(b"#", b"$SYS/#", b"a/#"), box.client()
    observer.take()
    for qos in (0, 1, 2):
        box.set(client, topic, b"1", qos=qos, retain=True)
    assert [head for head, _ in client.take()] == [0x40, 0x50]
    assert observer.messages() == [] and box.broker.ignored == 3 and box.broker.sets == 0
    later = box.client()
    later.send(subscribe(topic))
    box.settle()
    assert b"1" not in [payload for _, payload, _ in later.messages()]
