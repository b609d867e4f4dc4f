"""The bus master understands its reply whatever surrounds it, and takes nothing else for it."""
import random

import modbus
import pytest
from bus import DEFER_MAX, IDLE, TRANSITIONS, Bus
from station import BAD_CRC, OK, SEND_FAILED, TIMEOUT, WRONG_REPLY, Station

from host_tests.fakes.wire import crc16, reply_frame, sealed
from host_tests.unit.bench import recorded
from host_tests.unit.talk import CRC_BROKEN, GAP_MS, WORDS, Talk


@pytest.fixture
def talk():
    return Talk()


def check_words(talk, words):
    assert (talk.bus.state, talk.bus.result) == (IDLE, OK)
    assert [modbus.word(talk.bus.rx, 3 + 2 * i) for i in range(len(words))] == words


FEEDS = pytest.mark.parametrize("one_by_one", [False, True], ids=["whole", "byte by byte"])


@FEEDS
@pytest.mark.parametrize("function, words", [(3, [7]), (3, WORDS), (4, list(range(18))), (4, list(range(1000, 1076)))])
def test_a_reply_to_a_read_is_understood(talk, function, words, one_by_one):
    request = talk.ask(function, 0, len(words))

    assert talk.hear(reply_frame(request, words), one_by_one)

    assert request == sealed(bytes((1, function, 0, 0, 0, len(words))))
    check_words(talk, words)


@FEEDS
@pytest.mark.parametrize("word", [0, 16, 600, 3200])
def test_a_reply_to_a_write_is_understood(talk, word, one_by_one):
    request = talk.tell(1000, word)

    assert talk.hear(reply_frame(request, []), one_by_one)

    assert request == sealed(bytes((1, 16, 3, 0xE8, 0, 1, 2, word >> 8, word & 0xFF)))
    assert (talk.bus.result, talk.station.last_result) == (OK, OK)


BEFORE = {
    "a zero byte": b"\0",
    "an idle line": b"\xff\xff",
    "our unit": b"\x01",
    "our unit three times": b"\x01\x01\x01",
    "our unit and function": b"\x01\x03",
    "our unit and function twice": b"\x01\x03\x01\x03",
    "an exception's begin": b"\x01\x04\x83\x02",
    "another unit's reply": sealed(b"\x41\x03\x02\x00\x2a"),
    "another unit's reply full of our begin": sealed(b"\x41\x03\x08\x01\x03\x04\x01\x03\x01\x01\x03"),
    "our unit's reply to a write": sealed(b"\x01\x10\x03\xe8\x00\x01"),
    "our unit's longer reply": sealed(b"\x01\x03\x10" + bytes(16)),
    "our unit's shorter reply": sealed(b"\x01\x03\x02\x00\x12"),
    "our unit's reply to another function": sealed(b"\x01\x04\x06" + bytes(6)),
}


@FEEDS
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_what_stands_before_a_reply_does_not_hide_it(talk, before, one_by_one):
    request = talk.ask()

    assert talk.hear(before + reply_frame(request, WORDS) + b"\0", one_by_one)

    check_words(talk, WORDS)
    assert talk.bus.noise_bytes > 0


@FEEDS
@pytest.mark.parametrize("between", [b"", b"\0", b"\xff\xff\xff"])
@pytest.mark.parametrize("count", [1, 2, 3, 18])
def test_the_echo_of_a_read_is_dropped(talk, count, between, one_by_one):
    request = talk.ask(count=count)

    assert talk.hear(request + between + reply_frame(request, [5] * count), one_by_one)

    check_words(talk, [5] * count)
    assert talk.station.echoes == 1
    assert (talk.station.crc_errors, talk.station.wrong_replies) == (0, 0)


@FEEDS
@pytest.mark.parametrize("word", [0, 6, 16, 600, 1600, 3200])
def test_the_echo_of_a_write_is_dropped(talk, word, one_by_one):
    request = talk.tell(1000, word)

    assert not talk.hear(request, one_by_one)
    assert talk.hear(reply_frame(request, []), one_by_one)

    assert (talk.bus.result, talk.station.echoes, talk.bus.noise_bytes) == (OK, 1, 0)


@FEEDS
@pytest.mark.parametrize("write", [False, True])
def test_a_damaged_echo_is_no_echo(talk, write, one_by_one):
    request = talk.tell() if write else talk.ask()

    assert talk.hear(request[:-1] + bytes((request[-1] ^ 1,)), one_by_one)

    assert (talk.bus.result, talk.station.echoes) == (BAD_CRC, 0)


def test_an_echo_alone_is_no_answer(talk):
    for send in (talk.ask, talk.tell):
        assert not talk.hear(send())
        talk.wait_out()
        assert talk.bus.result == TIMEOUT


def test_no_reply_to_a_write_of_1000_looks_like_the_begin_of_its_echo():
    # The first 8 bytes of the echo are taken for the reply if the reply's CRC is (2, high byte of the value).
    for unit in range(1, 248):
        crc = crc16(bytes((unit, 16, 3, 0xE8, 0, 1)))
        assert (crc & 0xFF, crc >> 8) not in [(2, high) for high in range(3200 // 256 + 1)], unit


@FEEDS
def test_no_flipped_bit_goes_unseen(one_by_one):
    for bit in range(8 * (5 + 2 * len(WORDS))):
        talk = Talk()
        frame = bytearray(reply_frame(talk.ask(), WORDS))
        frame[bit // 8] ^= 1 << bit % 8
        if not talk.hear(bytes(frame), one_by_one):
            talk.wait_out()
        assert talk.bus.result in (TIMEOUT, BAD_CRC, WRONG_REPLY), bit
        talk.succeed()


@FEEDS
def test_a_wrong_crc_ends_the_transaction_at_once_and_is_counted(talk, one_by_one):
    frame = bytearray(reply_frame(talk.ask(), WORDS))
    frame[-1] ^= 0x55

    assert talk.hear(bytes(frame), one_by_one)

    assert talk.bus.result == BAD_CRC
    assert (talk.station.crc_errors, talk.station.timeouts, talk.station.wrong_replies) == (1, 0, 0)


WRONG = {
    "another function": sealed(b"\x01\x04\x06" + bytes(6)),
    "fewer bytes": sealed(b"\x01\x03\x04" + bytes(4)),
    "more bytes": sealed(b"\x01\x03\x08" + bytes(8)),
    "an exception of another function": sealed(b"\x01\x84\x02"),
    "a reply to a write": sealed(b"\x01\x10\x03\xe8\x00\x01"),
}


@FEEDS
@pytest.mark.parametrize("frame", WRONG.values(), ids=WRONG)
def test_a_reply_to_another_question_is_not_taken(talk, frame, one_by_one):
    talk.ask()

    assert not talk.hear(frame, one_by_one)
    talk.wait_out()

    assert talk.bus.result == WRONG_REPLY
    assert (talk.station.wrong_replies, talk.station.timeouts) == (1, 0)


@FEEDS
@pytest.mark.parametrize("head", [b"\x01\x10\x03\xe9\x00\x01", b"\x01\x10\x02\xe8\x00\x01", b"\x01\x10\x03\xe8\x00\x02"])
def test_a_reply_to_another_write_is_not_taken(talk, head, one_by_one):
    talk.tell(1000)

    assert talk.hear(sealed(head), one_by_one)

    assert (talk.bus.result, talk.station.wrong_replies) == (WRONG_REPLY, 1)


def test_a_reply_of_another_unit_is_silence(talk):
    talk.ask()

    assert not talk.hear(sealed(b"\x02\x03\x06" + bytes(6)))
    talk.wait_out()

    assert (talk.bus.result, talk.station.timeouts, talk.station.wrong_replies) == (TIMEOUT, 1, 0)


@FEEDS
@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("code, result", [(1, 1), (2, 2), (6, 6), (0, 1)])
def test_an_exception_is_an_answer(talk, write, code, result, one_by_one):
    request = talk.tell() if write else talk.ask()

    assert talk.hear(reply_frame(request, code), one_by_one)

    assert (talk.bus.result, talk.station.exceptions) == (result, 1)
    talk.fail(2)
    talk.succeed()
    assert not talk.station.silent


def test_half_a_reply_is_a_crc_error_and_nothing_is_a_timeout(talk):
    for n, result in ((0, TIMEOUT), (1, TIMEOUT), (2, TIMEOUT), (3, BAD_CRC), (10, BAD_CRC)):
        assert not talk.hear(reply_frame(talk.ask(), WORDS)[:n])
        talk.wait_out()
        assert talk.bus.result == result, n


@pytest.mark.parametrize("start_ms", [0, (1 << 30) - 100])
def test_a_reply_must_begin_within_155_ms_and_then_gets_its_wire_time(start_ms):
    talk = Talk(start_ms=start_ms)
    real_step = talk.bus.step
    talk.bus.step = lambda now_ms: real_step(now_ms & 0x3FFFFFFF)
    talk.ask(count=8)  # 8 characters out, 21 back
    assert talk.wait_out() == 9 + 155
    talk.tell()
    assert talk.wait_out() == 12 + 155
    assert not talk.hear(reply_frame(talk.ask(count=8), list(range(8)))[:-1])
    assert 20 + talk.wait_out() == 9 + 155 + 22  # hearing 20 characters took 20 ms


@pytest.mark.parametrize("begun", [b"", b"\x01\x03\x06"])
def test_a_transaction_whose_time_ran_out_while_the_loop_slept_ends_in_the_next_step(talk, begun):
    talk.ask()
    talk.hear(begun)
    talk.now_ms += 5000
    assert talk.bus.wait_ms(talk.now_ms) == 0
    assert talk.bus.step(talk.now_ms)
    assert talk.bus.result == (BAD_CRC if begun else TIMEOUT)


def test_a_reply_that_begins_in_time_is_heard_to_its_end(talk):
    frame = reply_frame(talk.ask(count=18), [7] * 18)
    talk.now_ms += 9 + 150
    assert not talk.hear(frame[:1])
    assert talk.hear(frame[1:], one_by_one=True)
    check_words(talk, [7] * 18)


def test_a_line_on_which_somebody_talks_is_left_alone_for_a_gap(talk):
    talk.station.ask(3, 1000, 3)
    talk.port.inbox += b"late"

    assert not talk.bus.start(talk.station, talk.now_ms)
    assert talk.port.sent == []
    assert talk.bus.rest_ms(talk.station, talk.now_ms) == talk.station.gap_ms()
    assert talk.bus.start(talk.station, talk.now_ms + talk.station.gap_ms())
    assert len(talk.port.sent) == 1


def test_a_line_that_never_falls_silent_is_waited_for_three_times_each_time(talk):
    talk.station.ask(3, 1000, 3)
    for _ in range(3):
        started = []
        for _ in range(4):
            talk.port.inbox += b"babble"
            started.append(talk.bus.start(talk.station, talk.now_ms))
        assert started == [False, False, False, True]
        talk.wait_out()


def test_0_a_does_not_wait_for_a_talking_line(talk):
    talk.station.tell(1000, 0)
    talk.station.urgent = True
    talk.port.inbox += b"babble"
    assert talk.bus.start(talk.station, talk.now_ms)


def test_stale_bytes_are_dropped_before_sending(talk):
    late = reply_frame(talk.ask(), [1, 2, 3])
    talk.wait_out()
    talk.port.inbox += late
    request = talk.ask()

    assert talk.bus.late_bytes == len(late)
    assert talk.hear(reply_frame(request, WORDS))
    check_words(talk, WORDS)


def test_all_that_a_uart_may_hold_is_dropped_before_sending(talk):
    talk.port.inbox += bytes(512)
    talk.station.ask(3, 1000, 3)
    assert not talk.bus.start(talk.station, talk.now_ms)
    assert (talk.bus.late_bytes, len(talk.port.inbox)) == (512, 0)


def test_nothing_ends_while_nothing_is_under_way(talk):
    assert not talk.bus.step(talk.now_ms)
    talk.succeed()
    talk.port.inbox += b"somebody else"
    assert not talk.bus.step(talk.now_ms)


@pytest.mark.parametrize(
    "baud, chars, ms", [(9600, 1, 2), (9600, 24, 25), (9600, 240, 250), (9600, 250, 261), (19200, 25, 13), (57600, 237, 42), (115200, 1, 1)]
)
def test_time_on_the_wire_is_rounded_up(baud, chars, ms):
    assert Bus(None, baud).wire_ms(chars) == ms


@FEEDS
def test_a_late_reply_to_another_station_is_not_the_answer(talk, one_by_one):
    other = Station(105, GAP_MS, 5000)
    other.ask(4, 0, 18)
    talk.bus.start(other, talk.now_ms)
    late = reply_frame(talk.port.sent[-1], [7] * 18)
    talk.wait_out()
    request = talk.ask()

    assert not talk.hear(late, one_by_one)
    assert talk.hear(reply_frame(request, WORDS), one_by_one)

    check_words(talk, WORDS)
    assert (other.timeouts, talk.station.latency_ms) == (1, talk.station.latency_max_ms)


@FEEDS
def test_a_late_reply_to_an_earlier_request_of_the_station_is_not_the_answer(talk, one_by_one):
    for earlier in (lambda: reply_frame(talk.ask(count=8), list(range(8))), lambda: reply_frame(talk.tell(), [])):
        late = earlier()
        talk.wait_out()
        request = talk.ask()
        assert not talk.hear(late, one_by_one)
        assert talk.hear(reply_frame(request, WORDS), one_by_one)
        check_words(talk, WORDS)


def test_garbage_never_passes_for_a_reply_and_costs_only_its_own_transaction():
    chance = random.Random(7)
    for _ in range(400):
        talk = Talk()
        request = talk.ask()
        pool = chance.choice([bytes(range(256)), request + b"\x06\x83", reply_frame(request, WORDS)])
        garbage = bytes(chance.choice(pool) for _ in range(chance.randrange(1, 150)))
        if not talk.hear(garbage, chance.random() < 0.5):
            talk.wait_out()
        assert talk.bus.result in (TIMEOUT, BAD_CRC, WRONG_REPLY), garbage.hex()
        talk.succeed()
        check_words(talk, WORDS)


def test_bytes_that_never_name_our_unit_cost_nothing():
    chance = random.Random(8)
    for _ in range(100):
        talk = Talk()
        garbage = bytes(chance.randrange(2, 256) for _ in range(chance.randrange(1, 100)))
        assert talk.hear(garbage + reply_frame(talk.ask(), WORDS))
        check_words(talk, WORDS)
        assert talk.bus.noise_bytes == len(garbage)


def test_a_babbling_line_neither_holds_the_start_nor_the_step(talk):
    class Endless(bytearray):
        def __delitem__(self, _):
            pass

    talk.port.inbox = Endless(b"\x55" * 64)
    talk.ask()
    assert talk.port.reads <= 9 * (DEFER_MAX + 1)
    talk.port.reads = 0
    talk.wait_out()
    assert talk.bus.result == TIMEOUT
    assert talk.port.reads <= 9 + 12 + 155 + 1, "more than one bite per step"


@pytest.mark.parametrize("room", [0, 3])
def test_a_request_that_was_not_sent_whole_has_failed_in_the_next_step(talk, room):
    talk.port.room = room
    talk.ask()

    assert talk.bus.wait_ms(talk.now_ms) == 0
    assert talk.bus.step(talk.now_ms), "its driver must hear of it"
    assert talk.bus.result == talk.station.last_result == SEND_FAILED
    talk.port.room = 1000
    talk.succeed()


def test_the_loop_is_woken_by_the_first_byte_and_then_knows_the_rest(talk):
    assert not talk.bus.hungry()
    frame = reply_frame(talk.ask(), WORDS)
    assert talk.bus.hungry()
    assert talk.bus.wait_ms(talk.now_ms) == 9 + 155
    assert not talk.hear(frame[:4])
    assert not talk.bus.hungry()
    assert talk.bus.wait_ms(talk.now_ms) == 8  # 7 characters
    assert talk.hear(frame[4:])
    assert not talk.bus.hungry()


def test_every_transition_is_in_the_table_and_the_table_has_no_other(talk):
    seen = recorded(talk.bus)
    talk.succeed()
    talk.fail(3)
    talk.fail(3, CRC_BROKEN)
    talk.hear(reply_frame(talk.tell(), 2))
    assert set(seen) == set(TRANSITIONS)
