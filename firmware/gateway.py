"""Builds the machines and owns step(): inputs, then the decision, then at most one bus request and one publish.

There is one thread and one order, so the image is a process image without being copied.
"""

from micropython import const

from bus import Bus
from charge_point import LOOK_MS, ChargePoint
from clock import Hold, elapsed_ms
from cp_relay import CpRelay
from drivers.evse_din import EvseDin
from drivers.meter import Meter
from drivers.meters import METERS
from guard import IDLE_CA, Guard, highest_ca
from inbox import Inbox
from intents import DOOR_COUNT, Heartbeat
from memory import M_LATCHED
from mqtt_client import MqttClient
from plan import Plan
from points import P_CHARGING, P_NOTICE, Image
from safety import F_MAINTENANCE
from topics import ROOT, SET_ROOT, TOLD, render

PUBLISH_EVERY_MS = const(1000)
WAIT_MAX_MS = const(1000)
RETAINED = const(1)
BUTTON_MS = const(5000)  # held that long it is a local action
_WILL = b"2"  # fault_state of a gateway that is gone: MQTT allows one will, and this is what a primary looks at


class Gateway:
    """The whole firmware but its edge. `config` is checked (see config.check_config), ports are handed in."""

    def __init__(self, config, bus_port, link, box_id, now_ms, relays=(), memory=None, button=None):
        """
        box_id: an integer that differs from box to box; it seeds the backoff and completes the MQTT client id.
        relays: the CP relay of each charge point, where the board has one. memory: see Memory. button: pressed(), or None.
        """
        self.config = config
        self.steps = 0
        self.bus = Bus(bus_port, config["bus"]["baud"])
        limit_ms = config["heartbeat_limit_s"] * 1000
        self.heartbeats = [Heartbeat(limit_ms) for _ in range(DOOR_COUNT)]
        self.points = []
        drivers = []
        for row in config["charge_points"]:
            self._add_charge_point(row, drivers, now_ms)
        self.memory = memory
        self._button = button
        self._looked_ms = now_ms
        self._held = Hold()
        self._held_before = False
        self._fit_second_stops(relays, now_ms)
        self.plan = Plan(self.bus, drivers)
        prefix = config["mqtt"]["prefix"].encode()
        self.inbox = Inbox(prefix, self.points, self.heartbeats[0])
        self._get_roots = [prefix + ROOT + b"%d/" % i for i in range(len(self.points))]
        self.client = self._build_client(config, prefix, link, box_id)
        self._published_ms = now_ms
        self._topic = len(TOLD)  # next topic of the running burst; len(TOLD): none
        self._cp = 0

    def _add_charge_point(self, row, drivers, now_ms):
        gap_ms = self.config["bus"]["gap_ms"]
        image = Image()
        evse = EvseDin(row["evse"], gap_ms)
        drivers.append(evse)
        meter = None
        if row["meter"]["type"] != "none":
            meter = Meter(METERS[row["meter"]["type"]], row["meter"]["unit"], gap_ms, image, now_ms)
            drivers.append(meter)
        point = ChargePoint(evse, meter, image, self.heartbeats, now_ms)
        limit_ca = self.config["installation_limit_a"] * 100
        point.configure(limit_ca, row["meter"]["lost_current_ca"], row["phases"], self.config["language"] == "en")
        self.points.append(point)

    def _fit_second_stops(self, relays, now_ms):
        """At boot: what an earlier life left open stays open, what it latched stays latched."""
        for i in range(len(self.points)):
            port = relays[i] if i < len(relays) else None
            saved = self.memory.cp(i) if self.memory else 0
            latched = self.memory.value[M_LATCHED + i] if self.memory else 0
            self.points[i].fit(CpRelay(port, saved, now_ms), Guard(latched))

    def _build_client(self, config, prefix, link, box_id):
        """At boot. Two boxes with one client id would throw each other out of the broker for ever."""
        client_id = config["mqtt"]["client_id"] or "%s-%06x" % (config["name"], box_id & 0xFFFFFF)
        client = MqttClient(config["mqtt"], client_id.encode(), link, box_id)
        client.topic_filter = prefix + SET_ROOT + b"#"
        client.set_last_will(self._get_roots[0] + b"get/fault_state", _WILL, True)
        client.set_callback(self._on_message)
        return client

    def _on_message(self, topic, payload):
        self.inbox.offer(topic, payload, self.client.retained, self._now_ms)
        self.client.hold = self.inbox.pending()

    def step(self, now_ms):
        """One turn of everything; returns the ms until the next one is wanted."""
        self._listen(now_ms)
        for point in self.points:
            point.step(now_ms)
        wait_ms = self.plan.start(now_ms)
        if elapsed_ms(now_ms, self._looked_ms) >= LOOK_MS:
            self._look(now_ms)
        return 0 if self._publish(now_ms) else self._wait_ms(min(WAIT_MAX_MS, wait_ms), now_ms)

    def _listen(self, now_ms):
        self._now_ms = now_ms
        self.steps = (self.steps + 1) & 0xFFFFFF
        self.plan.step(now_ms)
        self.client.step(now_ms)
        for heartbeat in self.heartbeats:
            heartbeat.check(now_ms)

    def _ask_button(self, now_ms):
        """One press, however long, is one local action."""
        held = self._held.check(self._button.pressed(), now_ms, BUTTON_MS)
        if held and not self._held_before:
            self.clear(now_ms)
        self._held_before = held

    def _wait_ms(self, bus_ms, now_ms):
        if self._topic == len(TOLD):  # else the burst waits for the client, which tells when it goes on
            bus_ms = min(bus_ms, max(0, PUBLISH_EVERY_MS - elapsed_ms(now_ms, self._published_ms)))
        return min(bus_ms, self.client.wait_ms(now_ms))

    def _look(self, now_ms):
        """The button, and what must survive a reset: at once in RTC memory, in flash only while nobody charges."""
        self._looked_ms = now_ms
        if self._button is not None:
            self._ask_button(now_ms)
        if self.memory is None:
            return
        resting = True
        for i in range(len(self.points)):
            self.memory.put_cp(i, self.points[i].relay.saved)
            self.memory.put(M_LATCHED + i, self.points[i].guard.latched)
            resting = resting and self.points[i].at_rest()
        self.memory.step(now_ms, resting)

    # --- at the box ---

    def clear(self, now_ms):
        """A local action (button held, or the console): latched faults may go. Nothing that arrives by network does this."""
        for point in self.points:
            point.clear(now_ms)

    def charging(self):
        """Index of a charge point that charges, or draws current; -1 when there is none."""
        for i in range(len(self.points)):
            value = self.points[i].image.value
            if value[P_CHARGING] or highest_ca(value) >= IDLE_CA:
                return i
        return -1

    def maintain(self, wanted):
        """0 A on every charge point while somebody wants the box for maintenance."""
        for point in self.points:
            point.facts[F_MAINTENANCE] = 1 if wanted else 0

    def at_zero(self):
        """True when every EVSE has confirmed 0 A."""
        for point in self.points:
            if point.limit_ca or not point.evse.zero_read():
                return False
        return True

    def note(self, text):
        """Shows `text` (bytes) behind the reason on every charge point, until the next accepted set point. At boot."""
        for point in self.points:
            point.image.value[P_NOTICE] = text

    def hungry(self):
        """True while bytes on the bus shall wake the loop."""
        return self.bus.hungry()

    def take_episode(self):
        """True once after something has allocated: the loop then collects garbage at its one fixed place."""
        episode = self.client.episode
        self.client.episode = False
        return episode

    # --- telling ---

    def _publish(self, now_ms):
        """Starts at most one publish; True when the next one could follow at once."""
        if self.inbox.pending():
            return self._echo(now_ms)
        if self._topic == len(TOLD) and elapsed_ms(now_ms, self._published_ms) >= PUBLISH_EVERY_MS:
            self._published_ms = now_ms
            self._topic = 0
            self._cp = 0
        if self._topic == len(TOLD) or not self.client.idle():
            return False
        self._tell(self._cp, TOLD[self._topic])
        self.client.flush(now_ms)
        self._topic += 1
        if self._topic == len(TOLD) and self._cp + 1 < len(self.points):
            self._topic = 0
            self._cp += 1
        return self._topic < len(TOLD) and self.client.idle()

    def _tell(self, cp, row):
        packet = self.client.packet
        if packet.open_publish(self._get_roots[cp], row[0]):
            packet.end = render(packet.buf, packet.end, row, self.points[cp].image.value)
            packet.close_publish(RETAINED)

    def _echo(self, now_ms):
        """The next message of an echo: the validated copy, the wipe of the set topic, the reset of a command. Episode."""
        inbox = self.inbox
        if not self.client.online:
            inbox.forget()
        elif not self.client.idle():
            return False
        elif inbox.copy is not None:
            self.client.publish(inbox.copy_topic, inbox.copy, True)
            inbox.copy = None
        elif inbox.wipe_topic is not None:
            self.client.publish(inbox.wipe_topic, b"", True)
            inbox.wipe_topic = None
        else:
            self.client.publish(inbox.copy_topic, inbox.reset, True)
            inbox.reset = None
        self.client.flush(now_ms)
        self.client.hold = inbox.pending()
        return self.client.hold and self.client.idle()
