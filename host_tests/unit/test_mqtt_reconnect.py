"""How the client door comes back: pauses, and disconnect and connect by hand."""

import mqtt_states as st
import pytest

from host_tests.unit.doors import Driver, check_comes_back, check_failed, door, driver, online  # noqa: F401 (fixtures)

# -- the pause ------------------------------------------------------------------------------------------------------------


def pauses_ms(door, seed, count=8):
    """How long it waited before each dial, with nobody there."""
    driver = Driver(door, seed=seed)
    driver.link.dial_result = -1
    found, since_ms = [], None
    while len(found) < count:
        before = driver.client.state
        driver.step()
        if driver.client.state == st.WAITING and before != st.WAITING:
            since_ms = driver.now_ms
        elif before == st.WAITING and driver.client.state != st.WAITING and since_ms is not None:
            found.append((driver.now_ms - since_ms) & (1 << 30) - 1)
    return found


def test_pauses_double_up_to_10_s_and_their_second_half_is_drawn_by_lot(door):
    for seed in range(20):
        for full_ms, pause_ms in zip([1000, 2000, 4000, 8000, 10000, 10000, 10000, 10000], pauses_ms(door, seed)):
            assert full_ms / 2 <= pause_ms <= full_ms + 10


def test_the_lot_uses_the_whole_second_half_of_a_pause(door):
    fourth = [pauses_ms(door, seed, 4)[3] for seed in range(0, 0x7FFF, 331)]
    assert min(fourth) < 4400 and max(fourth) > 7600


def test_the_same_seed_gives_the_same_pauses_and_another_one_others(door):
    assert pauses_ms(door, 7) == pauses_ms(door, 7)
    assert len({tuple(pauses_ms(door, seed, 4)) for seed in range(10)}) == 10


def test_a_connection_that_does_not_last_keeps_the_pauses_growing(driver):
    """A broker that drops us right after SUBACK (twice the same client id, for one) is not hammered."""
    for _ in range(6):
        driver.go_online()
        driver.link.reset = True
        driver.step()
    assert driver.run_until(st.ONLINE, 40) >= 5


def test_a_connection_that_lasted_makes_the_pause_short_again(driver):
    driver.link.dial_result = -1
    driver.run_s(60)
    driver.link.dial_result = 1
    driver.go_online()
    driver.run_s(11)
    driver.link.reset = True
    driver.step()
    assert driver.run_until(st.ONLINE, 40) <= 1.2


def test_wait_ms_leads_to_the_next_dial_without_polling(driver):
    driver.link.dial_result = -1
    driver.run_s(20)
    driver.run_until(st.WAITING)
    driver.step(driver.client.wait_ms(driver.now_ms))
    assert driver.client.state == st.RESOLVING


def test_in_the_middle_of_a_pause_wait_ms_is_what_is_left_of_it(driver):
    driver.link.dial_result = -1
    driver.run_s(20)
    driver.run_until(st.WAITING)
    while driver.client.state != st.WAITING or driver.client.wait_ms(driver.now_ms) < 2000:
        driver.step()
    left_ms = driver.client.wait_ms(driver.now_ms)
    driver.step(left_ms - 500)
    assert driver.client.state == st.WAITING and driver.client.wait_ms(driver.now_ms) == 500
    driver.client.connect()
    assert driver.client.wait_ms(driver.now_ms) == 0, "connect() ends the pause"


@pytest.mark.parametrize("state", [st.RESOLVING, st.DIALING, st.GREETING, st.SUBSCRIBING])
def test_on_the_way_up_it_looks_again_soon_without_spinning_whatever_the_last_pause_was(driver, state):
    driver.link.dial_result = -1
    driver.run_s(60)
    driver.run_until(st.WAITING)
    driver.link.dial_result = 0 if state == st.DIALING else 1
    driver.link.name = 0 if state == st.RESOLVING else 1
    driver.broker.connack = None if state == st.GREETING else 0
    driver.broker.suback = None
    driver.run_until(state)
    driver.run_s(0.1)
    assert driver.client.state == state and 20 <= driver.client.wait_ms(driver.now_ms) <= 100


def test_when_it_is_stopped_it_hardly_wants_a_step(online):
    online.client.disconnect()
    assert online.client.wait_ms(online.now_ms) >= 500


def test_a_silence_of_13_days_does_not_make_a_deadline_young_again(driver):
    driver.link.dial_result = 0
    driver.run_until(st.DIALING)
    for _ in range(13 * 24 * 60):
        driver.step(60000)
    assert driver.client.dials_failed > 1000
    driver.link.dial_result = 1
    check_comes_back(driver)


def test_umqtts_own_methods_write_nothing_on_a_connection_that_is_lost(online):
    online.link.reset = True
    online.step()
    online.client.ping()
    online.client.subscribe(b"other/#")
    assert online.client.packet.start == online.client.packet.end
    check_comes_back(online)


# -- disconnect and connect -----------------------------------------------------------------------------------------------


def test_disconnect_sends_what_waits_says_goodbye_and_stays_away(online):
    online.client.publish(b"t", b"last words")
    online.client.disconnect()
    assert online.broker.published() == [(b"t", b"last words")]
    assert online.broker.packets[-1] == (0xE0, b"")
    assert not online.link.open and online.client.state == st.STOPPED and not online.client.online
    online.run_s(60)
    assert online.client.state == st.STOPPED


def test_connect_ends_a_stop(online):
    online.client.disconnect()
    online.client.disconnect()
    online.client.connect()
    check_comes_back(online)


def test_connect_ends_a_pause(driver):
    driver.link.dial_result = -1
    driver.run_s(60)
    driver.run_until(st.WAITING)
    driver.link.dial_result = 1
    driver.client.connect(True, timeout=5)
    assert driver.run_until(st.ONLINE) <= 0.1


def test_connect_on_a_connection_changes_nothing_and_says_that_there_is_no_session_from_before(online):
    assert online.client.connect() == 0
    online.run_s(1)
    assert online.path == [st.WAITING, st.RESOLVING, st.DIALING, st.GREETING, st.SUBSCRIBING, st.ONLINE]


@pytest.mark.parametrize("state", [st.WAITING, st.DIALING, st.GREETING])
def test_disconnect_stops_the_way_up_in_every_state(driver, state):
    driver.link.dial_result = -1 if state == st.WAITING else 0 if state == st.DIALING else 1
    driver.broker.connack = None
    driver.step()
    driver.run_until(state)
    driver.client.disconnect()
    assert driver.client.state == st.STOPPED and not driver.link.open
