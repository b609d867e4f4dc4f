"""What a desk recorded is lived again by one command, and decides what its events told; the recording ends in the middle of a life."""

import subprocess
import sys
import urllib.request

import pytest

from host_tests.interop.test_desk import FREE_PORTS, Control, Desk
from tools.desk.process import ROOT

CHARGES = "limit 16.00 A: set point"
SILENT = "limit 0.00 A: EVSE does not answer"  # also the first decision of every life


def decided(events):
    """The decisions among the desk's events, as the words behind "limit"."""
    return [event["text"].split("limit ")[1] for event in events if ": limit " in event["text"]]


def until_told(control, text, times=1):
    """Waits for that many events that end so: the firmware reports them once per second."""
    control.until(lambda _: sum(event["text"].endswith(text) for event in control.do("events")["events"]) >= times, 40)


def replayed(path):
    """Exit status and lines of `make replay FILE=path`."""
    play = subprocess.run([sys.executable, "-m", "tools.replay", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=120)
    return play.returncode, play.stdout.splitlines()


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """(path of the recording, events): a car charges, somebody looks at the page, the EVSE falls silent and comes back, and the gateway starts anew; then the power is cut."""
    folder = tmp_path_factory.mktemp("record")
    path = folder / "life.record"
    desk = Desk(folder, *FREE_PORTS, "--record", str(path))
    try:
        control = Control(int(desk.wait_for(r"control +127\.0\.0\.1:(\d+)", 30)[1]))
        control.do("plug")
        until_told(control, CHARGES)
        with urllib.request.urlopen(control.do("state")["page"] + "status.json", timeout=10) as page:
            page.read()
        control.do("bus", device="evse", fault="silent")
        until_told(control, SILENT, 2)
        control.do("bus", device="evse", fault="none")
        until_told(control, CHARGES, 2)
        control.do("restart", what="gateway")
        until_told(control, CHARGES, 3)
        events = control.do("events")["events"]
        desk.child.kill()
        desk.child.wait()
    finally:
        desk.end()
    return path, events


def test_events_are_told_in_words_with_number_and_time(life):
    events = life[1]
    words = [event["text"] for event in events]
    assert words[0] == "start" and words.count("start") == 2
    assert "heartbeat MQTT: alive" in words and "cp 0: set point 16.00 A by MQTT" in words
    assert decided(events).count("16.00 A: set point") == 3 and decided(events).count("0.00 A: EVSE does not answer") == 3
    second = words.index("start", 1)
    for one in (events[:second], events[second:]):
        assert [event["n"] for event in one] == list(range(len(one)))
        assert all(early["ms"] <= late["ms"] for early, late in zip(one, one[1:]))


def test_the_replay_of_the_recording_decides_what_the_events_told(life):
    path, events = life
    status, lines = replayed(path)
    assert status == 0, lines[-3:]
    assert lines[-1].startswith("replay: 2 lives, ") and lines[-1].endswith("all as recorded")
    made = [line.split("charge point 0: ")[1].replace(" A, ", " A: ").strip() for line in lines[:-1]]
    assert made[: len(decided(events))] == decided(events)  # the recording went on for a moment


def test_a_recording_that_was_tampered_with_is_told(life, tmp_path):
    path = tmp_path / "tampered"
    text = life[0].read_text()
    assert text.count("[0, 1600, 0]") == 3
    path.write_text(text.replace("[0, 1600, 0]", "[0, 1500, 0]", 1))
    status, lines = replayed(path)
    assert status == 1
    assert lines[-1].startswith("replay: decided otherwise at ") and "recorded [[0, 1500, 0]], decided [[0, 1600, 0]]" in lines[-1]
