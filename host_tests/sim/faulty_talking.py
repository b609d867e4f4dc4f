"""Firmwares with one fault each, for `mutants`: they keep time, order or content wrongly on the bus or towards the broker.

As in `faulty_charging`: each function breaks the firmware of this process, and `patch` mends it.
"""

from broker_session import Session
from bus import Bus
from client_door import ClientDoor
from clock import elapsed_ms
from drivers import evse_din
from drivers.evse_din import EvseDin
from gateway import Gateway
from mqtt_client import MqttClient
from mqtt_states import ERR_NO_PINGRESP, GREETING
from mqtt_states import WAITING as WAITING_TO_DIAL
from plan import Plan
from station import BAD_CRC, OK, Station

import broker
import bus
import client_door
from host_tests.fakes.wire import NOISE
from host_tests.sim import swarm

# --- EEPROM ---


def precise_bit_written_again_and_again(patch):
    """That bit 7 of 2005 was written is forgotten, and that it is set is not seen."""
    read_config = EvseDin._read_config

    def eager(self, bits, limit_a, now_ms):
        self._refined = False
        read_config(self, bits & ~evse_din.PRECISE_BIT, limit_a, now_ms)

    patch.setattr(EvseDin, "_read_config", eager)


def stopped_in_its_configuration(patch):
    """0 A is said by bit 13 of 2005 instead of register 1000."""
    tell_set = EvseDin._tell_set

    def thorough(self, raw):
        tell_set(self, raw)
        if not raw and self.state == evse_din.READY:
            self.station.tell(evse_din.REG_CONFIG, self._eeprom | 1 << 13)

    patch.setattr(EvseDin, "_tell_set", thorough)


def precise_bit_written_until_settled(patch):
    """While the EVSE settles bit 7 of 2005 is written again at every turn."""
    _tell_config_when(patch, lambda self, now_ms: self.state == evse_din.SETTLING)


def precise_bit_refreshed_every_10_s(patch):
    """Bit 7 of 2005 is written again every 10 s."""

    def due(self, now_ms):
        if self.state != evse_din.READY or elapsed_ms(now_ms, getattr(self, "fresh_ms", self._since_ms)) < 10000:
            return False
        self.fresh_ms = now_ms
        return True

    _tell_config_when(patch, due)


def _tell_config_when(patch, due):
    prepare = EvseDin.prepare

    def eager(self, now_ms):
        prepare(self, now_ms)
        if due(self, now_ms):
            self.station.tell(evse_din.REG_CONFIG, self._eeprom | evse_din.PRECISE_BIT)

    patch.setattr(EvseDin, "prepare", eager)


# --- silence on the line ---


def no_gap(patch):
    """The next request follows a reply at once."""
    patch.setattr(Station, "gap_ms", lambda self: 0)


def gap_of_1_ms(patch):
    """The next request follows a reply after 1 ms."""
    patch.setattr(Station, "gap_ms", lambda self: 1)


def echo_taken_for_the_end(patch):
    """When a request's own echo is there the next request follows, into the reply."""
    complete = Bus._complete

    def hasty(self, now_ms):
        if self._echo and self.rx_n == self._tx_n:
            self._finish(BAD_CRC, now_ms)
            return True
        return complete(self, now_ms)

    patch.setattr(Bus, "_complete", hasty)


def replies_have_30_ms(patch):
    """A reply that has not begun 30 ms after its request does not come any more, and the next request follows."""
    patch.setattr(bus, "REPLY_SLACK_MS", 30)


# --- transitions ---


def set_up_cut_short(patch):
    """An EVSE that was brought to 0 A is ready, whatever it is."""
    enter = EvseDin._enter

    def hasty(self, state, now_ms):
        enter(self, evse_din.READY if state == evse_din.NAMING else state, now_ms)

    patch.setattr(EvseDin, "_enter", hasty)


def answers_of_an_earlier_life_taken(patch):
    """A late reply, to a request from before the EVSE's set-up began again, passes for a reply to a new one."""
    done = EvseDin.done

    def trusting(self, result, frame, now_ms):
        self._asked_in = self.state
        done(self, result, frame, now_ms)

    patch.setattr(EvseDin, "done", trusting)
    # needs errors and silence in turn within a set-up: such lives are few
    patch.setattr(swarm, "BUS_FAULTS", (NOISE,))
    patch.setattr(swarm, "FATES", ((swarm.break_all, swarm.break_all, swarm.break_all, swarm.heal_bus),) * 3)


def set_up_repeated_every_20_s(patch):
    """After 20 s an EVSE that is ready is asked for its firmware again."""
    age = EvseDin.age

    def curious(self, now_ms):
        age(self, now_ms)
        if self.state == evse_din.READY and elapsed_ms(now_ms, self._since_ms) >= 20000:
            self._enter(evse_din.NAMING, now_ms)

    patch.setattr(EvseDin, "age", curious)


def greets_on_a_dead_connection(patch):
    """When the broker does not answer a ping the client greets again on the same connection."""
    fail = MqttClient._fail

    def hopeful(self, error, now_ms):
        if error == ERR_NO_PINGRESP:
            self._enter(GREETING, now_ms)
        else:
            fail(self, error, now_ms)

    patch.setattr(MqttClient, "_fail", hopeful)


# --- the told topics ---


def last_topic_forgotten(patch):
    """The client door does not publish the last topic of the table."""
    patch.setattr(client_door, "TOLD", client_door.TOLD[:-1])


def second_charge_point_not_told(patch):
    """The client door publishes the topics of the first charge point only."""
    tell = ClientDoor._tell

    def shy(self, cp, row):
        if not cp:
            tell(self, cp, row)

    patch.setattr(ClientDoor, "_tell", shy)


def rounds_end_at_once(patch):
    """The broker on the box tells a round only as far as it goes in one step."""
    step = Session.step

    def hasty(self, now_ms):
        step(self, now_ms)
        self.told = len(self.flags)

    patch.setattr(Session, "step", hasty)


def published_every_4_s(patch):
    """The complete set is published every 4 s."""
    patch.setattr(client_door, "PUBLISH_EVERY_MS", 4000)
    patch.setattr(broker, "PUBLISH_EVERY_MS", 4000)


def nothing_published_after_the_wrap(patch):
    """When the clock starts again at 0 the time of the last publish lies ahead, and nothing is due."""
    patch.setattr(client_door, "elapsed_ms", _naive_ms)
    patch.setattr(broker, "elapsed_ms", _naive_ms)


def _naive_ms(now_ms, then_ms):
    return now_ms - then_ms


# --- readings ---


def wrong_crc_taken(patch):
    """A reply's CRC is not checked."""
    complete = Bus._complete

    def trusting(self, now_ms):
        self._crc = 0
        return complete(self, now_ms)

    patch.setattr(Bus, "_complete", trusting)


def decoded_while_it_arrives(patch):
    """A reply is decoded 10 ms after its first byte, whatever has arrived by then."""
    note_latency, step, wait_ms = Bus._note_latency, Bus.step, Bus.wait_ms

    def note(self, n, now_ms):
        self.first_ms = now_ms
        note_latency(self, n, now_ms)

    def hasty(self, now_ms):
        over = step(self, now_ms)
        if self.state == bus.WAITING and self.rx_n > 2 and elapsed_ms(now_ms, self.first_ms) >= 10:
            self._finish(OK, now_ms)
            return True
        return over

    patch.setattr(Bus, "_note_latency", note)
    patch.setattr(Bus, "step", hasty)
    patch.setattr(Bus, "wait_ms", lambda self, now_ms: min(10, wait_ms(self, now_ms)))


def reply_handed_to_the_next(patch):
    """The turn passes on when a request is sent: its reply goes to the driver that is next."""
    step = Plan.step

    def early(self, now_ms):
        asked = self._current
        self._current = (asked + 1) % len(self._drivers)
        driver = self._drivers[self._current]
        if getattr(driver, "_block", True) is None:
            driver.prepare(now_ms)  # a meter that was never asked does not know what it reads
        step(self, now_ms)
        self._current = asked

    patch.setattr(Plan, "step", early)


# --- sleep ---


def sleeps_5_s(patch):
    """Every step asks to sleep for 5 s."""
    _waits(patch, lambda self, wait_ms, now_ms: 5000)


def sleeps_until_the_next_dial(patch):
    """Without a broker the loop sleeps until the next dial is due."""

    def lonely(self, wait_ms, now_ms):
        return self.client.wait_ms(now_ms) if self.client and self.client.state == WAITING_TO_DIAL else wait_ms

    _waits(patch, lonely)


def _waits(patch, what):
    """what(gateway, its wait_ms, now_ms) gives the time that is asked for instead."""
    step = Gateway.step
    patch.setattr(Gateway, "step", lambda self, now_ms: what(self, step(self, now_ms), now_ms))


def overdue_is_below_zero(patch):
    """A publish that is overdue asks for a time below 0."""
    wait_ms = ClientDoor.wait_ms

    def left_ms(self, now_ms):
        if self._topic != len(client_door.TOLD):
            return wait_ms(self, now_ms)
        return min(self.client.wait_ms(now_ms), client_door.PUBLISH_EVERY_MS - elapsed_ms(now_ms, self._published_ms))

    patch.setattr(ClientDoor, "wait_ms", left_ms)
