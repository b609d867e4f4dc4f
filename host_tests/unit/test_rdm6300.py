"""The frames of an RDM6300: whole, byte by byte, damaged, repeated, with garbage around."""
import random

import pytest
from rdm6300 import REARM_MS, Rdm6300, _digit

from host_tests.fakes.rdm6300 import FRAME_EVERY_MS, Rdm6300Uart, frame, uid_of

TAG = bytes.fromhex("100086f444")
FRAME = b"\x02100086F44426\x03"
OTHER = bytes.fromhex("0a00123456")
WRAP = 1 << 30


class Bench:
    def __init__(self, start_ms=0):
        self.uart = Rdm6300Uart()
        self.reader = Rdm6300(self.uart)
        self.now_ms = start_ms

    def poll(self, data=b"", after_ms=100):
        self.now_ms = (self.now_ms + after_ms) % WRAP
        self.uart.send(data)
        return self.reader.poll(self.now_ms)

    def hold(self, uid, ms):
        """A tag stays near; returns what was reported."""
        found = []
        for _ in range(ms // FRAME_EVERY_MS):
            found.append(self.poll(frame(uid), FRAME_EVERY_MS))
        return [uid for uid in found if uid is not None]


@pytest.fixture
def bench():
    return Bench()


def test_the_frame_of_the_manufacturer_is_understood(bench):
    assert frame(TAG) == FRAME
    assert bench.poll(FRAME) == TAG


def test_a_frame_may_come_in_bytes(bench):
    found = [bench.poll(FRAME[i : i + 1], 1) for i in range(len(FRAME))]
    assert found == [None] * 13 + [TAG]


def test_small_letters_are_digits_too(bench):
    assert bench.poll(FRAME.replace(b"F", b"f")) == TAG


def test_a_tag_that_stays_is_reported_once(bench):
    assert bench.hold(TAG, 60000) == [TAG]
    assert bench.reader.frames == 60000 // FRAME_EVERY_MS


def test_a_tag_that_was_away_for_half_a_second_is_reported_again(bench):
    assert bench.hold(TAG, 1000) == [TAG]
    assert bench.poll(FRAME, REARM_MS - 1) is None
    assert bench.poll(FRAME, REARM_MS) == TAG


def test_another_tag_is_reported_at_once(bench):
    bench.hold(TAG, 1000)
    assert bench.hold(OTHER, 1000) == [OTHER]


@pytest.mark.parametrize("start_ms", [WRAP - 400, WRAP - 1, 0])
def test_the_wrap_of_the_ticks_makes_no_second_report(start_ms):
    bench = Bench(start_ms)
    assert bench.hold(TAG, 1000) == [TAG]


@pytest.mark.parametrize("days", [13, 26])
def test_a_tag_after_days_without_one_is_reported(bench, days):
    bench.hold(TAG, 1000)
    for _ in range(days * 24):
        bench.poll(after_ms=3600000)
    assert bench.poll(FRAME) == TAG


@pytest.mark.parametrize("at", range(len(FRAME)))
def test_a_flipped_bit_is_refused(at):
    for bit in range(8):
        bench = Bench()
        damaged = bytearray(FRAME)
        damaged[at] ^= 1 << bit
        if damaged.upper() != FRAME:  # a small letter is the same digit
            assert bench.poll(bytes(damaged)) is None
        bench.poll(after_ms=1000)
        assert bench.poll(FRAME) == TAG, "a bad byte costs its frame only"


@pytest.mark.parametrize("n", range(1, len(FRAME)))
def test_a_frame_that_breaks_off_costs_nothing_but_itself(bench, n):
    assert bench.poll(FRAME[:n]) is None
    assert bench.poll(FRAME) == TAG


@pytest.mark.parametrize("garbage", [b"\x00", b"\xff" * 70, b"\x02", b"\x03", b"\r\n", b"\x02\x02", b"0123456789AB", b"\x02100086F44426"])
def test_garbage_around_is_skipped(bench, garbage):
    assert bench.poll(garbage + FRAME + garbage) in (TAG, None)
    assert bench.hold(TAG, 200) in ([], [TAG])
    assert bench.reader.frames > 0


def test_more_bytes_than_a_bite_wait_for_the_next_poll(bench):
    assert bench.poll(b"\x00" * 60 + FRAME) is None
    assert bench.poll() == TAG


@pytest.mark.parametrize("seed", range(30))
def test_whatever_comes_in_a_good_frame_behind_it_is_reported(seed):
    """Noise of any bytes, with pieces of frames in it, cut anywhere; what is reported was whole somewhere."""
    rng = random.Random(seed)
    bench = Bench(rng.randrange(WRAP))
    data = b""
    whole = set()
    for _ in range(60):
        uid = uid_of(rng.getrandbits(32), rng.getrandbits(8))
        kind = rng.randrange(4)
        if kind == 0:
            data += bytes(rng.randrange(256) for _ in range(rng.randrange(40)))
        elif kind == 1:
            data += frame(uid)[: rng.randrange(14)]
        elif kind == 2:
            damaged = bytearray(frame(uid))
            damaged[rng.randrange(14)] = rng.randrange(256)
            data += damaged
            whole.add(uid)
        else:
            data += frame(uid)
            whole.add(uid)
    found = []
    while data:
        n = rng.randrange(1, 50)
        found.append(bench.poll(data[:n], rng.randrange(1, 200)))
        data = data[n:]
    while bench.uart.waiting:
        bench.poll()
    bench.poll(after_ms=1000)
    assert {uid for uid in found if uid} <= whole
    assert bench.poll(frame(TAG)) == TAG


def test_only_hexadecimal_digits_are_digits():
    found = {byte: _digit(byte) for byte in range(256) if _digit(byte) != -1}

    assert found == {ord(c): int(c, 16) for c in "0123456789ABCDEFabcdef"}


@pytest.mark.parametrize("before", [b"", b"\x02x", b"\x02100x", FRAME, b"\x02100086F4442600"])
def test_a_frame_without_its_start_is_none_whatever_came_before(bench, before):
    bench.poll(before)
    bench.poll(after_ms=2 * REARM_MS)

    assert bench.poll(FRAME[1:]) is None
    assert bench.poll(b"0" + FRAME[1:]) is None
    assert bench.poll(b"00" + FRAME[1:]) is None


@pytest.mark.parametrize(("first", "second"), [(TAG, OTHER), (bytes((1, 2, 3, 4, 5)), bytes((1, 2, 3, 4, 6))), (bytes((1, 2, 3, 4, 6)), bytes((1, 2, 3, 4, 5)))])
def test_another_tag_is_another_whichever_number_is_larger(bench, first, second):
    assert bench.poll(frame(first)) == first
    assert bench.poll(frame(second)) == second
