"""What belongs to the box and not to one charge point: the tag and the newest heartbeat, for who subscribes later."""

import pytest
from inbox import GLOBAL_DATA_BYTES
from points import P_LAST_TAG
from topics import KEPT, TOLD

from host_tests.fakes.peer import subscribe
from host_tests.unit.broker_bench import HEARTBEAT, ROOT, SET, Box

TAG, KEPT_HEARTBEAT = ROOT + b"last_tag", ROOT + b"global_data"
BEAT = b'{"heartbeat": 1795327212.25, "parent_ip": "192.0.2.1"}'


@pytest.fixture
def box():
    return Box(charge_points=2)


def told(box, *filters, **options):
    """{topic: payload} of what is retained; each once."""
    client = box.client(**options)
    client.send(subscribe(*filters))
    box.settle()
    messages = [message for message in client.messages() if message[0] in (TAG, KEPT_HEARTBEAT)]
    assert all(retained for _, _, retained in messages) and len(dict(m[:2] for m in messages)) == len(messages)
    return {topic: payload for topic, payload, _ in messages}


def test_who_subscribes_later_gets_heartbeat_and_tag_as_they_were_accepted(box):
    controller = box.client()
    box.set(controller, HEARTBEAT, BEAT, retain=True)
    box.set(controller, SET + b"last_tag", b'"0004141661"', retain=True)
    assert told(box, b"openWB/#") == {KEPT_HEARTBEAT: BEAT, TAG: b'"0004141661"'}
    assert told(box, ROOT + b"+") == {KEPT_HEARTBEAT: BEAT, TAG: b'"0004141661"'}
    assert told(box, ROOT + b"1/#") == {}


def test_before_anybody_has_said_something_there_is_no_tag_and_no_heartbeat(box):
    assert told(box, b"openWB/#") == {TAG: b"null"}


def test_the_newest_accepted_heartbeat_is_what_stays(box):
    controller = box.client()
    for payload in (b'{"heartbeat": 5}', BEAT, b'{"heartbeat": 0}', b"7", b'{"heartbeat": "8"}'):
        box.set(controller, HEARTBEAT, payload)
    assert told(box, KEPT_HEARTBEAT) == {KEPT_HEARTBEAT: BEAT}


def test_what_a_bridge_replays_is_not_kept(box):
    bridge = box.client(b"bridge", level=0x84)
    box.set(bridge, HEARTBEAT, BEAT, retain=True)
    box.set(bridge, SET + b"last_tag", b'"1"', retain=True)
    assert told(box, b"openWB/#") == {TAG: b"null"}


@pytest.mark.parametrize("size", [GLOBAL_DATA_BYTES, GLOBAL_DATA_BYTES + 1])
def test_a_long_heartbeat_counts_and_is_echoed_but_only_a_short_one_is_kept(box, size):
    payload = (b'{"heartbeat": 9, "note": "' + b"x" * size)[: size - 2] + b'"}'
    watcher, controller = box.subscriber(KEPT_HEARTBEAT), box.client()
    box.set(controller, HEARTBEAT, payload)
    assert box.inbox.accepted == 1 and watcher.messages() == [(KEPT_HEARTBEAT, payload, False)]
    assert told(box, KEPT_HEARTBEAT) == ({KEPT_HEARTBEAT: payload} if size == GLOBAL_DATA_BYTES else {})


def test_the_tag_is_told_every_second_and_once_for_all_charge_points_and_the_heartbeat_is_not(box):
    watcher = box.subscriber(ROOT + b"+")
    box.set(box.client(), HEARTBEAT, BEAT)
    watcher.take()
    box.run_ms(3000)
    assert watcher.messages() == [(TAG, b"null", False)] * 3
    box.points[0].image.value[P_LAST_TAG] = b"12"
    box.run_ms(1000)
    assert watcher.messages() == [(TAG, b'"12"', False)]


def test_the_topics_of_the_box_have_the_prefix_and_no_part_in_a_mirror():
    box = Box(prefix="garage/", mirror=[7])
    assert told(box, b"#") == {}
    client = box.client()
    client.send(subscribe(b"garage/#"))
    box.settle()
    names = [topic for topic, _, _ in client.messages() if topic.endswith((b"last_tag", b"global_data"))]
    assert names == [b"garage/" + TAG]


def test_a_client_of_another_broker_tells_neither():
    """There the echo is retained, by that broker; telling a heartbeat again would be a replay."""
    assert not [row for row in TOLD + KEPT if row[0] in (b"last_tag", b"global_data")]
