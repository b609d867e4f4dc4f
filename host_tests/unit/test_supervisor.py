"""The network supervisor against everything a network does: gone, late, moved, refused, unplugged, stuck."""

import app
import pytest
import wlan
from clock import TICKS_MASK
from supervisor import (
    DOWN, JOIN_MS, JOINED, JOINING, LOOK_MS, NOT_FOUND, REST_MAX_MS, REST_MS, RESTING, TRANSITIONS, TRYING, UNPLUGGED, UP,
    WRONG_PASSWORD, Supervisor,
)  # fmt: skip


class Network:
    """`answer` is what the driver says; `stuck`: it only joins after it was switched off and on."""

    def __init__(self):
        self.answer = TRYING
        self.stuck = False
        self.where = "192.0.2.9"
        self.calls = []

    def join(self):
        self.calls.append("join")

    def leave(self):
        self.calls.append("leave")
        self.stuck = False

    def state(self):
        return TRYING if self.stuck else self.answer

    def address(self):
        return self.where


class Box:
    def __init__(self, start_ms=0):
        self.net = Network()
        self.now_ms = start_ms
        self.supervisor = Supervisor(self.net, start_ms)
        self.told = []

    def run(self, ms):
        for _ in range(ms // 100):
            self.now_ms = (self.now_ms + 100) & TICKS_MASK
            before = self.supervisor.state
            self.supervisor.step(self.now_ms)
            if before != self.supervisor.state:
                assert (before, self.supervisor.state) in TRANSITIONS
            if self.supervisor.changed:
                self.supervisor.changed = False
                self.told.append(self.supervisor.address)


@pytest.fixture(params=[0, TICKS_MASK - 70000], ids=["at the start", "while the clock wraps"])
def box(request):
    return Box(request.param)


def test_an_address_that_comes_late_is_told_once(box):
    box.run(20000)
    assert box.supervisor.state == JOINING and box.told == []
    box.net.answer = JOINED
    box.run(60000)
    assert box.supervisor.state == UP and box.told == ["192.0.2.9"] and box.net.calls == ["join"]


def test_an_access_point_that_went_away_is_told_and_found_again_by_the_driver(box):
    box.net.answer = JOINED
    box.run(1000)
    box.net.answer = NOT_FOUND
    box.run(JOIN_MS // 2)
    assert box.supervisor.trouble() == b"no such network in reach" and box.told[-1] is None
    box.net.answer = JOINED
    box.run(1000)
    assert box.supervisor.trouble() is None and box.net.calls == ["join"] and box.supervisor.losses == 1


def test_another_address_after_a_loss_is_told(box):
    box.net.answer = JOINED
    box.run(1000)
    box.net.answer = TRYING
    box.run(1000)
    box.net.where, box.net.answer = "192.0.2.77", JOINED
    box.run(1000)
    assert box.told == ["192.0.2.9", None, "192.0.2.77"]


@pytest.mark.parametrize(
    ("code", "words"), [(WRONG_PASSWORD, b"wrong password"), (NOT_FOUND, b"no such network in reach"), (UNPLUGGED, b"no cable")]
)
def test_why_there_is_no_network_is_told(box, code, words):
    box.net.answer = code
    box.run(2 * LOOK_MS)
    assert box.supervisor.trouble() == words


def test_a_driver_that_got_stuck_is_switched_off_and_on(box):
    box.net.stuck, box.net.answer = True, JOINED
    box.run(JOIN_MS + 2 * LOOK_MS)
    assert box.supervisor.state == RESTING
    box.run(2 * REST_MS + 4 * LOOK_MS)
    assert box.supervisor.state == UP and box.net.calls == ["join", "leave", "join"]


def test_the_rests_grow_to_a_minute_and_no_further(box):
    box.run(20 * 60 * 1000)
    joins = box.net.calls.count("join")
    box.run(20 * 60 * 1000)
    assert box.net.calls.count("join") - joins == pytest.approx(20 * 60000 / (JOIN_MS + REST_MAX_MS), abs=2)


def test_a_success_makes_the_next_rest_short_again(box):
    box.run(10 * 60 * 1000)
    box.net.answer = JOINED
    box.run(2 * REST_MAX_MS)
    box.net.answer, box.net.stuck = TRYING, True
    box.run(JOIN_MS + 2 * LOOK_MS)
    box.net.answer = JOINED
    box.run(2 * REST_MS + 4 * LOOK_MS)
    assert box.supervisor.state == UP


def test_the_first_rest_takes_five_seconds_and_each_further_one_twice_as_long_up_to_a_minute(box):
    rests_ms = []
    while len(rests_ms) < 6:
        while box.supervisor.state != RESTING:
            box.run(100)
        start_ms = box.now_ms
        while box.supervisor.state == RESTING:
            box.run(100)
        rests_ms.append((box.now_ms - start_ms) & TICKS_MASK)

    assert rests_ms == [5000, 10000, 20000, 40000, 60000, 60000]


@pytest.mark.parametrize("step_ms", [10, 100, 170, 5000])
def test_the_driver_is_asked_twice_a_second_and_never_more_often(box, step_ms):
    asked_ms = []
    box.net.state = lambda: asked_ms.append(now_ms) or TRYING
    for now_ms in range(step_ms, 20000, step_ms):
        box.supervisor.step((box.now_ms + now_ms) & TICKS_MASK)

    every_ms = -(-500 // step_ms) * step_ms
    assert asked_ms == list(range(every_ms, 20000, every_ms))


def test_attempts_and_losses_are_counted_and_stay_small_integers(box):
    assert (box.supervisor.joins, box.supervisor.losses) == (1, 0)
    box.run(JOIN_MS + REST_MS + 4 * LOOK_MS)
    assert box.supervisor.joins == box.net.calls.count("join") == 2
    box.supervisor.joins = box.supervisor.losses = 0xFFFFFF
    box.net.answer = JOINED
    box.run(1000)
    box.net.answer = TRYING
    box.run(JOIN_MS + 2 * REST_MS + 4 * LOOK_MS)
    assert (box.supervisor.joins, box.supervisor.losses) == (0, 0)


def test_a_box_with_another_way_into_the_network_leaves_the_radio_alone():
    idle = Supervisor(None, 0)
    for now_ms in range(0, 10000, 500):
        idle.step(now_ms)
    assert idle.state == DOWN and idle.trouble() is None


def test_the_transitions_are_all_possible_and_no_other(box):
    seen = set()
    real = Supervisor._enter

    def note(self, state, now_ms):
        seen.add((self.state, state))
        real(self, state, now_ms)

    box.supervisor._enter = note.__get__(box.supervisor)
    box.run(2 * JOIN_MS)
    box.net.answer = JOINED
    box.run(2 * REST_MAX_MS)
    box.net.answer = TRYING
    box.run(1000)
    assert seen == set(TRANSITIONS) - {(DOWN, JOINING)}  # that one happens in __init__


def test_the_driver_of_wi_fi_answers_in_the_words_of_the_supervisor(monkeypatch):
    class Driver:
        IF_STA, PM_NONE = 0, 0

        def __init__(self, _interface):
            self.joined, self.code, self.told = False, 1001, []

        def isconnected(self):
            return self.joined

        def status(self):
            return self.code

        def active(self, on):
            self.told.append(("active", on))

        def config(self, **keys):
            self.told.append(("config", keys))

        def connect(self, *keys):
            self.told.append(("connect", keys))

        def ifconfig(self):
            return ("192.0.2.9", "", "", "")

    monkeypatch.setattr(wlan.network, "WLAN", Driver)
    port = wlan.Wlan("home", "secret", "garage-12ab")
    driver = port._wlan
    port.join()
    assert driver.told == [("active", True), ("config", {"pm": 0}), ("connect", ("home", "secret"))]
    for code, said in ((1001, TRYING), (201, NOT_FOUND), (202, WRONG_PASSWORD)):
        driver.code = code
        assert port.state() == said
    driver.joined = True
    assert port.state() == JOINED and port.address() == "192.0.2.9"
    port.leave()
    assert driver.told[-1] == ("active", False)


class Sulking:
    """The driver of a chip, when it does not want to: it raises OSError, or RuntimeError where it has no word for its trouble."""

    IF_STA, PM_NONE = 0, 0

    def __init__(self, _interface):
        self.error = OSError("Wifi Internal State Error")
        self.sulks = ()
        self.joined = False

    def _do(self, name):
        if name in self.sulks:
            raise self.error

    def isconnected(self):
        return self.joined

    def active(self, on):
        self._do("active")

    def config(self, **keys):
        self._do("config")

    def connect(self, *keys):
        self._do("connect")

    def status(self, what=None):
        self._do("status")
        return 1001 if what is None else -50


@pytest.mark.parametrize("error", [OSError("Wifi Internal State Error"), RuntimeError("Wifi Unknown Error 0x0101")])
@pytest.mark.parametrize("name", ["active", "config", "connect"])
def test_a_driver_that_fails_to_join_or_to_leave_is_asked_again_and_ends_nothing(monkeypatch, capsys, name, error):
    monkeypatch.setattr(wlan.network, "WLAN", Sulking)
    port = wlan.Wlan("home", "secret", "garage-12ab")
    port._wlan.error, port._wlan.sulks = error, (name,)
    box = Box()
    box.supervisor = Supervisor(port, 0)

    box.run(3 * (JOIN_MS + REST_MAX_MS))

    assert box.supervisor.joins > 2
    assert str(error) in capsys.readouterr().out
    port._wlan.sulks = ()
    box.run(JOIN_MS + REST_MAX_MS)
    assert box.supervisor.state == JOINING


def test_a_connection_that_is_lost_while_somebody_asks_how_well_it_is_heard_ends_nothing(monkeypatch):
    monkeypatch.setattr(wlan.network, "WLAN", Sulking)
    port = wlan.Wlan("home", "secret", "garage-12ab")
    port._wlan.joined = True
    assert port.rssi_dbm() == -50
    port._wlan.sulks = ("status",)
    assert port.rssi_dbm() is None


def test_the_console_hears_of_the_address_and_of_its_loss(capsys):
    box = Box()
    box.supervisor.address = "192.0.2.9"
    app.say_network(box.supervisor)
    box.supervisor.address = None
    app.say_network(box.supervisor)
    assert capsys.readouterr().out.splitlines() == ["ladepunkt: address 192.0.2.9", "ladepunkt: the network is lost"]
