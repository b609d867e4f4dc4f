"""Which reader a box gets, and what happens when the user's own one fails."""
import sys
import types

import app
import pytest
import readers
from rdm6300 import Rdm6300

ROW = {"uart": 2, "rx": 32, "tx": 33, "baud": 9600}


class Uart:
    made = []

    def __init__(self, *args, **kwargs):
        self.made.append((args, kwargs))

    def readinto(self, buf):
        return None


@pytest.fixture
def uart(monkeypatch):
    Uart.made = []
    monkeypatch.setattr(readers.machine, "UART", Uart)
    return Uart


class Reader:
    """The user's own."""

    answers = []

    def poll(self, now_ms):
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def module(monkeypatch):
    module = types.ModuleType("reader")
    module.Reader = Reader
    Reader.answers = []
    monkeypatch.setitem(sys.modules, "reader", module)
    return module


def test_an_rdm6300_listens_at_the_pins_of_the_board(uart):
    reader = readers.open_reader("rdm6300", ROW)
    assert isinstance(reader, Rdm6300)
    args, kwargs = uart.made[0]
    assert args == (2,) and {key: kwargs[key] for key in ("baudrate", "rx", "tx", "timeout", "timeout_char")} == {
        "baudrate": 9600, "rx": 32, "tx": 33, "timeout": 0, "timeout_char": 0,
    }  # fmt: skip
    assert kwargs["rxbuf"] >= 14 * 1000 // 65, "a second of frames"


def test_a_silent_uart_is_no_tag(uart):
    assert readers.open_reader("rdm6300", ROW).poll(0) is None


def test_the_users_module_is_asked_and_believed(module):
    reader = readers.open_reader("module", None)
    Reader.answers = [None, b"\x04\xa1\xb2\xc3", bytearray(b"\x01\x02"), [4, 161]]
    assert [reader.poll(ms) for ms in range(5)] == [None, b"\x04\xa1\xb2\xc3", b"\x01\x02", b"\x04\xa1", None]


@pytest.mark.parametrize("error", [OSError(5), ValueError("x"), MemoryError(), AttributeError("typo")])
def test_an_exception_of_the_users_module_is_told_once_and_charging_goes_on(module, capsys, error):
    reader = readers.open_reader("module", None)
    Reader.answers = [error, b"\x01"]
    assert reader.poll(0) is None and reader.errors == 1
    assert "reader.py: poll() failed" in capsys.readouterr().out
    found = [reader.poll(ms) for ms in range(readers.REST_POLLS)]
    assert found == [None] * readers.REST_POLLS, "left alone for a while"
    assert reader.poll(0) == b"\x01"
    Reader.answers = [error]
    assert reader.poll(0) is None and reader.errors == 2
    assert capsys.readouterr().out == "", "once is enough"


@pytest.mark.parametrize("what", ["text", 7, ["x"]])
def test_what_is_no_bytes_counts_as_an_exception(module, what):
    reader = readers.open_reader("module", None)
    Reader.answers = [what]
    assert reader.poll(0) is None and reader.errors == 1


def test_a_missing_module_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "reader", None)
    with pytest.raises(SystemExit, match="reader.py: missing.*docs/rfid.md"):
        readers.open_reader("module", None)


def test_a_module_without_the_class_says_what_to_do(module):
    del module.Reader
    with pytest.raises(SystemExit, match="no class Reader"):
        readers.open_reader("module", None)


def settings(reader=None, server=None):
    return {"rfid": {"reader": reader, "format": None}, "time": {"server": server, "every_h": 24}}


def test_what_is_not_configured_is_not_even_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "readers", None)
    monkeypatch.setitem(sys.modules, "udp", None)
    assert app.open_extras(settings(), {"rfid": ROW}, None) == (None, None)


def test_what_is_configured_is_there(uart):
    reader, udp = app.open_extras(settings("rdm6300", "pool.example"), {"rfid": ROW}, None)
    assert isinstance(reader, Rdm6300) and udp.resolved
