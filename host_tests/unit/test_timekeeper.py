"""Tags and faults get their time; the whole gateway with a reader and a time server, in virtual time."""
import commands
import pytest
from gateway import Gateway
from points import P_ERROR_TIMESTAMP_S, P_FAULT_STATE, P_PLUGGED, P_RFID, P_RFID_TIMESTAMP_S, Image
from rdm6300 import Rdm6300
from tag import Tag
from timekeeper import Timekeeper

import host_tests.sim  # noqa: F401
from host_tests.fakes.rdm6300 import Rdm6300Uart, frame, uid_of
from host_tests.fakes.time_server import TimeServer, answer_to
from host_tests.sim.world import SET, World, standard_config

NOW_S = 1795327212
WRAP = 1 << 30
TEXT = b"0008844356"


class Box(World):
    """A world whose gateway has a reader, and a time server that knows the world's time."""

    def __init__(self, start_tick=0, answering=True, server="pool.example", **config):
        self.uart = Rdm6300Uart()
        self.time_server = TimeServer()
        self.answering = answering
        self.time_server.answers = self.answer
        settings = standard_config(**config)
        settings["rfid"]["reader"] = "rdm6300"
        settings["time"]["server"] = server
        super().__init__(config=settings, start_tick=start_tick)

    def answer(self, question):
        return answer_to(question, self.unix_s()) if self.answering else b""

    def unix_s(self):
        return NOW_S + self.now_ms // 1000

    def start_gateway(self, *cause):
        super().start_gateway(*cause)
        parts = [point.relay._port for point in self.gateway.points]
        reader = Rdm6300(self.uart)
        self.gateway = Gateway(
            self.config, self.line, self.link, self.seed, self.tick(), parts, self.gateway.memory, reader=reader, udp=self.time_server
        )

    def scan(self, number=8844356):
        self.uart.send(frame(uid_of(number)))

    def value(self, index, cp=0):
        return self.gateway.points[cp].image.value[index]


@pytest.fixture(params=[0, WRAP - 5000])
def box(request):
    box = Box(request.param)
    box.run(3000)
    return box


def near(stamp, expected_s):
    return stamp is not None and abs(int(stamp) - expected_s) <= 1


def test_a_scan_is_told_with_its_time(box):
    at_s = box.unix_s()
    box.scan()
    box.run(2500)
    assert box.told(b"get/rfid") == b'"0008844356"'
    assert near(box.told(b"get/rfid_timestamp"), at_s)


def test_a_tag_that_the_controller_sets_has_a_time_too_and_none_when_it_is_cleared(box):
    at_s = box.unix_s()
    box.broker.send(SET + b"last_tag", b'"ABC"', False)
    box.run(2500)
    assert box.told(b"get/rfid") == b'"ABC"' and near(box.told(b"get/rfid_timestamp"), at_s)
    box.broker.send(SET + b"last_tag", b"null", False)
    box.run(2500)
    assert box.told(b"get/rfid") == box.told(b"get/rfid_timestamp") == b"null"


def test_a_tag_goes_with_the_car(box):
    box.plug()
    box.run(3000)
    box.scan()
    box.run(2500)
    assert box.told(b"get/rfid") != b"null"
    box.car().unplug()
    box.run(3000)
    assert box.told(b"get/rfid") == b"null"


def test_an_open_pilot_is_no_unplug_and_keeps_the_tag(box):
    box.plug()
    box.run_until(lambda: box.car().current_ca[0] == 1600, 30000)
    box.scan()
    box.run(1000)
    box.line.faults = {1: "silent"}
    box.run(10000)
    assert box.gateway.points[0].relay.is_open() and box.value(P_RFID) == TEXT


def test_a_fault_says_since_when_and_null_when_it_is_over(box):
    box.run_until(lambda: box.told(b"get/fault_state") == b"0", 5000)
    assert box.told(b"get/error_timestamp") == b"null"
    at_s = box.unix_s()
    box.line.faults = {105: "silent"}
    box.run(25000)
    assert box.told(b"get/fault_state") == b"2"
    first = box.told(b"get/error_timestamp")
    assert at_s + 8 <= int(first) <= at_s + 14, "10 s without a reading are a fault"
    box.run(20000)
    assert box.told(b"get/error_timestamp") == first
    box.line.faults = {}
    box.run(10000)
    assert box.told(b"get/fault_state") == b"0" and box.told(b"get/error_timestamp") == b"null"


def test_each_charge_point_has_its_own_fault():
    box = Box(charge_points=2)
    box.line.faults = {106: "silent"}
    box.run(25000)
    assert box.value(P_ERROR_TIMESTAMP_S, 0) is None and box.value(P_ERROR_TIMESTAMP_S, 1) is not None


class Small:
    """A charge point that is an image and a tag, with the clock: quick enough for hours."""

    def __init__(self, start_tick=0):
        self.image = Image()
        self.tag = Tag(self.image)
        self.image.value[P_PLUGGED] = 0
        self.server = TimeServer()
        self.server.answers = None
        self.passed_ms = 0
        self.tick = start_tick
        self.keeper = Timekeeper({"server": "pool.example", "every_h": 24}, [self], self.server, 1, start_tick)

    def unix_s(self):
        return NOW_S + self.passed_ms // 1000

    def answer(self):
        self.server.answers = lambda question: answer_to(question, self.unix_s())

    def run(self, ms, step_ms=100):
        for _ in range(ms // step_ms):
            self.passed_ms += step_ms
            self.tick = (self.tick + step_ms) % WRAP
            self.keeper.step(self.tick)
            self.tag.step(self.tick)

    def run_until_valid(self):
        while not self.keeper.wall.valid:
            self.run(100)
        self.run(200)

    def told(self):
        return self.image.value[P_RFID_TIMESTAMP_S], self.image.value[P_ERROR_TIMESTAMP_S]


@pytest.mark.parametrize("start_tick", [0, WRAP - 100000])
def test_what_was_before_the_clock_came_up_gets_its_time_then(start_tick):
    small = Small(start_tick)
    small.run(10000)
    small.image.value[P_FAULT_STATE] = 2
    began_s = small.unix_s()
    small.run(60000)
    commands.set_tag([small], b"A")
    scanned_s = small.unix_s()
    small.run(60000)
    assert small.told() == (None, None)
    small.answer()
    small.run_until_valid()
    assert near(small.told()[0], scanned_s) and near(small.told()[1], began_s)


def test_a_clock_that_comes_up_after_the_tag_has_gone_dates_nothing():
    small = Small()
    commands.set_tag([small], b"A")
    small.run(310000)
    small.answer()
    small.run_until_valid()
    assert small.told() == (None, None)


def test_a_clock_that_comes_up_an_hour_after_a_fault_does_not_guess():
    small = Small()
    small.image.value[P_FAULT_STATE] = 2
    small.run(3700000, 1000)
    small.answer()
    small.run_until_valid()
    assert small.told() == (None, None)
    small.image.value[P_FAULT_STATE] = 0
    small.run(100)
    small.image.value[P_FAULT_STATE] = 2
    at_s = small.unix_s()
    small.run(100)
    assert near(small.told()[1], at_s)


def test_a_warning_is_no_error():
    small = Small()
    small.answer()
    small.run_until_valid()
    small.image.value[P_FAULT_STATE] = 1
    small.run(1000)
    assert small.told() == (None, None)


def test_a_tag_that_comes_in_the_very_step_in_which_the_clock_comes_up_keeps_its_own_time():
    """The old one must not lend it its time, and it must not be missed."""
    small = Small()
    small.image.value[P_PLUGGED] = 1
    commands.set_tag([small], b"A")
    small.run(100000)
    small.keeper.wall.set(NOW_S // 86400, NOW_S % 86400, small.tick)
    base_ms = small.passed_ms
    commands.set_tag([small], b"B")
    small.run(300)
    assert near(small.told()[0], NOW_S + (small.passed_ms - base_ms) // 1000)


@pytest.mark.parametrize("days", [13, 26])
def test_a_fault_of_days_keeps_its_first_time(days):
    small = Small()
    small.answer()
    small.run_until_valid()
    small.image.value[P_FAULT_STATE] = 2
    at_s = small.unix_s()
    small.run(100)
    small.run(days * 86400000, 60000)
    assert near(small.told()[1], at_s)


def test_without_a_time_server_nothing_is_asked_and_the_tag_is_told_all_the_same():
    box = Box(server=None)
    box.scan()
    box.run(3000)
    assert box.told(b"get/rfid") == b'"0008844356"' and box.told(b"get/rfid_timestamp") == b"null"
    assert box.time_server.asked == [] and len(box.gateway.extras) == 1


@pytest.mark.parametrize(("reader", "form", "text"), [("rdm6300", None, TEXT), ("rdm6300", "hex", b"100086F444"), ("module", None, b"100086F444"), ("module", "decimal", TEXT)])
def test_the_text_of_a_tag_is_that_of_its_reader_unless_another_is_wanted(reader, form, text):
    box = Box(server=None)
    box.config["rfid"] = {"reader": reader, "format": form}
    box.start_gateway()
    box.scan()
    box.run(1000)
    assert box.value(P_RFID) == text


def test_a_scan_and_an_answer_are_episodes(box):
    box.gateway.take_episode()
    assert not box.gateway.take_episode()
    box.scan()
    box.run_until(lambda: box.value(P_RFID) == TEXT, 1000)
    assert box.gateway.take_episode()
    assert not any(extra.episode for extra in box.gateway.extras)
