"""The edge can not run here: every name and parameter it uses of ESP32's modules stands in the stubs of that port."""

import ast

import pytest

from host_tests.unit import esp32_stubs
from tools.runtimes import FIRMWARE
from tools.tidy.tables import FLOOR, LAYERS

pytestmark = pytest.mark.no_cover  # not about the firmware

# Instances that come from another module, or from a parameter.
KNOWN = {
    "app": {"wdt": "machine.WDT", "port.uart": "machine.UART"},
    "failsafe": {"wdt": "machine.WDT", "port": "machine.UART", "drive": "machine.Pin", "rtc": "machine.RTC"},
}
EDGE = [name for name in FLOOR + LAYERS["edge"] if (FIRMWARE / f"{name}.py").exists()]


@pytest.mark.parametrize("module", EDGE)
def test_the_edge_uses_what_there_is(module):
    source = (FIRMWARE / f"{module}.py").read_text()

    assert esp32_stubs.Checker(source, KNOWN.get(module)).run() == []


def test_the_check_sees_the_edge():
    """It would be worth nothing if it did not understand what the edge does."""
    seen = []
    for module in EDGE:
        checker = esp32_stubs.Checker((FIRMWARE / f"{module}.py").read_text(), KNOWN.get(module))
        for node in ast.walk(checker._tree):
            if isinstance(node, ast.Call) and checker._kind(node.func) is not None:
                seen.append(ast.unparse(node.func))
    expected = {
        "machine.UART", "machine.Pin", "machine.WDT", "self._de", "self.uart.txdone", "self.uart.write", "time.ticks_us", "wdt.feed",
        "network.WLAN", "wlan.connect", "wlan.config", "select.poll", "self._poll.register", "self._ipoll", "socket.socket",
        "self._socket.connect", "self._socket.readinto", "_thread.start_new_thread", "gc.collect", "self._pin", "json.load",
        "machine.RTC", "machine.RTC().memory", "machine.reset_cause", "port.write", "port.txdone", "drive", "time.sleep_ms",
    }  # fmt: skip
    assert expected - set(seen) == set()


WRONG = {
    "an unknown function": ("import machine\nmachine.reset_why()", "machine has no reset_why"),
    "an unknown constant": ("import select\nx = select.POLLRDHUP", "select has no POLLRDHUP"),
    "an unknown method": ("import machine\nu = machine.UART(1)\nu.in_waiting()", "UART has no in_waiting"),
    "another parameter": ("import machine\nu = machine.UART(1, baud=9600)", "UART.__init__ does not take"),
    "too many arguments": ("import machine\nw = machine.WDT(timeout=1)\nw.feed(1)", "WDT.feed does not take"),
    "too few arguments": ("import socket\ns = socket.socket()\ns.connect()", "socket.connect does not take"),
    "a keyword for a positional": ("import socket\ns = socket.socket()\ns.setblocking(value=0)", "socket.setblocking does not take"),
    "behind a condition": ("import machine\np = None if 1 else machine.Pin(1)\np.toggle_twice()", "Pin has no toggle_twice"),
    "in an attribute of self": (
        "import machine\nclass A:\n def a(self):\n  self.u = machine.UART(1)\n def b(self):\n  self.u.fileno()", "UART has no fileno"
    ),
    "a keyword that Ethernet does not have": ("import network\nn = network.LAN(mdc=1, clock=2)", "LAN.__init__ does not take"),
    "a constant of a class": ("import network\nx = network.WLAN.PM_NOTHING", "WLAN has no PM_NOTHING"),
    "more than a stream takes": ("import socket\ns = socket.socket()\ns.write(b'', 0, 1, 2)", "socket.write does not take"),
}  # fmt: skip


@pytest.mark.parametrize("source, problem", WRONG.values(), ids=WRONG)
def test_wrong_use_is_found(source, problem):
    problems = esp32_stubs.Checker(source).run()

    assert len(problems) == 1 and problem in problems[0]


def test_a_missing_stub_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(esp32_stubs, "TYPING", tmp_path)

    with pytest.raises(FileNotFoundError, match="no stub for machine.*make setup"):
        esp32_stubs.Checker("import machine")
