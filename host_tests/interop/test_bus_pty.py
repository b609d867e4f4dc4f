"""The firmware's bus master and drivers on real MicroPython, over a pty, against pymodbus' framing and PDUs."""
import json
import threading
import time
from pathlib import Path

import pytest

from host_tests.fakes.site import standard_site
from tools import runtimes
from tools.desk.line import Line

SCRIPT = Path(__file__).with_name("run_bus.py")
BAUD = 19200
SERIAL = (105, 3, 0xFC00)


class WatchedLine(Line):
    """Damages every n-th reply and keeps what was asked for: (unit, function, address, values or count)."""

    def __init__(self, site, damage_every=0):
        super().__init__(site, threading.Lock(), BAUD)
        self.damage_every = damage_every
        self.asked = []
        self.damaged = {1: 0, 105: 0}  # replies by unit
        self.exceptions = dict.fromkeys((1, 5, 105, 201), 0)
        self._replies = 0

    def _answer(self, request):
        values = request.registers if request.function_code == 16 else request.count
        self.asked.append((request.dev_id, request.function_code, request.address, values))
        super()._answer(request)

    def _send(self, frame):
        self._replies += 1
        if self.damage_every and self._replies % self.damage_every == 0:
            frame[self._replies // self.damage_every % (len(frame) - 2) + 2] ^= 0x10
            self.damaged[frame[0]] += 1
        elif frame[1] & 0x80:
            self.exceptions[frame[0]] += 1
        super()._send(frame)


def session(monkeypatch, line, runtime, requests, de="auto", name="sdm630"):
    """What the firmware knows after so many requests on that line."""
    monkeypatch.setenv("LADEPUNKT_UART1", line.path)
    line.start()
    try:
        told = runtimes.run_script(SCRIPT, runtime, [str(requests), str(BAUD), de, name])
    finally:
        line.stop()
    return json.loads(told.splitlines()[-1])


def undisturbed(monkeypatch, new_site, runtime, requests, de="auto", damage_every=0, name="sdm630"):
    """(site, line, told) of the first session with no other errors than the line made: this is real time, and a machine that
    pauses inside a reply makes some. Ten are tried, with growing pauses: a busy machine stays busy for a while."""
    for pause_s in range(10):
        time.sleep(pause_s)
        site = new_site()
        line = WatchedLine(site, damage_every)
        told = session(monkeypatch, line, runtime, requests, de, name)
        errors = [told[device][kind] for device in ("evse", "meter") for kind in ("timeouts", "crc_errors", "wrong_replies")]
        if sum(errors) == sum(line.damaged.values()):
            break
    return site, line, told


def measured_site():
    site = standard_site()
    site.charge_points[0].meter.voltage_cv = [23010, 22950, 23125]
    site.charge_points[0].meter.imported_mwh = 4711000
    return site


@pytest.mark.parametrize("runtime, de", [("unix64", "4"), ("cpython", "auto")])
def test_reads_writes_and_values_pass_unharmed(monkeypatch, runtime, de):
    site, line, told = undisturbed(monkeypatch, measured_site, runtime, 50, de)

    evse = site.charge_points[0].evse
    assert line.asked[0] == (1, 16, 1000, [0])
    written = [values[0] for unit, function, address, values in line.asked if (unit, function, address) == (1, 16, 1000)]
    assert set(written) <= {0, 600, 1250, 1600} and len(set(written)) >= 3
    assert [a for a in line.asked if a[1] == 16 and a[2] != 1000] == [(1, 16, 2005, [0x0289])]
    assert (told["firmware"], told["precise"], told["raw"], evse.eeprom_writes) == (18, True, evse.set_current_raw, 1)
    assert told["values"][:9] == [23010, 22950, 23125, 0, 0, 0, 0, 0, 0]
    assert told["values"][12:16] == [5000, 0, 4711, 0]
    for device in ("evse", "meter"):
        counted = told[device]
        assert (counted["timeouts"], counted["crc_errors"], counted["wrong_replies"]) == (0, 0, 0)
    assert told["evse"]["requests"] + told["meter"]["requests"] == line.counters["requests"] == 50
    assert line.counters["collisions"] == line.counters["garbage"] == 0


def refusing_site():
    """Answers the question for the serial number with exception 2."""
    site = measured_site()
    real = site.request

    def refuse(unit, function, address, payload, now_ms):
        return 2 if (unit, function, address) == SERIAL else real(unit, function, address, payload, now_ms)

    site.request = refuse
    return site


def test_every_damaged_reply_and_every_exception_is_counted_exactly(monkeypatch):
    _, line, told = undisturbed(monkeypatch, refusing_site, "unix64", 60, damage_every=10)

    assert sum(line.damaged.values()) == 6
    for device, unit in (("evse", 1), ("meter", 105)):
        counted = told[device]
        assert counted["timeouts"] == 0
        # a damaged third byte is a wrong length, every other damage shows in the CRC
        assert counted["crc_errors"] + counted["wrong_replies"] == line.damaged[unit]
        assert counted["exceptions"] == line.exceptions[unit]
    assert line.exceptions[105] >= 1 and line.exceptions[1] == 0
    assert told["restarts"] == 0
    assert told["raw"] in (0, 600, 1250, 1600)


@pytest.mark.parametrize(
    "firmware, meter, name, longest",
    [(10, "mpm3pm", "auto", 18), (16, "b23", "auto", 28), (17, "sdm120", "sdm120", 14), (18, "sdm72", "auto", 10)],
)
def test_every_evse_firmware_and_every_meter_is_understood(monkeypatch, firmware, meter, name, longest):
    def new_site():
        site = standard_site(1, firmware, meter)
        model = site.charge_points[0].meter
        model.voltage_cv = [23010, 22950, 23120]
        model.imported_mwh = 4711000000
        model.block_limit = max(10, longest)  # the SDM72 is of a lot that refuses more than 10 registers
        return site

    # where the meter is searched, what is not there costs time-outs of its own
    site, line, told = undisturbed(monkeypatch, new_site, "unix64", 60, name=name)
    evse = site.charge_points[0].evse
    assert (told["firmware"], told["precise"], told["longest"]) == (firmware, firmware >= 17, longest)
    assert told["raw"] == evse.set_current_raw
    assert {a[3] for a in line.asked if a[:3] == (1, 3, 1000)} <= ({7} if firmware < 16 else {7, 8})
    assert evse.eeprom_writes == (1 if firmware >= 17 else 0)
    assert told["values"][:3] == ([23010, 0, 0] if meter == "sdm120" else [23010, 22950, 23120])
    assert told["values"][14] == pytest.approx(4711000, abs=1)
