"""The doctor's judgement of /status.json, its report and its exit status."""

import copy
import json
import threading
from types import SimpleNamespace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from serial.tools import list_ports
from tools.doctor import report, status
from tools.doctor.__main__ import main, parser
from tools.doctor.finding import FIX, HINT, OK

STATION = {
    "kind": "evse", "unit": 1, "silent": False, "requests": 1000, "timeouts": 0, "crc_errors": 0, "wrong_replies": 0, "echoes": 0,
    "latency_max_ms": 40,
}  # fmt: skip
HEALTHY = {
    "version": "0.1.0", "name": "garage", "uptime_s": 500, "longest_step_ms": 40, "heap": {"free": 60000, "used": 90000, "idf_free": 90000},
    "bus": {"late_bytes": 0, "noise_bytes": 0, "stations": [STATION, dict(STATION, kind="meter", unit=105)]},
    "wifi": {"rssi_dbm": -55}, "clock": "2026-11-22T10:00:00Z",
    "mqtt": {"mode": "broker", "online": True, "rejected": 0, "refused": 0},
    "charge_points": [
        {"leader": "mqtt", "heartbeat_age_s": 3, "second_stop": True, "pilot_open": False, "reason": "set point",
         "evse": {"firmware": 18, "limit_a": 32, "power_up": [0, 1, 5, 1, 0]}},
    ],
}  # fmt: skip


def judged(change=None, *path):
    found = copy.deepcopy(HEALTHY)
    if path:
        at = found
        for part in path[:-1]:
            at = at[part]
        at[path[-1]] = change
    return status.judge(found)


def test_a_healthy_box_has_nothing_but_ok():
    assert {finding.level for finding in judged()} == {OK}


@pytest.mark.parametrize(
    ("level", "value", "path", "says"),
    [
        (FIX, True, ("bus", "stations", 0, "silent"), "silent"),
        (FIX, 60, ("bus", "stations", 0, "timeouts"), "bus.gap_ms"),
        (HINT, 20, ("bus", "stations", 0, "timeouts"), "bus.gap_ms"),
        (FIX, 80, ("bus", "stations", 1, "crc_errors"), "two devices with one unit id"),
        (FIX, 80, ("bus", "stations", 1, "wrong_replies"), "another master"),
        (HINT, 9, ("bus", "stations", 1, "echoes"), "/RE"),
        (HINT, 500, ("bus", "noise_bytes"), "120 ohm"),
        (HINT, 800, ("longest_step_ms",), "390 ms"),
        (FIX, 900, ("heap", "free"), "16384"),
        (FIX, 900, ("heap", "idf_free"), "IDF"),
        (HINT, -75, ("wifi", "rssi_dbm"), "weak"),
        (FIX, -85, ("wifi", "rssi_dbm"), "Ethernet"),
        (HINT, None, ("clock",), "time.server"),
        (HINT, 4, ("mqtt", "refused"), "mqtt.controllers"),
        (HINT, 4, ("mqtt", "rejected"), "docs/mqtt.md"),
        (HINT, False, ("charge_points", 0, "second_stop"), "no second stop path"),
        (HINT, True, ("charge_points", 0, "pilot_open"), "no car can charge"),
        (FIX, [32, 1, 5, 1, 0], ("charge_points", 0, "evse", "power_up"), "power dip"),
        (HINT, [6, 1, 5, 1, 0], ("charge_points", 0, "evse", "power_up"), "power dip"),
        (FIX, [0, 1, 5, 0, 0], ("charge_points", 0, "evse", "power_up"), "2003"),
        (FIX, [0, 1, 7, 1, 0], ("charge_points", 0, "evse", "power_up"), "2002"),
        (FIX, [0, 1, 5, 1, 1], ("charge_points", 0, "evse", "power_up"), "2004"),
        (FIX, 5, ("charge_points", 0, "evse", "limit_a"), "2007"),
        (HINT, 63, ("charge_points", 0, "evse", "limit_a"), "2007"),
        (FIX, 7, ("charge_points", 0, "evse", "firmware"), "replace the EVSE"),
        (HINT, 9, ("charge_points", 0, "evse", "firmware"), "broken"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(level, value, path, says):
    wrong = [finding for finding in judged(value, *path) if finding.level != OK]
    assert [finding.level for finding in wrong] == [level] and says in wrong[0].line()


def test_two_answers_that_are_missing_in_a_short_visit_are_no_trouble():
    station = dict(STATION, requests=20, timeouts=2)
    assert {finding.level for finding in judged([station], "bus", "stations")} == {OK}


def test_an_old_trouble_of_the_line_is_not_todays(tmp_path):
    before, after = copy.deepcopy(HEALTHY), copy.deepcopy(HEALTHY)
    before["bus"]["stations"][0]["timeouts"] = after["bus"]["stations"][0]["timeouts"] = 900
    after["bus"]["stations"][0]["requests"] += 100
    assert {finding.level for finding in status.judge(status.since(before, after))} == {OK}
    after["bus"]["stations"][0].update(requests=903, timeouts=900)
    assert {finding.level for finding in status.judge(status.since(before, copy.deepcopy(after)))} != {OK}, "it was restarted"
    after["bus"]["stations"][0].update(requests=1000, timeouts=900)
    after["bus"]["stations"][1].update(requests=1050, crc_errors=25)
    assert "50.0 % of 50 requests answered with errors" in "".join(f.line() for f in status.judge(status.since(before, after)))


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [((16.0, 16.0), (16.0, 16.0), OK), ((6.5, 6.0), (6.5, 6.0), OK), ((16.0, 0.0), (16.0, 0.0), FIX), ((16.0, 6.0), (16.0, 16.0), OK), ((6.0, 6.0), (16.0, 6.0), OK)],
)
def test_an_evse_that_does_not_take_its_set_point_is_told_when_it_has_had_the_time(before, after, level):
    (found,) = status.judge_obedience(*({"charge_points": [{"allowed_current": told, "evse_current": taken}]} for told, taken in (before, after)))
    assert found.level == level and ("2003" in found.todo) == (level == FIX)


def test_an_evse_at_zero_is_not_asked_whether_it_obeys():
    assert status.judge_obedience(*[{"charge_points": [{"allowed_current": 0, "evse_current": 0}]}] * 2) == []


def test_a_firmware_that_tells_less_is_judged_by_what_it_tells():
    assert {finding.level for finding in status.judge({"version": "0.0.9", "charge_points": []})} == {OK}


def test_the_report_names_no_password_no_network_and_no_whole_address(tmp_path):
    path = tmp_path / "report.json"
    details = {"config": {"wifi": {"ssid": "home", "password": "x1y2"}, "mqtt": {"user": "u", "controllers": ["10.0.0.7"]}}, "rfid": "000884"}
    details["topics"] = {"openWB/internal_chargepoint/0/get/rfid": '"000885"', "openWB/internal_chargepoint/last_tag": '"000886"'}
    details["broker"] = {"host": "mqtt.family.example", "voltages": [230.0]}
    report.write(path, judged(), details)
    text = path.read_text()
    for secret in ("home", "x1y2", "168.1", "000884", "000885", "000886", "family", '"u"'):
        assert secret not in text
    assert "230.0" in text and "10.x.x.7" in text and len(json.loads(text)["findings"]) == len(judged())


class _Page(BaseHTTPRequestHandler):
    found = HEALTHY
    body = None

    def do_GET(self):
        body = self.body or json.dumps(self.found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(status, "BETWEEN_S", 0)
    server = HTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def run(tmp_path, port):
    return main(["--host", "127.0.0.1", "--http-port", str(port), "--mqtt-port", "0", "--modbus-port", "0", "--report", str(tmp_path / "r.json")])


def test_a_healthy_box_ends_with_0_and_a_broken_one_with_1(tmp_path, page, monkeypatch, capsys):
    assert run(tmp_path, page) == 0
    broken = copy.deepcopy(HEALTHY)
    broken["bus"]["stations"][0]["silent"] = True
    monkeypatch.setattr(_Page, "found", broken)
    assert run(tmp_path, page) == 1
    assert "1 to be fixed" in capsys.readouterr().out


@pytest.mark.parametrize(("body", "says"), [(b"<html>", "no JSON"), (b"[1]", "not that of a box"), (b'{"charge_points": 1}', "not that of a box")])
def test_a_page_that_is_not_a_boxs_is_told_so(tmp_path, page, monkeypatch, capsys, body, says):
    monkeypatch.setattr(_Page, "body", body)
    assert run(tmp_path, page) == 1
    said = capsys.readouterr().out
    assert says in said and "another device or program" in said


def test_a_report_that_can_not_be_written_is_told_and_is_no_trouble_of_the_box(tmp_path, page, capsys):
    asked = ["--host", "127.0.0.1", "--http-port", str(page), "--mqtt-port", "0", "--modbus-port", "0"]
    assert main([*asked, "--report", str(tmp_path / "no" / "r.json")]) == 0
    assert "can not be written" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--host", "box", "--port", "/dev/ttyUSB0"]])
def test_without_exactly_one_box_it_says_how_to_name_it(capsys, arguments):
    assert main(arguments) == 2
    assert "make doctor HOST=" in (said := capsys.readouterr().err) and "PORT=" in said


def test_without_a_box_it_names_the_boards_that_are_plugged_in(capsys, monkeypatch):
    ports = [SimpleNamespace(device="/dev/ttyACM0", vid=0x303A), SimpleNamespace(device="/dev/ttyS0", vid=None)]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    main([])
    said = capsys.readouterr().err
    assert "At USB there is /dev/ttyACM0" in said and "ttyS0" not in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "192.168.1.50:1883"], "ports have options of their own"),
        (["--host", "two words"], "no name and no address"),
        (["--host", "box", "--mqtt-port", "x"], "no port"),
        (["--host", "box", "--http-port", "70000"], "no port"),
    ],
)
def test_a_wrong_argument_is_told_with_what_was_expected(capsys, arguments, says):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and says in capsys.readouterr().err


def test_an_address_out_of_the_browser_is_understood():
    assert parser().parse_args(["--host", "http://ladepunkt-1234.local/"]).host == "ladepunkt-1234.local"


def test_with_every_port_off_there_is_nothing_to_look_at(capsys):
    assert main(["--host", "box", "--mqtt-port", "0", "--modbus-port", "0", "--http-port", "0"]) == 2
    assert "nothing to look at" in capsys.readouterr().err
