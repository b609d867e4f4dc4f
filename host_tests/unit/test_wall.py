"""The time of day over days, wraps of the ticks and the end of 32 bits."""
import pytest
from wall import WallClock

WRAP = 1 << 30
DAY_MS = 86400000
NOW_S = 1795327212  # 2026-11-22


def clock_at(unix_s, tick):
    wall = WallClock()
    wall.set(unix_s // 86400, unix_s % 86400, tick)
    return wall


def test_it_is_not_valid_before_it_was_set():
    assert not WallClock().valid
    assert clock_at(NOW_S, 0).valid


@pytest.mark.parametrize("unix_s", [100, 86399, 86400, NOW_S, 2147483648, 4102444799])
def test_a_time_comes_back_as_it_was_set(unix_s):
    assert clock_at(unix_s, 0).text(0, 0) == b"%d" % unix_s


@pytest.mark.parametrize("start", [0, 5000, WRAP - 500, WRAP - DAY_MS, WRAP - 1])
def test_it_runs_for_40_days_over_every_wrap(start):
    wall = clock_at(NOW_S, start)
    passed_ms = 0
    while passed_ms < 40 * DAY_MS:
        passed_ms += 59999
        wall.step((start + passed_ms) % WRAP)
        tick = (start + passed_ms) % WRAP
        assert wall.text(tick, tick) == b"%d" % (NOW_S + passed_ms // 1000)


@pytest.mark.parametrize("start", [0, WRAP - 5000])
@pytest.mark.parametrize("ago_ms", [0, 1, 999, 1000, 60000, 3600000, DAY_MS])
def test_what_was_before_gets_its_own_time_also_if_it_was_before_the_clock_was_set(start, ago_ms):
    wall = clock_at(NOW_S, start)
    now = (start + 500) % WRAP
    expected = NOW_S + (500 - ago_ms) // 1000
    assert wall.text((now - ago_ms) % WRAP, now) == b"%d" % expected


def test_midnight_is_no_gap():
    wall = clock_at(86400 * 20000 - 1, 0)
    assert [wall.text(ms, ms) for ms in (0, 999, 1000)] == [b"1727999999", b"1727999999", b"1728000000"]


def test_a_late_step_catches_up():
    wall = clock_at(NOW_S, 0)
    wall.step(3 * DAY_MS)
    assert wall.text(3 * DAY_MS, 3 * DAY_MS) == b"%d" % (NOW_S + 3 * 86400)


def test_no_number_exceeds_30_bits():
    wall = clock_at(4102444799, WRAP - 1)
    for i in range(100):
        wall.step((WRAP - 1 + i * DAY_MS // 2) % WRAP)
        assert all(abs(v) < WRAP for v in vars(wall).values())
