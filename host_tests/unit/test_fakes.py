"""The models must be as nasty as the real devices, or every other test proves nothing."""

import struct

import pytest

from host_tests.fakes.car import Car
from host_tests.fakes.evse import DOWN_MS, EvseDin
from host_tests.fakes.meter import Sdm630
from host_tests.fakes.site import ChargePoint, Site, standard_site
from host_tests.fakes.wire import LATE, LATE_US, Line, sealed

MASK_MS = (1 << 30) - 1


class Clock:
    """Steps a site in 50 ms ticks; starts shortly before the 30-bit clock wraps."""

    def __init__(self, site):
        self.site = site
        self.now_ms = MASK_MS - 5000

    def run_s(self, seconds):
        for _ in range(int(seconds * 20)):
            self.now_ms = (self.now_ms + 50) & MASK_MS
            self.site.step(self.now_ms)

    def ask(self, unit, function, address, payload):
        return self.site.request(unit, function, address, payload, self.now_ms)


@pytest.fixture
def clock():
    return Clock(standard_site())


def charge(clock, raw=16):
    clock.site.charge_points[0].car.plug()
    clock.ask(1, 16, 1000, [0])
    clock.run_s(0.5)
    clock.ask(1, 16, 1000, [raw])
    clock.run_s(5)
    return clock.site.charge_points[0]


def as_float(words):
    return struct.unpack(">f", struct.pack(">HH", *words))[0]


@pytest.mark.parametrize("firmware, last", [(8, 1006), (10, 1006), (15, 1006), (16, 1009), (18, 1009)])
def test_block_limit_depends_on_the_firmware(firmware, last):
    evse = EvseDin(firmware=firmware)
    assert len(evse.request(3, 1000, last - 999)) == last - 999
    assert evse.request(3, 1000, last - 998) == 2
    assert evse.request(3, 1005, 1) == [firmware]


def test_only_functions_3_and_16_and_known_registers():
    evse = EvseDin()
    assert evse.request(4, 1000, 1) == 1
    assert evse.request(6, 1000, [0]) == 1
    assert evse.request(3, 1999, 1) == 2
    assert evse.request(3, 2000, 19) == 2
    assert evse.request(16, 1001, [6]) == 2
    assert evse.request(16, 1000, [6, 6]) == 2
    assert len(evse.request(3, 2000, 18)) == 18


def test_precise_mode_is_one_eeprom_write_and_scales_1000_and_1001(clock):
    charge_point = charge(clock)
    assert charge_point.car.current_ca == [1600, 1600, 1600]
    clock.ask(1, 16, 2005, [0x0209 | 0x80])
    clock.run_s(5)
    assert charge_point.car.current_ca == [0, 0, 0], "raw 16 is 0.16 A now, which is off"
    clock.ask(1, 16, 1000, [1050])
    clock.run_s(5)
    assert clock.ask(1, 3, 1000, 3) == [1050, 1050, 3]
    assert charge_point.car.current_ca == [1050, 1050, 1050]
    assert charge_point.evse.eeprom_writes == 1


def test_firmware_16_has_no_precise_mode():
    evse = EvseDin(firmware=16)
    evse.request(16, 2005, [0x89])
    assert not evse.precise


def test_a_set_point_of_the_wrong_scale_is_full_power(clock):
    charge_point = charge(clock, raw=1600)
    assert charge_point.evse.signalled_ca == 3200


def test_below_the_minimum_is_off(clock):
    charge_point = charge(clock, raw=4)
    assert charge_point.evse.signalled_ca == 0
    assert clock.ask(1, 3, 1006, 1) == [3]


def test_power_cycle_comes_up_with_the_power_on_current(clock):
    charge_point = charge(clock)
    charge_point.car.max_a = 32
    charge_point.evse.power_cycle(clock.now_ms)
    assert clock.ask(1, 3, 1000, 1) is None
    clock.run_s(1)
    assert charge_point.car.current_ca == [0, 0, 0]
    clock.run_s(DOWN_MS / 1000 + 6)
    assert clock.ask(1, 3, 1000, 1) == [32]
    assert charge_point.car.current_ca == [3200, 3200, 3200]


def test_state_stays_c_while_the_car_ramps_down(clock):
    charge_point = charge(clock)
    clock.ask(1, 16, 1000, [0])
    clock.run_s(1.5)
    assert clock.ask(1, 3, 1000, 3)[2] == 3
    assert 0 < charge_point.car.current_ca[0] < 1600
    clock.run_s(3)
    assert clock.ask(1, 3, 1000, 3)[2] == 2
    assert charge_point.car.current_ca == [0, 0, 0]
    assert clock.ask(1, 3, 1007, 1) == [0]


def test_a_stubborn_car_is_stopped_by_the_pilot_only(clock):
    charge_point = charge(clock)
    charge_point.car.stubborn = True
    clock.ask(1, 16, 1000, [0])
    clock.run_s(60)
    assert charge_point.car.current_ca == [1600, 1600, 1600]
    charge_point.cp_open = True
    clock.run_s(0.2)
    assert charge_point.car.current_ca == [0, 0, 0]
    assert clock.ask(1, 3, 1002, 1) == [1]


def test_behind_a_welded_contactor_a_stubborn_car_draws_on(clock):
    charge_point = charge(clock)
    charge_point.car.stubborn = charge_point.welded = True
    charge_point.cp_open = True
    clock.run_s(5)
    assert charge_point.car.current_ca == [1600, 1600, 1600]


def test_zoe_like_car_needs_8_a(clock):
    clock.site.charge_points[0].car.min_a = 8
    charge_point = charge(clock, raw=7)
    assert clock.ask(1, 3, 1002, 1) == [2]
    clock.ask(1, 16, 1000, [8])
    clock.run_s(5)
    assert charge_point.car.current_ca == [800, 800, 800]


def test_a_sleeping_car_wakes_after_a_pilot_interruption(clock):
    clock.site.charge_points[0].car.asleep = True
    charge_point = charge(clock)
    assert charge_point.car.current_ca == [0, 0, 0]
    charge_point.cp_open = True
    clock.run_s(4)
    charge_point.cp_open = False
    clock.run_s(5)
    assert charge_point.car.current_ca == [1600, 1600, 1600]


def test_phases_of_car_and_relay(clock):
    charge_point = charge(clock)
    charge_point.phases = 1
    clock.run_s(1)
    assert charge_point.car.current_ca == [1600, 0, 0]
    charge_point.phases = 3
    charge_point.car.phases = 1
    clock.run_s(1)
    assert charge_point.car.current_ca == [1600, 0, 0]


def test_limits_of_cable_and_fixed_limit():
    evse = EvseDin(cable_a=13, fixed_limit_a=0)
    assert evse.request(3, 1003, 1) == [13]
    evse.step(0, 1)
    evse.step(200, 1)
    assert evse.signalled_ca == 1300
    evse.request(16, 2007, [20])
    assert evse.request(3, 1003, 1) == [20]


def test_odd_configurations_ignore_the_set_point():
    for register, value in ((2003, 0), (2005, 1 << 13), (2005, 1 << 14)):
        evse = EvseDin()
        evse.configure(register, value)
        evse.request(16, 1000, [6])
        evse.step(0, 1)
        evse.step(200, 1)
        assert evse.signalled_ca == (3200 if register == 2003 else 0)
    evse = EvseDin()
    evse.request(16, 2005, [1 << 15])
    assert evse.request(3, 1000, 1) is None, "the bootloader does not answer"


def test_rcd_error_is_cleared_by_command_only(clock):
    charge_point = charge(clock)
    charge_point.evse.rcd_error = True
    clock.run_s(10)
    assert clock.ask(1, 3, 1002, 1) == [5]
    assert clock.ask(1, 3, 1007, 1) == [0x20]
    assert charge_point.car.current_ca == [0, 0, 0]
    clock.ask(1, 16, 1004, [4])
    clock.run_s(5)
    assert charge_point.car.current_ca == [1600, 1600, 1600]


def test_meter_values(clock):
    charge(clock)
    words = clock.ask(105, 4, 0, 18)
    values = [as_float(words[i : i + 2]) for i in range(0, 18, 2)]
    assert values == [230] * 3 + [16] * 3 + [3680] * 3
    assert as_float(clock.ask(105, 4, 0x34, 2)) == 11040
    before = clock.site.charge_points[0].meter.imported_wh
    clock.run_s(360)
    assert clock.site.charge_points[0].meter.imported_wh - before == pytest.approx(1104, abs=1)
    assert as_float(clock.ask(105, 4, 0x48, 2)) == pytest.approx(before / 1000 + 1.104, abs=0.002)


def test_meter_quirks():
    meter = Sdm630(serial=0x01416639, block_limit=20, frequency_times_10=True)
    assert meter.request(3, 0xFC00, 2) == [0x0141, 0x6639]
    assert meter.request(3, 0xFC02, 1) == [0x0070]
    assert meter.request(3, 0x0100, 2) == [0, 0], "zeros, not an exception"
    assert meter.request(4, 0, 21) == 2
    meter.refuses_long = False
    assert meter.request(4, 0, 21) is None
    assert as_float(meter.request(4, 0x46, 2)) == 500
    assert meter.request(4, 1, 2) == [0, 0x4366], "an odd address is a shifted window"
    assert meter.request(16, 0x14, [0, 0]) == 1


def test_unknown_unit_is_silent_and_renumbering_acts_at_once(clock):
    assert clock.ask(7, 3, 1000, 1) is None
    clock.ask(1, 16, 2001, [7])
    assert clock.ask(1, 3, 1000, 1) is None
    assert clock.ask(7, 3, 2001, 1) == [7]


def test_two_charge_points_are_independent():
    site = Site([ChargePoint(EvseDin(1), Sdm630(105), Car()), ChargePoint(EvseDin(2, firmware=10), None, Car(phases=1))])
    clock = Clock(site)
    site.charge_points[1].car.plug()
    clock.ask(1, 16, 1000, [0])
    clock.ask(2, 16, 1000, [6])
    clock.run_s(5)
    assert site.charge_points[0].car.current_ca == [0, 0, 0]
    assert site.charge_points[1].car.current_ca == [600, 0, 0]
    assert clock.ask(106, 4, 0, 2) is None


def test_a_device_that_owes_a_late_reply_hears_no_other_request():
    """Seed 1219: two replies of one device at a time, of which nobody can know, are nothing that a box has to wait for."""
    asked = []
    line = Line(lambda unit, *_: asked.append(unit) or [1])
    request = sealed(bytes((1, 3, 3, 232, 0, 1)))
    line.faults[1] = LATE
    line.write(request, 8)
    line.faults.clear()
    for now_us in (LATE_US // 2, LATE_US + 6 * line.char_us):
        line.now_us = now_us
        line.write(request, 8)
        line.write(sealed(bytes((2, 3, 3, 232, 0, 1))), 8)
    assert asked == [1, 2, 2]
    line.now_us = LATE_US * 2
    line.write(request, 8)
    assert asked == [1, 2, 2, 1]
