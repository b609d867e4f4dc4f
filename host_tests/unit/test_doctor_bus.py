"""The doctor at the RS485 line: what it says about a healthy one, and about ten broken ones."""

import itertools

import pytest
from tools.doctor.bus import Scan, judge_noise
from tools.doctor.evse import Evse
from tools.doctor.finding import FIX, HINT, OK
from tools.doctor.frames import GARBLED, READ_HOLDING, SILENT, Line, read_request, sort, with_crc
from tools.doctor.meter import Meter

from host_tests.fakes.site import standard_site
from host_tests.unit.doctor_bench import BadLine


@pytest.fixture
def wire():
    line = BadLine()
    line.site.charge_points[0].evse.set_power_on_current(0)
    line.site.charge_points[0].evse.set_current_raw = 0
    return line


def scan(wire, evses=(1,), meters=(105,)):
    return Scan(wire.line(), evses, meters).run()


def told(findings, level):
    return [f"{f.what}: {f.found}. {f.todo}" for f in findings if f.level == level]


def look(wire):
    return Evse(wire.line(), 1).run()


def test_a_healthy_line_is_told_with_the_devices_on_it(wire):
    result = scan(wire)
    assert (result.evses, list(result.meters)) == ([1], [105])
    assert {f.level for f in result.findings} == {OK}
    assert Evse(wire.line(), 1).run().repairs == {}


def test_silence_at_every_speed_names_the_wires(wire):
    wire.silent = True
    assert "exchange" in told(scan(wire).findings, FIX)[0]


def test_a_device_at_another_speed_is_found_there(wire):
    wire.speed = (19200, "N")
    assert "unit id 1 answers at 19200 8N1 only" in told(scan(wire).findings, FIX)[0]


def test_another_parity_is_found_as_well(wire):
    wire.speed = (9600, "E")
    assert "9600 8E1" in told(scan(wire).findings, FIX)[0]


def test_noise_without_anybody_is_noise(wire):
    wire.noisy = True
    assert "only noise" in told(scan(wire).findings, FIX)[0]


def test_two_devices_with_one_id_are_told_from_noise(wire):
    wire.doubled = 1
    said = told(scan(wire).findings, FIX)
    assert len(said) == 1 and "unit id 1: answers, but never with a whole frame: two devices with one id?" in said[0]


@pytest.mark.parametrize(("every", "level"), [(3, FIX), (40, HINT), (10**6, OK)])
def test_a_line_on_which_some_answers_are_damaged_is_understood_and_told(wire, every, level):
    clean, count = wire.exchange, itertools.count(1)

    def noisy(*request):
        heard = clean(*request)
        return heard[:-1] + bytes((heard[-1] ^ 1,)) if heard and next(count) % every == 0 else heard

    line = Line(noisy)
    found = Scan(line, (1,), (105,)).run().findings + Evse(line, 1).run().findings + Meter(line, 105, (4, 0)).run().findings
    for _ in range(40):
        line.read(1, READ_HOLDING, 1000, 7)
    assert not told(found, FIX) and judge_noise("line", line).level == level


def test_a_single_answer_that_is_lost_makes_nobody_missing(wire):
    clean, lost = wire.exchange, [1, 6]

    def lossy(*request):
        lost[:] = [n - 1 for n in lost]
        return b"" if 0 in lost else clean(*request)

    result = Scan(Line(lossy), (1,), (105,)).run()
    assert (result.evses, list(result.meters)) == ([1], [105])


def test_an_echo_is_a_hint_and_nothing_else_suffers(wire):
    wire.echoing = True
    result = scan(wire)
    assert told(result.findings, HINT)[0].startswith("line echo") and not told(result.findings, FIX)
    assert look(wire).repairs == {}


def test_an_evse_elsewhere_than_configured_is_named_with_both_ids(wire):
    result = scan(wire, evses=(7,))
    assert "EVSE at unit id 7: config.json names it, but nobody answers" in told(result.findings, FIX)[0]
    assert "such devices are at 1" in told(result.findings, FIX)[0]
    assert "EVSE at unit id 1: answers, but config.json does not name it" in told(result.findings, HINT)[0]


def test_a_missing_meter_is_named(wire):
    wire.site.charge_points[0].meter = None
    assert "meter at unit id 105: config.json names it, but nobody answers" in told(scan(wire).findings, FIX)[0]


@pytest.mark.parametrize(
    ("register", "value", "level", "repair"),
    [
        (2000, 32, FIX, 0),
        (2000, 7, FIX, 0),
        (2000, 6, HINT, 0),
        (2000, 1, HINT, 0),
        (2002, 13, FIX, 6),
        (2003, 0, FIX, 1),
        (2004, 1, FIX, 0),
        (2005, 0x4209, FIX, 0x0209),
        (2005, 0x2209, FIX, 0x0209),
        (2005, 0x8209, FIX, 0x0209),
        (2006, 1, FIX, 0),
        (2007, 5, FIX, 0),
    ],
)
def test_a_register_that_keeps_it_from_charging_is_told_and_put_right_when_asked(wire, register, value, level, repair):
    evse = wire.site.charge_points[0].evse
    evse.configure(register, value)
    result = look(wire)
    assert len(told(result.findings, level)) == 1 and str(register) in told(result.findings, level)[0]
    assert result.repairs == {register: repair}
    assert evse.eeprom_writes == 0, "nothing is written before somebody has agreed"
    assert result.apply() is None
    assert evse.eeprom_writes == 1 and look(wire).repairs == {}


def test_a_repair_that_did_not_stick_is_told_with_expected_and_found(wire):
    wire.site.charge_points[0].evse.configure(2003, 0)
    result = look(wire)
    wire.silent = True
    assert result.apply() == "EVSE 1, register 2003: expected 1, read back silent"


@pytest.mark.parametrize(("firmware", "level"), [(7, FIX), (9, HINT), (10, OK), (18, OK)])
def test_the_firmware_of_the_evse_is_judged(firmware, level):
    wire = BadLine(standard_site(1, firmware))
    wire.site.charge_points[0].evse.set_power_on_current(0)
    assert [f.level for f in look(wire).findings if "1005" in f.what] == [level]


def test_a_tripped_rcd_and_a_failure_of_the_vehicle_are_told(wire):
    wire.site.charge_points[0].evse.rcd_error = True
    wire.site.step(1000)
    said = told(look(wire).findings, FIX)
    assert any("RCD" in text for text in said) and any("1002" in text for text in said)


def meter_of(wire):
    return Meter(wire.line(), 105, scan(wire).meters[105]).run().findings


def test_a_healthy_meter_at_rest_asks_for_a_look_while_charging(wire):
    found = meter_of(wire)
    assert [f.level for f in found] == [OK] * 4 and "while a car charges" in found[-1].found


def test_a_meter_that_counts_right_is_fine(wire):
    wire.site.charge_points[0].meter.current_ca[:] = [1600, 1600, 1600]
    wire.site.step = lambda now_ms: None
    found = meter_of(wire)
    assert [f.level for f in found] == [OK] * 4 and "power fits" in found[-1].found


@pytest.mark.parametrize(
    ("voltages_cv", "text"),
    [([0, 23000, 23000], "wire L1"), ([23000, 0, 23000], "L2 is missing"), ([23000, 30000, 23000], "N is missing")],
)
def test_voltages_of_no_house_are_told_with_the_cause(wire, voltages_cv, text):
    wire.site.charge_points[0].meter.voltage_cv[:] = voltages_cv
    assert any(text in said for said in told(meter_of(wire), FIX))


def test_a_meter_wired_backwards_is_named_by_phase(wire):
    wire.site.charge_points[0].meter.current_ca[:] = [1600, -1600, 1600]
    wire.site.step = lambda now_ms: None
    assert "L2 counts backwards" in told(meter_of(wire), FIX)[0]


def test_current_on_another_phase_than_l1_is_a_hint(wire):
    wire.site.charge_points[0].meter.current_ca[:] = [0, 1600, 0]
    wire.site.step = lambda now_ms: None
    assert any("current on L2 only" in said for said in told(meter_of(wire), HINT))


def test_a_meter_of_another_type_than_configured_is_named_with_both(wire):
    where = scan(wire).meters[105]
    said = told(Meter(wire.line(), 105, where, "b23").run().findings, FIX)
    assert len(said) == 1 and "it is a Eastron SDM, config.json says b23" in said[0] and "sdm630" in said[0]
    assert not told(Meter(wire.line(), 105, where, "auto").run().findings, FIX)


@pytest.mark.parametrize(("longest", "level", "says"), [(10, HINT, "18 are too many, 10 are answered"), (2, FIX, "the firmware needs 10")])
def test_a_meter_that_refuses_long_blocks_is_read_in_pieces(wire, longest, level, says):
    wire.site.charge_points[0].meter.block_limit = longest
    assert any(says in said for said in told(meter_of(wire), level))


def test_a_limit_that_the_cable_does_not_change_is_said_to_be_one(wire):
    evse = wire.site.charge_points[0].evse
    found = {}
    for limit_a in (0, 16, 63):
        evse.configure(2007, limit_a)
        found[limit_a] = next(f for f in look(wire).findings if "2007" in f.what)
    assert [f.level for f in found.values()] == [OK, OK, HINT] and "PP" in found[0].found and "cable of its own" in found[16].found


def test_a_transceiver_that_hears_only_itself_points_to_the_direction_pin(wire):
    wire.echoing = wire.silent = True
    said = told(scan(wire).findings, FIX)
    assert "hears what it sends itself" in said[0] and "`de` in board.json" in said[0]


# -- frames ---------------------------------------------------------------------------------------------------------------

REQUEST = read_request(1, READ_HOLDING, 1005, 1)
GOOD = with_crc(b"\x01\x03\x02\x00\x12")


def test_a_reply_is_found_behind_an_echo_and_before_noise():
    for heard in (GOOD, REQUEST + GOOD, b"\0" + GOOD, GOOD + b"\xff\xff", REQUEST + b"\0\0" + GOOD):
        assert sort(REQUEST, heard).words == [18]


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_a_flipped_bit_makes_it_garbled(at):
    spoiled = bytearray(GOOD)
    spoiled[at] ^= 0x10
    assert sort(REQUEST, bytes(spoiled)).kind == GARBLED


def test_only_an_echo_is_silence():
    assert sort(REQUEST, REQUEST).kind == SILENT and sort(REQUEST, REQUEST).echo
