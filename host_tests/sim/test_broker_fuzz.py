"""Whatever one client sends, in whatever portions: nothing escapes, nothing grows, and the others notice nothing."""

import os
import random

from connections import BODY_BYTES, CHUNK_BYTES, TX_BYTES
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from topics import TOLD

from host_tests.fakes.peer import DISCONNECT, PINGREQ, connect, encoded, publish, split, subscribe, unsubscribe
from host_tests.unit.broker_bench import GET, HEARTBEAT, SET, SET_CURRENT, Box

MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1"))
CASES = 20000 if MINUTES >= 10 else 5000
FUZZ = settings(derandomize=True, deadline=None, max_examples=CASES, database=None, suppress_health_check=list(HealthCheck))

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


class Lot:
    """What one seed makes the client do; drawn here and not by hypothesis, which would take longer than the test."""

    def __init__(self, seed):
        self._lot = random.Random(seed)
        choice = self._lot.choice
        self.data = [self._piece() for _ in range(self._lot.randrange(8))]
        if choice((True, False)):
            self.data.insert(0, connect(b"fuzz"))
        self.portion = choice((1, 3, 50, 10000))
        self.room = choice((None, None, 0, 3, 200))
        self.ending = choice(("stay", "stay", "fin", "rst"))

    def _piece(self):
        lot = self._lot
        data = bytearray(lot.choice(SENSIBLE + NASTY))
        kind = lot.randrange(8)
        if kind == 0:
            data[lot.randrange(len(data))] = lot.randrange(256)
        elif kind == 1:
            del data[lot.randrange(len(data)) :]
        elif kind == 2:
            data = lot.randbytes(lot.randrange(40))
        elif kind == 3:
            at = lot.randrange(len(data))
            data[at:at] = lot.randbytes(lot.randrange(1, 4))
        return bytes(data)

    def __repr__(self):
        return f"{self.data} in portions of {self.portion}, room {self.room}, then {self.ending}"


def check_buffers(box):
    for slot in box.pool.slots:
        if slot.chunk is None:
            continue  # nobody has been there
        assert (len(slot.chunk), len(slot.inbound.buf), len(slot.tx.buf)) == (CHUNK_BYTES, BODY_BYTES, TX_BYTES)
        assert 0 <= slot.tx.start <= slot.tx.end <= TX_BYTES
    for session in box.broker.sessions:
        assert len(session.filters) <= 16 and sum(map(len, session.filters)) <= 512


@given(st.integers(0, 1 << 40))
@FUZZ
def test_one_client_that_sends_anything_harms_nobody_and_the_cut_off_works(seed):
    lot = Lot(seed)
    note(lot)
    box = Box(heartbeat_alive=False)
    observer = box.dial().send(connect(b"observer") + subscribe(GET))
    primary = box.dial("192.168.1.10").send(connect(b"primary", keepalive_s=0))
    fuzz = box.dial("192.168.1.66")
    fuzz.portion, fuzz.room = lot.portion, lot.room
    fuzz.send(b"".join(lot.data))
    if lot.ending != "stay":
        fuzz.hang_up() if lot.ending == "fin" else fuzz.reset()
    for i in range(1, 4):
        primary.send(publish(HEARTBEAT, b'{"heartbeat": %d}' % i, qos=1, packet_id=i))
        for _ in range(7):
            box.step(15)
    check_buffers(box)
    assert observer.open and primary.open
    assert box.heartbeat.reason == 0, "three heartbeats were heard"
    assert primary.received.endswith(b"\x40\x02\x00\x03")
    told = [body for head, body in split(observer.received) if head & 0xF0 == 0x30]
    assert len(told) >= len(TOLD)
    if lot.room is None:
        split(fuzz.received)
    box.heartbeat.check((box.now_ms + 60000) & 0x3FFFFFFF)
    assert box.heartbeat.reason, "and their end is noticed"
