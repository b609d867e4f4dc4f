"""The edge to the board: RS485 with its direction pin, CP relays, the button, the reasons for a start, the number of the box."""
import board
import modbus
import pytest
from bus import OK, TIMEOUT, Bus
from station import Station

from host_tests.fakes.uart import DirectionPin, VirtualClock, VirtualMachine, VirtualUart
from host_tests.fakes.wire import reply_frame
from host_tests.stubs import machine as stub

ROW = {"uart": 1, "tx": 17, "rx": 16, "de": 4}
BAUD = 9600
WORDS = [1600, 1590, 3]
TICKS = 1 << 30


class LateRs485(board.Rs485):
    """What a firmware would be that lets go of the line 5 ms late."""

    def write(self, buf, n):
        de, clock = self._de, board.time

        def late(level):
            if not level:
                clock.advance(5000)
            de(level)

        self._de = late
        sent = super().write(buf, n)
        self._de = de
        return sent


class Wiring:
    """The firmware's port on a virtual UART behind which an EVSE answers as early as Modbus allows."""

    def __init__(self, monkeypatch, port=board.Rs485, de=4, start_us=0, baud=BAUD):
        self.clock = VirtualClock(start_us)
        self.pin = DirectionPin(self.clock)
        answer = lambda request: reply_frame(request, WORDS if request[1] == 3 else [])  # noqa: E731
        self.uart = VirtualUart(self.clock, baud, None if de is None else self.pin, answer)
        self.machine = VirtualMachine(self.uart, self.pin)
        monkeypatch.setattr(board, "machine", self.machine)
        monkeypatch.setattr(board, "time", self.clock)
        self.port = port({**ROW, "de": de}, baud)
        self.byte_us = 10 * 1000000 // baud

    def ask(self):
        """The result of one read by the real bus master."""
        bus, station = Bus(self.port, BAUD), Station(1, 20, 1000)
        station.ask(3, 1000, 3)
        bus.start(station, self.now_ms())
        for _ in range(300):
            if bus.step(self.now_ms()):
                break
            self.clock.advance(1000)
        self.words = [modbus.word(bus.rx, 3 + 2 * i) for i in range(3)]
        return bus.result

    def now_ms(self):
        return self.clock.now_us // 1000 % TICKS


@pytest.mark.parametrize("start_us", [0, TICKS - 3000, 1000 * TICKS - 5000])
def test_the_bus_hears_an_evse_that_answers_after_3_and_a_half_characters(monkeypatch, start_us):
    wiring = Wiring(monkeypatch, start_us=start_us)
    assert (wiring.ask(), wiring.words) == (OK, WORDS)
    assert wiring.uart.replies_destroyed == 0


def test_a_firmware_that_lets_go_5_ms_late_hears_nothing(monkeypatch):
    wiring = Wiring(monkeypatch, LateRs485)
    assert wiring.ask() == TIMEOUT
    assert wiring.uart.replies_destroyed == 1
    assert wiring.pin.value() == 0


@pytest.mark.parametrize("baud", [2400, 9600, 19200, 38400])
@pytest.mark.parametrize("n", [1, 8, 11, 256])
def test_the_line_is_free_within_a_millisecond_after_the_last_stop_bit(monkeypatch, n, baud):
    wiring = Wiring(monkeypatch, baud=baud)
    assert wiring.port.write(bytes(300), n) == n
    levels = [level for _, level in wiring.pin.changes]
    assert levels == [0, 1, 0]
    assert wiring.pin.changes[1][0] <= wiring.uart.sent_end_us - n * wiring.byte_us
    assert 0 <= wiring.pin.changes[2][0] - wiring.uart.sent_end_us <= 1000
    assert wiring.uart.sent == [bytes(n)]


@pytest.mark.parametrize("baud", [2400, 9600, 38400])
@pytest.mark.parametrize("n", [1, 8, 11, 256])
def test_the_busy_wait_ends_2_ms_after_the_frame_whatever_the_driver_says(monkeypatch, n, baud):
    wiring = Wiring(monkeypatch, baud=baud)
    monkeypatch.setattr(wiring.uart, "txdone", lambda: False)
    wiring.port.write(bytes(300), n)
    spent_us = wiring.clock.now_us
    assert n * wiring.byte_us <= spent_us <= n * wiring.byte_us + 2000 + 100
    assert wiring.pin.value() == 0


def test_automatic_direction_neither_waits_nor_touches_a_pin(monkeypatch):
    wiring = Wiring(monkeypatch, de=None)
    before_us = wiring.clock.now_us
    wiring.port.write(bytes(8), 8)
    assert wiring.clock.now_us == before_us
    assert len(wiring.pin.changes) == 1
    assert wiring.ask() == OK


def test_the_pin_is_low_from_the_start_and_before_the_uart_exists(monkeypatch):
    wiring = Wiring(monkeypatch)
    pin, uart = wiring.machine.asked
    assert pin == ((4, wiring.machine.Pin.OUT), {"value": 0})
    assert uart[0] == (1,)
    expected = {"baudrate": BAUD, "tx": 17, "rx": 16, "timeout": 0, "timeout_char": 0}
    assert {name: uart[1][name] for name in expected} == expected
    assert uart[1]["rxbuf"] >= 257 and uart[1]["txbuf"] >= 256, "a whole frame fits"


def test_a_uart_that_takes_or_has_nothing_says_0(monkeypatch):
    for de in (None, 4):
        wiring = Wiring(monkeypatch, de=de)
        monkeypatch.setattr(wiring.uart, "write", lambda buf, n: None)
        assert wiring.port.write(bytes(8), 8) == 0
        assert wiring.pin.value() == 0
        assert wiring.port.readinto(bytearray(8)) == 0


@pytest.mark.parametrize(
    "name, text",
    [
        ("PWRON_RESET", b"power on"),
        ("HARD_RESET", b"panic or hard reset"),
        ("WDT_RESET", b"watchdog"),
        ("DEEPSLEEP_RESET", b"deep sleep"),
        ("SOFT_RESET", b"soft reset"),
    ],
)
def test_every_cause_of_a_reset_has_a_name(monkeypatch, name, text):
    monkeypatch.setenv("LADEPUNKT_RESET_CAUSE", name)
    assert board.reset_cause() == text


def test_an_unknown_cause_of_a_reset_is_told_as_its_number(monkeypatch):
    monkeypatch.setattr(board.machine, "reset_cause", lambda: 42)
    assert board.reset_cause() == b"cause 42"


RELAYS = [{"pin": 1, "contact": "nc", "active": 1}, {"pin": 2, "contact": "no", "active": 1}]


def test_the_relays_move_the_pin_of_their_charge_point(monkeypatch):
    monkeypatch.setattr(board.failsafe, "board", {"cp_relays": RELAYS})
    monkeypatch.setattr(board.failsafe, "machine", board.machine)
    monkeypatch.setattr(board.machine.Pin, "made", {})
    relays = [board.CpRelay(0), board.CpRelay(1)]
    levels = []
    for move in (relays[0].open, relays[0].close, relays[1].open, relays[1].close):
        move()
        levels.append({number: pin.value() for number, pin in board.machine.Pin.made.items()})
    assert levels[:2] == [{1: 1}, {1: 0}], "normally closed: the coil opens"
    assert levels[2:] == [{1: 0, 2: 0}, {1: 0, 2: 1}], "normally open: the coil closes"
    assert [relay.starts_open for relay in relays] == [False, True]


@pytest.mark.parametrize("pressed", [0, 1])
def test_a_button_is_pressed_at_its_level_and_not_when_nothing_is_connected(monkeypatch, tmp_path, pressed):
    monkeypatch.setattr(board.machine.Pin, "made", {})
    row = {"pin": 0, "pressed": pressed}
    assert not board.Button(row).pressed()
    monkeypatch.setenv("LADEPUNKT_INPUTS", f"0={tmp_path / 'button'}")
    monkeypatch.setattr(board.machine.Pin, "made", {})
    button = board.Button(row)
    for level in (0, 1, 0):
        (tmp_path / "button").write_text(str(level))
        assert button.pressed() == (level == pressed)


@pytest.mark.parametrize("limited", [0, 1])
def test_the_input_of_the_grid_operator_limits_at_its_level_and_with_a_broken_wire(monkeypatch, tmp_path, limited):
    monkeypatch.setattr(board.machine.Pin, "made", {})
    row = {"pin": 25, "limited": limited}
    assert board.GridInput(row).limited(), "nothing is connected: the pull resistor decides"
    monkeypatch.setenv("LADEPUNKT_INPUTS", f"25={tmp_path / 'grid'}")
    monkeypatch.setattr(board.machine.Pin, "made", {})
    grid = board.GridInput(row)
    for level in (0, 1, 0):
        (tmp_path / "grid").write_text(str(level))
        assert grid.limited() == (level == limited)


def test_the_number_of_a_box_is_small_stays_and_differs(monkeypatch):
    seen = set()
    for text in ("020000000001", "020000000002", "ffffffffffff", "120000000001"):
        monkeypatch.setenv("LADEPUNKT_UNIQUE_ID", text)
        assert board.box_id() == board.box_id()
        assert 0 <= board.box_id() < TICKS
        seen.add(board.box_id())
    assert len(seen) == 4


def test_the_constants_of_the_stub_are_those_of_the_chip():
    assert (stub.PWRON_RESET, stub.HARD_RESET, stub.WDT_RESET, stub.DEEPSLEEP_RESET, stub.SOFT_RESET) == (1, 2, 3, 4, 5)
