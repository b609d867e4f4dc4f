"""When make flash writes MicroPython itself: never without a reason, never on another chip, never without an image that was named."""

import pytest

from host_tests.fakes import esp_image
from tools import maintenance
from tools.flash import FlashError, image
from tools.flash import __main__ as flash

FACTS = {"name": "micropython", "version": (1, 26, 1), "machine": "Generic ESP32 module with ESP32", "platform": "esp32", "abi": 6, "files": [], "versions": False}


class Board:
    """Answers from `boots` on: None for nobody, else the facts of its MicroPython. `done` notes what happens to it."""

    port = "P"

    def __init__(self, *boots):
        self.boots = list(boots)
        self.done = []

    def enter(self, force):
        self.now = self.boots.pop(0)
        self.done.append("enter")
        if self.now is None:
            raise maintenance.NoPromptError("nothing answers")
        return False

    def facts(self):
        return self.now

    def close(self):
        self.done.append("close")

    def reopen(self):
        self.done.append("open")


@pytest.fixture
def reach(monkeypatch, tmp_path):
    """reach(board, arguments): whether there is a floor; esptool is noted in board.done."""
    path = tmp_path / "esp32.bin"
    path.write_bytes(esp_image.stock())

    def run(board, *arguments, with_image=True, chip="ESP32"):
        def esptool(*words):
            board.done.append(next(word for word in words if word.endswith(("id", "flash"))))
            return f"Connected to {chip} on P:\nDetected flash size: 4MB\n"

        monkeypatch.setattr(image, "esptool", esptool)
        named = ["--image", str(path)] if with_image else []
        options = flash.parser().parse_args(["--board", "esp32_generic", *named, *arguments])
        work = flash.Flash(options, lambda text: None, None)
        work._about = flash.board_data.read("esp32_generic")[1]
        work._device = board
        return work._reach()

    return run


def refusal(reach, board, *arguments, **named):
    with pytest.raises(FlashError) as error:
        reach(board, *arguments, **named)
    return str(error.value)


def test_a_micropython_that_will_do_is_left_alone(reach):
    board = Board(FACTS)
    reach(board)
    assert board.done == ["enter"]


def test_a_board_without_an_answer_is_erased_and_written_after_its_chip_was_checked(reach):
    board = Board(None, FACTS)
    reach(board)
    assert board.done == ["enter", "close", "flash-id", "erase-flash", "write-flash", "open", "enter"]


def test_an_old_micropython_is_replaced_and_the_files_stay(reach):
    board = Board({**FACTS, "version": (1, 22, 0)}, FACTS)
    reach(board)
    assert board.done == ["enter", "close", "flash-id", "write-flash", "open", "enter"]


@pytest.mark.parametrize("more, erased", [((), False), (("--erase",), True)])
def test_a_good_one_is_replaced_when_that_is_asked_for(reach, more, erased):
    board = Board(FACTS, FACTS)
    reach(board, "--write-image", *more)
    assert ("erase-flash" in board.done) == erased and "write-flash" in board.done


def test_without_an_image_the_page_to_get_it_is_named_and_nothing_touched(reach):
    for board, why in ((Board(None), "nobody answers"), (Board({**FACTS, "abi": 5}), "version 5")):
        text = refusal(reach, board, with_image=False)
        assert why in text and "resources/firmware/ESP32_GENERIC-" in text and "micropython.org/download/ESP32_GENERIC/" in text
        assert board.done == ["enter"]


def test_another_chip_is_never_written(reach):
    board = Board(None)
    assert "the board has an ESP32-S3, expected ESP32" in refusal(reach, board, chip="ESP32-S3")
    assert board.done == ["enter", "close", "flash-id"]
    board = Board({**FACTS, "machine": "Generic ESP32S3 module with ESP32S3"})
    assert "the board has an ESP32S3, expected ESP32" in refusal(reach, board, "--write-image")
    assert board.done == ["enter"]


@pytest.mark.parametrize("option", ["--no-image", "--only-config"])
def test_who_wants_no_image_gets_none(reach, option):
    board = Board(None)
    assert refusal(reach, board, option) == "nothing answers"
    assert board.done == ["enter"]


def test_an_old_micropython_is_named_when_it_may_not_be_replaced(reach):
    board = Board({**FACTS, "version": (1, 22, 0)})
    assert "it is 1.22.0" in refusal(reach, board, "--no-image")


def test_an_image_that_does_not_start_is_told(reach):
    assert "the image is written, but MicroPython does not answer" in refusal(reach, Board(None, None))
