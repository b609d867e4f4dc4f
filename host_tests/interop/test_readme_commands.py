"""The commands of the first pages, run as they are printed there (make, with other ports), and what they print. In real time."""

import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import pyte
import pytest

from host_tests.interop.pages import commands, missing
from host_tests.interop.stand_in import StandIn
from host_tests.interop.test_cutoff import free_port
from tools.desk import process

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "README.de.md")
COLUMNS, LINES = 100, 40
FREE_PORTS = "--broker-port 0 --control-port 0 --modbus-port 0 --http-port 0"
LIMIT_S = 90


def shown():
    """(page, command, output) of both pages."""
    return [(page, *block) for page in PAGES for block in commands((ROOT / page).read_text(encoding="utf-8"))]


class Terminal:
    """A command at a terminal of its own: `text` is all that it wrote, `screen()` what one sees now."""

    def __init__(self, arguments):
        self.text = ""
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._keys, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        environment = dict(os.environ, TERM="xterm", COLUMNS=str(COLUMNS), LINES=str(LINES))  # those of pytest-xdist are other ones
        self._child = subprocess.Popen(arguments, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=environment)
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self._keys, 65536)
            except OSError:
                return
            with self._lock:
                self.text += data.decode(errors="replace")
                self._stream.feed(data)

    def screen(self):
        with self._lock:
            return "\n".join(line.rstrip() for line in self._screen.display)

    def press(self, keys):
        os.write(self._keys, keys)

    def wait_for(self, look, what):
        """What `look` found in text and screen."""
        end_s = time.monotonic() + LIMIT_S
        while not (found := look(self)):
            assert time.monotonic() < end_s and self._child.poll() is None, f"{what}: not within {LIMIT_S} s:\n{self.screen()}\n{self.text[-3000:]}"
            time.sleep(0.1)
        return found

    def end(self):
        """The exit status, after the key that ends it."""
        try:
            if self._child.poll() is None:
                self.press(b"q")
            return self._child.wait(20)
        finally:
            self._child.kill()
            self._reader.join(2)
            os.close(self._keys)


def make(command, **variables):
    """The words of a command of the page, with other values for some of its variables."""
    words = shlex.split(command)
    assert words[0] == "make", command
    words = [word for word in words if word.partition("=")[0] not in variables]
    return words + [f"{name}={value}" for name, value in variables.items()]


@pytest.fixture(scope="module")
def desk():
    """`make run` at a terminal, with a car that charges: (terminal, its screen then, ports by name)."""
    if process.find_micropython() is None:
        pytest.skip("there is no MicroPython package for this machine")
    terminal = Terminal(make("make run", ARGS=FREE_PORTS))
    try:
        terminal.wait_for(lambda t: "leads, 16 A" in t.screen(), "the controller leads")
        terminal.press(b"p")
        terminal.wait_for(lambda t: "16.00  16.00  16.00 A" in t.screen(), "the car charges")
        places = {"MQTT_PORT": r"broker .*?at 127\.0\.0\.1:(\d+)", "MODBUS_PORT": r"modbus .*?:(\d+), unit", "HTTP_PORT": r"http://127\.0\.0\.1:(\d+)/"}
        yield terminal, terminal.screen(), {name: re.search(place, terminal.text)[1] for name, place in places.items()}
    finally:
        status = terminal.end()
    assert status == 0


@pytest.fixture(scope="module")
def printed(desk, tmp_path_factory):
    """printed(command): (exit status, what it printed). Each command is run once, whichever pages have it."""
    done = {}

    def run(words):
        result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
        return result.returncode, result.stdout + result.stderr

    def doctor(command):
        report = tmp_path_factory.mktemp("doctor") / "doctor-report.json"
        return run(make(command, HOST="127.0.0.1", **desk[2], ARGS=f"--report {report}"))

    def flash(command):
        folder = tmp_path_factory.mktemp("flash")
        config = {name: {"port": free_port()} for name in ("mqtt", "page", "modbus")}
        config.update(wifi={"ssid": "net", "password": "secret"}, charge_points=[{"evse": 1, "meter": {"type": "none"}}])
        (folder / "config.json").write_text(json.dumps(config))
        with StandIn(folder) as board:
            board.wait_for(b">>> ")
            return run(make(command, PORT=board.path, ARGS=f"--no-image --config {folder / 'config.json'}"))

    ways = {"run": lambda _: (0, desk[1]), "doctor": doctor, "flash": flash, "test": lambda command: run([*shlex.split(command), "-n"])}

    def printed(command):
        if command not in done:
            done[command] = ways[shlex.split(command)[1]](command)
        return done[command]

    return printed


@pytest.mark.parametrize("page, command, output", shown(), ids=[f"{page}-{command}" for page, command, _ in shown()])
def test_a_command_of_the_first_page_prints_what_the_page_shows(printed, page, command, output):
    status, real = printed(command)
    assert status == (2 if "to be fixed" in (output or "") else 0), real
    if output is not None:
        line = missing(output, real)
        assert line is None, f"{page} shows\n{line}\nwhich {command} does not print, or not there. It printed:\n{real}"


def test_both_pages_have_the_same_commands_and_the_english_one_shows_the_outputs():
    blocks = {name: [(command, output is not None) for page, command, output in shown() if page == name] for name in PAGES}
    assert [command for command, _ in blocks["README.md"]] == [command for command, _ in blocks["README.de.md"]]
    assert dict(blocks["README.md"]) == {command: not command.endswith("test") for command, _ in blocks["README.md"]}


@pytest.mark.parametrize(
    "shown_text, wrong",
    [
        ("a 1\n...\nc /dev/x\n", None),
        ("│ a 22 │\nb 10.0.0.1:80 is\n", None),
        ("a 1\nc /dev/x\n", "c /dev/x"),
        ("b 10.0.0.1:80 is\n...\na 1\n", "a 1"),
        ("a 1\nb 10.0.0.1:80 was\n", "b 10.0.0.1:80 was"),
        ("...\na 1 more\n", "a 1 more"),
    ],
)
def test_an_output_that_is_not_the_one_shown_is_noticed(shown_text, wrong):
    assert missing(shown_text, "a 5\n\nb 127.0.0.1:1883 is\nc /dev/pts/3\n") == wrong
