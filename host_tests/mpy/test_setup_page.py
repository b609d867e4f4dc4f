"""Set-up over Wi-Fi on real MicroPython, asked by an HTTP client that nobody here wrote; the host's network is the access point."""

import json
import socket
import urllib.error
import urllib.parse
import urllib.request

import pytest

from host_tests.mpy.floor_box import CONFIG, CP_OPEN, Box
from tools import mpy

START = "import boot\nimport setup_mode\nsetup_mode.PORT = %d\nimport main\n"
FORM = {"ssid": "Café & Söhne", "password": "100 % gr+ün", "limit": "11"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    mpy.build(folder)
    return folder


def unconfigured(folder, compiled, port):
    return Box(folder, compiled, {"config.json": None, "run.py": START % port})


def ask(port, **form):
    """Status and text of the page; with a form it is sent."""
    data = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", data, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_a_new_box_is_set_up_over_its_page_and_is_configured_at_its_next_start(tmp_path, compiled):
    port = free_port()
    with unconfigured(tmp_path, compiled, port) as box:
        box.wait_for(lambda: box.saw("join the Wi-Fi ladepunkt-[0-9a-f]{4} with the password [a-z0-9]{10} "), "the invitation")
        status, page = ask(port)
        assert status == 200 and 'name="ssid"' in page and 'name="limit"' in page
        assert ask(port, **{**FORM, "limit": "40"})[0] == 400 and not (tmp_path / "config.json").exists()
        status, page = ask(port, **FORM)
        assert status == 200 and "Saved" in page
        box.wait_for(box.was_reset, "its reset")
        assert box.relays() == CP_OPEN and box.others() == b"", "nothing but 0 A was sent"
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["wifi"] == {"ssid": FORM["ssid"], "password": FORM["password"]}
    with Box(tmp_path, compiled, {"config.json": {**CONFIG, **config, "page": {"enabled": False}}}) as box:
        box.wait_for(lambda: box.others(), "requests on the line: it runs")


def test_visitors_that_say_nothing_or_too_much_keep_nobody_at_the_floor_from_0_a(tmp_path, compiled):
    port = free_port()
    with unconfigured(tmp_path, compiled, port) as box:
        box.wait_for(lambda: box.saw("join the Wi-Fi"), "the invitation")
        silent = socket.create_connection(("127.0.0.1", port))
        loud = socket.create_connection(("127.0.0.1", port))
        loud.sendall(b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n" + b"x" * 4096)
        begun = len(box.zero_frames(1))
        box.wait_for(lambda: len(box.zero_frames(1)) >= begun + 4, "0 A again and again")
        assert ask(port)[0] == 200 and box.process.poll() is None
        silent.close()
        loud.close()
