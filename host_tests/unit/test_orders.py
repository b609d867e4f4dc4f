"""Whether the EVSE does what it is told: what counts as disobedience, for how long, and what ends it."""
import pytest
from clock import Latch
from drivers.evse_din import READY
from faults import DEFIED_MS, OBEYED_MS, VOLTAGE_MS
from guard import PWM_RUNNING, Guard
from safety import R_EVSE_DEFIES, R_OVER_CURRENT, R_VOLTAGE
from station import OK, TIMEOUT, Station

from host_tests.unit.evse_bench import EvseBench, start_up

STEP_MS = 100


class Evse:
    def __init__(self, set_ca=1600, told_ca=1600, controller=PWM_RUNNING):
        self.heard = Latch()
        self.heard.mark(0)
        self.defies = False
        self.station = Station(1, 20, 1000)
        self.set_ca, self.told_ca, self.controller = set_ca, told_ca, controller

    def set_current_ca(self):
        return self.set_ca

    def signalled_ca(self):
        return self.told_ca


class Watched:
    def __init__(self, **evse):
        self.now_ms = 0x3FFFFFFF - 5000
        self.guard, self.evse = Guard(0), Evse(**evse)

    def run(self, ms):
        for _ in range(ms // STEP_MS):
            self.now_ms = (self.now_ms + STEP_MS) & 0x3FFFFFFF
            self.guard.watch_orders(self.now_ms, self.evse)
        return self.guard.reason()


def test_an_evse_that_does_as_it_is_told_is_fine():
    assert Watched().run(3600000) == 0


def test_disobedience_must_last_10_s_and_is_over_after_a_minute():
    watched = Watched()
    watched.evse.defies = True
    assert watched.run(DEFIED_MS) == 0
    assert watched.run(STEP_MS) == R_EVSE_DEFIES
    watched.evse.defies = False
    assert watched.run(OBEYED_MS) == R_EVSE_DEFIES
    assert watched.run(STEP_MS) == 0


def test_an_evse_that_obeys_now_and_then_is_not_forgiven():
    watched = Watched()
    watched.evse.defies = True
    watched.run(DEFIED_MS + STEP_MS)
    for _ in range(10):
        watched.evse.defies = False
        watched.run(OBEYED_MS - STEP_MS)
        watched.evse.defies = True
        assert watched.run(STEP_MS) == R_EVSE_DEFIES


@pytest.mark.parametrize(
    "set_ca, told_ca, controller, found",
    [(0, 100, 2, 0), (0, 101, 2, R_EVSE_DEFIES), (0, 3200, 1, 0), (0, 3200, 3, 0), (600, 701, 2, R_EVSE_DEFIES), (600, 700, 2, 0), (1600, 600, 2, 0)],
)
def test_a_pilot_that_says_more_than_1_a_above_the_set_current_while_it_runs_is_disobedience(set_ca, told_ca, controller, found):
    watched = Watched(set_ca=set_ca, told_ca=told_ca, controller=controller)
    assert watched.run(DEFIED_MS + STEP_MS) == found
    assert watched.guard.signals == (found != 0)


def test_who_was_found_must_tell_less_again_as_an_open_pilot_is_no_obedience():
    watched = Watched(set_ca=0, told_ca=3200)
    watched.run(DEFIED_MS + STEP_MS)
    watched.evse.controller = 1
    assert watched.run(2 * OBEYED_MS) == R_EVSE_DEFIES and watched.guard.signals
    watched.evse.told_ca = 100
    assert watched.run(STEP_MS) == R_EVSE_DEFIES and not watched.guard.signals
    assert watched.run(OBEYED_MS) == 0


def test_somebody_at_the_box_need_not_wait_for_the_minute_and_what_lasts_is_found_again():
    watched = Watched()
    watched.evse.defies = True
    watched.run(DEFIED_MS + STEP_MS)
    watched.evse.defies = False
    watched.run(1000)
    watched.guard.clear(watched.now_ms)
    assert watched.run(STEP_MS) == 0
    watched.evse.defies = True
    assert watched.run(DEFIED_MS + 2 * STEP_MS) == R_EVSE_DEFIES


def test_silence_is_no_disobedience():
    watched = Watched()
    watched.evse.defies = watched.evse.heard.expired = True
    assert watched.run(10 * DEFIED_MS) == 0


def test_it_is_named_before_a_voltage_and_behind_what_is_latched():
    watched = Watched()
    watched.evse.defies = True
    watched.run(DEFIED_MS + STEP_MS)
    for _ in range(VOLTAGE_MS // STEP_MS + 2):
        watched.now_ms += STEP_MS
        watched.guard.watch_voltage(watched.now_ms, True, True)
    assert watched.guard.reason() == R_EVSE_DEFIES
    watched.guard.latched = 8
    assert watched.guard.reason() == R_OVER_CURRENT
    watched.guard.latched = 0
    watched.evse.defies = False
    watched.run(OBEYED_MS + STEP_MS)
    assert watched.guard.reason() == R_VOLTAGE


# --- what the driver says of its EVSE ---


@pytest.mark.parametrize("firmware", [10, 18])
def test_a_value_above_the_written_one_and_0_a_instead_of_it_are_disobedience_and_a_cut_one_is_not(firmware):
    bench = EvseBench(firmware)
    start_up(bench, 1600)
    bench.run(1000)
    assert not bench.evse.defies and bench.evse.controller == 1, "nobody is plugged in"
    bench.cut_raw = bench.model.set_current_raw * 10 // 16
    bench.run(1000)
    assert not bench.evse.defies and 0 < bench.evse.raw < bench.evse._written
    bench.cut_raw = 0
    bench.evse.target_ca = 1300
    bench.until(lambda: bench.evse.state == READY and bench.evse.raw == 0 < bench.evse._written)
    assert bench.evse.defies
    bench.cut_raw = None
    start_up(bench, 1600)
    bench.model.deaf_to_writes = True
    bench.evse.target_ca = 600
    bench.run(1000)
    assert bench.evse.defies
    bench.model.deaf_to_writes = False
    bench.run(1000)
    assert not bench.evse.defies


@pytest.mark.parametrize("code", [1, 4, 6])
def test_an_evse_that_refuses_every_read_tells_nothing_and_is_not_believed_what_it_told_before(code):
    bench = EvseBench()
    start_up(bench, 1600)
    guard = Guard(0)
    bench.tamper = lambda unit, function, address, words: code if function == 3 else words
    bench.model.set_current_raw = 3200  # a dip of its supply, and nobody can see it
    for _ in range(DEFIED_MS // STEP_MS + 5):
        bench.run(STEP_MS)
        guard.watch_orders(bench.now_ms, bench.evse)
    assert guard.reason() == R_EVSE_DEFIES
    bench.tamper = None
    bench.evse.target_ca = 0
    for _ in range(OBEYED_MS // STEP_MS + 20):
        bench.run(STEP_MS)
        guard.watch_orders(bench.now_ms, bench.evse)
    assert guard.reason() == 0


@pytest.mark.parametrize("result", [OK, TIMEOUT])
def test_a_read_that_is_refused_now_and_then_is_nothing(result):
    watched = Watched()
    for _ in range(20):
        watched.evse.station.last_result = 4
        assert watched.run(DEFIED_MS - STEP_MS) == 0
        watched.evse.station.last_result = result
        assert watched.run(STEP_MS) == 0
