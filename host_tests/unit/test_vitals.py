"""How the box itself is doing, over wraps of the clock."""

from clock import TICKS_MASK
from vitals import Vitals


def run(vitals, now_ms, seconds, step_ms):
    for _ in range(seconds * 1000 // step_ms):
        now_ms = (now_ms + step_ms) & TICKS_MASK
        vitals.step(now_ms, now_ms)
    return now_ms


def test_seconds_are_counted_over_a_wrap_without_losing_any():
    vitals = Vitals(TICKS_MASK - 5000)
    run(vitals, TICKS_MASK - 5000, 100, 7)
    assert vitals.uptime_s == 99  # 7 ms steps: 99,995 ms
    assert vitals.longest_step_ms == 0


def test_a_long_step_counts_in_whole():
    vitals = Vitals(1000)
    vitals.step(1000, 6500)
    assert (vitals.uptime_s, vitals.longest_step_ms) == (5, 5500)


def test_the_longest_step_is_kept_also_over_a_wrap():
    vitals = Vitals(TICKS_MASK - 3)
    vitals.step(TICKS_MASK - 3, 4)
    vitals.step(10, 12)
    assert vitals.longest_step_ms == 8


def test_the_heap_is_told(monkeypatch):
    import gc

    monkeypatch.setattr(gc, "mem_free", lambda: 7, raising=False)
    monkeypatch.setattr(gc, "mem_alloc", lambda: 5, raising=False)
    assert (Vitals(0).free_bytes(), Vitals(0).used_bytes()) == (7, 5)
