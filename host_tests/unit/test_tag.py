"""How long a tag is shown: cleared by the controller, on unplug, and after five minutes without a car."""
import commands
import pytest
import tag
from points import P_LAST_TAG, P_PLUGGED, P_RFID, P_RFID_TIMESTAMP_S, Image
from tag import NONE, TRANSITIONS, WAIT_MS, WAITING, WITH_CAR, Tag

WRAP = 1 << 30
STARTS = [0, 1000, WRAP - WAIT_MS + 50, WRAP - 60000, WRAP - 1]


class Box:
    """Charge points in virtual time; the ticks they see begin at start_ms and wrap."""

    def __init__(self, start_ms=0, count=1):
        self.now_ms = start_ms
        self.images = [Image() for _ in range(count)]
        self.tags = [Tag(image) for image in self.images]
        self.points = [type("Point", (), {"image": image}) for image in self.images]
        for machine in self.tags:
            self._watch(machine)
        for cp in range(count):
            self.plug(0, cp)

    def _watch(self, machine):
        enter = machine._enter

        def checked(state):
            assert (machine.state, state) in TRANSITIONS, f"{machine.state} to {state}"
            enter(state)

        machine._enter = checked

    def plug(self, plugged, cp=0):
        self.images[cp].value[P_PLUGGED] = plugged

    def set(self, text):
        commands.set_tag(self.points, text)

    def run(self, ms, step_ms=100):
        for _ in range(max(1, ms // step_ms)):
            self.now_ms = (self.now_ms + step_ms) % WRAP
            for machine in self.tags:
                machine.step(self.now_ms)

    def tag(self, cp=0):
        return self.images[cp].value[P_RFID]

    def state(self, cp=0):
        return self.tags[cp].state


@pytest.fixture(params=STARTS)
def box(request):
    return Box(request.param)


def test_a_tag_without_a_car_goes_after_five_minutes(box):
    box.set(b"A")
    box.run(WAIT_MS)
    assert box.tag() == b"A" and box.state() == WAITING
    box.run(200)
    assert box.tag() is None and box.state() == NONE
    assert box.images[0].value[P_LAST_TAG] is None


def test_a_car_keeps_the_tag_and_takes_it_along(box):
    box.set(b"A")
    box.run(WAIT_MS - 1000)
    box.plug(1)
    box.run(2 * WAIT_MS, 1000)
    assert box.tag() == b"A" and box.state() == WITH_CAR
    box.plug(0)
    box.run(100)
    assert box.tag() is None and box.state() == NONE


def test_a_tag_while_a_car_is_plugged_stays_until_it_leaves(box):
    box.plug(1)
    box.run(1000)
    box.set(b"A")
    box.run(3 * WAIT_MS, 1000)
    assert box.tag() == b"A"
    box.plug(0)
    box.run(100)
    assert box.tag() is None


def test_the_controller_clears_it_in_any_state(box):
    for plugged in (0, 1):
        box.plug(plugged)
        box.set(b"A")
        box.run(500)
        box.set(None)
        box.run(100)
        assert box.tag() is None and box.state() == NONE
        assert box.images[0].value[P_RFID_TIMESTAMP_S] is None


def test_the_same_tag_again_gets_five_minutes_again(box):
    box.set(b"A")
    box.run(WAIT_MS - 1000)
    box.set(b"A")
    box.run(WAIT_MS - 1000)
    assert box.tag() == b"A"
    box.run(2000)
    assert box.tag() is None


def test_a_tag_just_after_the_unplug_is_a_new_one(box):
    box.plug(1)
    box.set(b"A")
    box.run(1000)
    box.plug(0)
    box.set(b"B")
    box.run(1000)
    assert box.tag() == b"B" and box.state() == WAITING
    box.run(WAIT_MS)
    assert box.tag() is None


def test_not_to_know_whether_a_car_is_plugged_is_no_unplug(box):
    box.plug(1)
    box.set(b"A")
    box.run(1000)
    box.plug(None)
    box.run(WAIT_MS + 1000, 1000)
    assert box.tag() == b"A"


def test_a_timestamp_is_null_until_somebody_knows_the_time(box):
    box.set(b"A")
    assert box.images[0].value[P_RFID_TIMESTAMP_S] == b"null"
    box.run(100)
    assert box.images[0].value[P_RFID_TIMESTAMP_S] is None and not box.tags[0].stamped


@pytest.mark.parametrize("days", [13, 26])
def test_a_tag_at_a_car_that_stays_for_days_stays_and_then_goes(box, days):
    box.plug(1)
    box.set(b"A")
    box.run(days * 86400000, 60000)
    assert box.tag() == b"A"
    box.plug(0)
    box.run(100)
    assert box.tag() is None
    box.set(b"B")
    box.run(1000)
    assert box.tag() == b"B"


def test_each_charge_point_keeps_it_for_its_own_car():
    box = Box(count=2)
    box.set(b"A")
    box.plug(1, cp=0)
    box.run(WAIT_MS + 1000)
    assert [box.tag(cp) for cp in (0, 1)] == [b"A", None]
    box.plug(0, cp=0)
    box.run(100)
    assert box.tag(0) is None


def test_every_transition_of_the_table_can_happen():
    seen = set()
    box = Box()
    enter = tag.Tag._enter

    def note(state):
        seen.add((box.tags[0].state, state))
        enter(box.tags[0], state)

    box.tags[0]._enter = note
    for action in (lambda: box.set(b"A"), lambda: box.set(None), lambda: box.set(b"B"), lambda: box.plug(1), lambda: box.set(b"C"), lambda: box.plug(0)):
        action()
        box.run(100)
    assert seen == set(TRANSITIONS)
