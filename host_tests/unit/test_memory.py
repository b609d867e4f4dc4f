"""What survives a reset and a power loss, and when flash is written for it."""

import memory
import pytest
import record
from clock import TICKS_MASK
from hypothesis import given, settings
from hypothesis import strategies as st
from memory import FLASH_EVERY_MS, PAYLOAD_BYTES, RECORD_BYTES, VERSION, Memory

START = TICKS_MASK - 30000  # the clock wraps in the middle of the first minute
ZEROS = bytes(PAYLOAD_BYTES)


class PowerCut(Exception):
    pass


class Rtc:
    def __init__(self):
        self.kept = bytes(RECORD_BYTES)
        self.saves = 0
        self.cp = [0, 0]  # what the floor sees

    def load(self, buf):
        buf[:] = self.kept[: len(buf)]
        return len(buf)

    def save(self, buf, n):
        self.kept = bytes(buf[:n]) + self.kept[n:]
        self.saves += 1

    def set_cp(self, i, byte):
        self.cp[i] = byte


class Flash:
    """`works`: whether save succeeds; `cut`: the power goes "before" or "after" the content is replaced."""

    def __init__(self):
        self.files = {}
        self.tries = 0
        self.works = True
        self.cut = None

    def load(self, name, buf):
        content = self.files.get(name)
        if content is None:
            return -1
        buf[: len(content)] = content[: len(buf)]
        return min(len(content), len(buf))

    def save(self, name, buf, n):
        self.tries += 1
        if self.works and self.cut != "before":
            self.files[name] = bytes(buf[:n])
        if self.cut:
            raise PowerCut
        return self.works


class Box:
    """A memory with its two ports, and the time."""

    def __init__(self, rtc=None, flash=None, start=START):
        self.rtc = rtc or Rtc()
        self.flash = flash or Flash()
        self.now_ms = start
        self.reset()

    def reset(self):
        self.memory = Memory(self.rtc, self.flash, self.now_ms)

    def power_cycle(self):
        self.rtc.kept = bytes(RECORD_BYTES)
        self.rtc.cp = [0, 0]
        self.reset()

    def step(self, passed_ms=0, at_rest=True):
        self.now_ms = (self.now_ms + passed_ms) & TICKS_MASK
        return self.memory.step(self.now_ms, at_rest)

    @property
    def value(self):
        return bytes(self.memory.value)

    @property
    def in_flash(self):
        """What a power cycle would bring back."""
        return bytes(Memory(Rtc(), self.flash, 0).value)


def value_of(numbers):
    """{index: number} as a whole value."""
    return bytes(numbers.get(i, 0) for i in range(PAYLOAD_BYTES))


def sealed(payload, version=VERSION):
    buf = bytearray(bytes(2) + payload + bytes(2))
    record.seal(buf, version, len(payload))
    return bytes(buf)


@pytest.fixture
def box():
    return Box()


# -- the way in -----------------------------------------------------------------------------------------------------------

OURS, OLDER, SHORT = sealed(bytes((1,)) * PAYLOAD_BYTES), sealed(bytes((2,)) * PAYLOAD_BYTES), sealed(b"\x03\x04")
FUTURE = sealed(bytes((9,)) * 44, VERSION + 1)
NOISE = bytes(range(50, 50 + 20))
BOOTS = {
    "a new box": (b"", None, ZEROS, False, False),
    "a reset": (OURS, OLDER, bytes((1,)) * PAYLOAD_BYTES, False, False),
    "a reset before flash was ever written": (OURS, None, bytes((1,)) * PAYLOAD_BYTES, False, False),
    "a power loss": (b"", OLDER, bytes((2,)) * PAYLOAD_BYTES, False, False),
    "RTC memory came up as noise": (NOISE, OLDER, bytes((2,)) * PAYLOAD_BYTES, False, False),
    "flash is damaged, RTC memory is not": (OURS, NOISE, bytes((1,)) * PAYLOAD_BYTES, False, False),
    "both are damaged": (NOISE, NOISE, ZEROS, False, True),
    "an empty file": (b"", b"", ZEROS, False, False),
    "an older firmware wrote fewer bytes": (b"", SHORT, b"\x03\x04" + bytes(PAYLOAD_BYTES - 2), False, False),
    "a newer firmware was here before a reset": (FUTURE, OLDER, ZEROS, True, False),
    "a newer firmware was here before a power loss": (b"", FUTURE, ZEROS, True, False),
    "a newer firmware was here, but RTC memory is ours since": (OURS, FUTURE, bytes((1,)) * PAYLOAD_BYTES, False, False),
}


@pytest.mark.parametrize("in_rtc, in_flash, value, newer, damaged", BOOTS.values(), ids=BOOTS)
def test_what_a_start_finds(in_rtc, in_flash, value, newer, damaged):
    rtc, flash = Rtc(), Flash()
    rtc.kept = in_rtc + bytes(RECORD_BYTES - len(in_rtc))
    if in_flash is not None:
        flash.files[memory.NAME] = in_flash
    box = Box(rtc, flash)
    assert (box.value, box.memory.newer, box.memory.damaged) == (value, newer, damaged)


def test_the_longest_record_a_later_version_may_write_is_told_from_damage():
    assert len(FUTURE) == RECORD_BYTES


def test_later_versions_find_everything_where_it_is_today(box):
    """Boxes in the field hold these bytes: another layout is another VERSION."""
    box.memory.put_cp(0, 0x81)
    box.memory.put_cp(1, 0x80)
    box.memory.put(memory.M_LATCHED, 3)
    box.memory.put(memory.M_LATCHED + 1, 4)
    box.step()
    assert box.flash.files["memory.bin"].hex() == "0124" + "81800304" + "00" * 32 + "891b"


# -- put ------------------------------------------------------------------------------------------------------------------


def test_a_change_survives_a_reset_at_once(box):
    box.memory.put(3, 200)
    box.reset()
    assert box.value == value_of({3: 200})


def test_the_newest_of_many_changes_survives_a_reset(box):
    for i in range(PAYLOAD_BYTES):
        for number in (255, i):
            box.memory.put(i, number)
    box.reset()
    assert box.value == bytes(range(PAYLOAD_BYTES))


def test_the_same_number_again_writes_nothing(box):
    box.memory.put(3, 7)
    box.memory.put(3, 7)
    box.memory.put(4, 0)
    assert box.rtc.saves == 1


@pytest.mark.parametrize("i", [0, 1])
def test_the_state_of_a_cp_relay_is_told_to_the_floor_too(box, i):
    box.memory.put_cp(i, 0x81)
    assert (box.rtc.cp[i], box.rtc.cp[1 - i]) == (0x81, 0)
    box.reset()
    assert (box.memory.cp(i), box.memory.cp(1 - i)) == (0x81, 0)


def test_after_a_power_loss_the_floor_is_told_again_what_flash_knows(box):
    box.memory.put_cp(1, 0x80)
    box.step()
    box.power_cycle()
    box.memory.put_cp(1, box.memory.cp(1))
    assert box.rtc.cp == [0, 0x80]


# -- step -----------------------------------------------------------------------------------------------------------------


def test_the_first_change_reaches_flash_at_once_when_nobody_charges(box):
    box.memory.put(0, 1)
    assert box.step()
    box.power_cycle()
    assert box.value == value_of({0: 1})


def test_flash_is_never_written_while_somebody_charges(box):
    box.memory.put(0, 1)
    for _ in range(100):
        assert not box.step(FLASH_EVERY_MS, at_rest=False)
    assert box.flash.tries == 0
    assert box.step(at_rest=True)


def test_without_a_change_flash_is_not_written(box):
    assert not any(box.step(1000) for _ in range(200))
    box.memory.put(0, 1)
    box.step()
    assert not any(box.step(1000) for _ in range(200))
    assert box.flash.tries == 1


def test_the_next_write_waits_a_minute_and_takes_the_newest_with_it(box):
    box.memory.put(0, 1)
    box.step()
    written_after_ms = 0
    for i in range(2, 200):
        box.memory.put(0, i)
        written_after_ms += 1000
        if box.step(1000):
            break
    assert written_after_ms == FLASH_EVERY_MS
    assert box.in_flash == value_of({0: i})


def test_a_value_that_returns_to_what_flash_holds_is_not_written(box):
    box.memory.put(0, 1)
    box.step()
    for number in (2, 3, 1):
        box.memory.put(0, number)
        box.step(1000)
    assert not box.step(FLASH_EVERY_MS)
    assert box.flash.tries == 1


def test_what_was_not_written_before_a_reset_is_written_after_it(box):
    box.memory.put(5, 5)
    box.step(at_rest=False)
    box.reset()
    assert not box.step(FLASH_EVERY_MS - 1)
    assert box.step(1)
    assert box.in_flash == value_of({5: 5})


def test_a_box_that_restarts_again_and_again_does_not_wear_its_flash(box):
    for i in range(1, 200):
        box.memory.put(0, i)
        for _ in range(11):
            box.step(1000)
        box.reset()
    assert box.flash.tries == 1


def test_after_a_reset_flash_that_holds_the_value_is_not_written_again(box):
    box.memory.put(0, 1)
    box.step()
    box.reset()
    assert not any(box.step(FLASH_EVERY_MS) for _ in range(3))


def test_a_damaged_file_is_replaced_by_the_next_value(box):
    box.flash.files[memory.NAME] = NOISE
    box.power_cycle()
    box.memory.put(1, 1)
    box.step()
    assert box.in_flash == value_of({1: 1})


def test_the_record_of_a_newer_firmware_is_replaced_by_the_next_value_only(box):
    box.flash.files[memory.NAME] = FUTURE
    box.power_cycle()
    assert not box.step(FLASH_EVERY_MS)
    assert box.flash.files[memory.NAME] == FUTURE
    box.memory.put(1, 1)
    box.step()
    box.power_cycle()
    assert (box.value, box.memory.newer) == (value_of({1: 1}), False)


def test_a_failed_write_is_tried_again_after_a_minute_and_counted(box):
    box.flash.works = False
    box.memory.put(0, 1)
    assert box.step()
    assert not any(box.step(1000) for _ in range(59))
    assert box.step(1000)
    assert (box.flash.tries, box.memory.failures) == (2, 2)
    box.flash.works = True
    assert box.step(FLASH_EVERY_MS)
    assert not box.step(FLASH_EVERY_MS)
    assert (box.in_flash, box.memory.failures) == (value_of({0: 1}), 2)


@pytest.mark.parametrize("periods", [1, 2])
def test_a_clock_that_has_come_round_does_not_hold_up_the_next_write(box, periods):
    box.memory.put(0, 1)
    box.step()
    silence_ms = periods * (TICKS_MASK + 1)
    for _ in range(silence_ms // 60000):
        box.step(60000)
    box.memory.put(0, 2)
    assert box.step(silence_ms % 60000), "the bare age is 0 ms now"


# -- anything, in any order -----------------------------------------------------------------------------------------------

ACTIONS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, PAYLOAD_BYTES - 1), st.sampled_from((0, 1, 2, 255))),
    st.tuples(st.just("step"), st.sampled_from((1, 20, 59999, 60000)), st.booleans()),
    st.tuples(st.just("works"), st.booleans()),
    st.tuples(st.just("reset")),
    st.tuples(st.just("power"), st.sampled_from((ZEROS, NOISE))),
    st.tuples(st.just("cut"), st.sampled_from(("before", "after"))),
)


class Model:
    """What must be true, told without any bytes: the value in force, all that ever were, and the one last flushed."""

    def __init__(self, start):
        self.box = Box(start=start)
        self.value = ZEROS
        self.ever = {ZEROS}
        self.flushed = ZEROS
        self.since_try_ms = None  # unknown after a power loss

    def put(self, i, number):
        self.box.memory.put(i, number)
        self.value = self.value[:i] + bytes((number,)) + self.value[i + 1 :]
        self.ever.add(self.value)

    def step(self, passed_ms, at_rest):
        if self.since_try_ms is not None:
            self.since_try_ms += passed_ms
        if self.box.step(passed_ms, at_rest):
            assert at_rest and self.value != self.flushed
            assert self.since_try_ms is None or self.since_try_ms >= FLASH_EVERY_MS
            self.since_try_ms = 0
            if self.box.flash.works:
                self.flushed = self.value

    def works(self, yes):
        self.box.flash.works = yes

    def reset(self):
        self.box.reset()

    def power(self, noise):
        self.box.rtc.kept = noise + bytes(RECORD_BYTES - len(noise))
        self.box.reset()
        self.value = self.flushed
        self.since_try_ms = None

    def cut(self, moment):
        """The power goes in the middle of a write, if one is due within a minute."""
        self.box.flash.cut = moment
        try:
            self.step(FLASH_EVERY_MS, True)
        except PowerCut:
            if moment == "after" and self.box.flash.works:
                self.flushed = self.value
            self.power(ZEROS)
        self.box.flash.cut = None

    def check(self):
        assert self.box.value == self.value
        assert self.box.in_flash == self.flushed
        assert self.flushed in self.ever
        assert not self.box.memory.newer and not self.box.memory.damaged

    def settle(self):
        """Nobody charges for two minutes and flash works: then flash holds the value."""
        self.works(True)
        for _ in range(120):
            self.step(1000, True)
        assert self.flushed == self.value


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(0, TICKS_MASK), st.lists(ACTIONS, max_size=40))
def test_a_reset_loses_nothing_and_a_power_loss_goes_back_to_what_was_last_flushed(start, actions):
    model = Model(start)
    for name, *arguments in actions:
        getattr(model, name)(*arguments)
        model.check()
    model.settle()
    model.check()
