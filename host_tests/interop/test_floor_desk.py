"""How lives of the gateway end on the desk: the supervisor that plays the chip around it, and a charging box whose firmware is
brought down. In real time."""

import json
import os
import queue
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from host_tests.interop.live import Mosquitto
from host_tests.interop.test_cutoff import Leader, free_port
from host_tests.interop.test_desk import Control, Desk
from tools.desk import process

TELL = "import os; tell = lambda text: os.write(os.open(os.environ['LADEPUNKT_WDT'], os.O_WRONLY), text); tell(b'T400\\n.'); "
CAUSE = "print('cause', os.environ['LADEPUNKT_RESET_CAUSE'], os.path.exists(os.environ['LADEPUNKT_RTC']), flush=True); "
KEEP = "open(os.environ['LADEPUNKT_RTC'], 'w').close(); "


@pytest.mark.parametrize(
    "ending, cause, watchdog_resets",
    [
        ("time.sleep(60)", "WDT_RESET", 1),
        ("raise SystemExit(1)", "WDT_RESET", 1),
        ("raise SystemExit(0)", "WDT_RESET", 1),
        ("os.kill(os.getpid(), 2); time.sleep(60)", "WDT_RESET", 1),
        ("tell(b'R\\n'); time.sleep(60)", "HARD_RESET", 0),
        ("os.kill(os.getpid(), 9)", "HARD_RESET", 0),
    ],
)
def test_how_a_life_of_the_gateway_ends(tmp_path, ending, cause, watchdog_resets):
    said = queue.Queue()
    first_life_only = "import sys, time; os.path.exists('born') and (time.sleep(60), sys.exit()); open('born', 'w').close(); "
    program = TELL + CAUSE + KEEP + first_life_only + ending
    gateway = process.Gateway([sys.executable, "-c", program], {}, str(tmp_path), 10, said.put)
    started_s = time.monotonic()
    gateway.start()
    try:
        assert said.get(timeout=5) == "cause PWRON_RESET False"
        heard = said.get(timeout=5)
        while not heard.startswith("cause"):
            heard = said.get(timeout=5)
        assert heard == f"cause {cause} True", "the RTC keeps its memory"
        assert (gateway.restarts, gateway.watchdog_resets) == (1, watchdog_resets)
        assert time.monotonic() - started_s >= watchdog_resets * 0.4 + process.PAUSE_S
        gateway.reset()
        assert said.get(timeout=5) == "cause PWRON_RESET False", "but not without supply"
    finally:
        gateway.stop()
    assert gateway.state == process.STOPPED


class PinsSeen:
    """Relays that note what happens to them."""

    def __init__(self):
        self.seen = []

    def pins(self):
        return "1,2"

    def move(self, pin, level):
        self.seen.append((pin, level))

    def drop(self):
        self.seen.append("dropped")


def test_relays_stay_as_they_are_until_the_chip_is_reset(tmp_path):
    said = queue.Queue()
    program = TELL + "tell(b'P1=1\\n'); print(os.environ['LADEPUNKT_RELAYS'], flush=True); raise SystemExit(0)"
    relays = PinsSeen()
    gateway = process.Gateway([sys.executable, "-c", program], {}, str(tmp_path), 10, said.put, relays)
    gateway.start()
    try:
        assert said.get(timeout=5) == "1,2"
        assert "in maintenance" in said.get(timeout=5)
        assert gateway.state == process.MAINTENANCE and relays.seen == [(1, 1)]
        with pytest.raises(ValueError, match="does not run"):
            gateway.type_line("maintenance")
        assert "the watchdog was not fed for 0.4 s" in said.get(timeout=5)
        assert said.get(timeout=5) == "1,2"
    finally:
        gateway.stop()
    assert relays.seen[:2] == [(1, 1), "dropped"]


def test_a_line_typed_reaches_the_console(tmp_path):
    said = queue.Queue()
    program = TELL + "import sys; print('heard', sys.stdin.readline().strip(), flush=True); import time; time.sleep(60)"
    gateway = process.Gateway([sys.executable, "-c", program], {}, str(tmp_path), 10, said.put)
    gateway.start()
    try:
        deadline_s = time.monotonic() + 5
        while gateway.state != process.RUNNING and time.monotonic() < deadline_s:
            time.sleep(0.01)
        gateway.type_line("maintenance")
        assert said.get(timeout=5) == "heard maintenance"
    finally:
        gateway.stop()


REPORT_S = 1.0  # how often run_firmware.py looks whether it shall end
STOP_S = 1.0  # from its end to register 1000 = 0 on the wire, and an open pilot: frames, and what a busy machine adds
WATCHDOG_S = 10
ON_THE_WAY_S = {"exception": REPORT_S, "memory": REPORT_S, "interrupt": 0, "hang": WATCHDOG_S + process.PAUSE_S + STOP_S}


def bring_down(folder, how):
    """What became of a box that charged: seconds from the command to 0 A set, to an open pilot, and to a car without current."""
    folder.mkdir()
    mosquitto = Mosquitto(folder, free_port())
    config = {"name": "desk", "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}]}
    (folder / "config.json").write_text(json.dumps(config))
    desk = leader = None
    try:
        mosquitto.start()
        address = f"127.0.0.1:{mosquitto.port}"
        desk = Desk(folder, "--mqtt", address, "--no-controller", "--control-port", "0", "--modbus-port", "0", "--http-port", "0", "--config", str(folder / "config.json"))
        control = Control(int(desk.wait_for(r"control  127.0.0.1:(\d+)", 30)[1]))
        control.do("car", ramp_down_s=1)
        control.do("plug")
        leader = Leader(mosquitto.port)
        control.until(lambda state: state["cp"][0]["car"]["current_a"][0] >= 15.9, 30)
        assert control.do("crash", how=how) == {"ok": True}
        return _watch(control, time.monotonic())
    finally:
        if leader is not None:
            leader.stop()
        if desk is not None:
            desk.end()
        mosquitto.stop()


def _watch(control, crashed_s):
    found = {"set_s": None, "open_s": None, "charging_s": None, "watchdog_resets": 0}
    while time.monotonic() < crashed_s + 15 and found["charging_s"] is None:
        state = control.do("state")
        point = state["cp"][0]
        passed_s = time.monotonic() - crashed_s
        found["watchdog_resets"] = state["watchdog_resets"]
        if not point["evse"]["set_current_raw"]:
            found["set_s"] = found["set_s"] or passed_s
        if point["relays"]["cp_open"]:
            found["open_s"] = found["open_s"] or passed_s
        if not any(point["car"]["current_a"]):
            found["charging_s"] = passed_s
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def brought_down(tmp_path_factory):
    """A function of ways to end that gives {way: what happened}, all tried side by side."""

    def of(*ways):
        folder = tmp_path_factory.mktemp("down")
        with ThreadPoolExecutor(len(ways)) as pool:
            return dict(zip(ways, pool.map(lambda how: bring_down(folder / how, how), ways)))

    return of


def check_stop(how, found):
    print(how, found)
    latest_s = ON_THE_WAY_S[how] + STOP_S
    assert found["set_s"] is not None and found["set_s"] <= latest_s, found
    assert found["charging_s"] is not None and found["charging_s"] <= latest_s + 1, found


def test_an_exception_and_ctrl_c_while_charging_stop_the_car_in_both_ways(brought_down):
    for how, found in brought_down("exception", "interrupt").items():
        check_stop(how, found)
        assert found["open_s"] is not None and found["watchdog_resets"] == 0, "CP is open before any watchdog"


@pytest.mark.long
def test_a_lack_of_memory_and_a_hang_while_charging_stop_the_car(brought_down):
    found = brought_down("memory", "hang")
    check_stop("memory", found["memory"])
    assert found["memory"]["open_s"] is not None
    check_stop("hang", found["hang"])
    assert found["hang"]["watchdog_resets"] == 1 and found["hang"]["set_s"] > WATCHDOG_S - 1
