"""Whatever one Modbus client sends, in whatever portions: nothing escapes, the others are served, and the cut-off works."""

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from modbus_server import STALLED
from reads import READ_LIMIT_MS

from host_tests.sim.hostile import FUZZ, Lot, check_buffers
from host_tests.unit.modbus_bench import EVCC, Box, adu, read, split, write, write_many

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


class ModbusLot(Lot):
    def __init__(self, seed):
        super().__init__(seed, SENSIBLE + NASTY, 8)
        choice = self.lot.choice
        if self.lot.randrange(10) == 0:
            self.data = self.data[:1] * 100
        self.free = choice((True, False))  # everybody may write
        self.lives = choice((1, 1, 1, 12))  # connections

    def _damage(self, data, kind):
        if kind == 4:
            data[4:6] = self.lot.randrange(260).to_bytes(2, "big")  # a lie about the length
        return super()._damage(data, kind)


def check_box(box):
    check_buffers(box.pool)
    for point in box.points:
        set_ca = point.wish.current_ca(box.now_ms)
        assert set_ca is None or set_ca == 0 or 600 <= set_ca <= 3200
    assert box.modbus.used == sum(1 for slot in box.pool.slots if slot.door is box.modbus)


@given(st.integers(0, 1 << 40))
@FUZZ
def test_one_client_that_sends_anything_harms_nobody_and_the_cut_off_works(seed):
    lot = ModbusLot(seed)
    note(lot)
    box = Box(controllers=None if lot.free else [EVCC])
    evcc = box.dial()
    evcc.send(adu(write(10171, 1600)) + adu(read(10143), transaction=0))
    box.step(15)
    clients = [lot.attack(box, HOSTILE) for _ in range(lot.lives)]
    for i in range(1, 4):
        evcc.send(adu(read(10143), transaction=i))
        for _ in range(7):
            box.step(15)
    check_box(box)
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
