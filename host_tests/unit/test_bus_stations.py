"""How well a station answers: its gap, its silence, its counters and its latency."""
import pytest
from station import BAD_CRC, COUNT_MASK, OK, SEND_FAILED, TIMEOUT, WRONG_REPLY, Station

from host_tests.fakes.wire import reply_frame, sealed
from host_tests.unit.talk import CRC_BROKEN, GAP_MS, WORDS, Talk


@pytest.fixture
def talk():
    return Talk()


def test_the_gap_grows_with_bursts_of_errors_and_not_above_250_ms(talk):
    gaps = [talk.station.gap_ms()]
    for _ in range(5):
        talk.fail(2, CRC_BROKEN)
        assert talk.station.gap_ms() == gaps[-1], "two errors are no burst"
        talk.fail(1, CRC_BROKEN)
        gaps.append(talk.station.gap_ms())
    assert gaps == [20, 50, 100, 250, 250, 250]


def test_the_gap_shrinks_again_after_100_good_replies(talk):
    talk.fail(9, CRC_BROKEN)
    for gap_ms in (100, 50, 20, 20):
        talk.succeed(99)
        assert talk.station.gap_ms() > gap_ms or gap_ms == 20 == talk.station.gap_ms()
        talk.succeed(1)
        assert talk.station.gap_ms() == gap_ms


def test_one_good_reply_ends_a_burst_and_one_error_ends_the_calm(talk):
    for _ in range(10):
        talk.fail(2, CRC_BROKEN)
        talk.succeed()
    assert talk.station.gap_ms() == 20
    talk.fail(3, CRC_BROKEN)
    for _ in range(3):
        talk.succeed(99)
        talk.fail(1, CRC_BROKEN)
    assert talk.station.gap_ms() == 50


@pytest.mark.parametrize("base_ms, gaps", [(5, [5, 20, 50, 100, 250]), (50, [50, 100, 250, 250]), (100, [100, 250, 250]), (250, [250, 250])])
def test_the_gap_starts_at_what_is_configured(base_ms, gaps):
    talk = Talk(gap_ms=base_ms)
    seen = [talk.station.gap_ms()]
    for _ in gaps[1:]:
        talk.fail(3, CRC_BROKEN)
        seen.append(talk.station.gap_ms())
    assert seen == gaps


@pytest.mark.parametrize("base_ms, longer_ms", [(5, 20), (20, 50)])
def test_the_gap_returns_to_what_is_configured_and_the_next_burst_lengthens_it_at_once(base_ms, longer_ms):
    talk = Talk(gap_ms=base_ms)
    talk.fail(3, CRC_BROKEN)
    assert talk.station.gap_ms() == longer_ms
    talk.succeed(400)
    assert talk.station.gap_ms() == base_ms
    talk.fail(3, CRC_BROKEN)
    assert talk.station.gap_ms() == longer_ms


def test_the_gap_belongs_to_its_station(talk):
    talk.fail(3, CRC_BROKEN)
    other = Station(2, GAP_MS, 1000)
    assert (talk.station.gap_ms(), other.gap_ms()) == (50, 20)
    quiet_ms = talk.now_ms
    assert [talk.bus.rest_ms(talk.station, quiet_ms + ms) for ms in (0, 20, 49, 50, 99)] == [50, 30, 1, 0, 0]
    assert [talk.bus.rest_ms(other, quiet_ms + ms) for ms in (0, 19, 20, 50)] == [20, 1, 0, 0]


def test_0_a_ignores_the_back_off(talk):
    talk.fail(9, CRC_BROKEN)
    talk.station.tell(1000, 0)
    talk.station.urgent = True
    assert talk.station.gap_ms() == 20
    talk.station.tell(1000, 600)
    assert talk.station.gap_ms() == 250
    talk.station.urgent = True
    talk.station.ask(3, 1000, 3)
    assert talk.station.gap_ms() == 250


@pytest.mark.parametrize("rest_ms", [1000, 5000])
def test_a_silent_station_rests_until_it_answers(rest_ms):
    talk = Talk()
    talk.station = Station(1, GAP_MS, rest_ms)
    talk.fail(2)
    assert not talk.station.silent
    talk.ask()
    asked_ms = talk.now_ms
    talk.wait_out()
    assert talk.station.silent
    assert talk.station.rests(asked_ms + rest_ms - 1)
    assert not talk.station.rests(asked_ms + rest_ms)
    talk.succeed()
    assert not talk.station.silent
    assert not talk.station.rests(talk.now_ms)


def test_silence_lengthens_the_gap_once_and_noise_is_not_silence(talk):
    talk.fail(30)
    assert talk.station.gap_ms() == 50
    noisy = Talk()
    noisy.fail(30, CRC_BROKEN)
    assert not noisy.station.silent


def test_every_result_has_its_counter(talk):
    talk.succeed(4)
    talk.fail(3)
    talk.fail(2, CRC_BROKEN)
    talk.fail(1, sealed(b"\x01\x03\x04" + bytes(4)))
    talk.hear(reply_frame(talk.ask(), 2))
    station = talk.station
    counters = (station.requests, station.timeouts, station.crc_errors, station.wrong_replies, station.exceptions)
    assert counters == (11, 3, 2, 1, 1)


def test_results_can_be_told_apart_and_trouble_is_negative():
    """What is above 0 is the code of a Modbus exception."""
    trouble = {TIMEOUT, BAD_CRC, WRONG_REPLY, SEND_FAILED}
    assert len(trouble) == 4 and max(trouble) < OK == 0


def test_a_station_that_was_never_asked_has_nothing_to_tell():
    station = Station(1, GAP_MS, 1000)
    assert (station.latency_ms, station.latency_max_ms, station.requests, station.last_result) == (0, 0, 0, OK)
    assert not station.silent and not station.rests(500)


def test_counters_wrap_before_they_become_large(talk):
    talk.station.requests = COUNT_MASK
    talk.succeed()
    assert talk.station.requests == 0


@pytest.mark.parametrize("one_by_one", [False, True])
def test_latency_is_from_the_end_of_the_request_to_the_first_byte(one_by_one):
    talk = Talk()
    for latency_ms in (30, 90, 10):
        request = talk.ask()
        talk.now_ms += 9 + latency_ms  # 8 characters take 8.3 ms
        frame = reply_frame(request, WORDS)
        if one_by_one:
            talk.now_ms += 1
        assert talk.hear(frame, one_by_one)
        assert abs(talk.station.latency_ms - latency_ms) <= 2
    assert abs(talk.station.latency_max_ms - 90) <= 2


def test_a_reply_that_seems_to_come_before_its_time_has_no_latency():
    talk = Talk()
    talk.succeed()
    assert (talk.station.latency_ms, talk.station.latency_max_ms) == (0, 0)
