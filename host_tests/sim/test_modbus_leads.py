"""Modbus controllers lead the whole box in virtual time: heartbeat, two doors, cut-off, and what a reboot leaves."""

import host_tests.sim  # noqa: F401  (puts the firmware on the path)
import pytest
from charge_point import TWO_DOORS
from intents import CONTEST_MS, MODBUS, MQTT, NOBODY
from reads import ENABLED_LIMIT_MS, READ_LIMIT_MS
from safety import R_HEARTBEAT_LOST, R_HEARTBEAT_NEVER

from host_tests.fakes.modbus_clients import DASHBOARD, E3DC, Caller, Evcc
from host_tests.sim.chip import HARD_RESET, PWRON_RESET, WDT_RESET
from host_tests.sim.world import World, standard_config

LAG_MS = 1500
PERIOD = 1 << 30


def modbus_world(charge_points=1, mode="client", start_tick=0, **settings):
    """A world with a car plugged in and nobody who leads."""
    config = standard_config(charge_points, mode=mode, modbus=True)
    config["modbus"].update(settings)
    world = World(1, config, start_tick)
    world.controller.beating = world.controller.setting = False
    for cp in range(charge_points):
        world.car(cp).ramp_down_ms = 0
        world.plug(cp)
    world.run(5000)
    return world


def amps(world, cp=0):
    return world.car(cp).current_ca[0] // 100


def leader(world, cp=0):
    point = world.gateway.points[cp]
    return ("mqtt", "modbus")[point.wish.door] if point.leader_alive() else "none"


def cut_off_ms(world, limit_ms):
    """How long the car still draws current."""
    return world.run_until(lambda: amps(world) == 0, limit_ms)


# -- who is alive ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["client", "broker"])
@pytest.mark.parametrize("reads_first", [True, False])
def test_evcc_leads_with_its_first_set_point_and_its_first_read_in_either_order(mode, reads_first):
    world = modbus_world(mode=mode)
    evcc = Evcc(world)
    if reads_first:
        assert evcc.cycle()["status"] == "B"
        evcc.set_current(1600)
    else:
        evcc.set_current(1600)
        world.run(3000)
        assert amps(world) == 0 and world.gateway.points[0].reason == R_HEARTBEAT_NEVER
        evcc.cycle()
    assert leader(world) == "modbus"
    last = evcc.poll(60000)
    assert last["status"] == "C" and last["currents_ca"] == [1600, 1600, 1600] and 10900 < last["power_w"] < 11100
    assert last["energy_wh"] > 0 and amps(world) == 16


def test_without_a_read_for_80_s_the_car_is_cut_off_and_the_next_read_brings_it_back():
    world = modbus_world(start_tick=PERIOD - 60000)
    evcc = Evcc(world)
    evcc.set_current(1000)
    evcc.poll(20000)
    evcc.read(10115)
    assert READ_LIMIT_MS - 100 <= cut_off_ms(world, READ_LIMIT_MS + LAG_MS) <= READ_LIMIT_MS + LAG_MS
    assert leader(world) == "none" and world.gateway.points[0].reason == R_HEARTBEAT_LOST
    evcc.read(10115)
    world.run_until(lambda: amps(world) == 10, 20000)


def test_a_dashboard_that_reads_on_does_not_keep_the_car_charging_after_evcc_has_died():
    world = modbus_world()
    evcc, dashboard = Evcc(world), Evcc(world, DASHBOARD)
    evcc.set_current(1600)
    evcc.poll(20000)
    evcc.read(10115)
    evcc.die()
    died_ms = world.now_ms
    while amps(world):
        dashboard.cycle()
        world.run(1000)
        assert world.now_ms - died_ms < READ_LIMIT_MS + LAG_MS
    dashboard.poll(60000, 5000)
    assert amps(world) == 0 and leader(world) == "none"


def test_where_the_owner_wants_it_so_anybody_s_reads_count():
    world = modbus_world(heartbeat_from="any")
    evcc, dashboard = Evcc(world), Evcc(world, DASHBOARD)
    evcc.set_current(1600)
    evcc.cycle()
    evcc.die()
    dashboard.poll(200000)
    assert amps(world) == 16
    assert cut_off_ms(world, READ_LIMIT_MS + LAG_MS) > READ_LIMIT_MS - 12000


def test_reads_of_another_controller_on_the_list_count_those_of_others_do_not():
    world = modbus_world(controllers=[E3DC, "192.168.1.30"])
    evcc, second, stranger = Evcc(world), Evcc(world, E3DC), Evcc(world, DASHBOARD)
    evcc.set_current(1600)
    evcc.cycle()
    evcc.die()
    second.poll(150000)
    assert amps(world) == 16
    second.die()
    begin_ms = world.now_ms
    while amps(world):
        stranger.cycle()
        world.run(2000)
        assert world.now_ms - begin_ms < READ_LIMIT_MS + LAG_MS + 2000
    with pytest.raises(ValueError):
        stranger.set_current(1600)


def test_e3dc_with_a_connection_per_request_leads_with_a_limit_of_60_s():
    world = modbus_world()
    e3dc = Caller(world, E3DC, per_request=True)
    for set_ca in (600, 1050, 1600):
        for _ in range(4):
            e3dc.write(10190, 1)
            e3dc.read(10115)
            e3dc.write(10171, set_ca)
            world.run(10000)
        assert world.car().current_ca[0] == set_ca
    e3dc.read(10115)
    assert ENABLED_LIMIT_MS - 100 <= cut_off_ms(world, ENABLED_LIMIT_MS + LAG_MS)
    assert world.gateway.modbus.ended[0] == 37


def test_any_number_of_dashboards_takes_nothing_from_who_leads():
    world = modbus_world()
    evcc = Evcc(world)
    evcc.set_current(1600)
    for i in range(60):
        if i % 6 == 0:
            evcc.cycle()
        Caller(world, "192.168.7.%d" % i, per_request=True).read(10100, 2)
        world.run(500)
    assert amps(world) == 16 and leader(world) == "modbus"


def test_two_charge_points_have_their_own_set_points_and_leaders():
    world = modbus_world(charge_points=2)
    one, two = Evcc(world), Evcc(world, E3DC, connector=2)
    one.set_current(1600)
    two.set_current(800)
    for _ in range(3):
        one.cycle(), two.cycle()
        world.run(10000)
    assert (amps(world, 0), amps(world, 1)) == (16, 8)
    assert two.read(10216) == [800] and one.read(10116) == [1600]
    one.die()
    two.poll(READ_LIMIT_MS + LAG_MS)
    assert (amps(world, 0), amps(world, 1)) == (0, 8)
    assert (leader(world, 0), leader(world, 1)) == ("none", "modbus")


# -- two doors ------------------------------------------------------------------------------------------------------------


def test_two_doors_that_want_current_get_the_lower_one_and_the_user_is_told():
    world = modbus_world()
    evcc = Evcc(world)
    world.controller.beating = world.controller.setting = True  # 16 A every 5 s
    evcc.set_current(1000)
    evcc.poll(20000)
    assert amps(world) == 10 and TWO_DOORS in world.told(b"get/state_str")
    evcc.poll(CONTEST_MS)
    assert amps(world) == 16 and leader(world) == "mqtt" and TWO_DOORS not in world.told(b"get/state_str")


def test_an_older_set_point_of_mqtt_does_not_come_back_when_evcc_dies():
    world = modbus_world()
    evcc = Evcc(world)
    world.controller.beating = world.controller.setting = True
    world.run_until(lambda: amps(world) == 16, 30000)
    world.controller.setting = False  # it goes on beating
    world.run(CONTEST_MS)
    evcc.set_current(1000)
    evcc.poll(20000)
    assert amps(world) == 10 and leader(world) == "modbus"
    evcc.die()
    world.run(READ_LIMIT_MS + LAG_MS)
    assert amps(world) == 0 and leader(world) == "none"
    world.run(60000)
    assert amps(world) == 0
    world.controller.setting = True
    world.run_until(lambda: amps(world) == 16, 20000)
    assert leader(world) == "mqtt"


def test_an_mqtt_heartbeat_does_not_keep_a_modbus_set_point_alive():
    world = modbus_world()
    evcc = Evcc(world)
    world.controller.beating = True
    evcc.set_current(1600)
    evcc.poll(20000)
    evcc.die()
    assert cut_off_ms(world, READ_LIMIT_MS + LAG_MS) > READ_LIMIT_MS - 20000


def test_reads_do_not_keep_an_mqtt_set_point_alive():
    world = modbus_world()
    evcc = Evcc(world)
    world.controller.beating = world.controller.setting = True
    world.run_until(lambda: amps(world) == 16, 30000)
    world.controller.beating = world.controller.setting = False
    evcc.poll(63000, 2000)
    assert amps(world) == 0 and leader(world) == "none"


# -- over a reboot --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", [WDT_RESET, HARD_RESET])
def test_after_a_reset_charging_goes_on_with_the_first_read_and_not_before(cause):
    world = modbus_world(charge_points=2)
    evcc, second = Evcc(world), Evcc(world, connector=2)
    evcc.set_current(1300)
    second.set_current(700)
    evcc.poll(20000)
    world.start_gateway(cause)
    world.run(20000)
    assert (amps(world), amps(world, 1)) == (0, 0) and leader(world) == "none"
    assert world.gateway.points[0].reason == R_HEARTBEAT_NEVER
    evcc.poll(30000)
    assert (amps(world), amps(world, 1)) == (13, 7) and leader(world) == "modbus"


def test_after_a_reset_the_reads_of_others_bring_nothing_back():
    world = modbus_world()
    evcc = Evcc(world)
    evcc.set_current(1600)
    evcc.poll(20000)
    world.start_gateway(WDT_RESET)
    Evcc(world, DASHBOARD).poll(60000)
    assert amps(world) == 0
    evcc.poll(30000)
    assert amps(world) == 16


def test_a_set_point_of_0_a_is_restored_as_such():
    world = modbus_world()
    evcc = Evcc(world)
    evcc.set_current(1600)
    evcc.poll(10000)
    evcc.set_current(0)
    evcc.poll(10000)
    world.start_gateway(WDT_RESET)
    assert evcc.poll(30000)["status"] == "B" and leader(world) == "modbus"


def test_where_mqtt_led_last_nothing_is_restored():
    world = modbus_world()
    evcc = Evcc(world)
    evcc.set_current(1600)
    evcc.poll(CONTEST_MS + 10000)
    world.controller.beating = world.controller.setting = True
    world.run(20000)
    assert world.gateway.points[0].wish.door == MQTT
    world.controller.beating = world.controller.setting = False
    world.start_gateway(WDT_RESET)
    evcc.poll(30000)
    assert amps(world) == 0 and world.gateway.points[0].wish.door == NOBODY


def test_a_restored_set_point_contests_nobody():
    world = modbus_world()
    evcc = Evcc(world)
    evcc.set_current(800)
    evcc.poll(20000)
    world.start_gateway(WDT_RESET)
    world.controller.beating = world.controller.setting = True
    world.run_until(lambda: amps(world) == 16, 30000)
    assert leader(world) == "mqtt" and TWO_DOORS not in world.told(b"get/state_str")


def test_who_may_no_longer_lead_is_not_restored():
    world = modbus_world()
    evcc = Evcc(world)
    evcc.set_current(1600)
    evcc.poll(20000)
    world.config["modbus"]["controllers"] = [E3DC]
    world.start_gateway(WDT_RESET)
    Evcc(world, E3DC).poll(30000)
    assert amps(world) == 0 and world.gateway.points[0].wish.door == NOBODY


def test_a_power_loss_leaves_what_flash_got_at_0_a_and_flash_is_not_written_while_somebody_charges():
    world = modbus_world()
    evcc = Evcc(world)
    world.car().unplug()
    evcc.set_current(0)
    evcc.poll(70000)
    assert world.flash.writes
    world.start_gateway(PWRON_RESET)
    wish = world.gateway.points[0].wish
    assert (wish.door, wish.sender, wish.current_ca(world.tick())) == (MODBUS, "192.168.1.30", 0)
    world.plug()
    evcc.set_current(1600)
    evcc.poll(30000)
    assert amps(world) == 16
    written = list(world.flash.writes)
    for set_ca in range(600, 1700, 100):
        evcc.set_current(set_ca)
        evcc.poll(20000)
        assert world.car().current_ca[0] == set_ca
    assert world.flash.writes == written
