"""Tags and the time with real processes: a tag at the desk's reader, and SNTP over a real socket."""
import json
import socket
import threading
from pathlib import Path

import pytest

from host_tests.fakes.time_server import answer_to
from host_tests.interop.test_desk import Control, Desk
from tools import runtimes

NOW_S = 1795327212
RUN_CLOCK = Path(__file__).with_name("run_clock.py")


@pytest.fixture
def control(tmp_path):
    desk = Desk(tmp_path, "--broker-port", "0", "--control-port", "0", "--no-controller")
    try:
        yield Control(int(desk.wait_for(r"control +127\.0\.0\.1:(\d+)", 30)[1]))
    finally:
        desk.end()


def rfid(state):
    return state["firmware"]["cp"][0]["rfid"]


def test_a_tag_at_the_reader_is_told_and_goes_with_the_car(control):
    assert rfid(control.do("state")) is None
    control.do("plug")
    assert control.do("tag", id="0008844356", seconds=0.3)["ok"]
    control.until(lambda state: rfid(state) == "0008844356")
    assert control.do("tag", id="0000000001")["ok"]
    control.until(lambda state: rfid(state) == "0000000001")
    control.do("unplug")
    control.until(lambda state: rfid(state) is None)
    for wrong in ({}, {"id": 5}, {"id": "4294967296"}, {"id": "abc"}, {"id": "5", "seconds": 0}, {"id": "5", "seconds": "1"}):
        answer = control.do("tag", **wrong)
        assert not answer["ok"] and "must be" in answer["error"]


def test_a_gateway_without_a_reader_says_how_to_get_one(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"charge_points": [{"evse": 1, "meter": {"type": "none"}}]}))
    desk = Desk(tmp_path, "--broker-port", "0", "--control-port", "0", "--config", str(config))
    try:
        control = Control(int(desk.wait_for(r"control +127\.0\.0\.1:(\d+)", 30)[1]))
        assert '"reader": "rdm6300"' in control.do("tag", id="1")["error"]
    finally:
        desk.end()


def serve(server, answers):
    question, address = server.recvfrom(100)
    for answer in answers(question):
        server.sendto(bytes(answer), address)


@pytest.mark.parametrize("runtime", ["unix64", "cpython"])
@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (lambda q: [answer_to(q, NOW_S)], "%d 0" % NOW_S),
        (lambda q: [answer_to(bytes(48), 0), answer_to(q, NOW_S)], "%d 1" % NOW_S),
        (lambda q: [], "none 0"),
    ],
    ids=["good", "forged first", "silent"],
)
def test_the_clock_is_set_over_a_real_socket(runtime, answers, expected):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        thread = threading.Thread(target=serve, args=(server, answers), daemon=True)
        thread.start()
        found = runtimes.run_script(RUN_CLOCK, runtime, [str(server.getsockname()[1])]).strip()
        thread.join(1)
    assert found == expected
