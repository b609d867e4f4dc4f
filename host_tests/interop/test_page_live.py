"""The status page as people meet it: over real sockets, by an ordinary client, and in a real browser."""

import http.client
import json
import os
import re
import socket
import threading
import time

import paho.mqtt.client as paho
import pytest

from host_tests.interop.test_desk import FREE_PORTS, Control, Desk
from tools import browser, mpy

HTML = (mpy.FIRMWARE / mpy.PAGE).read_bytes()


class Box:
    """A desk with a car that charges; `port` is that of the page."""

    def __init__(self, folder):
        self.desk = Desk(folder, *FREE_PORTS)

    def start(self):
        self.url = self.desk.wait_for(r"page +the box shows itself at (http://\S+)", 30).group(1)
        self.port = int(re.search(r":(\d+)/", self.url).group(1))
        self.control = Control(int(self.desk.wait_for(r"control +127\.0\.0\.1:(\d+)", 30).group(1)))
        self.control.do("plug")
        self.control.until(lambda _: self.status()["charge_points"][0]["power"] > 10900, 60)

    def get(self, path, method="GET"):
        """(status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def status(self):
        return json.loads(self.get("/status.json")[2])

    def raw(self, data):
        """Everything the box answers to these bytes until it ends the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
            connection.sendall(data)
            received = b""
            while chunk := connection.recv(4096):
                received += chunk
            return received


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    made = Box(tmp_path_factory.mktemp("page"))
    try:
        made.start()
        yield made
    finally:
        made.desk.end()


def test_an_ordinary_client_gets_the_page_and_its_head(box):
    status, headers, body = box.get("/")
    assert (status, body) == (200, HTML) and headers["Content-Type"] == "text/html; charset=utf-8"
    status, headers, body = box.get("/", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(HTML)), b"")


def test_the_status_is_that_of_the_box(box):
    found = box.status()
    point = found["charge_points"][0]
    assert (point["leader"], point["state_str"], point["allowed_current"], point["charge_state"]) == ("mqtt", "set point", 16.0, True)
    assert point["power"] == pytest.approx(11040, 0.05) and 0 <= point["heartbeat_age_s"] < 20
    assert found["heap"]["used"] > 0 < found["uptime_s"] and found["bus"]["stations"][0]["requests"] > 10
    assert [door["name"] for door in found["sockets"]["doors"]] == ["broker", "modbus", "page", "spare"]
    assert any("limit 16.00 A" in event["text"] for event in found["events"])


@pytest.mark.parametrize("path, method, status", [("/favicon.ico", "GET", 404), ("/config.json", "GET", 404), ("/", "POST", 405), ("/status.json", "DELETE", 405)])
def test_everything_else_is_refused(box, path, method, status):
    assert box.get(path, method)[0] == status


@pytest.mark.parametrize("data", [b"\r\n\r\nGARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\n\n", b"GET / HTTP/1.1\r\n" + b"x" * 9000], ids=["text", "tls", "long"])
def test_what_is_no_request_gets_400(box, data):
    assert box.raw(data).startswith(b"HTTP/1.1 400 ")


def test_forty_in_a_row_and_eight_at_once_are_all_answered(box):
    assert all(box.get("/status.json")[0] == 200 for _ in range(40))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(box.get("/")[2])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [HTML] * 8


def test_who_says_nothing_is_sent_away_and_who_reads_nothing_takes_no_place(box):
    silent = [socket.create_connection(("127.0.0.1", box.port)) for _ in range(6)]
    began_s = time.monotonic()
    assert box.get("/status.json")[0] == 200
    assert time.monotonic() - began_s < 8
    silent[0].settimeout(10)
    assert silent[0].recv(10) == b""
    for one in silent:
        one.close()


def test_lookers_do_not_disturb_charging(box):
    end_s = time.monotonic() + 5
    while time.monotonic() < end_s:
        box.get("/")
        box.status()
    state = box.control.do("state")
    assert state["cp"][0]["evse"]["set_current_raw"] == 1600 and state["restarts"] == 0
    assert box.status()["longest_step_ms"] < 250


@pytest.fixture(scope="module")
def chromium():
    if browser.find() is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")


def words(html):
    """What can be read, without markup and scripts."""
    html = re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.usefixtures("chromium")
@pytest.mark.parametrize("language, wanted", [
    ("en", ["Charge point 0", "charging", "16.00 A", "set point", "MQTT 127.0.0.1", "RS485 bus", "EVSE 1", "meter 105", "heap free", "230.0 V"]),
    ("de", ["Ladepunkt 0", "lädt", "16,00 A", "Sollwert", "MQTT 127.0.0.1", "RS485-Bus", "EVSE 1", "Zähler 105", "Speicher frei", "230,0 V"]),
])  # fmt: skip
def test_a_browser_shows_what_the_box_does(box, language, wanted):
    html = browser.dom(box.url + "?lang=" + language)
    text = words(html)
    assert [word for word in wanted if word not in text] == []
    assert re.search(r"1[01][.,]\d\d kW", text)
    assert html.count("<polyline") == 4 and html.count("<polygon") == 1
    lines = re.findall(r'<polyline points="([^"]*)"', html)
    assert all(len(line.split()) >= 3 for line in lines), "polled several times"


@pytest.mark.usefixtures("chromium")
def test_a_browser_runs_no_script_that_a_text_brings(box):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    host, port = box.control.do("state")["mqtt"].split(":")
    client.connect(host, int(port))
    client.loop_start()
    try:
        client.publish("openWB/set/internal_chargepoint/last_tag", '"<img src=x onerror=document.title=1>"').wait_for_publish(5)
        box.control.until(lambda _: (box.status()["charge_points"][0]["rfid"] or "").startswith("<img"))
        html = browser.dom(box.url)
    finally:
        client.loop_stop()
        client.disconnect()
    assert "&lt;img src=x" in html and "<img" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "<title>desk</title>" in html


@pytest.mark.usefixtures("chromium")
def test_a_browser_says_when_the_box_is_gone(tmp_path):
    page = tmp_path / "page.html"
    page.write_bytes(HTML)  # beside it there is no box
    assert "no answer for" in words(browser.dom(page.as_uri()))


@pytest.mark.usefixtures("chromium")
def test_a_browser_makes_a_picture(box, tmp_path):
    browser.picture(box.url, tmp_path / "page.png", wait_ms=4000)
    assert os.path.getsize(tmp_path / "page.png") > 20000
