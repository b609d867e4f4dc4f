"""The floor: its record, boot loops, and what every end of the app leads to."""

import sys

import pytest

from host_tests.unit.floor import (
    AGE, AGES, ASKED, CP, FAULT, FLAGS, HARD_RESET, LATCHED, PWRON_RESET, SOFT_RESET, WDT_RESET, Floor, press_after, put_app, zero_frame,
)  # fmt: skip

# -- the record -----------------------------------------------------------------------------------------------------------


def test_the_record_is_sealed_and_found_again_with_everything_in_it():
    floor = Floor()
    module = floor.start()
    assert bytes(module.record[:3]) == b"LP1" and len(floor.chip.kept) == 64
    for i in (4, 5, 6, *range(16, 64)):
        module.record[i] = i
    module.save()
    after = floor.start(SOFT_RESET)
    assert bytes(after.record[16:]) == bytes(range(16, 64))
    assert (after.record[4], after.record[5], after.record[AGE]) == (4, 5, 0)
    assert bytes(after.record[11:15]) == bytes(4)


def test_a_record_with_one_wrong_bit_is_a_fresh_one():
    floor = Floor()
    floor.start().record[CP] = FAULT
    floor.module.save()
    good = floor.chip.kept
    for bit in range(16 * 8):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        floor.chip.kept = bytes(damaged)
        module = floor.start(SOFT_RESET)
        assert bytes(module.record[:15]) == b"LP1" + bytes(12), bit
        assert bytes(module.record[16:]) == bytes(48)


def test_a_record_of_somebody_else_is_a_fresh_one_although_its_check_is_right():
    floor = Floor()
    module = floor.start()
    module.record[:3] = b"LP2"
    module.record[CP] = FAULT
    module.save()
    assert floor.start(SOFT_RESET).record[CP] == 0


@pytest.mark.parametrize("kept", [b"", bytes(64), bytes(2048), b"\xff" * 64, b"LP1", b"LP1" + bytes(61)])
def test_memory_that_holds_no_record_is_a_fresh_one(kept):
    floor = Floor()
    floor.chip.kept = kept
    assert bytes(floor.start(SOFT_RESET).record[3:15]) == bytes(12)


# -- boot loops -----------------------------------------------------------------------------------------------------------


def after_lives(*lives):
    """The floor's module after lives of (cause of their end, age in 10 s)."""
    floor = Floor()
    module = floor.start()
    for cause, age in lives:
        module.record[AGE] = age
        module.save()
        module = floor.start(cause)
    return module


def is_latched(*lives):
    return bool(after_lives(*lives).record[FLAGS] & LATCHED)


def test_five_ends_by_the_watchdog_within_10_min_latch_and_four_do_not():
    assert not is_latched(*[(WDT_RESET, 0)] * 4)
    assert is_latched(*[(WDT_RESET, 0)] * 5)
    assert is_latched(*[(WDT_RESET, 15)] * 5)


def test_the_time_counts_between_the_first_and_the_fifth():
    assert is_latched((WDT_RESET, 255), *[(WDT_RESET, 15)] * 4), "how long it ran before the first does not matter"
    assert not is_latched((WDT_RESET, 0), *[(WDT_RESET, 15)] * 3, (WDT_RESET, 16))
    assert not is_latched(*[(WDT_RESET, 61)] * 9)
    assert not is_latched(*[(WDT_RESET, 0), (WDT_RESET, 61)] * 6)
    assert is_latched(*[(WDT_RESET, 200)] * 3, *[(WDT_RESET, 3)] * 4)


@pytest.mark.parametrize("cause", [PWRON_RESET, HARD_RESET, SOFT_RESET])
def test_another_end_between_them_begins_the_count_anew(cause):
    assert not is_latched(*[(WDT_RESET, 0)] * 4, (cause, 0), *[(WDT_RESET, 0)] * 4)
    assert is_latched(*[(WDT_RESET, 0)] * 4, (cause, 0), *[(WDT_RESET, 0)] * 5)


def test_a_very_old_life_does_not_look_young():
    assert not is_latched(*[(WDT_RESET, 0)] * 4, (WDT_RESET, 255))
    assert list(after_lives((WDT_RESET, 255), (WDT_RESET, 254), (WDT_RESET, 0)).record[AGES]) == [0, 255, 255, 1]


@pytest.mark.parametrize("cause", [HARD_RESET, SOFT_RESET, WDT_RESET])
def test_the_latch_outlives_every_reset(cause):
    floor = Floor()
    module = floor.start()
    for _ in range(5):
        module = floor.start(WDT_RESET)
    floor.forget()
    module = floor.start(cause)
    assert module.record[FLAGS] & LATCHED
    assert floor.relays() == {1: 1, 2: 1}


def test_a_latched_box_holds_and_never_starts_the_app(monkeypatch):
    put_app(monkeypatch, lambda report: pytest.fail("the app was started"))
    floor = Floor()
    floor.start()
    for _ in range(5):
        floor.start(WDT_RESET)
    floor.forget()
    press_after(floor, 3000)
    with pytest.raises(KeyboardInterrupt):
        floor.module.run()
    assert floor.texts()[0].startswith("ladepunkt: stays at 0 A: boot loop: ")
    assert floor.relays() == {1: 1, 2: 1}


# -- the end of the app ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, MemoryError, KeyboardInterrupt, GeneratorExit])
def test_whatever_ends_the_app_is_followed_by_0_a_and_an_open_cp(monkeypatch, error):
    def run(report):
        floor.forget()
        raise error

    floor = Floor()
    floor.start()
    put_app(monkeypatch, run)
    with pytest.raises(error):
        floor.module.run()
    assert floor.frames() == [zero_frame(1), zero_frame(2)] * 3
    assert floor.relays() == {1: 1, 2: 1}


def test_an_app_that_can_not_be_imported_ends_the_same_way(monkeypatch):
    floor = Floor()
    floor.start()
    floor.forget()
    monkeypatch.setitem(sys.modules, "app", None)
    with pytest.raises(ImportError):
        floor.module.run()
    assert floor.frames() == [zero_frame(1), zero_frame(2)] * 3
    assert floor.relays() == {1: 1, 2: 1}


def test_an_app_that_gives_up_is_held_with_its_reason(monkeypatch):
    begun_us = []

    def run(report):
        floor.forget()
        begun_us.append(floor.clock.now_us)
        press_after(floor, 5000)
        raise SystemExit("config.json: mqtt: missing")

    floor = Floor()
    floor.start()
    put_app(monkeypatch, run)
    with pytest.raises(KeyboardInterrupt):
        floor.module.run()
    assert floor.texts()[0] == "ladepunkt: stays at 0 A: config.json: mqtt: missing"
    assert floor.relays() == {1: 1, 2: 1}
    first_six = [(when_us, unit) for when_us, kind, unit in floor.chip.log if kind == "frame"][:6]
    assert [unit for _, unit in first_six] == [1, 2] * 3 and first_six[5][0] < begun_us[0] + 400000, "three rounds at once"


def test_an_app_that_returns_leaves_the_box_to_maintenance(monkeypatch):
    floor = Floor()
    floor.start()
    put_app(monkeypatch, lambda report: floor.forget())
    floor.module.run()
    assert floor.frames()[:6] == [zero_frame(1), zero_frame(2)] * 3
    assert floor.of("watchdog") == [600000]
    assert floor.texts() == ["ladepunkt: maintenance: ready"]


def test_the_app_is_handed_its_report(monkeypatch):
    got = []
    floor = Floor()
    floor.start()
    put_app(monkeypatch, got.append)
    floor.module.run(print)
    assert got == [print]


def test_stop_uses_its_old_port_when_no_new_one_can_be_had():
    floor = Floor()
    floor.start()
    floor.forget()
    floor.chip.broken = ("UART",)
    floor.module.stop()
    assert floor.frames() == [zero_frame(1), zero_frame(2)] * 3


def test_stop_takes_a_new_port_when_its_old_one_is_dead():
    floor = Floor()
    floor.start()
    floor.forget()
    floor.module._ports.clear()
    floor.module.stop()
    assert floor.frames() == [zero_frame(1), zero_frame(2)] * 2
    assert floor.relays() == {1: 1, 2: 1}


def test_one_relay_or_one_frame_that_fails_keeps_no_other_from_being_done(monkeypatch):
    floor = Floor()
    floor.start()
    floor.forget()
    write = floor.chip.uart.write

    def broken_write(buf):
        if buf[0] == 1:
            raise OSError("unit 1")
        return write(buf)

    floor.chip.broken = (1,)
    monkeypatch.setattr(floor.chip.uart, "write", broken_write)
    floor.module.stop()
    assert floor.frames() == [zero_frame(2)] * 3
    assert floor.relays() == {2: 1}


@pytest.mark.parametrize("after_ms", range(0, 400, 20))
def test_a_second_ctrl_c_costs_one_round_at_most(after_ms):
    floor = Floor()
    floor.start()
    floor.forget()
    press_after(floor, after_ms)
    floor.module.stop()
    assert min(floor.of("frame").count(1), floor.of("frame").count(2)) >= 2
    assert floor.relays() == {1: 1, 2: 1}


# -- hold and maintenance -------------------------------------------------------------------------------------------------


def test_hold_says_why_every_10_s_writes_0_a_every_second_and_feeds_the_watchdog():
    floor = Floor()
    floor.start()
    floor.forget()
    begun_us = floor.clock.now_us
    press_after(floor, 60000)
    with pytest.raises(KeyboardInterrupt):
        floor.module.hold("because")
    said = [(when_us - begun_us) / 1e6 for when_us, text in floor.said if text == "ladepunkt: stays at 0 A: because"]
    assert said[0] < 0.001 and 6 <= len(said) <= 8
    for unit in (1, 2):
        times_us = [when_us for when_us, kind, value in floor.chip.log if kind == "frame" and value == unit]
        assert max(after - before for before, after in zip(times_us, times_us[1:])) <= 1000000
    assert floor.relays() == {1: 1, 2: 1}
    assert len(floor.of("fed")) == len(floor.frames())
    opened_us = [when_us for when_us, kind, value in floor.chip.log if kind == "pin" and value == (1, 1)]
    assert opened_us[0] == begun_us and len(opened_us) > 60, "CP is open from the beginning, and again and again"
    last_us = [when_us for when_us, kind, _ in floor.chip.log if kind == "frame"][-6:]
    assert floor.of("frame")[-6:] == [1, 2] * 3 and last_us[5] - last_us[0] < 400000, "stop() on the way out"


def test_maintenance_is_0_a_with_an_open_cp_and_10_minutes_and_clears_a_boot_loop():
    floor = Floor()
    for _ in range(6):
        floor.start(WDT_RESET)
    assert floor.module.record[FLAGS] == LATCHED
    floor.forget()
    floor.module.maintenance()
    assert floor.frames() == [zero_frame(1), zero_frame(2)] * 3
    assert floor.relays() == {1: 1, 2: 1}
    assert floor.of("watchdog") == [600000]
    assert floor.texts() == ["ladepunkt: maintenance: ready"]
    assert floor.module.record[FLAGS] == ASKED and bytes(floor.module.record[AGES]) == bytes(4)


def test_maintenance_outlasts_the_soft_resets_of_a_tool_until_main_runs_again(monkeypatch):
    floor = Floor()
    floor.start()
    floor.module.maintenance()
    for _ in range(3):
        floor.forget()
        floor.start(SOFT_RESET)
        assert floor.of("watchdog") == [600000] and floor.relays() == {1: 1, 2: 1}
    floor.forget()
    monkeypatch.setitem(sys.modules, "app", None)
    with pytest.raises(ImportError):
        floor.module.run()
    assert floor.of("watchdog") == [10000]
    assert floor.of("pin")[:2] == [(1, 0), (2, 0)], "idle again, before the app"
    assert floor.module.record[FLAGS] == 0


@pytest.mark.parametrize("cause", [PWRON_RESET, HARD_RESET, WDT_RESET])
def test_any_other_reset_ends_maintenance(cause):
    floor = Floor()
    floor.start()
    floor.module.maintenance()
    floor.forget()
    floor.start(cause)
    assert floor.of("watchdog") == [10000] and floor.relays() == {1: 0, 2: 0}
    assert floor.module.record[FLAGS] == 0


def test_the_watchdog_of_a_forgotten_maintenance_is_no_boot_loop():
    floor = Floor()
    floor.start()
    for _ in range(8):
        floor.module.maintenance()
        floor.start(SOFT_RESET)
        floor.start(WDT_RESET)
    assert floor.module.record[FLAGS] == 0
