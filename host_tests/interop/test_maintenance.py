"""The maintenance tool against real MicroPython on a terminal: a firmware that reads its console, a program that holds, a bare REPL."""

import fcntl
import os
import select
import subprocess
import termios
import time

import pytest

from tools.maintenance import MaintenanceError, enter
from tools.runtimes import FIRMWARE, micropython

# Stands for the firmware's loop and for what it says.
LOOP = """
import sys, time
from console import Console

console = Console()
charging = "charging" in sys.argv
print("ladepunkt: start after power-on")
while True:
    line = console.take(time.ticks_ms())
    if line == b"maintenance force" or line == b"maintenance" and not charging:
        break
    if line == b"maintenance":
        print("ladepunkt: maintenance: refused: charge point 0 is charging; stop it first, or ask with force")
    time.sleep_ms(10)
print("ladepunkt: maintenance: waiting for 0 A")
time.sleep_ms(100)
print("ladepunkt: maintenance: ready")
"""
# Stands for the floor while it holds.
HOLD = """
import time

try:
    while True:
        print("ladepunkt: stays at 0 A: config.json: missing; expected a JSON file")
        time.sleep(1)
finally:
    time.sleep_ms(500)
    print("0 A written")
"""
FLOOR = """
def maintenance():
    print("floor called")
    print("ladepunkt: maintenance: ready")
"""


class Terminal:
    """MicroPython with a terminal of its own, on which Ctrl-C works; the other end is the stream of the tool."""

    def __init__(self, folders, *arguments):
        self._fd, slave = os.openpty()
        self._child = subprocess.Popen(
            [str(micropython()), "-i", *arguments],
            env={"MICROPYPATH": ":".join(map(str, [*folders, ".frozen"])), "HOME": str(folders[0])},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.heard = b""

    def read(self, n):
        readable, _, _ = select.select([self._fd], [], [], 0.1)
        data = os.read(self._fd, n) if readable else b""
        self.heard += data
        return data

    def write(self, data):
        return os.write(self._fd, data)

    def waits_for(self, text, limit_s=10):
        end_s = time.monotonic() + limit_s
        while text not in self.heard and time.monotonic() < end_s:
            self.read(256)
        assert text in self.heard

    def computes(self):
        """True when somebody at the other end is a Python prompt."""
        self.write(b"print(6 * 111)\r")
        self.waits_for(b"\n666\r\n")
        return True

    def close(self):
        self._child.kill()
        self._child.wait()
        os.close(self._fd)


@pytest.fixture
def terminal(tmp_path):
    (tmp_path / "failsafe.py").write_text(FLOOR)
    (tmp_path / "loop.py").write_text(LOOP)
    (tmp_path / "hold.py").write_text(HOLD)
    started = []

    def start(program=None, *arguments):
        if program:
            box = Terminal([tmp_path, FIRMWARE], str(tmp_path / program), *arguments)
        else:  # without the real floor
            box = Terminal([tmp_path])
        started.append(box)
        return box

    yield start
    for terminal in started:
        terminal.close()


def test_a_firmware_at_rest_leaves_for_its_prompt(terminal):
    box = terminal("loop.py")
    box.waits_for(b"ladepunkt: start")
    enter(box, False, print)
    assert box.computes()
    assert b"floor called" not in box.heard and b"KeyboardInterrupt" not in box.heard


def test_a_firmware_that_charges_goes_on_until_it_is_forced(terminal):
    box = terminal("loop.py", "charging")
    box.waits_for(b"ladepunkt: start")
    with pytest.raises(MaintenanceError, match="charge point 0 is charging"):
        enter(box, False, print)
    assert b"KeyboardInterrupt" not in box.heard and b">>> " not in box.heard
    enter(box, True, print)
    assert box.computes()


def test_a_box_that_holds_writes_0_a_to_the_end(terminal):
    box = terminal("hold.py")
    box.waits_for(b"stays at 0 A")
    enter(box, False, print)
    assert box.computes()
    assert box.heard.index(b"0 A written") < box.heard.index(b"KeyboardInterrupt") < box.heard.index(b"floor called")


def test_a_bare_prompt_is_led_through_the_floor(terminal):
    box = terminal()
    box.waits_for(b">>> ")
    enter(box, False, print)
    assert box.computes()
    assert b"floor called" in box.heard


def test_a_board_without_a_floor_is_told_apart(terminal, tmp_path):
    (tmp_path / "failsafe.py").unlink()
    with pytest.raises(MaintenanceError, match="no ladepunkt.*install the firmware"):
        enter(terminal(), False, print)
