"""One step of the gateway: inputs, then the decision, then at most one request and one publish; all of it in virtual time."""
import pytest
from points import P_SET_CURRENT_CA
from topics import TOLD

from host_tests.fakes.broker import FINE, REFUSING
from host_tests.sim.world import SET, World, standard_config
from host_tests.sim.world import TOLD as ROOT

WRAP = 1 << 30
LAST_MINUTE = [WRAP - 60000, WRAP - 30000, WRAP - 7000, WRAP - 1]


def quiet_world(**arguments):
    """Connected, with nobody who sends."""
    world = World(**arguments)
    world.controller.beating = world.controller.setting = False
    world.run_until(lambda: world.gateway.client.online, 5000)
    world.run(200)
    return world


def charging_world(**arguments):
    world = World(**arguments)
    for cp in range(len(world.site.charge_points)):
        world.plug(cp)
    world.run_until(lambda: all(point.evse.raw == 1600 for point in world.gateway.points), 20000)
    return world


@pytest.fixture
def world():
    return quiet_world()


def note_calls(monkeypatch, log, name, owner, method):
    real = getattr(owner, method)

    def noted(*arguments):
        log.append(name)
        return real(*arguments)

    monkeypatch.setattr(owner, method, noted)


@pytest.mark.parametrize("charge_points", [1, 2])
def test_a_step_is_inputs_then_decision_then_outputs(monkeypatch, charge_points):
    world = quiet_world(config=standard_config(charge_points))
    gateway, log = world.gateway, []
    note_calls(monkeypatch, log, "bus", gateway.lines, "step")
    note_calls(monkeypatch, log, "client", gateway.client, "step")
    for heartbeat in gateway.heartbeats:
        note_calls(monkeypatch, log, "heartbeat", heartbeat, "check")
    for point in gateway.points:
        note_calls(monkeypatch, log, "decide", point, "step")
    note_calls(monkeypatch, log, "request", gateway.lines, "start")
    note_calls(monkeypatch, log, "publish", gateway.door, "tell")
    world.step()
    assert log == ["bus", "client", "heartbeat", "heartbeat"] + ["decide"] * charge_points + ["request", "publish"]


def test_a_message_is_decided_upon_in_the_step_in_which_it_arrives():
    world = charging_world()
    world.controller.beating = world.controller.setting = False
    world.broker.send(SET + b"0/data/set_current", b"7.5")
    while world.gateway.points[0].image.value[P_SET_CURRENT_CA] != 750:
        world.step()
    assert world.gateway.points[0].evse.target_ca == 750


@pytest.mark.parametrize("charge_points", [1, 2])
def test_a_step_starts_at_most_one_publish_and_one_request(charge_points):
    world = charging_world(config=standard_config(charge_points))
    world.line.keep_frames = 1000000
    publishes, writes = [], []
    real = world.link.write
    world.link.write = lambda buf, offset, n: writes.append(buf[offset]) or real(buf, offset, n)
    for _ in range(3000):
        asked = len(world.line.frames)
        del writes[:]
        world.step()
        assert len(world.line.frames) - asked <= 1
        publishes.append(sum(1 for head in writes if head & 0xF0 == 0x30))
    assert max(publishes) == 1
    assert sum(publishes) > 500


@pytest.mark.parametrize("charge_points", [1, 2])
def test_the_complete_set_is_told_once_per_second_changed_or_not(charge_points):
    world = charging_world(config=standard_config(charge_points))
    world.controller.beating = world.controller.setting = False
    world.run(2000)
    del world.broker.log[:]
    world.run(10000)
    topics = [topic for topic, _, _ in world.broker.log]
    expected = {ROOT + b"%d/" % cp + row[0] for cp in range(charge_points) for row in TOLD}
    assert set(topics) == expected
    for topic in expected:
        assert 9 <= topics.count(topic) <= 10, topic
    assert all(retained for _, _, retained in world.broker.log)


def test_the_set_keeps_its_order_and_is_out_within_half_a_second(world):
    world.run_until(lambda: world.gateway.door._topic == 0 or world.gateway.door._topic == 1, 2000)
    del world.broker.log[:]
    start_ms = world.now_ms
    world.run_until(lambda: len(world.broker.log) >= len(TOLD) - 1, 500)
    names = [topic[len(ROOT) + 2 :] for topic, _, _ in world.broker.log]
    order = [row[0] for row in TOLD]
    assert names == order[-len(names) :] or names == order[: len(names)]
    assert world.now_ms - start_ms <= 500


def published(world):
    """(topic, payload) of everything but the get topics, in order."""
    return [(topic, payload) for topic, payload, _ in world.broker.log if b"/get/" not in topic]


def test_an_echo_is_the_copy_and_then_the_wipe(world):
    del world.broker.log[:]
    world.broker.send(SET + b"0/data/set_current", b"10.50", True)
    world.run(500)
    assert published(world) == [(ROOT + b"0/data/set_current", b"10.5"), (SET + b"0/data/set_current", b"")]
    assert SET + b"0/data/set_current" not in world.broker.retained
    assert world.told(b"data/set_current") == b"10.5"


def test_the_next_message_waits_until_the_echo_of_the_last_one_is_out(world):
    del world.broker.log[:]
    for text in (b"8", b"9", b"10"):
        world.broker.send(SET + b"0/data/set_current", text)
    held, step, waits = False, world.gateway.step, []
    world.gateway.step = lambda tick: waits.append(step(tick)) or waits[-1]
    for _ in range(200):
        world.step()
        pending = world.gateway.door.inbox.pending()
        assert world.gateway.client.hold == pending
        assert waits[-1] == 0 or not pending, "the rest of the echo follows at once"
        held = held or pending
    assert held
    wipe = (SET + b"0/data/set_current", b"")
    copies = [(ROOT + b"0/data/set_current", text) for text in (b"8", b"9", b"10")]
    assert published(world) == [copies[0], wipe, copies[1], wipe, copies[2], wipe]


def test_several_messages_at_once_are_all_echoed_soon(world):
    del world.broker.log[:]
    for name in (b"set_current", b"phases_to_use", b"parent_cp", b"set_current", b"phases_to_use"):
        world.broker.send(SET + b"0/data/" + name, b"null" if name == b"parent_cp" else b"3")
    took_ms = world.run_until(lambda: len(published(world)) == 10, 2000)
    assert took_ms <= 300


def test_a_lost_connection_forgets_the_echo_and_keeps_what_was_accepted(world):
    world.broker.send(SET + b"0/data/set_current", b"10")
    world.run_until(lambda: world.gateway.door.inbox.pending() or published(world), 500)
    del world.broker.log[:]
    world.broker.send(SET + b"0/data/set_current", b"11")
    world.broker.die()
    world.run(300)
    gateway = world.gateway
    assert not gateway.client.online
    assert (gateway.door.inbox.pending(), gateway.client.hold) == (False, False)
    assert gateway.points[0].image.value[P_SET_CURRENT_CA] == 1000
    world.broker.mode = FINE
    world.run_until(lambda: gateway.client.online, 40000)
    assert published(world) == []
    world.broker.send(SET + b"0/data/set_current", b"12")
    world.run(500)
    assert published(world)[0] == (ROOT + b"0/data/set_current", b"12")


def block(world):
    """From now on the connection takes no byte; returns what ends that."""
    real = world.link.write
    world.link.write = lambda buf, offset, n: 0
    return lambda: setattr(world.link, "write", real)


def test_a_blocked_connection_delays_the_echoes_and_loses_none(world):
    world.run_until(lambda: world.gateway.door._topic == 3, 2000)
    release = block(world)
    world.run_until(lambda: not world.gateway.client.idle(), 2000)
    for text in (b"8", b"9"):
        world.broker.send(SET + b"0/data/set_current", text)
    world.run(1500)
    assert world.gateway.door.inbox.pending()
    assert world.gateway.points[0].image.value[P_SET_CURRENT_CA] == 800, "the second message waits"
    del world.broker.log[:]
    release()
    world.run(500)
    copies = [text for topic, text in published(world) if topic == ROOT + b"0/data/set_current"]
    assert copies == [b"8", b"9"]


def test_an_echo_that_is_pending_when_the_connection_goes_is_forgotten(world):
    world.run_until(lambda: world.gateway.door._topic == 3, 2000)
    release = block(world)
    world.run_until(lambda: not world.gateway.client.idle(), 2000)
    world.broker.send(SET + b"0/data/set_current", b"10")
    world.run(100)
    assert world.gateway.door.inbox.pending()
    world.broker.die()
    release()
    world.run(100)
    assert not world.gateway.client.online
    assert (world.gateway.door.inbox.pending(), world.gateway.client.hold) == (False, False)


def test_without_a_broker_the_loop_does_not_spin(world):
    world.broker.die()
    world.broker.mode = REFUSING
    world.run(3000)
    steps, start_ms = world.steps, world.now_ms
    world.run(20000)
    assert world.steps - steps < 1000 * (world.now_ms - start_ms) // 10000, "more than one step per 10 ms"


def test_no_step_wants_to_wait_longer_than_a_second():
    world = quiet_world(config=standard_config(meter="none"))
    world.line.faults[1] = "silent"
    world.broker.die()
    waits = []
    for _ in range(300):
        waits.append(world.gateway.step(world.tick()))
        assert 0 <= waits[-1] <= 1000
        world.now_ms += max(1, waits[-1])
        world.line.now_us = world.now_ms * 1000
    assert max(waits) > 1


def test_two_charge_points_are_led_and_told_apart():
    world = quiet_world(config=standard_config(2))
    world.plug(1)
    world.controller.beating = True
    world.run(12000)
    world.broker.send(SET + b"0/data/set_current", b"8")
    world.broker.send(SET + b"1/data/set_current", b"12")
    world.run(12000)
    assert [world.evse(cp).set_current_raw for cp in (0, 1)] == [800, 1200]
    assert [float(world.told(b"get/evse_current", cp)) for cp in (0, 1)] == [8, 12]
    assert [world.told(b"get/plug_state", cp) for cp in (0, 1)] == [b"false", b"true"]
    assert [world.told(b"get/phases_in_use", cp) for cp in (0, 1)] == [b"0", b"3"]
    world.broker.send(SET + b"2/data/set_current", b"9")
    world.run(1000)
    assert [world.evse(cp).set_current_raw for cp in (0, 1)] == [800, 1200]


def test_an_evse_that_does_not_obey_takes_nothing_from_the_other_charge_point():
    world = World(config=standard_config(2))
    world.plug(1)
    world.evse(0).configure(2003, 0)  # its analog input decides: 0 A has no effect
    world.run(20000)
    assert world.evse(1).set_current_raw == 1600
    assert world.told(b"get/fault_state", 1) == b"0"
    world.controller.beating = False
    took_ms = world.run_until(lambda: world.evse(1).set_current_raw == 0, 70000)
    assert took_ms <= 61500


@pytest.mark.parametrize("start_tick", LAST_MINUTE)
def test_charging_goes_on_over_the_wrap_of_the_clock(start_tick):
    world = charging_world(start_tick=start_tick)
    counts = []
    world.run(3000)
    world.run(max(0, WRAP - start_tick - world.now_ms - 5000))
    for _ in range(10):
        before = len(world.line.frames), world.broker.published
        world.line.keep_frames = 1000000
        world.run(1000)
        counts.append((len(world.line.frames) - before[0], world.broker.published - before[1]))
        assert world.evse().set_current_raw == 1600
        assert world.car().current_ca[0] > 0
    assert world.start_tick + world.now_ms > WRAP
    assert min(frames for frames, _ in counts) >= 8
    assert min(published for _, published in counts) >= len(TOLD) - 1


@pytest.mark.parametrize("start_tick", [0, *LAST_MINUTE])
def test_silence_stops_charging_within_61_and_a_half_s_also_over_the_wrap(start_tick):
    world = charging_world(start_tick=start_tick)
    world.run(3000)
    world.controller.beating = False  # set points go on
    silent_ms = world.now_ms - world.controller.last_beat_ms
    took_ms = world.run_until(lambda: world.evse().set_current_raw == 0, 70000)
    assert 60000 <= silent_ms + took_ms <= 61500
    world.run(30000)
    assert world.evse().set_current_raw == 0
    assert world.told(b"get/state_str") == b'"heartbeat lost"'


def test_an_episode_is_told_once(world):
    world.gateway.take_episode()
    world.run(300)
    assert not world.gateway.take_episode()
    world.broker.send(SET + b"0/data/set_current", b"10")
    world.run(300)
    assert world.gateway.take_episode()
    assert not world.gateway.take_episode()
