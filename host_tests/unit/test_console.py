"""Lines typed on the console, through a real pipe."""

import io
import os
import sys

import pytest
from clock import TICKS_MASK
from console import ASK_EVERY_MS, BITE_BYTES, LINE_BYTES, Console, _unbuffered
from hypothesis import given, settings
from hypothesis import strategies as st


class Keyboard:
    """A console with a pipe for its cable; time passes with every take()."""

    def __init__(self, start=TICKS_MASK - 1000):
        reading, self._writing = os.pipe()
        self.stream = open(reading, "rb", buffering=0)
        self.reads = 0
        self.console = Console(self)
        self.now_ms = start

    def fileno(self):
        return self.stream.fileno()

    def readinto(self, buf):
        self.reads += 1
        return self.stream.readinto(buf)

    def type(self, data):
        os.write(self._writing, data)

    def take(self, passed_ms=ASK_EVERY_MS):
        self.now_ms = (self.now_ms + passed_ms) & TICKS_MASK
        return self.console.take(self.now_ms)

    def lines(self, takes=20):
        return [line for line in (self.take() for _ in range(takes)) if line is not None]

    def unplug(self):
        if self._writing >= 0:
            os.close(self._writing)
        self._writing = -1

    def close(self):
        self.unplug()
        self.stream.close()


@pytest.fixture
def keyboard():
    keyboard = Keyboard()
    yield keyboard
    keyboard.close()


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r\n\r"])
def test_a_line_ends_with_either_key(keyboard, end):
    keyboard.type(b"maintenance" + end)
    assert keyboard.lines() == [b"maintenance"]


def test_a_line_comes_when_it_is_finished_and_not_before(keyboard):
    for part in (b"main", b"tenance", b" force"):
        keyboard.type(part)
        assert keyboard.take() is None
    keyboard.type(b"\n")
    assert keyboard.take() == b"maintenance force"


def test_several_lines_come_one_by_one(keyboard):
    keyboard.type(b"one\r\ntwo\rthree\n")
    assert [keyboard.take() for _ in range(4)] == [b"one", b"two", b"three", None]


def test_the_console_is_asked_every_200_ms_only(keyboard):
    keyboard.take()
    keyboard.type(b"x\n")
    for _ in range(ASK_EVERY_MS - 1):
        assert keyboard.take(1) is None
    assert keyboard.reads == 0
    assert keyboard.take(1) == b"x"


def test_asking_never_waits(keyboard, monkeypatch):
    waits_ms = []
    monkeypatch.setattr(keyboard.console, "_ipoll", lambda ms: waits_ms.append(ms) or ())
    keyboard.lines(3)
    assert waits_ms == [0, 0, 0]


def test_the_limits_are_those_that_tools_rely_on():
    assert (ASK_EVERY_MS, LINE_BYTES, BITE_BYTES) == (200, 32, 64)


def test_the_first_question_is_asked_at_once(keyboard):
    keyboard.type(b"x\n")
    assert keyboard.take(0) == b"x"


def test_nothing_typed_reads_nothing(keyboard):
    assert keyboard.lines() == []
    assert keyboard.reads == 0


@pytest.mark.parametrize("length, lines", [(LINE_BYTES, 1), (LINE_BYTES + 1, 0), (BITE_BYTES + 1, 0), (1000, 0)])
def test_a_line_that_is_too_long_is_dropped_whole_and_the_next_one_counts(keyboard, length, lines):
    keyboard.type(b"a" * length + b"\nnext\n")
    assert keyboard.lines() == [b"a" * length] * lines + [b"next"]


def test_what_can_not_be_printed_is_left_out(keyboard):
    keyboard.type(bytes(byte for byte in range(256) if byte not in (10, 13) and not 0x20 <= byte <= 0x7E) + b"a\x00b\x1bc\x7f\n")
    assert keyboard.lines() == [b"abc"]


def test_blanks_and_the_last_printable_character_stay(keyboard):
    keyboard.type(b" ~ \n")
    assert keyboard.lines() == [b" ~ "]


def test_empty_lines_are_nothing(keyboard):
    keyboard.type(b"\r\n\r\n\x00\n\n")
    assert keyboard.lines() == []


def test_a_flood_takes_a_bounded_bite_of_each_turn(keyboard):
    keyboard.type(b"\x00" * 1000)
    keyboard.take()
    assert keyboard.reads == BITE_BYTES


def test_after_the_end_nobody_is_asked_again(keyboard):
    keyboard.type(b"last\n")
    keyboard.unplug()
    assert keyboard.lines() == [b"last"]
    reads = keyboard.reads
    assert keyboard.lines() == []
    assert keyboard.reads == reads == len(b"last\n") + 1


def test_a_line_without_an_end_is_lost_with_the_cable(keyboard):
    keyboard.type(b"maintenan")
    keyboard.unplug()
    assert keyboard.lines() == []


def test_an_error_is_the_end_too(keyboard, monkeypatch):
    def fail(buf):
        keyboard.reads += 1
        raise OSError(5, "EIO")

    monkeypatch.setattr(keyboard, "readinto", fail)
    keyboard.type(b"x")
    assert keyboard.lines() == []
    assert keyboard.reads == 1


def test_a_stream_that_promised_a_byte_and_has_none_is_asked_again(keyboard, monkeypatch):
    keyboard.type(b"x\n")
    with monkeypatch.context() as empty:
        empty.setattr(keyboard, "readinto", lambda buf: None)
        assert keyboard.take() is None
    assert keyboard.take() == b"x"


def test_the_standard_input_is_read_below_its_buffers(monkeypatch):
    raw = io.BytesIO()
    text = io.TextIOWrapper(io.BufferedRandom(raw))
    assert _unbuffered(text) is raw
    assert _unbuffered(raw) is raw

    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as stdin, open(writing, "wb", buffering=0) as typed:
        monkeypatch.setattr(sys, "stdin", stdin)
        console = Console()
        typed.write(b"one\ntwo\n")
        assert [console.take(i * ASK_EVERY_MS) for i in range(3)] == [b"one", b"two", None]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=50).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=6), st.integers(1, 70))
def test_lines_come_out_as_they_were_typed_however_they_arrive(lines, chunk):
    keyboard = Keyboard()
    data = b"".join(line + b"\n" for line in lines)
    found = []
    for i in range(0, len(data), chunk):
        keyboard.type(data[i : i + chunk])
        found += keyboard.lines(8)
    found += keyboard.lines(8)
    keyboard.close()
    shown = [bytes(byte for byte in line if 0x20 <= byte <= 0x7E) for line in lines]
    assert found == [line for line in shown if 0 < len(line) <= LINE_BYTES]
