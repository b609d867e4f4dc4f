"""Files of the virtual world: a power cut leaves what littlefs would leave, and the checker knows what may be found then."""

import json

import host_tests.sim  # noqa: F401  (puts the firmware on the path)
import app
import memory
import pytest
import record
import setup_mode
import storage
from host_tests.sim.chip import PWRON_RESET
from host_tests.sim.draws import Replay
from host_tests.sim.fates_flash import damage_memory
from host_tests.sim.files import CONFIG, LEAVES_ALL, LEAVES_HALF, LEAVES_NOTHING, OPERATIONS, Files, PowerCut
from host_tests.sim.invariants import Invariants, Violation
from host_tests.sim.world import World


@pytest.fixture
def world():
    world = World(1, flash=Files)
    world.invariants = Invariants(world)
    world.run(200)
    return world


@pytest.mark.parametrize("at", range(OPERATIONS))
@pytest.mark.parametrize("leaves", [LEAVES_NOTHING, LEAVES_HALF, LEAVES_ALL])
def test_a_save_that_is_cut_leaves_the_old_or_the_new_content(world, at, leaves):
    world.flash.save("memory.bin", b"old!", 4)
    world.flash.cut_in, world.flash.leaves = at, leaves
    with pytest.raises(PowerCut):
        world.flash.save("memory.bin", b"newer!", 6)

    last = at == OPERATIONS - 1 and leaves != LEAVES_NOTHING
    assert world.flash.files["memory.bin"] == (b"newer!" if last else b"old!")


@pytest.mark.parametrize("at", range(OPERATIONS))
@pytest.mark.parametrize("leaves", [LEAVES_NOTHING, LEAVES_HALF, LEAVES_ALL])
def test_set_up_that_is_cut_leaves_both_limit_and_password_or_neither(world, at, leaves):
    world.flash.cut_in, world.flash.leaves = at, leaves
    world.flash.set_up(10)
    world.run(100)

    found = world.config["installation_limit_a"], world.config["wifi"]["password"]
    assert found in ((16, ""), (10, "10 secrets"))
    assert world.invariants.counts["kept_whole"] == 2 and not [name for name in world.flash.files if name.endswith(".new")]


def test_set_up_on_a_full_flash_leaves_the_configuration_that_was_there(world):
    world.flash.full = True
    world.flash.set_up(10)
    world.run(100)

    assert (world.config["installation_limit_a"], world.config["wifi"]["password"]) == (16, "")


def test_a_save_that_fails_leaves_what_was_damaged_before_damaged(world):
    """Seed 59 of make sim."""
    world.flash.save("memory.bin", b"old!", 4)
    world.flash.damage("memory.bin", b"ol")
    world.flash.full = True

    assert not world.flash.save("memory.bin", b"newer!", 6)
    assert world.flash.versions["memory.bin"] == [None]


def test_the_files_of_a_world_are_its_own(world):
    world.flash.set_up(10)
    world.run(200)

    assert not any("open" in vars(module) for module in (storage, setup_mode, app)) and storage.os is setup_mode.os is not world.flash


def careless_save(self, name, buf, n):
    """Overwrites a file where it stands."""
    with storage.open(name, "wb") as file:
        file.write(bytes(buf[:n]))
    return True


def test_a_firmware_that_overwrites_its_memory_in_place_is_caught(world, monkeypatch):
    monkeypatch.setattr(storage.Flash, "save", careless_save)
    kept = world.gateway.memory
    kept.put(30, 1)
    kept.write(0)
    kept.put(30, 2)
    world.flash.cut_in, world.flash.leaves = 1, LEAVES_HALF
    with pytest.raises(PowerCut):
        kept.write(0)
    world.start_gateway(PWRON_RESET)

    with pytest.raises(Violation, match="kept_whole"):
        world.run(100)


def test_a_firmware_that_takes_a_damaged_record_is_caught(world, monkeypatch):
    world.gateway.memory.put(30, 1)
    world.gateway.memory.write(0)
    spoilt = bytearray(world.flash.files["memory.bin"])
    spoilt[12] ^= 0x10
    world.flash.damage("memory.bin", spoilt)
    monkeypatch.setattr(memory, "check", lambda buf, n, version: record.OK if n > 0 and buf[1] else record.EMPTY)
    world.start_gateway(PWRON_RESET)

    with pytest.raises(Violation, match="kept_whole"):
        world.run(100)


def test_settings_that_nobody_has_made_are_a_violation(world):
    world.flash.set_up(10)
    changed = json.loads(world.flash.files[CONFIG])
    changed["installation_limit_a"] = 32
    world.flash.files[CONFIG] = json.dumps(changed).encode()
    world.start_gateway(PWRON_RESET)

    with pytest.raises(Violation, match="kept_whole"):
        world.run(100)


def test_half_a_configuration_is_refused_and_the_box_starts_when_it_is_whole_again(world):
    world.flash.damage(CONFIG, world.flash.files[CONFIG][:50])
    world.start_gateway(PWRON_RESET)
    assert world.flash.refused
    world.run(100)

    assert world.config["installation_limit_a"] == 16


def test_what_was_sent_before_a_cut_belongs_to_the_life_that_ends(world):
    def cut(now_ms):
        if world.line.frames:
            raise PowerCut

    world.run(3000)
    ended = world.gateway
    ended.keeper.step = cut
    world.run(8000)

    assert world.gateway is not ended and world.invariants.counts["zero_first"] == 2


def test_damage_behind_a_record_that_is_whole_leaves_it_what_it_is(world):
    """Seed 25 of make sim: something had been appended before, and a bit of that changed."""
    record = world.flash.files["memory.bin"] = bytes(range(40))
    world.flash.versions["memory.bin"] = [record]
    for at, how, expected in ((1, 4, [None, record]), (41, 2, [None, record]), (4, 2, [None])):
        damage_memory(world, Replay([at, how]))
        assert world.flash.versions["memory.bin"] == expected
