"""Asks a running box for maintenance and leaves it at its REPL, at 0 A, with ten minutes until the watchdog starts it again.

    python -m tools.maintenance PORT [--force] [--baud 115200]

--force ends a charging session; without it a box that charges refuses. Whoever writes to a box begins with enter().

    line "maintenance" ---- answered ----> "ready" --> prompt
            |                  '-- refused, or no 0 A: the end; the box goes on as before
        no answer within 3 s, "stays at 0 A", or a prompt: the application does not run
            '--> Ctrl-C --> prompt --> failsafe.maintenance() --> "ready" --> prompt
"""

import argparse
import errno
import sys
import time

import serial
from serial.tools import list_ports

BAUD = 115200
READ_S = 0.1  # a read gives up after this
QUIET_S = 1.0  # at most, for what was said before we came
ANSWER_S = 3.0  # the firmware looks at its console every 0.2 s
ZERO_S = 30.0  # from "waiting for 0 A" to the next word
PROMPT_S = 5.0  # Ctrl-C and the end of the application both write 0 A three times before the prompt
READY_S = 15.0

CTRL_B, CTRL_C = b"\x02", b"\x03"
COMMAND = b"import failsafe; failsafe.maintenance()\r"
PROMPT = ">>> "
SAYS = "ladepunkt: maintenance: "
HOLDS = "ladepunkt: stays at 0 A: "
FLOOR = "ladepunkt: floor: "  # something it tried and could not do
READY, REFUSED, WAITING = "ready", "refused", "waiting"


class MaintenanceError(Exception):
    """The text says what happened and what to do."""


class NoPromptError(MaintenanceError):
    """Nobody at the port, or no MicroPython."""


class NoFloorError(MaintenanceError):
    """MicroPython without Ladepunkt: it waits at its prompt."""


class Talk:
    """Lines and prompts of a stream: read(n) returns b"" when nothing came for a moment, write(data)."""

    def __init__(self, stream, clock):
        self.clock = clock
        self.heard = b""
        self._stream = stream
        self._unread = b""

    def send(self, data):
        """Whatever was not read until now is no answer to this."""
        self._unread = b""
        self._guarded(self._stream.write, data)

    def wait_for_quiet(self):
        end_s = self.clock() + QUIET_S
        while self._read() and self.clock() < end_s:
            pass

    def next(self, end_s):
        """The next line, or PROMPT, or None at the time `end_s`."""
        while True:
            line, end, rest = self._unread.replace(b"\r", b"\n").partition(b"\n")
            if end:
                self._unread = rest
                if line:
                    return line.decode("utf-8", "replace")
            elif line.endswith(PROMPT.encode()):
                self._unread = b""
                return PROMPT
            elif self.clock() >= end_s:
                return None
            else:
                self._read()

    def prompt(self, limit_s):
        """True when the prompt came within limit_s."""
        end_s = self.clock() + limit_s
        line = ""
        while line not in (PROMPT, None):
            line = self.next(end_s)
        return line == PROMPT

    def _read(self):
        data = self._guarded(self._stream.read, 256)
        self.heard += data
        self._unread += data
        return data

    def _guarded(self, action, argument):
        try:
            return action(argument)
        except OSError as error:
            todo = "check the cable and the power of the board, close other programs that use the port, and run it again"
            raise MaintenanceError(f"the port failed while it was in use ({error}): {todo}") from error


def enter(stream, force, say, clock=time.monotonic):
    """Brings the box behind `stream` (of open_port) to its REPL, at 0 A. say(text) is told about progress. Raises MaintenanceError."""
    talk = Talk(stream, clock)
    talk.wait_for_quiet()
    talk.heard = b""
    say("asking the firmware for maintenance" + (", also if somebody charges" if force else ""))
    if not _ask(talk, force, say):
        say("the application does not run: taking its console")
        _interrupt(talk)
        say("asking the floor for 0 A and ten minutes")
        _ask_floor(talk)
    if not talk.prompt(PROMPT_S):
        raise MaintenanceError("the box said ready, but its prompt did not come: reset the board and run it again")
    trouble = [line for line in talk.heard.decode("utf-8", "replace").splitlines() if line.startswith(FLOOR)]
    for line in trouble:
        say("the box says: " + line.removeprefix("ladepunkt: "))
    done = "ready, but 0 A may not have arrived: disconnect the car" if trouble else "ready: 0 A"
    say(done + "; ten minutes at the prompt, a reset ends maintenance earlier")


def _ask(talk, force, say):
    """True: ready. False: there is no application that answers. Raises MaintenanceError when there is one and it refuses: it
    must never see a Ctrl-C then."""
    talk.send(b"\r\nmaintenance force\r\n" if force else b"\r\nmaintenance\r\n")
    end_s = talk.clock() + ANSWER_S
    answer = None
    while (line := talk.next(end_s)) is not None:
        if line.startswith(SAYS):
            answer = line.removeprefix(SAYS)
            if answer == READY:
                return True
            if answer.startswith(REFUSED):
                raise MaintenanceError(f"the box says: {answer}. It goes on as before; --force ends the session")
            say("the box says: " + answer)
            end_s = talk.clock() + (ZERO_S if answer.startswith(WAITING) else ANSWER_S)
        elif answer is None and line.startswith(HOLDS):
            say("the box says: " + line.removeprefix("ladepunkt: "))
            return False
        elif answer is None and line == PROMPT:
            return False
    if answer is not None:
        todo = "end the charging session or see to the EVSE (the box's state_str tells more), then run it again, or with --force"
        raise MaintenanceError(f"the box did not get ready; its last word: {answer}. It goes on as before: {todo}")
    return False


def _interrupt(talk):
    """Ctrl-C, and once more when that led nowhere: not at once, as it would cut off the 0 A that the first one leads to. The
    second time Ctrl-B, too, which leads from another tool's raw mode to the prompt."""
    for keys in (CTRL_C, CTRL_C + CTRL_B):
        talk.send(keys)
        if talk.prompt(PROMPT_S):
            return
    raise NoPromptError(_explain_silence(talk.heard))


def _explain_silence(heard):
    if not heard:
        return "nothing answers: is this the right port, has the board power, is it a data cable (some only charge)? Then reset the board"
    text = heard.decode("utf-8", "replace")
    if text.count("\N{REPLACEMENT CHARACTER}") > len(text) // 4:
        return f"what arrives is no text: is --baud the board's (MicroPython: {BAUD}), and is this its console and not its RS485?"
    last = ([line for line in text.splitlines() if line.strip()] or [""])[-1]
    return f"no MicroPython prompt appears; expected {PROMPT!r}, last line found {last!r}: reset the board and run it again"


def _ask_floor(talk):
    """Prompts before the command's echo belong to what was typed earlier."""
    talk.send(COMMAND)
    end_s = talk.clock() + READY_S
    last = None
    while (line := talk.next(end_s)) is not None:
        if line == SAYS + READY:
            return
        if line == PROMPT and last is not None:
            break
        if last is not None or line.endswith(COMMAND.decode().strip()):
            last = line
    last = last or "nothing"
    if "ImportError" in last:
        raise NoFloorError(f"the board runs MicroPython but no ladepunkt ({last}): install the firmware first")
    raise MaintenanceError(f"the floor did not get ready; its last word: {last}. Disconnect the car, reset the board and run it again")


def open_port(port, baud=BAUD):
    """A serial port that nobody else has. Raises MaintenanceError.

    DTR and RTS are left as the system sets them, both on: one alone would reset most boards.
    """
    try:
        return serial.Serial(port, baud, timeout=READ_S, write_timeout=2, exclusive=True)
    except (serial.SerialException, ValueError, OverflowError) as error:
        raise MaintenanceError(_explain_port(port, error)) from error


def _explain_port(port, error):
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        there = ", ".join(sorted(p.device for p in list_ports.comports())) or "none"
        return f"{port}: no such port; ports there are: {there}. Plug the board in, or name another port"
    if number in (errno.EACCES, errno.EPERM):
        return f"{port}: you may not use it: run `sudo usermod -a -G dialout $USER`, log out and in again, and run it again"
    if number in (errno.EBUSY, errno.EAGAIN):
        return f"{port}: another program has it: close serial monitors and other tools (`fuser {port}` names them), and run it again"
    return f"{port}: can not be opened as a serial port ({error}): name the port of the board's USB, and its baud rate"


def main(arguments=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.maintenance", description="Bring a running box to its REPL, at 0 A.")
    parser.add_argument("port", help="for example /dev/ttyUSB0 or /dev/cu.usbmodem1101")
    parser.add_argument("--force", action="store_true", help="also end a charging session")
    parser.add_argument("--baud", type=int, default=BAUD, help=f"default {BAUD}")
    options = parser.parse_args(arguments)
    try:
        with open_port(options.port, options.baud) as stream:
            enter(stream, options.force, lambda text: print("maintenance:", text, flush=True))
    except MaintenanceError as error:
        print(f"maintenance: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
