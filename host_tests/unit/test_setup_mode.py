"""Set-up over Wi-Fi: when it begins, what its page takes, and that nothing charges meanwhile."""

import json
import socket
import threading
import types

import app
import pytest
import setup_mode

BOARD = {"board": "b", "rs485": [{"uart": 1, "tx": 17, "rx": 18}], "evse_ids": [2], "button": {"pin": 0, "pressed": 0}}


class Reset(Exception):
    pass


@pytest.fixture
def box(monkeypatch, tmp_path):
    """An empty flash, and the floor's board."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(setup_mode.failsafe, "board", BOARD)
    return tmp_path


def post(**form):
    body = "&".join(f"{key}={value}" for key, value in form.items()).encode()
    return b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def saved(box):
    return json.loads((box / "config.json").read_text())


def test_what_the_form_says_is_written_with_everything_else_at_its_default(box):
    response, done = setup_mode.answer(post(ssid="Home+sweet%20home", password="gr%C3%BCn%26", limit="11"))
    assert done and response.startswith(b"HTTP/1.1 200")
    assert saved(box)["wifi"] == {"ssid": "Home sweet home", "password": "grün&"}
    assert saved(box)["installation_limit_a"] == 11
    assert saved(box)["charge_points"] == [{"evse": 2, "meter": {"type": "auto"}}]


def test_what_an_existing_configuration_says_otherwise_is_kept(box):
    before = {"name": "garage", "charge_points": [{"evse": 2, "meter": {"type": "none"}}], "installation_limit_a": 32}
    (box / "config.json").write_text(json.dumps(before))
    setup_mode.answer(post(ssid="new", password="", limit="6"))
    assert saved(box) == {**before, "wifi": {"ssid": "new", "password": ""}, "installation_limit_a": 6}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"ssid": "a", "password": "", "limit": "33"}, "installation_limit_a: expected a whole number from 6 to 32, found 33"),
        ({"ssid": "a", "password": "", "limit": "5"}, "found 5"),
        ({"ssid": "a", "password": "", "limit": "-6"}, "limit: expected a whole number"),
        ({"ssid": "a", "password": ""}, "limit: expected a whole number"),
        ({"ssid": "", "password": "", "limit": "16"}, "ssid: expected the name of a Wi-Fi"),
        ({"ssid": "x" * 33, "password": "", "limit": "16"}, "wifi.ssid"),
        ({"ssid": "%zz", "password": "", "limit": "16"}, ""),
        ({"ssid": "%ff", "password": "", "limit": "16"}, ""),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_written(box, form, words):
    response, done = setup_mode.answer(post(**form))
    assert not done and response.startswith(b"HTTP/1.1 400") and words in response.decode()
    assert not (box / "config.json").exists()


def test_the_page_shows_no_password_and_takes_no_markup(box):
    (box / "config.json").write_text('{"wifi": {"ssid": "home", "password": "secret1"}, "installation_limit_a": 20}')
    page = setup_mode.answer(b"GET / HTTP/1.1\r\n\r\n")[0].decode()
    assert "secret1" not in page and 'value="20"' in page
    assert "<script>" not in setup_mode.answer(post(ssid="a", limit="<script>"))[0].decode()


@pytest.mark.parametrize("found", ["[]", "7", "null", '"text"', '{"installation_limit_a": "16"}', '{"installation_limit_a": null}', '{"installation_limit_a": [16]}', "{"])
def test_a_configuration_that_is_wrong_is_what_the_page_is_for(box, found):
    (box / "config.json").write_text(found)

    response, done = setup_mode.answer(b"GET / HTTP/1.1\r\n\r\n")

    assert response.startswith(b"HTTP/1.1 200") and b'value="16"' in response and not done
    response, done = setup_mode.answer(post(ssid="new", password="", limit="11"))
    assert done == (not found.startswith("{") or found == "{"), "charge_points are missing: that is told"
    assert done or b"charge_points: missing" in response


def test_other_methods_are_refused(box):
    assert setup_mode.answer(b"DELETE / HTTP/1.1\r\n\r\n")[0].startswith(b"HTTP/1.1 405")


def test_the_password_is_made_once_and_no_two_boxes_share_it(box, monkeypatch, tmp_path):
    first = setup_mode.password()
    assert len(first) == 10 and setup_mode.password() == first
    (tmp_path / setup_mode.PASSWORD_FILE).unlink()
    assert setup_mode.password() != first


class Button:
    def __init__(self, presses):
        self.presses = presses

    def __call__(self, _row):
        return self

    def pressed(self):
        self.presses -= 1
        return self.presses >= 0


@pytest.fixture
def begun(box, monkeypatch):
    """Why set-up began, if it did."""
    reasons = []
    monkeypatch.setattr(setup_mode, "run", lambda box_id, why: reasons.append(why))
    monkeypatch.setattr(app.time, "sleep_ms", lambda ms: None)
    monkeypatch.setattr(app.failsafe, "wdt", types.SimpleNamespace(feed=lambda: None))
    return reasons


def test_it_begins_without_a_configuration(begun):
    app.set_up(BOARD)
    assert begun == ["config.json: missing"]


@pytest.mark.parametrize(("presses", "why"), [(49, []), (50, ["the button is held"])])
def test_with_a_configuration_it_begins_only_while_the_button_is_held(box, begun, monkeypatch, presses, why):
    (box / "config.json").write_text("{}")
    monkeypatch.setattr(app.board, "Button", Button(presses))
    app.set_up(BOARD)
    assert begun == why


def test_a_box_without_a_button_is_set_up_by_usb_only_once_it_has_a_configuration(box, begun):
    (box / "config.json").write_text("{}")
    app.set_up({**BOARD, "button": None})
    assert begun == []


def test_0_a_is_written_again_and_again_until_somebody_has_saved(box, monkeypatch, capsys):
    stops = []
    monkeypatch.setattr(setup_mode.failsafe, "stop", lambda: stops.append(1))
    monkeypatch.setattr(setup_mode, "PORT", 0)
    monkeypatch.setattr(setup_mode, "wait", lambda listener: len(stops) == 3)
    monkeypatch.setattr(setup_mode.time, "sleep", lambda s: None)
    monkeypatch.setattr(setup_mode.machine, "reset", _reset)
    with pytest.raises(Reset):
        setup_mode.run(0x1A2B, "config.json: missing")
    lines = capsys.readouterr().out.splitlines()
    assert len(stops) == 3 and len(lines) == 1
    assert lines[0].startswith("ladepunkt: stays at 0 A: config.json: missing: join the Wi-Fi ladepunkt-1a2b with the password ")
    assert setup_mode.password() in lines[0]


def _reset():
    raise Reset


def test_a_port_that_is_taken_is_told_and_the_floor_holds(monkeypatch):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        monkeypatch.setattr(setup_mode, "PORT", taken.getsockname()[1])
        with pytest.raises(SystemExit, match="config.json: missing: no set-up page"):
            setup_mode.listen("config.json: missing")


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_request_that_comes_in_pieces_is_answered_whole(box, pieces):
    here, there = socket.socketpair()
    request = post(ssid="home", password="x", limit="16")
    outcome = []

    class Peer:
        def __init__(self, inner):
            self.settimeout, self.recv, self.close = inner.settimeout, inner.recv, inner.close
            self.write = inner.sendall

    thread = threading.Thread(target=lambda: outcome.append(setup_mode.serve(Peer(here))))
    thread.start()
    size = len(request) // pieces + 1
    for at in range(0, len(request), size):
        there.sendall(request[at : at + size])
    thread.join(5)
    assert outcome == [True] and there.recv(100).startswith(b"HTTP/1.1 200")


def test_who_says_nothing_is_left_after_two_seconds(box, monkeypatch):
    here, there = socket.socketpair()
    monkeypatch.setattr(setup_mode, "READ_S", 0.05)
    assert setup_mode.serve(here) is False
    there.close()


def test_who_sends_a_byte_now_and_then_is_left_as_well(box, monkeypatch):
    """Else the watchdog would end the box, and 0 A would not be sent meanwhile."""
    clock_ms = [0]

    class Peer:
        def settimeout(self, s):
            pass

        def recv(self, n):
            clock_ms[0] += 1900
            return b"x"

        def close(self):
            pass

    monkeypatch.setattr(setup_mode.time, "ticks_ms", lambda: clock_ms[0])
    assert setup_mode.serve(Peer()) is False
    assert clock_ms[0] <= 4000


@pytest.mark.parametrize("cut", [2, 30])
def test_of_a_form_that_breaks_off_nothing_is_saved(box, cut):
    here, there = socket.socketpair()
    there.sendall(post(limit="16", ssid="home", password="secret words")[:-cut])
    there.close()
    assert setup_mode.serve(here) is False
    assert not (box / "config.json").exists()


def test_a_password_file_that_holds_anything_else_is_made_anew(box):
    for damaged in (b"\xff" * 10, b"", b"short"):
        (box / setup_mode.PASSWORD_FILE).write_bytes(damaged)
        made = setup_mode.password()
        assert len(made) == 10 and setup_mode.password() == made


def test_a_full_flash_keeps_nobody_from_the_set_up_page(box, monkeypatch):
    def refuse(name, mode="r"):
        raise OSError(28, "ENOSPC")

    monkeypatch.setattr(setup_mode, "open", refuse, raising=False)
    assert len(setup_mode.password()) == 10
