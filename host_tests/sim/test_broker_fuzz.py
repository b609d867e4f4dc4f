"""Whatever one client sends, in whatever portions: nothing escapes, nothing grows, and the others notice nothing."""

from hypothesis import given, note
from hypothesis import strategies as st
from topics import TOLD

from host_tests.fakes.peer import DISCONNECT, PINGREQ, connect, encoded, publish, split, subscribe, unsubscribe
from host_tests.sim.hostile import FUZZ, Lot, check_buffers
from host_tests.unit.broker_bench import GET, HEARTBEAT, SET, SET_CURRENT, Box

SENSIBLE = [
    connect(b"fuzz"), connect(b""), connect(b"x" * 128, user=b"u", password=b"p"), connect(b"b", level=0x84), connect(b"w", will=(b"a", b"b", 1, True)),
    subscribe(b"#"), subscribe(b"openWB/#", b"+/+"), subscribe(GET, qos=2), unsubscribe(b"#"), unsubscribe(GET), PINGREQ, DISCONNECT,
    publish(SET_CURRENT, b"16"), publish(SET_CURRENT, b"1e9", qos=1, packet_id=7), publish(SET_CURRENT, b"6", qos=2, packet_id=8), b"\x62\x02\x00\x08",
    publish(HEARTBEAT, b'{"heartbeat": 1795327212.5, "parent_ip": "1.2.3.4"}', retain=True), publish(HEARTBEAT, b'{"heartbeat": {}}'),
    publish(SET + b"0/data/trigger_phase_switch", b"true"), publish(SET + b"last_tag", b'"\xf0\x9f\x98\x80"'), publish(SET + b"0/get/power", b"1"),
    publish(b"openWB/set/" + b"x" * 300, b"y"), publish(SET_CURRENT, b"1" * 300), publish(b"a" * 400, b""),
]  # fmt: skip
NASTY = [
    b"\x30\xff\xff\xff\x7f", b"\x10\xff\xff\xff\xff", b"\x82\x80\x80\x80\x00", b"\x30\x02\xff\xff", b"\x32\x04\x00\x01a\x00", b"\xf0\x00", b"\x00",
    publish(b"openWB/set/\0", b""), publish(b"openWB/set/\xed\xa0\x80", b""), publish(SET_CURRENT, b"\xff\xfe"), subscribe(b"a/#/b"), subscribe(b"\0"),
    encoded(0x10, b"\x00\x04MQTT\x04\xff\x00\x00" + b"\xff" * 20), encoded(0x82, b"\x00\x01\xff\xff"), b"GET / HTTP/1.0\r\n\r\n",
]  # fmt: skip


def check_sessions(broker):
    for session in broker.sessions:
        assert len(session.filters) <= 16 and sum(map(len, session.filters)) <= 512


@given(st.integers(0, 1 << 40))
@FUZZ
def test_one_client_that_sends_anything_harms_nobody_and_the_cut_off_works(seed):
    lot = Lot(seed, SENSIBLE + NASTY, 7)
    if lot.lot.choice((True, False)):
        lot.data.insert(0, connect(b"fuzz"))
    note(lot)
    box = Box(heartbeat_alive=False)
    observer = box.dial().send(connect(b"observer") + subscribe(GET))
    primary = box.dial("192.168.1.10").send(connect(b"primary", keepalive_s=0))
    fuzz = lot.attack(box, "192.168.1.66")
    for i in range(1, 4):
        primary.send(publish(HEARTBEAT, b'{"heartbeat": %d}' % i, qos=1, packet_id=i))
        for _ in range(7):
            box.step(15)
    check_buffers(box.pool)
    check_sessions(box.broker)
    assert observer.open and primary.open
    assert box.heartbeat.reason == 0, "three heartbeats were heard"
    assert primary.received.endswith(b"\x40\x02\x00\x03")
    told = [body for head, body in split(observer.received) if head & 0xF0 == 0x30]
    assert len(told) >= len(TOLD)
    if lot.room is None:
        split(fuzz.received)
    box.heartbeat.check((box.now_ms + 60000) & 0x3FFFFFFF)
    assert box.heartbeat.reason, "and their end is noticed"
