"""What the guard finds, how long it waits before it says so, and what clears it."""
import pytest
from faults import AFTER_REDUCTION_MS, CP_STUCK_MS, OVER_CURRENT_MS, VOLTAGE_CALM_MS, VOLTAGE_MS, WELD_MS
from guard import LATCHED_ALL, Guard, highest_ca, implausible
from points import P_CURRENT_CA, P_VOLTAGE_CV, Image
from safety import R_CP_STUCK, R_OVER_CURRENT, R_RCD, R_VOLTAGE, R_WELD

STEP_MS = 100
LAST_MINUTE = 0x3FFFFFFF - 60000


class Watched:
    """A guard stepped every 100 ms with a meter, an EVSE and a relay that are plain values."""

    def __init__(self, latched=0, start_ms=0):
        self.now_ms = start_ms
        self.guard = Guard(latched)
        self.value = Image().value
        self.rcd = self.car_seen = self.at_zero = False
        self.known = True
        self.signalled_ca = 1600
        self.flow(1600)
        self.volts(230)

    def flow(self, *currents_ca):
        self.value[P_CURRENT_CA : P_CURRENT_CA + 3] = (currents_ca * 3)[:3]

    def volts(self, *volts):
        self.value[P_VOLTAGE_CV : P_VOLTAGE_CV + 3] = [v and v * 100 for v in (volts * 3)[:3]]

    def run(self, ms):
        for _ in range(ms // STEP_MS):
            self.now_ms = (self.now_ms + STEP_MS) & 0x3FFFFFFF
            self.guard.watch_evse(self.now_ms, self.rcd, self.car_seen)
            self.guard.watch_current(self.now_ms, highest_ca(self.value), self.signalled_ca, self.at_zero)
            self.guard.watch_voltage(self.now_ms, implausible(self.value), self.known)
        return self.guard.reason()


@pytest.fixture(params=[0, LAST_MINUTE], ids=["from 0", "over the wrap"])
def watched(request):
    return Watched(start_ms=request.param)


def test_a_car_that_takes_what_it_is_told_is_fine(watched):
    assert watched.run(3600000) == 0


@pytest.mark.parametrize(
    "signalled_ca, flows_ca, over",
    [(600, 700, False), (600, 701, True), (1000, 1100, False), (1000, 1101, True), (1600, 1760, False), (1600, 1761, True), (3200, 3521, True), (3200, 3520, False)],
)
def test_over_current_is_more_than_a_tenth_or_1_a_above_the_signalled_current(watched, signalled_ca, flows_ca, over):
    watched.signalled_ca = signalled_ca
    watched.flow(flows_ca, 0, 0)
    assert watched.run(AFTER_REDUCTION_MS + OVER_CURRENT_MS + 1000) == (R_OVER_CURRENT if over else 0)


def test_over_current_must_last_6_s(watched):
    watched.flow(2000)
    assert watched.run(OVER_CURRENT_MS) == 0
    assert watched.run(STEP_MS) == R_OVER_CURRENT


def test_a_peak_that_ends_in_time_is_no_over_current(watched):
    for _ in range(10):
        watched.flow(2000)
        watched.run(OVER_CURRENT_MS - STEP_MS)
        watched.flow(1600)
        assert watched.run(STEP_MS) == 0


def ramp(watched, late_s):
    """Down from 32 to 6 A by 1 A a second; the car follows that late, never with None. The reason that was found, or 0."""
    signalled_ca = [3200] * 10 + list(range(3100, 500, -100)) + [600] * 30
    for second, current_ca in enumerate(signalled_ca):
        watched.signalled_ca = current_ca
        watched.flow(3200 if late_s is None else signalled_ca[max(0, second - late_s)])
        if watched.run(1000):
            return watched.guard.reason()
    return 0


@pytest.mark.parametrize("late_s", [1, 3, 4])
def test_a_car_that_follows_a_ramp_is_fine(watched, late_s):
    assert ramp(watched, late_s) == 0


@pytest.mark.parametrize("late_s", [None, 15])
def test_a_car_that_takes_no_notice_of_a_ramp_is_found_as_soon_as_after_one_reduction(watched, late_s):
    assert ramp(watched, late_s) == R_OVER_CURRENT
    assert watched.signalled_ca >= 3200 - (AFTER_REDUCTION_MS + OVER_CURRENT_MS) // 10 - 100


def test_a_raise_while_a_reduction_is_followed_counts_from_then_on(watched):
    watched.flow(600)
    watched.run(1000)
    watched.signalled_ca = 600
    watched.run(1000)
    watched.signalled_ca = 3200
    watched.flow(3200)
    assert watched.run(AFTER_REDUCTION_MS + OVER_CURRENT_MS + 1000) == 0


def test_a_car_has_5_s_to_follow_a_reduction(watched):
    watched.run(1000)
    watched.signalled_ca = 600
    assert watched.run(AFTER_REDUCTION_MS + OVER_CURRENT_MS) == 0
    assert watched.run(2 * STEP_MS) == R_OVER_CURRENT


def test_a_raised_current_grants_no_grace(watched):
    watched.signalled_ca = 600
    watched.flow(600)
    watched.run(20000)
    watched.signalled_ca = 1000
    watched.flow(1600)
    assert watched.run(OVER_CURRENT_MS + STEP_MS) == R_OVER_CURRENT


def test_current_that_flows_back_counts_as_well(watched):
    watched.flow(-2000, 0, 0)
    assert watched.run(OVER_CURRENT_MS + STEP_MS) == R_OVER_CURRENT


def test_current_at_0_a_for_10_s_is_a_weld_suspicion(watched):
    watched.signalled_ca, watched.at_zero = 0, True
    watched.flow(0, 0, 100)
    assert watched.run(WELD_MS) == 0
    assert watched.run(STEP_MS) == R_WELD


def test_less_than_1_a_at_0_a_is_no_weld(watched):
    watched.signalled_ca, watched.at_zero = 0, True
    watched.flow(99)
    assert watched.run(600000) == 0


def test_a_car_that_ramps_down_in_5_s_is_no_weld(watched):
    watched.signalled_ca, watched.at_zero = 0, True
    watched.run(5000)
    watched.flow(0)
    assert watched.run(600000) == 0


def test_a_car_seen_with_an_open_pilot_for_5_s_is_a_relay_that_sticks(watched):
    watched.car_seen = True
    assert watched.run(CP_STUCK_MS) == 0
    assert watched.run(STEP_MS) == R_CP_STUCK


def test_the_rcd_is_believed_at_once(watched):
    watched.rcd = True
    assert watched.run(STEP_MS) == R_RCD


@pytest.mark.parametrize("volts", [(281, 230, 230), (230, 230, 281), (149, 230, 230), (0, 0, 0)])
def test_voltages_that_no_house_has_are_found_after_5_s_and_cleared_after_a_minute(watched, volts):
    watched.volts(*volts)
    assert watched.run(VOLTAGE_MS) == 0
    assert watched.run(STEP_MS) == R_VOLTAGE
    watched.volts(230)
    assert watched.run(VOLTAGE_CALM_MS) == R_VOLTAGE
    assert watched.run(STEP_MS) == 0


def test_voltages_are_right_again_after_a_minute_of_new_readings_only(watched):
    watched.volts(281, 230, 230)
    watched.run(VOLTAGE_MS + STEP_MS)
    watched.volts(None)
    watched.known = False
    assert watched.run(10 * VOLTAGE_CALM_MS) == R_VOLTAGE
    watched.volts(230)
    watched.known = True
    assert watched.run(VOLTAGE_CALM_MS) == R_VOLTAGE
    assert watched.run(STEP_MS) == 0


def test_an_implausible_voltage_counts_also_where_the_reading_is_no_new_one(watched):
    watched.volts(281, 230, 230)
    watched.known = False
    assert watched.run(VOLTAGE_MS + STEP_MS) == R_VOLTAGE


@pytest.mark.parametrize("volts", [(230, 0, 0), (230, 40, 130), (280, 280, 280), (150, 230, 230), (None, None, None)])
def test_voltages_of_one_phase_and_unknown_ones_are_plausible(watched, volts):
    watched.volts(*volts)
    assert watched.run(600000) == 0


def test_what_is_latched_stays_when_its_cause_is_gone_and_goes_by_a_local_action():
    for cause, reason in (("rcd", R_RCD), ("car_seen", R_CP_STUCK)):
        watched = Watched()
        setattr(watched, cause, True)
        watched.run(CP_STUCK_MS + STEP_MS)
        setattr(watched, cause, False)
        assert watched.run(3600000) == reason
        watched.guard.clear(watched.now_ms)
        assert watched.run(60000) == 0


def test_what_still_lasts_after_a_local_action_is_found_again():
    watched = Watched()
    watched.rcd = True
    watched.run(STEP_MS)
    watched.guard.clear(watched.now_ms)
    assert watched.run(2000) == 0  # time for the EVSE to clear it
    assert watched.run(2000) == R_RCD


def test_what_an_earlier_life_has_latched_is_latched_and_unknown_bits_are_not_taken():
    for bit, reason in ((1, R_RCD), (2, R_WELD), (4, R_CP_STUCK), (8, R_OVER_CURRENT)):
        assert Watched(bit).run(600000) == reason
    assert Guard(0xF0).latched == 0
    assert Watched(LATCHED_ALL).run(STEP_MS) == R_RCD, "the most serious is named"


def test_the_highest_current_knows_no_sign_and_no_unknown_values():
    value = Image().value
    value[P_CURRENT_CA : P_CURRENT_CA + 3] = [None, None, None]
    assert highest_ca(value) == 0
    value[P_CURRENT_CA : P_CURRENT_CA + 3] = [None, -700, 600]
    assert highest_ca(value) == 700
    assert not implausible(value)


@pytest.mark.parametrize("flows_ca", [100, 101, 600, 1600, -1600])
def test_any_current_from_1_a_on_at_0_a_is_a_weld_suspicion_and_no_over_current(watched, flows_ca):
    watched.signalled_ca, watched.at_zero = 0, True
    watched.flow(flows_ca, 0, 0)

    assert watched.run(AFTER_REDUCTION_MS + OVER_CURRENT_MS + WELD_MS) == R_WELD
    assert watched.guard.latched == 2


def test_more_than_nothing_while_0_a_is_not_read_back_yet_is_left_to_the_second_stop(watched):
    watched.signalled_ca = 0

    assert watched.run(60000) == 0


def test_the_third_phase_counts_and_what_stands_beside_the_phases_does_not():
    value = Image().value
    value[P_CURRENT_CA - 1] = value[P_CURRENT_CA + 3] = 99999
    value[P_CURRENT_CA : P_CURRENT_CA + 3] = [1, 2, 3]
    value[P_VOLTAGE_CV : P_VOLTAGE_CV + 3] = [23000, 23000, 23000]

    assert highest_ca(value) == 3
    assert not implausible(value)
    value[P_CURRENT_CA] = 28001  # no voltage
    assert not implausible(value)
    value[P_VOLTAGE_CV + 2] = 28001
    assert implausible(value)


@pytest.mark.parametrize(("l1_cv", "bad"), [(14999, True), (15000, False), (28000, False), (28001, True)])
def test_150_and_280_v_are_plausible(l1_cv, bad):
    value = Image().value
    value[P_VOLTAGE_CV] = l1_cv

    assert implausible(value) is bad
