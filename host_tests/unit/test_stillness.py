"""The conditions under which a pilot may be opened on purpose, and a phase coil may move: each of them alone, and on the millisecond."""
import cp_relay
import pytest
from points import P_CURRENT_CA
from stillness import AHEAD_MS, BLIND_MS, LEFT_C_MS, Stillness

from host_tests.unit.switch_bench import Pilot, Point

START_MS = 5000
A, B, C, D = 1, 2, 3, 4  # register 1002: no car, connected, charging, charging with ventilation


class Scene:
    """A charge point with 0 A read back, on which nothing moves by itself."""

    def __init__(self, meter=True):
        self.point = Point(meter, cp_relay.CpRelay(Pilot(), 0, START_MS))
        self.point.image.value[P_CURRENT_CA] = 0
        self.still = Stillness(self.point)
        self.now_ms = START_MS

    def read(self, current_ca):
        """The meter has told a current."""
        self.now_ms += 1
        self.point.image.value[P_CURRENT_CA] = current_ca
        self.point.image.meter.mark(self.now_ms)
        self.still.step(self.now_ms)
        return self

    def after(self, ms):
        self.now_ms += ms
        self.still.step(self.now_ms)
        return self.still

    def seen(self, vehicle_state):
        self.point.evse.vehicle_state = vehicle_state
        self.still.step(self.now_ms)
        return self


# --- quiet ---------------------------------------------------------------------------------------------------------------


def test_two_readings_below_1_a_are_quiet_and_one_is_not():
    scene = Scene()

    assert not scene.still.quiet(99999)
    assert not scene.read(99).still.quiet(99999)
    assert scene.read(0).still.quiet(0)
    assert scene.read(0).still.quiet(0)


@pytest.mark.parametrize("current_ca", [100, 101, -100])
def test_1_a_is_not_quiet_and_both_readings_have_to_come_again(current_ca):
    scene = Scene().read(0).read(0).read(current_ca)

    assert not scene.still.quiet(99999)
    assert not scene.read(0).still.quiet(99999)
    assert scene.read(0).still.quiet(99999)


def test_one_reading_seen_twice_is_one_reading():
    scene = Scene().read(0)

    scene.after(100)

    assert not scene.still.quiet(99999)


def test_what_was_read_before_it_began_counts_no_more():
    scene = Scene().read(0).read(0)

    scene.still.begin(scene.now_ms)

    assert not scene.still.quiet(99999)
    assert not scene.read(0).still.quiet(99999)
    assert scene.read(0).still.quiet(99999)


def test_without_a_meter_three_seconds_are_quiet():
    still = Scene(meter=False).still

    assert BLIND_MS == 3000
    assert not still.quiet(BLIND_MS - 1)
    assert still.quiet(BLIND_MS)


# --- the car -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charging", [C, D])
def test_the_car_has_stopped_three_seconds_after_it_has_left_the_states_of_charging(charging):
    scene = Scene().seen(charging)
    scene.after(60000)
    assert not scene.still.stopped()

    scene.seen(B)

    assert LEFT_C_MS == 3000
    assert not scene.after(LEFT_C_MS - 1).stopped()
    assert scene.after(1).stopped()


@pytest.mark.parametrize("state", [A, B, 5])
def test_a_car_in_any_other_state_has_stopped(state):
    scene = Scene().seen(state)

    assert scene.after(LEFT_C_MS).stopped()


def test_the_three_seconds_begin_anew_when_it_begins():
    scene = Scene().seen(B)
    scene.after(LEFT_C_MS)

    scene.still.begin(scene.now_ms)

    assert not scene.still.stopped()
    assert not scene.after(1).stopped()


@pytest.mark.parametrize(("status", "released"), [(0, True), (1, False), (2, True), (3, False)])
def test_only_bit_0_of_the_status_says_that_the_contactor_is_to_be_closed(status, released):
    scene = Scene()

    scene.point.evse.status = status

    assert scene.still.released() is released


# --- the pilot -----------------------------------------------------------------------------------------------------------


def test_the_pilot_is_parted_when_it_is_held_open_and_no_car_was_seen_for_a_second():
    scene = Scene()
    scene.point.relay.state = cp_relay.HELD
    scene.seen(A)

    assert AHEAD_MS == 1000
    assert not scene.after(AHEAD_MS - 1).parted()
    assert scene.after(1).parted()
    assert not scene.seen(B).still.parted()


@pytest.mark.parametrize("state", [cp_relay.CLOSED, cp_relay.OPEN, cp_relay.LATCHED, cp_relay.STARTING, cp_relay.ABSENT, cp_relay.CLOSING])
def test_a_pilot_that_is_not_held_open_on_purpose_is_not_parted(state):
    scene = Scene()
    scene.point.relay.state = state
    scene.seen(A)

    assert not scene.after(60000).parted()


@pytest.mark.parametrize("vehicle_state", [0, B, C, D])
def test_an_evse_that_sees_a_car_or_nothing_known_has_no_open_pilot(vehicle_state):
    scene = Scene()
    scene.point.relay.state = cp_relay.HELD
    scene.seen(vehicle_state)

    assert not scene.after(60000).parted()


# --- safe ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("current_ca", "safe"), [(0, True), (99, True), (100, False), (1600, False)])
def test_it_is_safe_below_1_a(current_ca, safe):
    scene = Scene().read(current_ca)

    assert scene.still.safe(scene.now_ms) is safe


def spoil_zero(point):
    point.evse.zero = False


def spoil_fault(point):
    point.fault = True


def spoil_guard(point):
    point.guard.latched = 8


def spoil_relay(point):
    point.relay.state = cp_relay.OPEN


def spoil_meter(point):
    point.fresh = False


@pytest.mark.parametrize("spoil", [spoil_zero, spoil_fault, spoil_guard, spoil_relay, spoil_meter])
def test_one_thing_that_speaks_against_it_is_enough(spoil):
    scene = Scene().read(0)
    assert scene.still.safe(scene.now_ms)

    spoil(scene.point)

    assert not scene.still.safe(scene.now_ms)


def test_without_a_meter_the_current_does_not_count():
    scene = Scene(meter=False)
    scene.point.image.value[P_CURRENT_CA] = 1600

    assert scene.still.safe(scene.now_ms)
