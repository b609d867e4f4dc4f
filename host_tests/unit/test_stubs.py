"""The stand-ins behave like the MicroPython modules they stand for, and leave the rest of this interpreter alone."""
import errno
import gc
import os
import re
import select
import socket
import subprocess
import sys
import time

import mpy_select
import mpy_socket
import pytest

from host_tests.stubs.cpython import install
from tools import runtimes

pytestmark = pytest.mark.no_cover  # not about the firmware


@pytest.fixture
def pair():
    """(MicroPython-like socket, real socket), connected to each other."""
    listener = socket.create_server(("127.0.0.1", 0))
    near = mpy_socket.socket()
    near.connect(mpy_socket.getaddrinfo("127.0.0.1", listener.getsockname()[1])[0][-1])
    far, _ = listener.accept()
    yield near, far
    for each in (near, far, listener):
        each.close()


@pytest.fixture
def tty(monkeypatch):
    """The other end of the line that is UART 1."""
    ours, theirs = os.openpty()
    monkeypatch.setenv("LADEPUNKT_UART1", os.ttyname(theirs))
    yield ours
    os.close(ours)
    os.close(theirs)


def write_script(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text(text)
    return path


def test_firmware_gets_its_own_socket_and_nobody_else_does():
    from umqtt import simple

    assert simple.socket is mpy_socket
    assert socket.socket is not mpy_socket.socket
    assert sys.modules["socket"] is socket
    assert sys.modules["select"] is select


def test_ticks_wrap_at_2_to_the_30():
    assert 0 <= time.ticks_ms() < 1 << 30
    assert time.ticks_add((1 << 30) - 1, 2) == 1
    assert time.ticks_diff(1, (1 << 30) - 1) == 2
    assert time.ticks_diff((1 << 30) - 1, 1) == -2


def test_a_second_install_changes_nothing():
    before = list(sys.meta_path), list(sys.path)

    install.install()

    assert (sys.meta_path, sys.path) == before


def test_heap_figures_exist():
    assert gc.mem_alloc() >= 0 and gc.mem_free() > 0


def test_reading_nothing_gives_none_and_the_end_gives_zero(pair):
    near, far = pair
    near.setblocking(False)
    buf = bytearray(8)

    assert near.readinto(buf) is None
    assert near.read(3) is None
    far.sendall(b"abc")
    near.setblocking(True)
    assert near.readinto(buf, 3) == 3 and bytes(buf[:3]) == b"abc"
    far.close()
    near.setblocking(False)
    assert near.readinto(buf) == 0
    assert near.read(1) == b""


def test_a_blocking_read_waits_for_all_bytes(pair):
    near, far = pair
    far.sendall(b"ab")
    near.settimeout(0.1)

    with pytest.raises(OSError) as problem:
        near.read(3)

    assert problem.value.errno == errno.ETIMEDOUT


def test_write_takes_offset_and_length(pair):
    near, far = pair

    assert near.write(b"0123456789", 2, 3) == 3
    assert near.write(b"xyz", 2) == 2
    assert near.write(b"!") == 1

    assert far.recv(100) == b"234xy!"


def test_write_into_a_full_line_gives_none(pair):
    near, _ = pair
    near.setblocking(False)
    block = bytes(65536)
    taken = [near.write(block) for _ in range(400)]

    assert taken[0] == len(block)
    assert taken[-1] is None


def test_connecting_without_blocking_is_in_progress():
    near = mpy_socket.socket()
    near.setblocking(False)
    with pytest.raises(OSError) as problem:
        near.connect(("192.0.2.1", 9))
    near.close()

    assert problem.value.errno in (errno.EINPROGRESS, errno.ENETUNREACH)


def test_poll_hands_back_the_object(pair):
    near, far = pair
    poll = mpy_select.poll()
    poll.register(near, mpy_select.POLLIN)

    assert list(poll.ipoll(0)) == []
    far.sendall(b"x")
    assert list(poll.ipoll(1000)) == [(near, mpy_select.POLLIN)]
    poll.modify(near, mpy_select.POLLOUT)
    assert list(poll.ipoll(0)) == [(near, mpy_select.POLLOUT)]


def test_poll_forgets_a_socket_that_was_closed_first(pair):
    near, _ = pair
    poll = mpy_select.poll()
    poll.register(near, mpy_select.POLLIN)
    near.close()
    poll.unregister(near)

    assert poll.poll(0) == []
    with pytest.raises(OSError) as problem:
        poll.modify(near, mpy_select.POLLIN)
    assert problem.value.errno == errno.ENOENT


UART_SCRIPT = """
import os, select, sys, time
import machine

uart = machine.UART(1, baudrate=9600, tx=17, rx=16, timeout=0, rxbuf=512)
buf = bytearray(16)
poll = select.poll()
poll.register(uart, select.POLLIN)
print(uart.readinto(buf), uart.any(), uart.txdone(), len(list(poll.ipoll(0))))
uart.write(b"....ping....", 4, 4)
start_us = time.ticks_us()
print(uart.txdone())
while not uart.txdone():
    pass
print(3500 < time.ticks_diff(time.ticks_us(), start_us) < 20000)
for obj, event in poll.ipoll(5000):
    print(obj is uart, event == select.POLLIN)
time.sleep_ms(50)
print(uart.any(), uart.readinto(buf), bytes(buf[:6]), uart.readinto(buf))
"""


@pytest.mark.parametrize("runtime", ["cpython", "unix64"])
def test_the_uart_reads_what_is_there_and_keeps_transmit_time(tmp_path, tty, runtime):
    os.write(tty, b"")
    echo = subprocess.Popen(
        [sys.executable, "-c", "import os; assert os.read(0, 4) == b'ping'; os.write(1, b'\\r\\n\\x03pon')"], stdin=tty, stdout=tty
    )

    printed = runtimes.run_script(write_script(tmp_path, UART_SCRIPT), runtime)

    assert echo.wait(5) == 0
    assert printed.splitlines() == ["None 0 True 0", "False", "True", "True True", "1 6 b'\\r\\n\\x03pon' None"]


MACHINE_SCRIPT = """
import machine, network, time, esp32

print(machine.reset_cause() == machine.WDT_RESET, len(machine.unique_id()))
pin = machine.Pin(4, machine.Pin.OUT, value=1)
pin(0)
print(pin.value(), machine.Pin.made[4] is pin, machine.Pin(4).value())
for level in (0, 0, 1):
    machine.Pin(7, machine.Pin.OUT, value=level)
wdt = machine.WDT(timeout=10000)
for _ in range(60):
    wdt.feed()
    time.sleep_ms(10)
wdt = machine.WDT(timeout=600000)
wlan = network.WLAN(network.STA_IF)
print(wlan.isconnected(), wlan.active(True), wlan.connect("name", "key"), wlan.isconnected())
nvs = esp32.NVS("ladepunkt")
nvs.set_i32("boots", 3)
print(nvs.get_i32("boots"))
try:
    machine.UART(2)
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize("runtime", ["cpython", "unix64"])
def test_watchdog_pin_and_wlan(tmp_path, monkeypatch, runtime):
    fifo = tmp_path / "wdt"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv("LADEPUNKT_WDT", str(fifo))
    monkeypatch.setenv("LADEPUNKT_RELAYS", "7,8")
    monkeypatch.setenv("LADEPUNKT_RESET_CAUSE", "WDT_RESET")
    monkeypatch.delenv("LADEPUNKT_UART2", raising=False)

    said = runtimes.run_script(write_script(tmp_path, MACHINE_SCRIPT), runtime)

    told = os.read(reader, 1000).decode()
    os.close(reader)
    for expected in ("True 6", "0 True 0", "False True None True", "3", "UART 2 has no line: set LADEPUNKT_UART2"):
        assert expected in said
    told = re.fullmatch(r"P7=0\nP7=1\nT10000\n(\.+)T600000\n\.", told)
    assert told and 3 <= len(told[1]) <= 5  # at once, then at most every 250 ms for 600 ms and whatever a busy machine adds


@pytest.mark.parametrize("runtime", ["cpython", "unix64"])
def test_a_reset_ends_the_process_or_is_left_to_the_supervisor(tmp_path, monkeypatch, runtime):
    script = write_script(tmp_path, "import machine\nmachine.reset()\nprint('alive')\n")
    monkeypatch.delenv("LADEPUNKT_WDT", raising=False)
    with pytest.raises(runtimes.ScriptFailed, match="status 75"):
        runtimes.run_script(script, runtime)
    fifo = tmp_path / "wdt"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv("LADEPUNKT_WDT", str(fifo))
    with pytest.raises(runtimes.ScriptFailed, match="did not end"):
        runtimes.run_script(script, runtime, seconds=1)
    told = os.read(reader, 100)
    os.close(reader)
    assert told == b"R\n"


RTC_SCRIPT = """
import machine, sys

print(machine.RTC().memory())
machine.RTC().memory(b"longer than the next")
machine.RTC().memory(bytearray(sys.argv[1].encode()))
print(machine.RTC().memory())
try:
    machine.RTC().memory(bytes(2049))
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("runtime", ["cpython", "unix64"])
def test_rtc_memory_lasts_as_long_as_its_file(tmp_path, monkeypatch, runtime):
    script = write_script(tmp_path, RTC_SCRIPT)
    monkeypatch.delenv("LADEPUNKT_RTC", raising=False)
    assert runtimes.run_script(script, runtime, ["one"]).splitlines() == ["b''", "b'one'", "buffer too long"]
    assert runtimes.run_script(script, runtime, ["two"]).splitlines()[0] == "b''"
    monkeypatch.setenv("LADEPUNKT_RTC", str(tmp_path / "rtc"))
    assert runtimes.run_script(script, runtime, ["one"]).splitlines() == ["b''", "b'one'", "buffer too long"]
    assert runtimes.run_script(script, runtime, ["two"]).splitlines()[:2] == ["b'one'", "b'two'"]
    (tmp_path / "rtc").unlink()
    assert runtimes.run_script(script, runtime, ["three"]).splitlines()[0] == "b''"


@pytest.mark.parametrize("runtime", ["cpython", "unix64"])
def test_feeding_a_watchdog_nobody_watches_any_more_fails(tmp_path, monkeypatch, runtime):
    fifo = tmp_path / "wdt"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv("LADEPUNKT_WDT", str(fifo))
    script = "import machine, time\nwdt = machine.WDT(timeout=1000)\nprint('armed')\nwhile True:\n    wdt.feed()\n    time.sleep_ms(20)\n"
    command = subprocess.Popen(
        [sys.executable, "-m", "tools.runtimes", runtime, str(write_script(tmp_path, script))], cwd=install.ROOT, stderr=subprocess.PIPE, text=True
    )
    while not _readable(reader):
        assert command.poll() is None, "ended before it fed the watchdog"
    os.close(reader)

    _, said = command.communicate(timeout=20)
    assert command.returncode == 1
    assert "in feed" in said
    assert "OSError: 32" in said or "BrokenPipeError" in said  # MicroPython says only the number


def _readable(fd):
    return bool(select.select([fd], [], [], 0.05)[0]) and bool(os.read(fd, 1))
