"""MicroPython's stock image: asked for, downloaded from a server on this machine, looked at, and remembered."""

import hashlib
import http.server
import io
import json
import threading

import pytest

from host_tests.fakes import esp_image
from tools import board_data
from tools.flash import FlashError, stock
from tools.flash import __main__ as flash

ABOUT = board_data.read("esp32_generic")[1]
NAME = stock.address(ABOUT).rpartition("/")[2]
GOOD = esp_image.stock()
SUM = hashlib.sha256(GOOD).hexdigest()


class Server:
    """Serves `data` under every name; `asked` are the paths. `tells` more bytes than there are."""

    def __init__(self):
        self.data, self.status, self.tells, self.asked = GOOD, 200, 0, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.data) + outer.tells))
                self.end_headers()
                self.wfile.write(outer.data)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def end(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch, tmp_path):
    server = Server()
    monkeypatch.setattr(stock, "FIRMWARE", server.address)
    monkeypatch.setattr(stock, "CACHE", tmp_path / "images")
    yield server
    server.end()


def get(sha256=None, about=ABOUT, agree=lambda _question: True):
    said = []
    return stock.get(about, sha256, agree, said.append), "\n".join(said)


def refusal(**arguments):
    with pytest.raises(FlashError) as error:
        get(**arguments)
    return str(error.value)


def kept():
    return sorted(path.name for path in stock.CACHE.glob("*"))


def test_the_real_address_is_the_stock_image_of_the_board():
    assert stock.address(ABOUT) == "https://micropython.org/resources/firmware/ESP32_GENERIC-20250911-v1.26.1.bin"


def test_it_is_downloaded_after_a_question_told_with_its_checksum_and_not_downloaded_again(server):
    asked = []
    path, said = get(agree=lambda question: asked.append(question) or True)
    assert path.read_bytes() == GOOD and path.name == NAME and server.asked == [f"/{NAME}"]
    assert server.address in asked[0] and SUM in said and "for ESP32, complete" in said and "nobody has published that checksum" in said
    assert json.loads((stock.CACHE / stock.PINS).read_text()) == {NAME: SUM}
    path, said = get(agree=lambda question: pytest.fail(question))
    assert path.read_bytes() == GOOD and "downloaded before" in said and len(server.asked) == 1


def test_who_does_not_want_it_is_told_another_way_and_nothing_is_asked_for(server):
    text = refusal(agree=lambda _question: False)
    assert "--image FILE" in text and server.asked == [] and kept() == []


def test_another_file_under_the_same_name_is_refused(server):
    path, _ = get()
    path.unlink()
    server.data = esp_image.stock(content=b"something else")
    text = refusal()
    assert f"expected SHA-256 {SUM} (of the first download" in text and "not written" in text
    assert kept() == [stock.PINS]


def test_a_file_that_has_changed_here_is_refused(server):
    path, _ = get()
    path.write_bytes(b"changed")
    assert "remove it and run it again" in refusal() and len(server.asked) == 1


def test_a_given_checksum_is_compared_and_not_remembered(server):
    assert f"expected SHA-256 {'0' * 64} (--image-sha256), found {SUM}" in refusal(sha256="0" * 64)
    assert kept() == []
    assert get(sha256=SUM.upper())[0].read_bytes() == GOOD
    assert kept() == [NAME]


def test_a_checksum_of_the_project_wins(server):
    pinned = {**ABOUT, "image_sha256": SUM}
    assert get(about=pinned)[0].read_bytes() == GOOD
    text = refusal(about=pinned, sha256="0" * 64)
    assert f"found {SUM} (of the project) and {'0' * 64} (--image-sha256)" in text
    assert "(of the project)" in refusal(about={**ABOUT, "image_sha256": "1" * 64})


def test_no_board_has_a_checksum_yet_and_the_page_says_so():
    abouts = [board_data.read(name)[1] for name in board_data.names()]
    page = (board_data.FOLDER.parent / "docs" / "flash.md").read_text(encoding="utf-8")
    assert ("names no checksum" in page) == (not any("image_sha256" in about for about in abouts))


@pytest.mark.parametrize(
    "status, tells, words",
    [(404, 0, "HTTP Error 404"), (200, 5, "IncompleteRead|broke off|timed out")],
)
def test_a_download_that_fails_names_address_and_the_other_way(server, monkeypatch, status, tells, words):
    server.status, server.tells = status, tells
    text = refusal()
    assert any(word in text for word in words.split("|")) and NAME in text and "--image FILE" in text and kept() == []


def test_without_a_network_the_address_and_the_other_way_are_told(server):
    server.end()
    text = refusal()
    assert "can not be downloaded" in text and stock.address(ABOUT) in text and "--image FILE" in text


def test_what_is_too_large_is_no_image(server, monkeypatch):
    monkeypatch.setattr(stock, "LARGEST_BYTES", 1000)
    assert "at most" in refusal() and kept() == []


def test_a_pin_file_that_is_broken_is_named(server):
    stock.CACHE.mkdir()
    (stock.CACHE / stock.PINS).write_text("{")
    assert "pins.json: expected JSON" in refusal()


def damaged(at, data=GOOD):
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


APPLICATION = esp_image.APPLICATION - esp_image.OFFSETS["ESP32"]
BAD = {
    "a page of the network's login": (b"<html>", "first byte 0xE9), found 3c"),
    "nothing": (b"", "found an empty file"),
    "another chip": (esp_image.stock("ESP32-S3"), "boot loader for ESP32, found one for ESP32-S3"),
    "a chip nobody knows": (esp_image.stock(chip_id=99), "found one for chip 99"),
    "a bit of the boot loader": (damaged(33), "its boot loader to have the digest"),
    "a bit of the application": (damaged(APPLICATION + 33), "its application to have the digest"),
    "half": (GOOD[: APPLICATION + 30], "its application to be whole"),
    "an image for updates": (esp_image.one(0, b"application"), "take the .bin of the download page, not the .app-bin"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_whole_image_for_this_chip_is_refused_and_not_kept(server, name):
    server.data, words = BAD[name]
    assert words in refusal() and kept() == []


@pytest.mark.parametrize("chip, board", [("ESP32", "esp32_generic"), ("ESP32-S3", "waveshare_s3_relay_6ch")])
def test_whole_images_of_both_chips_are_taken(chip, board):
    assert stock.examine(esp_image.stock(chip), board_data.read(board)[1], "x.bin") == f"for {chip}, complete"


# -- in make flash ---------------------------------------------------------------------------------------------------------------


def flash_for(*arguments, ask=None):
    work = flash.Flash(flash.parser().parse_args(["--board", "esp32_generic", *arguments]), lambda text: None, None, ask)
    work._about = ABOUT
    return work


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_make_flash_asks_before_it_downloads(server, answer):
    asked = []
    work = flash_for(ask=lambda *question: asked.append(question) or answer)
    if answer == "yes":
        assert work._stock_image("nobody answers").read_bytes() == GOOD
    else:
        with pytest.raises(FlashError, match="it was not wanted"):
            work._stock_image("nobody answers")
    assert len(asked) == 1 and server.address in asked[0][0] and asked[0][2] == ("yes", "no")
    assert len(server.asked) == (answer == "yes")


def test_make_flash_downloads_without_a_question_when_told_so(server):
    assert flash_for("--download")._stock_image("nobody answers").read_bytes() == GOOD


def test_without_a_terminal_nothing_is_downloaded(server, monkeypatch):
    monkeypatch.setattr(flash.sys, "stdin", io.StringIO())
    with pytest.raises(FlashError, match="--download"):
        flash_for()._stock_image("nobody answers")
    assert server.asked == []
