"""The tool that asks a box for maintenance, against boxes that are only played; time is virtual."""

import errno
import os
import threading
import tty

import pytest
import serial

from tools import maintenance
from tools.maintenance import ANSWER_S, COMMAND, PROMPT_S, READ_S, READY_S, ZERO_S, MaintenanceError, enter

SAYS = "ladepunkt: maintenance: "
READY = SAYS + "ready"


class Port:
    """What every box has: a clock that goes on while nothing is said, and a list of what was typed."""

    def __init__(self):
        self.now_s = 1000.0
        self.typed = b""
        self._due = []  # (when, bytes)

    def clock(self):
        return self.now_s

    def say(self, text, after_s=0.0):
        at_s = max([self.now_s + after_s, *(when for when, _ in self._due)])
        self._due.append((at_s, text.encode() if isinstance(text, str) else text))

    def read(self, n):
        if not self._due or self._due[0][0] > self.now_s + READ_S:
            self.now_s += READ_S
            return b""
        when_s, data = self._due.pop(0)
        self.now_s = max(self.now_s, when_s) + 0.001
        if len(data) > n:
            self._due.insert(0, (when_s, data[n:]))
        return data[:n]

    def write(self, data):
        self.typed += data
        self.hear(data)

    def hear(self, data):
        pass


class Box(Port):
    """A box that runs its application and answers as it is told: [(after_s, line)]; a prompt follows "ready"."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = answers

    def hear(self, data):
        if data.startswith(b"\r\nmaintenance"):
            for after_s, line in self.answers:
                self.say(line + "\r\n", after_s)
                if line == READY:
                    self.say("MicroPython v1.26 on 2026-11-22\r\n>>> ", 1.5)


class Repl(Port):
    """A box without an application: MicroPython's prompt, which echoes, and a floor that answers with `lines`."""

    def __init__(self, *lines, stop_s=0.0):
        super().__init__()
        self.lines = lines or (READY,)
        self.running = False
        self.stop_s = stop_s

    def hear(self, data):
        if self.running:
            if not data.startswith(b"\x03"):
                return
            self.running = False
            self.say("Traceback (most recent call last):\r\nKeyboardInterrupt: \r\n>>> ", self.stop_s)
        elif data.startswith(b"\x03"):
            self.say("\r\n>>> ")
        elif data == COMMAND:
            self.say(data.decode() + "\n")
            for line in self.lines:
                self.say(line + "\r\n", 0.7)
            self.say(">>> ")
        else:
            self.say("\r\n>>> \r\n>>> maintenance\r\nTraceback (most recent call last):\r\nNameError: name 'maintenance'\r\n>>> ")


class Holding(Repl):
    """Stays at 0 A: says so every 10 s, hears nothing but Ctrl-C."""

    def __init__(self):
        super().__init__(stop_s=1.5)
        self.running = True

    def hear(self, data):
        if self.running and not data.startswith(b"\x03"):
            self.say("ladepunkt: stays at 0 A: config.json: missing; expected a JSON file\r\n", 1)
        super().hear(data)


def entered(box, force=False):
    """What was said on the way in."""
    told = []
    enter(box, force, told.append, box.clock)
    return told


def refusal(box, force=False):
    with pytest.raises(MaintenanceError) as error:
        entered(box, force)
    return str(error.value)


# -- the application answers ----------------------------------------------------------------------------------------------


def test_a_box_at_rest_gets_ready_and_never_sees_a_ctrl_c():
    box = Box((0.2, SAYS + "waiting for 0 A"), (1.0, READY))
    told = entered(box)
    assert box.typed == b"\r\nmaintenance\r\n"
    assert told[0] == "asking the firmware for maintenance"
    assert told[1] == "the box says: waiting for 0 A"
    assert told[-1].startswith("ready: 0 A")


def test_force_is_passed_on_and_the_user_is_told():
    box = Box((0.2, READY))
    assert "also if somebody charges" in entered(box, force=True)[0] and box.typed == b"\r\nmaintenance force\r\n"


@pytest.mark.parametrize("answers", [((0.2, SAYS + "waiting for 0 A"), (ZERO_S - 1, READY)), ((ANSWER_S - 0.2, READY),)])
def test_an_answer_in_the_last_moment_counts(answers):
    box = Box(*answers)
    entered(box)
    assert b"\x03" not in box.typed


def test_what_the_firmware_says_besides_does_not_matter():
    noise = "ladepunkt: MQTT broker 10.0.0.2:1883: connected"
    box = Box((0.1, noise), (0.1, "\xff\x00 maintenance: ready"), (0.1, SAYS + "waiting for 0 A"), (0, noise), (0, READY))
    assert entered(box)[-1].startswith("ready")


def test_a_ready_of_an_earlier_session_is_no_answer():
    box = Box((0.2, SAYS + "refused: charge point 0 is charging; stop it first, or ask with force"))
    box.say(READY + "\r\n>>> ")
    assert "charge point 0 is charging" in refusal(box)


def test_a_refusal_is_told_with_what_to_do_and_never_followed_by_a_ctrl_c():
    box = Box((0.2, SAYS + "refused: charge point 0 is charging; stop it first, or ask with force"))
    assert "refused: charge point 0 is charging; stop it first, or ask with force. It goes on as before; --force" in refusal(box)
    assert box.typed == b"\r\nmaintenance\r\n"


@pytest.mark.parametrize(
    "answers",
    [
        ((0.2, SAYS + "waiting for 0 A"),),
        ((0.2, SAYS + "waiting for 0 A"), (5, SAYS + "0 A is not confirmed; the EVSE does not answer")),
        ((0.2, SAYS + "0 A is not confirmed; the EVSE does not answer"),),
        ((0.2, SAYS + "something that later versions say"),),
    ],
)
def test_a_box_that_answered_and_does_not_get_ready_is_left_alone(answers):
    box = Box(*answers)
    text = refusal(box)
    assert answers[-1][1].removeprefix(SAYS) in text and "run it again, or with --force" in text
    assert box.typed == b"\r\nmaintenance\r\n"


def test_a_ready_after_an_unconfirmed_0_a_is_still_ready():
    assert entered(Box((0.2, SAYS + "0 A is not confirmed; CP is open"), (1, READY)), force=True)


@pytest.mark.parametrize("line", ["ladepunkt: stays at 0 A: boot loop", ">>> "])
def test_after_an_answer_nothing_that_looks_like_the_end_leads_to_a_ctrl_c(line):
    box = Box((0.2, SAYS + "waiting for 0 A"), (0.1, line))
    refusal(box)
    assert b"\x03" not in box.typed


def test_a_box_that_is_ready_but_shows_no_prompt_is_no_success():
    box = Box()
    box.hear = lambda data: box.say(READY + "\r\n")
    assert "prompt did not come: reset the board" in refusal(box)


# -- the application does not run -----------------------------------------------------------------------------------------


def test_a_bare_prompt_is_brought_to_0_a_through_the_floor():
    box = Repl()
    told = entered(box)
    assert box.typed == b"\r\nmaintenance\r\n\x03" + COMMAND
    assert [text.split(":")[0] for text in told[1:]] == ["the application does not run", "asking the floor for 0 A and ten minutes", "ready"]


def test_prompts_of_what_was_typed_before_are_no_answer_of_the_floor():
    box = Repl()
    real = box.hear

    def late(data):
        if data == COMMAND:
            box.say(">>> \r\n>>> ")
        real(data)

    box.hear = late
    assert entered(box)[-1].startswith("ready")


def test_another_program_is_interrupted_after_3_seconds_of_silence():
    box = Repl()
    box.running = True
    begin_s = box.now_s
    real = box.hear
    interrupted_s = []

    def hear(data):
        if data.startswith(b"\x03"):
            interrupted_s.append(box.now_s - begin_s)
        real(data)

    box.hear = hear
    entered(box)
    assert len(interrupted_s) == 1 and ANSWER_S <= interrupted_s[0] < ANSWER_S + 1


def test_a_box_that_holds_is_interrupted_once_and_its_reason_is_told():
    box = Holding()
    told = entered(box)
    assert "the box says: stays at 0 A: config.json: missing; expected a JSON file" in told
    assert box.typed.count(b"\x03") == 1, "a second one would cut off the 0 A of the first"


def test_a_slow_end_at_0_a_is_waited_for():
    box = Repl(stop_s=PROMPT_S - 0.5)
    box.running = True
    entered(box)
    assert box.typed.count(b"\x03") == 1


def test_another_tools_raw_mode_is_left_with_the_second_try():
    box = Repl()
    real = box.hear
    raw = [True]

    def hear(data):
        if b"\x02" in data:
            raw.clear()
            box.say("MicroPython v1.26\r\n>>> ")
        elif not raw:
            real(data)

    box.hear = hear
    assert entered(box)[-1].startswith("ready")


def test_a_board_without_ladepunkt_is_named():
    box = Repl("Traceback (most recent call last):", '  File "<stdin>", line 1, in <module>', "ImportError: no module named 'failsafe'")
    text = refusal(box)
    assert "no ladepunkt" in text and "install the firmware first" in text


def test_a_floor_that_fails_is_quoted():
    text = refusal(Repl("Traceback (most recent call last):", "OSError: [Errno 5] EIO"))
    assert "OSError: [Errno 5] EIO" in text and "Disconnect the car" in text


def test_a_floor_that_could_not_write_0_a_is_ready_but_the_user_is_told():
    told = entered(Repl("ladepunkt: floor: KeyError('rs485',)", READY))
    assert told[-2] == "the box says: floor: KeyError('rs485',)"
    assert told[-1].startswith("ready, but 0 A may not have arrived: disconnect the car")


def test_what_the_floor_said_before_we_came_is_not_told():
    box = Repl()
    box.say("ladepunkt: floor: OSError(5,)\r\n")
    assert entered(box)[-1].startswith("ready: 0 A")


def test_a_floor_that_says_nothing_is_not_waited_for_for_ever():
    box = Repl()
    real = box.hear
    box.hear = lambda data: None if data == COMMAND else real(data)
    begin_s = box.now_s
    assert "its last word: nothing" in refusal(box)
    assert box.now_s - begin_s < READY_S + 2


# -- nothing, or nonsense -------------------------------------------------------------------------------------------------


def test_silence_asks_for_cable_and_power():
    box = Port()
    text = refusal(box)
    assert "right port" in text and "power" in text and "data cable" in text
    assert box.typed == b"\r\nmaintenance\r\n\x03\x03\x02"


def test_noise_asks_for_the_baud_rate():
    box = Port()
    box.hear = lambda data: box.say(bytes((0xFF, 0x80, 0xFE, 0x41)) * 10)
    assert "--baud" in refusal(box)


def test_text_without_a_prompt_is_quoted():
    box = Port()
    box.hear = lambda data: box.say("ets Jun  8 2016 00:22:57\r\ninvalid header: 0xffffffff\r\n")
    text = refusal(box)
    assert "'invalid header: 0xffffffff'" in text and "reset the board" in text


def test_a_box_that_never_stops_talking_does_not_hold_up_the_question():
    box = Box((0.2, READY))
    for _ in range(30):
        box.say("ladepunkt: MQTT broker 10.0.0.2:1883: the connection was lost\r\n", 0.05)
    assert entered(box)[-1].startswith("ready")


@pytest.mark.parametrize("method", ["read", "write"])
def test_a_cable_that_is_pulled_out_is_named(method):
    def gone(_):
        raise serial.SerialException("device disconnected")

    box = Box((0.2, READY))
    setattr(box, method, gone)
    text = refusal(box)
    assert "device disconnected" in text and "check the cable" in text


# -- the port -------------------------------------------------------------------------------------------------------------


def problem(capsys, *arguments):
    assert maintenance.main(arguments) == 1
    return capsys.readouterr().err


def test_a_port_that_does_not_exist_is_named_with_those_that_do(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(maintenance.list_ports, "comports", lambda: [type("P", (), {"device": "/dev/ttyUSB7"})])
    text = problem(capsys, str(tmp_path / "ttyUSB0"))
    assert "ttyUSB0: no such port; ports there are: /dev/ttyUSB7" in text


def test_a_file_that_is_no_port_is_named(capsys, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    text = problem(capsys, str(tmp_path / "file"))
    assert "can not be opened as a serial port" in text and "baud" in text


@pytest.mark.parametrize(
    "number, todo", [(errno.EACCES, "dialout"), (errno.EBUSY, "another program has it"), (errno.EAGAIN, "close serial monitors")]
)
def test_what_keeps_a_port_closed_is_told_with_what_to_do(capsys, monkeypatch, number, todo):
    def refuse(*_, **__):
        raise serial.SerialException(number, "could not open port")

    monkeypatch.setattr(maintenance.serial, "Serial", refuse)
    assert todo in problem(capsys, "/dev/ttyUSB0")


@pytest.fixture
def cable():
    """(path of a serial port, file descriptor of its other end)"""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave), master
    os.close(master)
    os.close(slave)


def test_a_port_that_another_tool_has_is_busy(capsys, cable):
    path, _ = cable
    with maintenance.open_port(path):
        assert "another program has it" in problem(capsys, path)


def test_through_a_real_port(capsys, cable):
    path, master = cable

    def box():
        heard = b""
        while not heard.endswith(b"maintenance force\r\n"):
            heard += os.read(master, 100)
        os.write(master, b"ladepunkt: maintenance: waiting for 0 A\r\nladepunkt: maintenance: ready\r\n>>> ")

    thread = threading.Thread(target=box, daemon=True)
    thread.start()
    assert maintenance.main([path, "--force"]) == 0
    thread.join()
    assert capsys.readouterr().out.splitlines()[1:] == [
        "maintenance: the box says: waiting for 0 A",
        "maintenance: ready: 0 A; ten minutes at the prompt, a reset ends maintenance earlier",
    ]
