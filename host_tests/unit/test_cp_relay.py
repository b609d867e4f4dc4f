"""The second stop: when the control pilot opens, when it may close again, and what of it survives a reset."""
import pytest
from cp_relay import (
    ABSENT, CALM_MS, CLOSED, CLOSING, CLOSINGS_MS, HELD, LATCHED, OPEN, OPEN_MIN_MS, SETTLE_MS, STARTING, CpRelay, after_power_loss,
)  # fmt: skip
from faults import NOT_CONFIRMED_MS
from safety import R_CP_LATCHED, R_CP_OPEN, R_EVSE_STARTING, R_NO_SECOND_STOP, R_SWITCHING

STEP_MS = 100
LAST_MINUTE = 0x3FFFFFFF - 60000


class Port:
    def __init__(self, starts_open=False):
        self.starts_open = starts_open
        self.is_open = starts_open

    def open(self):
        self.is_open = True

    def close(self):
        self.is_open = False


class Pilot:
    """A relay stepped every 100 ms; unconfirmed, calm and fault are switches."""

    def __init__(self, saved=0, starts_open=False, port=True, start_ms=0):
        self.now_ms = start_ms
        self.port = Port(starts_open) if port else None
        self.relay = CpRelay(self.port, saved, start_ms)
        self.unconfirmed, self.calm, self.fault = False, True, False

    def run(self, ms):
        for _ in range(ms // STEP_MS):
            self.now_ms = (self.now_ms + STEP_MS) & 0x3FFFFFFF
            self.relay.step(self.now_ms, self.unconfirmed, self.calm, self.fault)
        return self

    def trip(self):
        """0 A is not read back for long enough; then it is."""
        self.unconfirmed, self.calm = True, False
        self.run(NOT_CONFIRMED_MS + STEP_MS)
        self.unconfirmed, self.calm = False, True
        return self

    def cycle(self):
        """Opens, and closes again as soon as it may."""
        self.trip()
        assert self.relay.state == OPEN
        self.run(OPEN_MIN_MS + SETTLE_MS + 3 * STEP_MS)
        assert self.relay.state == CLOSED
        return self


@pytest.fixture(params=[0, LAST_MINUTE], ids=["from 0", "over the wrap"])
def pilot(request):
    return Pilot(start_ms=request.param)


def test_it_opens_when_0_a_is_not_read_back_within_3_s(pilot):
    pilot.unconfirmed = True
    pilot.run(NOT_CONFIRMED_MS)
    assert (pilot.relay.state, pilot.port.is_open) == (CLOSED, False)
    pilot.run(STEP_MS)
    assert (pilot.relay.state, pilot.port.is_open, pilot.relay.reason()) == (OPEN, True, R_CP_OPEN)


def test_one_reading_back_starts_the_3_s_anew(pilot):
    for _ in range(5):
        pilot.unconfirmed = True
        pilot.run(NOT_CONFIRMED_MS - STEP_MS)
        pilot.unconfirmed = False
        pilot.run(STEP_MS)
    assert pilot.relay.state == CLOSED


def test_a_fault_opens_it_at_once(pilot):
    pilot.fault = True
    assert pilot.run(STEP_MS).port.is_open


def test_it_stays_open_for_10_s_at_least(pilot):
    pilot.trip().run(OPEN_MIN_MS - STEP_MS)
    assert pilot.port.is_open
    assert not pilot.run(2 * STEP_MS).port.is_open


def test_current_waits_for_a_second_after_the_pilot_was_closed(pilot):
    pilot.trip().run(OPEN_MIN_MS + STEP_MS)
    assert (pilot.relay.state, pilot.port.is_open) == (CLOSING, False)
    pilot.run(SETTLE_MS)
    assert pilot.relay.reason() == R_EVSE_STARTING
    assert pilot.run(STEP_MS).relay.reason() == 0


def test_what_goes_wrong_while_it_closes_opens_it_again(pilot):
    pilot.trip().run(OPEN_MIN_MS + STEP_MS)
    pilot.fault = True
    assert (pilot.run(STEP_MS).relay.state, pilot.port.is_open) == (OPEN, True)


def test_it_stays_open_until_it_was_calm_for_5_s(pilot):
    pilot.trip()
    pilot.calm = False
    pilot.run(OPEN_MIN_MS)
    pilot.calm = True
    pilot.run(CALM_MS)
    assert pilot.port.is_open
    assert not pilot.run(STEP_MS).port.is_open


def test_it_stays_open_while_the_fault_lasts(pilot):
    pilot.fault = True
    assert pilot.run(60000).port.is_open
    pilot.fault = False
    assert not pilot.run(OPEN_MIN_MS).port.is_open


def test_after_three_closings_within_the_hour_the_next_opening_is_latched(pilot):
    for _ in range(3):
        pilot.cycle()
    pilot.trip()
    assert (pilot.relay.state, pilot.relay.reason()) == (LATCHED, R_CP_LATCHED)
    assert pilot.run(2 * CLOSINGS_MS).port.is_open


def test_closings_older_than_an_hour_are_forgotten(pilot):
    for _ in range(3):
        pilot.cycle()
    pilot.run(CLOSINGS_MS)
    for _ in range(3):
        assert pilot.cycle().relay.state == CLOSED


def test_a_local_action_lets_a_latched_one_close_by_the_usual_rule(pilot):
    for _ in range(3):
        pilot.cycle()
    pilot.trip().run(60000)
    pilot.relay.clear()
    assert (pilot.relay.state, pilot.port.is_open) == (OPEN, True)
    pilot.run(OPEN_MIN_MS)
    assert pilot.port.is_open
    assert not pilot.run(2 * STEP_MS).port.is_open
    pilot.run(2 * SETTLE_MS)
    for _ in range(2):
        pilot.cycle()  # the count began anew with this closing
    assert pilot.trip().relay.state == LATCHED


def test_the_byte_that_survives_is_the_one_that_the_floor_and_older_firmware_know():
    """Bit 7 open, bit 6 latched, bit 5 on purpose; below them the closings of the last hour."""
    pilot = Pilot()
    assert pilot.trip().relay.saved == 0x80
    for closings in (1, 2, 3):
        pilot.run(OPEN_MIN_MS + SETTLE_MS + 3 * STEP_MS)
        assert pilot.relay.saved == closings
        pilot.trip()
        assert pilot.relay.saved == closings | (0x80 if closings < 3 else 0xC0)
    pilot = Pilot()
    pilot.relay.wanted_open = R_SWITCHING
    assert pilot.run(STEP_MS).relay.saved == 0xA0


@pytest.mark.parametrize(
    ("state", "is_open", "by_fault"),
    [(CLOSED, False, False), (OPEN, True, True), (LATCHED, True, True), (STARTING, True, False), (ABSENT, False, False), (CLOSING, False, False), (HELD, True, False)],
)  # fmt: skip
def test_open_is_what_is_not_closed_and_closing_and_two_states_are_a_fault(state, is_open, by_fault):
    relay = Pilot().relay
    relay.state = state

    assert (relay.is_open(), relay.by_fault()) == (is_open, by_fault)


def test_what_was_open_is_open_after_a_reset_before_any_step():
    again = Pilot(Pilot().trip().relay.saved)
    assert (again.relay.state, again.port.is_open) == (OPEN, True)


def test_what_was_latched_is_latched_after_a_reset():
    pilot = Pilot()
    for _ in range(3):
        pilot.cycle()
    again = Pilot(pilot.trip().relay.saved)
    assert (again.relay.state, again.port.is_open) == (LATCHED, True)


@pytest.mark.parametrize("closings", [0, 1, 2])
def test_what_was_open_after_some_closings_is_open_after_a_reset_and_not_latched(closings):
    pilot = Pilot()
    for _ in range(closings):
        pilot.cycle()
    again = Pilot(pilot.trip().relay.saved)
    assert (again.relay.state, again.port.is_open) == (OPEN, True)


def test_closings_before_a_reset_count_after_it():
    pilot = Pilot()
    for _ in range(3):
        pilot.cycle()
    again = Pilot(pilot.relay.saved)
    assert again.relay.state == CLOSED
    assert again.trip().relay.state == LATCHED


def test_a_relay_that_was_closed_is_closed_after_a_reset():
    again = Pilot(Pilot().run(10000).relay.saved)
    assert (again.relay.state, again.port.is_open) == (CLOSED, False)


def test_fail_safe_wiring_starts_open_and_closes_once_0_a_was_read_back():
    pilot = Pilot(starts_open=True)
    pilot.unconfirmed, pilot.calm = True, False
    pilot.run(1000)
    assert (pilot.relay.state, pilot.port.is_open, pilot.relay.reason()) == (STARTING, True, R_EVSE_STARTING)
    pilot.unconfirmed = False
    assert (pilot.run(STEP_MS).relay.state, pilot.port.is_open) == (CLOSING, False)
    pilot.run(2 * SETTLE_MS)
    for _ in range(3):
        pilot.cycle()  # that closing was none of the three


def test_fail_safe_wiring_that_never_sees_0_a_counts_as_open_by_fault():
    pilot = Pilot(starts_open=True).trip()
    assert (pilot.relay.state, pilot.relay.reason()) == (OPEN, R_CP_OPEN)


def test_fail_safe_wiring_remembers_a_fault_over_a_reset():
    again = Pilot(Pilot(starts_open=True).trip().relay.saved, starts_open=True)
    again.unconfirmed = False
    assert again.run(STEP_MS).relay.state == OPEN


def test_a_board_without_relay_says_that_there_is_no_second_stop_for_as_long_as_it_lasts():
    pilot = Pilot(port=False)
    assert (pilot.run(60000).relay.state, pilot.relay.reason(), pilot.relay.is_open()) == (ABSENT, 0, False)
    pilot.unconfirmed = True
    assert pilot.run(NOT_CONFIRMED_MS + STEP_MS).relay.reason() == R_NO_SECOND_STOP
    pilot.unconfirmed = False
    assert pilot.run(STEP_MS).relay.reason() == 0


def test_a_board_without_relay_ignores_what_was_saved():
    pilot = Pilot(0xFF, port=False)
    assert (pilot.relay.state, pilot.relay.reason()) == (ABSENT, 0)


# --- open on purpose ---


def hold(pilot, reason=R_SWITCHING):
    pilot.relay.wanted_open = reason
    return pilot.run(2 * STEP_MS)


def test_who_wants_the_pilot_open_gets_it_at_0_a_without_current(pilot):
    hold(pilot)
    assert (pilot.relay.state, pilot.port.is_open, pilot.relay.reason()) == (HELD, True, R_SWITCHING)
    assert pilot.relay.is_open() and not pilot.relay.by_fault()


def test_it_is_not_opened_on_purpose_while_current_may_flow(pilot):
    pilot.calm = False
    hold(pilot)
    pilot.run(60000)
    assert not pilot.port.is_open


def test_it_closes_as_soon_as_nobody_wants_it_open_and_that_is_none_of_the_three(pilot):
    for _ in range(10):
        hold(pilot)
        pilot.relay.wanted_open = 0
        pilot.run(STEP_MS)
        assert (pilot.relay.state, pilot.port.is_open, pilot.relay.reason()) == (CLOSING, False, R_SWITCHING)
        pilot.run(SETTLE_MS + STEP_MS)
        assert (pilot.relay.state, pilot.relay.reason()) == (CLOSED, 0)
    assert pilot.trip().relay.state == OPEN, "not latched"


def test_it_does_not_close_before_0_a_was_read_back(pilot):
    hold(pilot)
    pilot.unconfirmed, pilot.calm, pilot.relay.wanted_open = True, False, 0
    pilot.run(2000)
    assert pilot.port.is_open and pilot.relay.state == HELD
    pilot.unconfirmed = False
    assert not pilot.run(STEP_MS).port.is_open


@pytest.mark.parametrize("wanted", [R_SWITCHING, 0])
def test_a_fault_takes_it_over_and_the_rules_for_faults_apply(pilot, wanted):
    hold(pilot)
    pilot.unconfirmed, pilot.calm, pilot.relay.wanted_open = True, False, wanted
    pilot.run(NOT_CONFIRMED_MS + 2 * STEP_MS)
    assert (pilot.relay.state, pilot.relay.reason(), pilot.port.is_open) == (OPEN, R_CP_OPEN, True)
    pilot.unconfirmed, pilot.calm, pilot.relay.wanted_open = False, True, 0
    pilot.run(OPEN_MIN_MS - 3 * STEP_MS)
    assert pilot.port.is_open


def test_after_three_closings_a_fault_latches_it_also_when_it_was_open_on_purpose(pilot):
    for _ in range(3):
        pilot.cycle()
    hold(pilot)
    pilot.fault = True
    assert pilot.run(STEP_MS).relay.state == LATCHED


def test_who_wants_it_open_does_not_end_a_fault_and_keeps_it_open_after_it(pilot):
    pilot.trip()
    pilot.relay.wanted_open = R_SWITCHING
    pilot.run(60000)
    assert (pilot.relay.state, pilot.port.is_open) == (OPEN, True)
    pilot.relay.wanted_open = 0
    pilot.run(2 * STEP_MS)
    assert not pilot.port.is_open


def test_what_was_open_on_purpose_is_open_after_a_reset_until_somebody_lets_go():
    again = Pilot(hold(Pilot()).relay.saved)
    assert (again.relay.state, again.port.is_open) == (HELD, True)
    again.run(STEP_MS)
    assert again.relay.state == CLOSING


def test_a_loss_of_power_ends_what_was_open_on_purpose_and_no_fault():
    pilot = hold(Pilot().cycle())
    again = Pilot(after_power_loss(pilot.relay.saved))
    assert (again.relay.state, again.port.is_open) == (CLOSED, False)
    assert after_power_loss(Pilot().trip().relay.saved) == Pilot().trip().relay.saved
    assert after_power_loss(0) == 0
