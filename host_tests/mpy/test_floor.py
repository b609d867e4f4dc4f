"""The floor on real MicroPython: whatever is broken, the wire has 0 A for every EVSE, and CP is open where it should be."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from host_tests.mpy.floor_box import BOARD, CONFIG, CP_OPEN, FRAME_S, Box
from tools import mpy
from tools.desk import process

START_LIMIT_S = 1.0  # process to end of the first frame: the interpreter's start, and what a busy machine adds
END_LIMIT_S = 0.2  # event to end of the first frame
ROUND_S = 0.06

APP = "import failsafe, time\ndef run(report):\n    %s\n"
FEEDING = "print('up')\n    while True:\n        failsafe.wdt.feed(); time.sleep_ms(10)"
HOG = "hog = []\nprint('eating')\nwhile True:\n    hog.append(bytearray(48))\n"
# A gateway of which one machine is broken: everything else around it is the real app.
BROKEN_GATEWAY = """
class Events:
    def note(self, *what):
        pass
class Gateway:
    events = Events()
    client = None
    def __init__(self, *arguments, **named):
        self.steps = 0
    def note(self, text):
        pass
    def take_episode(self):
        return False
    def hungry(self, line):
        return True
    def step(self, now_ms):
        self.steps += 1
        if self.steps > 20:
            print("now")
            %s
        return 10
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The firmware as it is on a device."""
    folder = tmp_path_factory.mktemp("compiled")
    mpy.build(folder)
    return folder


def check_zero_frames(box, after_s, limit_s, rounds=3, units=(1, 2)):
    """At least so many frames for every EVSE after that time, the first in time."""
    for unit in units:
        found = [frame_s for frame_s in box.zero_frames(unit) if frame_s > after_s]
        assert len(found) >= rounds, f"EVSE {unit} got {len(found)} frames:\n{box.text()}"
        assert found[0] - after_s <= limit_s + (unit - 1) * ROUND_S, f"EVSE {unit}"
    took_s = min(frame_s for frame_s in box.zero_frames(1) if frame_s > after_s) - after_s
    print(f"{took_s * 1000:.0f} ms to the end of the first 0 A frame")


UNUSABLE = {
    "config missing": ({"config.json": None}, "config.json: missing: "),
    "config truncated": ({"config.json": '{"mqtt": {"ho'}, "config.json: expected JSON, found something that does not parse"),
    "config of the wrong type": ({"config.json": [1]}, r"config.json: the whole file: expected an object { }, found \[1\]"),
    "config not of this board": ({"config.json": {**CONFIG, "charge_points": [{"evse": 9, "meter": {"type": "none"}}]}}, ".*evse_ids of board.json"),
    "odd board": ({"board.json": {**BOARD, "button": 5}}, "board.json: button: expected an object"),
}  # fmt: skip


def check_held(folder, compiled, files, words):
    folder.mkdir()
    with Box(folder, compiled, files) as box:
        box.wait_for(lambda: box.saw("stays at 0 A: " + words), "the reason")
        said_s = box.saw("stays at 0 A")
        box.wait_for(lambda: len([s for s in box.zero_frames(2) if s > said_s]) >= 2, "two frames while it holds")
        check_zero_frames(box, box.started_s, START_LIMIT_S, rounds=7)
        assert box.relays() == CP_OPEN
        assert box.others() == b"", "nothing but 0 A was sent"
        times_s = [s for s in box.zero_frames(1) if s > said_s]
        assert times_s[1] - times_s[0] < 1.2
        assert box.process.poll() is None


def test_unusable_files_are_held_at_0_a_with_their_reason(tmp_path, compiled):
    """Side by side: each takes its time."""
    with ThreadPoolExecutor(len(UNUSABLE)) as pool:
        futures = [pool.submit(check_held, tmp_path / name.replace(" ", "_"), compiled, *case) for name, case in UNUSABLE.items()]
    assert [future.result() for future in futures] == [None] * len(UNUSABLE)


def test_an_unreadable_board_is_held_and_said(tmp_path, compiled):
    with Box(tmp_path, compiled, {"board.json": '{"board": "b", "rs4'}) as box:
        box.wait_for(lambda: box.saw("stays at 0 A"), "the reason")
        assert box.saw("stays at 0 A: board.json: expected an object { } as JSON, found ValueError")
        assert box.others() == b"" and box.process.poll() is None


def check_end(box, mark=None, units=(1, 2)):
    """What must be true of an end with an exception; the event is a line, or else the end of the start's frames."""
    assert box.wait_end() == 1, box.text()
    event_s = box.saw(mark) if mark else box.zero_frames(units[-1])[2]
    check_zero_frames(box, event_s, END_LIMIT_S if mark else START_LIMIT_S, units=units)
    assert box.relays() == CP_OPEN


def test_a_broken_app_ends_at_0_a(tmp_path, compiled):
    whole = (compiled / "app.mpy").read_bytes()
    broken = {"empty": (b"", "Error"), "of_another_version": (whole[:1] + bytes([whole[1] + 1]) + whole[2:], "incompatible .mpy")}
    for name, (content, words) in broken.items():
        (tmp_path / name).mkdir()
        with Box(tmp_path / name, compiled, {"app.mpy": content}) as box:
            check_end(box)
            assert words in box.text()


def test_a_truncated_app_is_0_a_at_every_start(tmp_path, compiled):
    """MicroPython does not find the end of such a file: the import hangs, and the watchdog has to end it, again and again."""
    whole = (compiled / "app.mpy").read_bytes()
    for cause in ("PWRON_RESET", "WDT_RESET"):
        with Box(tmp_path, compiled, {"app.mpy": whole[: len(whole) // 2]}, cause=cause) as box:
            box.wait_for(lambda: len(box.zero_frames(2)) >= 3, "the frames of the start")
            check_zero_frames(box, box.started_s, START_LIMIT_S)
            assert box.relays() == {1: 0, 2: 0}, "no coil is energised"
            time.sleep(0.3)
            fed_s = box.fed_s()
            time.sleep(0.4)
            assert box.process.poll() is None and box.fed_s() == fed_s, "it hangs and feeds nobody"


def test_an_import_that_eats_all_memory_ends_at_0_a(tmp_path, compiled):
    with Box(tmp_path, compiled, {"app.py": HOG}) as box:
        check_end(box, "eating")
        assert "MemoryError" in box.text()


def test_a_heap_too_small_for_the_firmware_ends_at_0_a(tmp_path, compiled):
    with Box(tmp_path, compiled, heap="96K") as box:
        check_end(box)
        assert "MemoryError" in box.text()


@pytest.mark.parametrize(
    "trouble",
    ["raise ValueError('a machine is broken')", "raise MemoryError", "self.hog = [bytearray(32) for _ in range(100000)]"],
    ids=["exception", "MemoryError", "no memory left"],
)
def test_a_machine_that_raises_ends_at_0_a(tmp_path, compiled, trouble):
    with Box(tmp_path, compiled, {"gateway.py": BROKEN_GATEWAY % trouble}) as box:
        check_end(box, "^now")
        assert box.text().count("Traceback") == 2, "once by the app, once by MicroPython"


def test_ctrl_c_ends_at_0_a_and_twice_is_no_different(tmp_path, compiled):
    for presses in (1, 2):
        with Box(tmp_path, compiled) as box:
            box.wait_for(lambda: box.saw("MQTT broker"), "the app runs")
            pressed_s = time.monotonic()
            box.process.send_signal(signal.SIGINT)
            if presses == 2:
                box.wait_for(lambda: [s for s in box.zero_frames(1) if s > pressed_s], "the first frame")
                box.process.send_signal(signal.SIGINT)
            assert box.wait_end() != 0
            check_zero_frames(box, pressed_s, END_LIMIT_S, rounds=4 - presses)
            assert box.relays() == CP_OPEN


def life(folder, compiled, cause, files):
    """(exit status or None when it holds, relays, whether the app ran) of one start."""
    with Box(folder, compiled, files, cause=cause) as box:
        box.wait_for(lambda: box.process.poll() is not None or box.saw("stays at 0 A"), "an end")
        if box.process.poll() is None:
            frames = len(box.zero_frames(1))
            box.wait_for(lambda: len(box.zero_frames(1)) >= frames + 2, "0 A again and again")
            check_zero_frames(box, box.started_s, START_LIMIT_S, units=(1,))
        else:
            check_end(box, "app runs", units=(1,))
        return box.process.poll(), box.relays(), box.saw("app runs") is not None


def test_five_ends_by_the_watchdog_latch_and_four_do_not(tmp_path, compiled):
    files = {"app.py": APP % "print('app runs'); raise ValueError", "board.json": {**BOARD, "evse_ids": [1]}}
    lives = [life(tmp_path, compiled, cause, files) for cause in ("PWRON_RESET", *["WDT_RESET"] * 5)]
    assert [status for status, _, _ in lives] == [1, 1, 1, 1, 1, None]
    assert [ran for _, _, ran in lives] == [True] * 5 + [False]
    assert lives[-1][1] == CP_OPEN


def test_a_relay_open_by_fault_is_open_before_the_first_frame(tmp_path, compiled):
    opening = "failsafe.record[4] = failsafe.record[5] = 128; failsafe.save(); print('saved'); " + FEEDING
    with Box(tmp_path, compiled, {"app.py": APP % opening}) as box:
        box.wait_for(lambda: box.saw("up"), "the app")
        box.process.kill()
    with Box(tmp_path, compiled, {"app.py": APP % FEEDING}, cause="WDT_RESET") as box:
        box.wait_for(lambda: box.saw("up"), "the app")
        assert box.relays() == CP_OPEN
        assert max(when_s for when_s, _, _ in box.pins) <= box.zero_frames(1)[0] - FRAME_S + 0.001
        assert box.process.poll() is None


def test_a_hung_step_is_ended_by_the_watchdog_and_the_next_start_writes_0_a(tmp_path, compiled):
    """The supervisor of the desk plays the watchdog."""
    hang = "print('hung')\n    while True:\n        pass"
    with Box(tmp_path, compiled, {"app.py": APP % hang, "board.json": {**BOARD, "watchdog_s": 1}}) as box:
        box.wait_for(lambda: box.saw("hung"), "the step that hangs")
        environment = dict(box._environment)
        box.process.kill()
        said = []
        supervised = process.Gateway(box._command, environment, str(tmp_path), 10, said.append)
        before = len(box.zero_frames(1))
        supervised.start()
        try:
            box.wait_for(lambda: supervised.watchdog_resets == 1, "the watchdog", 5)
            again = len(box.zero_frames(1))
            box.wait_for(lambda: len(box.zero_frames(1)) >= again + 3, "0 A after the restart", 5)
        finally:
            supervised.stop()
        assert again == before + 3, "the first of the two lives wrote its 0 A, too"
        assert "the watchdog was not fed for 1 s: reset" in said
