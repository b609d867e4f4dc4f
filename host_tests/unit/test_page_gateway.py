"""The page in the whole gateway: whose sockets it has, and that lookers change nothing about charging."""

import json

import pytest
from config import ConfigError, check_config

from host_tests.fakes.peer import Client, Listener
from host_tests.fakes.vitals import Vitals
from host_tests.sim.world import World, standard_config
from host_tests.unit.page_bench import HTML, File, parsed

GET = b"GET / HTTP/1.1\r\nHost: box\r\n\r\n"
GET_STATUS = b"GET /status.json HTTP/1.1\r\nHost: box\r\n\r\n"


def world_of(mode="broker", modbus=False, **arguments):
    """A whole box with a page, five seconds old."""
    world = World(config=standard_config(mode=mode, modbus=modbus), page=(Listener(), File(), Vitals()), **arguments)
    world.run(5000)
    return world


def ask(world, request=GET_STATUS, ms=1500):
    client = Client(world.page[0], "192.168.1.60").send(request)
    world.run(ms)
    return client


@pytest.mark.parametrize("mode", ["broker", "client"])
@pytest.mark.parametrize("modbus", [False, True])
def test_it_answers_in_every_mode(mode, modbus):
    world = world_of(mode, modbus)
    assert parsed(bytes(ask(world, GET).received))[2] == HTML
    found = json.loads(parsed(bytes(ask(world).received))[2])
    assert found["mqtt"]["mode"] == mode and found["mqtt"]["online"]
    names = [door["name"] for door in found["sockets"]["doors"]]
    assert names == ["broker"] * (mode == "broker") + ["modbus"] * modbus + ["page", "spare"]


@pytest.mark.parametrize("mode, modbus, page, slots", [
    ("broker", True, True, 7), ("broker", True, False, 8), ("broker", False, True, 8), ("broker", False, False, 9),
    ("client", True, True, 4), ("client", True, False, 4), ("client", False, True, 4),
])  # fmt: skip
def test_a_door_that_is_off_gives_its_socket_back(mode, modbus, page, slots):
    world = World(config=standard_config(mode=mode, modbus=modbus), page=(Listener(), File(), Vitals()) if page else None)
    assert len(world.gateway.pool.slots) == slots
    assert ("page" in [door.name for door in world.gateway.pool.doors]) == page


def test_what_serves_a_door_is_loaded_when_somebody_comes_in_for_the_first_time():
    world = world_of()
    assert world.gateway.page is None and world.gateway.modbus is None
    assert b"200 OK" in ask(world).received
    assert world.gateway.page is not None and world.gateway.modbus is None


def test_a_box_that_is_short_of_memory_charges_on_and_shows_itself_to_nobody(monkeypatch):
    monkeypatch.setattr(Vitals, "free_bytes", lambda self: 24000)
    world = world_of()
    client = ask(world)
    assert world.gateway.page is None and client.closed_by_box and not client.received
    assert world.gateway.pool.find("page").used == 0


def test_a_door_that_finds_no_memory_sends_its_visitor_away_and_the_box_goes_on(monkeypatch):
    def no_room(*_):
        raise MemoryError

    world = world_of(modbus=True)
    monkeypatch.setattr(world.gateway, "_open_page", no_room)
    client = ask(world)
    assert client.closed_by_box and not client.received
    monkeypatch.undo()
    assert b"200 OK" in ask(world).received, "the next one may be luckier"


def test_without_doors_there_is_no_pool():
    assert World(config=standard_config(mode="client")).gateway.pool is None


def test_a_crowd_of_lookers_changes_nothing_about_charging():
    """The same set points and the same frames as without them."""
    quiet, crowded = world_of(), world_of()
    for world in (quiet, crowded):
        world.plug(0)
        for i in range(60):
            if world is crowded:
                for request in (GET, GET_STATUS, b"", b"GET", b"\x16\x03\x01"):
                    Client(world.page[0]).send(request)
            world.run(500)
    assert crowded.gateway.points[0].evse.raw == quiet.gateway.points[0].evse.raw == 1600
    assert crowded.gateway.page.door.accepted > 100
    assert crowded.gateway.points[0].leader_alive()


def test_the_heartbeat_is_still_cut_off_while_somebody_looks():
    world = world_of()
    world.plug(0)
    world.run(10000)
    world.controller.beating = world.controller.setting = False
    began_ms = world.now_ms
    while world.gateway.points[0].evse.raw:
        ask(world, GET_STATUS, 500)
        assert world.now_ms - began_ms < 67000
    assert world.gateway.points[0].limit_ca == 0


def test_a_step_never_waits_for_a_looker():
    world = world_of()
    silent = ask(world, b"GET /sta", 100)
    waits = []
    for _ in range(50):
        waits.append(world.gateway.step(world.tick()))
        world.now_ms += 20
    assert silent.accepted and max(waits) > 0


def test_an_answer_takes_a_fraction_of_a_second():
    world = world_of()
    world.plug(0)
    world.run(10000)
    client = ask(world, GET_STATUS, 300)
    assert parsed(bytes(client.received))[2].endswith(b"}\n")


def test_the_page_is_on_by_default_and_its_port_is_a_port():
    points = [{"evse": 1, "meter": {"type": "none"}}]
    assert check_config({"charge_points": points})["page"] == {"enabled": True, "port": 80}
    with pytest.raises(ConfigError, match="page.port: expected a whole number from 1 to 65535, found 0"):
        check_config({"charge_points": points, "page": {"port": 0}})
