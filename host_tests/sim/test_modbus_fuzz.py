"""Whatever one Modbus client sends, in whatever portions: nothing escapes, the others are served, and the cut-off works."""

import os
import random

import pytest
from connections import BODY_BYTES, CHUNK_BYTES, TX_BYTES
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from modbus_server import STALLED
from reads import READ_LIMIT_MS

from host_tests.unit.modbus_bench import EVCC, Box, adu, read, split, write, write_many

MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "1"))
CASES = 20000 if MINUTES >= 10 else 5000
FUZZ = settings(derandomize=True, deadline=None, max_examples=CASES, database=None, suppress_health_check=list(HealthCheck))
HOSTILE = "192.168.1.66"

SENSIBLE = [
    adu(read(10100, 2)), adu(read(10100, 125, 3)), adu(read(10299)), adu(read(10160, 10)), adu(write(10171, 1600)), adu(write(10171, 0)), adu(write(10271, 600)),
    adu(write(10171, 0xFFFF)), adu(write(10171, 16000)), adu(write(10180, 1)), adu(write(10181, 1)), adu(write(10190, 0)), adu(write(10190, 1)),
    adu(write(10197, 1)), adu(write(10198, 5)), adu(write(10198, 0x7FFF)), adu(write(10199, 1)), adu(write_many(10180, 3, 1)), adu(write_many(10197, 1, 1, 1)),
    adu(write_many(10171, 3200)), adu(b"\x2b\x0e\1\0"), adu(b"\x01\x27\x74\0\1"),
]  # fmt: skip
NASTY = [
    adu(read(10100, 0)), adu(read(10100, 126)), adu(read(10299, 2)), adu(read(0xFFFF, 0xFFFF)), adu(write(0, 0)), adu(write_many(10171, *[0xFFFF] * 123)),
    adu(write_many(10196, 1, 1, 1, 1)), adu(b"\x10\x27\xbb\0\1\xff"), adu(b"\x10\x27\xbb\xff\xff\0"), adu(b"\x10"), adu(b"\x03"), adu(b"\x06\x27"), adu(b"\0"),
    adu(b"\xff" * 253), adu(read(10100), unit=0), adu(write(10171, 3200), unit=255), bytes(6), bytes(300), b"\xff" * 300, b"GET / HTTP/1.0\r\n\r\n",
    bytes.fromhex("0001 0000 0001 01"), bytes.fromhex("0001 0000 00ff 01"), bytes.fromhex("0001 0100 0006 01"), bytes.fromhex("0001 0000 00fe 01 04 2774"),
]  # fmt: skip


class Lot:
    """What one seed makes the client do; drawn here and not by hypothesis, which would take longer than the test."""

    def __init__(self, seed):
        self._lot = random.Random(seed)
        choice = self._lot.choice
        self.data = [self._piece() for _ in range(self._lot.randrange(9))]
        if self._lot.randrange(10) == 0:
            self.data = self.data[:1] * 100
        self.portion = choice((1, 3, 50, 10000))
        self.room = choice((None, None, None, 0, 3, 200))
        self.ending = choice(("stay", "stay", "fin", "rst"))
        self.free = choice((True, False))  # everybody may write
        self.lives = choice((1, 1, 1, 12))  # connections

    def _piece(self):
        lot = self._lot
        data = bytearray(lot.choice(SENSIBLE + NASTY))
        kind = lot.randrange(9)
        if kind == 0:
            data[lot.randrange(len(data))] = lot.randrange(256)
        elif kind == 1:
            del data[lot.randrange(len(data)) :]
        elif kind == 2:
            data = lot.randbytes(lot.randrange(300))
        elif kind == 3:
            at = lot.randrange(len(data))
            data[at:at] = lot.randbytes(lot.randrange(1, 4))
        elif kind == 4:
            data[4:6] = lot.randrange(260).to_bytes(2, "big")  # a lie about the length
        return bytes(data)

    def __repr__(self):
        return f"{self.lives} x {self.data} in portions of {self.portion}, room {self.room}, then {self.ending}, free {self.free}"


def check_buffers(box):
    for slot in box.pool.slots:
        if slot.chunk is None:
            continue  # nobody has been there
        assert (len(slot.chunk), len(slot.inbound.buf), len(slot.tx.buf)) == (CHUNK_BYTES, BODY_BYTES, TX_BYTES)
        assert 0 <= slot.tx.start <= slot.tx.end <= TX_BYTES
    for point in box.points:
        set_ca = point.wish.current_ca(box.now_ms)
        assert set_ca is None or set_ca == 0 or 600 <= set_ca <= 3200
    assert box.modbus.used == sum(1 for slot in box.pool.slots if slot.door is box.modbus)


def attack(box, lot):
    clients = []
    for _ in range(lot.lives):
        fuzz = box.dial(HOSTILE)
        fuzz.portion, fuzz.room = lot.portion, lot.room
        fuzz.send(b"".join(lot.data))
        if lot.ending != "stay":
            fuzz.hang_up() if lot.ending == "fin" else fuzz.reset()
        clients.append(fuzz)
    return clients


@given(st.integers(0, 1 << 40))
@FUZZ
def test_one_client_that_sends_anything_harms_nobody_and_the_cut_off_works(seed):
    lot = Lot(seed)
    note(lot)
    box = Box(controllers=None if lot.free else [EVCC])
    evcc = box.dial()
    evcc.send(adu(write(10171, 1600)) + adu(read(10143), transaction=0))
    box.step(15)
    clients = attack(box, lot)
    for i in range(1, 4):
        evcc.send(adu(read(10143), transaction=i))
        for _ in range(7):
            box.step(15)
    check_buffers(box)
    assert evcc.open
    assert [(number, pdu.hex()) for number, _, pdu in split(evcc.received)][1:] == [(i, "04020001") for i in range(4)]
    if not lot.free:
        wish = box.points[0].wish
        assert (wish.sender, wish.current_ca(box.now_ms)) == (EVCC, 1600)
        assert box.door.readers.of(EVCC).reason == 0
    for fuzz in clients:
        if lot.room is None and fuzz.accepted:
            split(fuzz.received)
    box.step(READ_LIMIT_MS)
    assert box.door.readers.of(EVCC).reason, "and the end of the reads is noticed"


@pytest.mark.parametrize("room", [None, 0])
def test_a_flood_on_every_socket_leaves_the_leader_its_connection_and_its_answers(room):
    """Slow-loris and flood in one: seven that never read, one that never stops, and evcc between them."""
    box = Box()
    evcc = box.dial()
    box.ask(evcc, write(10171, 1000))
    for k in range(60):
        fuzz = box.dial("192.168.9.%d" % k)
        fuzz.room = room
        fuzz.send(adu(read(10100, 125)) * (200 if k % 2 else 1) if k % 3 else adu(read(10100))[:5])
        for i in range(5):
            evcc.send(adu(read(10100, 2), transaction=i))
            box.run_ms(200)
            assert [number for number, _, _ in split(evcc.received)] == [i], "answered within 200 ms"
            evcc.received = bytearray()
    assert evcc.open and box.door.readers.of(EVCC).reason == 0 and box.points[0].wish.sender == EVCC
    if room == 0:
        assert box.door.ended[STALLED]
