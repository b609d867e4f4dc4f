"""The direction pin of an RS485 transceiver: a reply must find the line free, a request must leave completely."""
import board
import pytest

from host_tests.fakes.uart import DirectionPin, VirtualClock, VirtualMachine, VirtualUart

REQUEST = bytes(range(8))
REPLY = b"\x01\x03\x02\x00\x10"
BAUD = 9600
FRAME_US = len(REQUEST) * 10 * 1000000 // BAUD


class Line:
    """The firmware's port on a virtual line; a device answers 3.5 characters after the request."""

    def __init__(self, monkeypatch, release_late_us=0, direction_pin=4, start_us=0):
        self.clock = VirtualClock(start_us)
        self.pin = DirectionPin(self.clock, release_late_us)
        self.uart = VirtualUart(self.clock, BAUD, self.pin if direction_pin is not None else None, lambda request: REPLY)
        self.machine = VirtualMachine(self.uart, self.pin)
        monkeypatch.setattr(board, "machine", self.machine)
        monkeypatch.setattr(board, "time", self.clock)
        self.port = board.Rs485({"uart": 1, "tx": 17, "rx": 16, "de": direction_pin}, BAUD)

    def exchange(self):
        """Send the request, wait long enough, return what came back."""
        assert self.port.write(REQUEST + b"not to be sent", len(REQUEST)) == len(REQUEST)
        self.clock.advance(50000)
        buf = bytearray(64)
        return bytes(buf[: self.port.readinto(buf)])


# the last one starts shortly before the microseconds wrap
@pytest.mark.parametrize("start_us", [0, 123456789, (1 << 30) - FRAME_US // 2])
def test_the_pin_is_released_in_time_for_the_reply(monkeypatch, start_us):
    line = Line(monkeypatch, start_us=start_us)

    assert line.exchange() == REPLY

    released_us, level = line.pin.changes[-1]
    assert level == 0
    assert 0 <= released_us - line.uart.sent_end_us <= 1000
    assert line.uart.sent == [REQUEST]


def test_a_release_5_ms_late_destroys_the_reply(monkeypatch):
    line = Line(monkeypatch, release_late_us=5000)

    assert line.exchange() == b""

    assert line.uart.replies_destroyed == 1


@pytest.mark.parametrize("release_late_us, reply", [(1000, REPLY), (3000, REPLY), (4000, b"")])
def test_what_counts_is_the_first_bit_of_the_reply(monkeypatch, release_late_us, reply):
    assert Line(monkeypatch, release_late_us).exchange() == reply  # the reply begins after 3.6 ms


def test_a_request_cut_short_by_the_pin_is_lost(monkeypatch):
    line = Line(monkeypatch)
    monkeypatch.setattr(line.uart, "txdone", lambda: True)  # a driver that claims to be done at once

    assert line.exchange() == b""

    assert line.uart.requests_lost == 1


def test_a_driver_that_is_never_done_does_not_hold_the_loop(monkeypatch):
    line = Line(monkeypatch)
    monkeypatch.setattr(line.uart, "txdone", lambda: False)

    line.port.write(REQUEST, len(REQUEST))

    assert line.pin.value() == 0
    assert line.clock.now_us <= FRAME_US + 2000 + 1000


def test_a_board_with_automatic_direction_does_not_wait(monkeypatch):
    line = Line(monkeypatch, direction_pin=None)

    line.port.write(REQUEST, len(REQUEST))

    assert line.clock.now_us < 1000
    assert line.pin.changes == [(-1, 0)]


def test_a_board_with_automatic_direction_hears_the_reply(monkeypatch):
    assert Line(monkeypatch, direction_pin=None).exchange() == REPLY
