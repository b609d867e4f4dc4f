"""Builds the machines and owns step(): inputs, then the decision, then at most one bus request and one publish.

There is one thread and one order, so the image is a process image without being copied.
"""

from micropython import const

from charge_point import LOOK_MS, ChargePoint
from clock import Hold, elapsed_ms
from drivers.evse_din import EvseDin
from drivers.meter import Meter
from drivers.meters import candidates
from events import K_CLEARED, Events
from extras import add_teller, open_extras
from guard import IDLE_CA, highest_ca
from intents import DOOR_COUNT, MODBUS, MQTT, Heartbeat, Senders
from keeper import Keeper
from lines import Lines
from memory import M_BLOCK, M_METER
from points import P_CHARGING, P_NOTICE, Image
from safety import F_MAINTENANCE

WAIT_MAX_MS = const(1000)
BROKER = "broker"
BROKER_SHARE = const(4)  # of the connections; every other door has a share of one
CLIENT_BODY_BYTES = const(264)  # the longest request of Modbus has 260; half as much as a CONNECT
CLIENT_SLOTS = const(4)  # where the box dials the broker: the pool serves Modbus and the page only
BUTTON_MS = const(5000)  # held that long it is a local action


PAGE_FREE_BYTES = const(24576)  # 9 kB for the page itself; what is left must do for everything that charges


class Gateway:
    """The whole firmware but its edge. `config` is checked (see config.check_config), ports are handed in."""

    def __init__(self, config, bus_port, net_port, box_id, now_ms, relays=(), memory=None, button=None, coils=(), reader=None, udp=None, modbus=None, page=None, second_port=None, grid=None):
        """
        bus_port, second_port: the lines of board.json's rs485, None where no charge point is on it.
        net_port: a TcpListener for the broker on the box, a TcpLink for a client of another one.
        box_id: an integer that differs from box to box; it seeds the backoff and completes the MQTT client id.
        relays, coils: the CP relay and the phase coils (see coil) of each charge point, where the board has some.
        memory: see Memory. button: pressed(), or None.
        reader: of tags, see Rfid, or None. udp: see Sntp; needed where a time server is configured.
        grid: limited(), the input of the grid operator, or None.
        modbus: a TcpListener, or None where there is no Modbus door. page: the same, or (TcpListener, Asset, Vitals).
        """
        self.config = config
        self.steps = 0
        limit_ms = config["heartbeat_limit_s"] * 1000
        self.heartbeats = [Heartbeat(limit_ms) for _ in range(DOOR_COUNT)]
        self.memory = memory
        self.points = []
        drivers = [[], []]
        for row in config["charge_points"]:
            self._add_charge_point(row, drivers[row["bus"]], now_ms)
        self._button = button
        self._looked_ms = now_ms
        self._held = Hold()
        self._held_before = False
        self.keeper = Keeper(self.points, memory)
        self.keeper.fit_second_stops(relays, now_ms)
        self.keeper.fit_switches(coils, config, now_ms)
        self.lines = Lines((bus_port, second_port), drivers, config["bus"]["baud"])
        self.pool = self._open_pool(net_port, modbus, page)
        self.door = self._open_door(net_port, box_id, now_ms)
        self.client = self.door.client  # None where the box is the broker
        self.modbus = self.page = None  # loaded when somebody comes in for the first time
        self._box_id = box_id
        self._page_ports = page
        if self.pool is not None:
            self._modbus_door = self.pool.find("modbus")
            self._page_door = self.pool.find("page")
        self.kept = self._restore() if modbus is not None and memory is not None else None
        self.extras = open_extras(self, reader, udp, grid, box_id, now_ms)
        self.events = Events(len(self.points), DOOR_COUNT)

    def _open_pool(self, net_port, modbus, page):
        """At boot: who may have connections. A door that is not there gives its listener and its share back."""
        inside = self.config["mqtt"]["mode"] == BROKER
        if not inside and modbus is None and page is None:
            return None
        from connections import Connections, Door

        doors = [Door("spare", None, 1)]
        if page is not None:
            doors.insert(0, Door("page", page[0], 1, first_to_go=True))
        if modbus is not None:
            doors.insert(0, Door("modbus", modbus, 1))
        if not inside:
            return Connections(doors, CLIENT_SLOTS + len(doors) - 1, CLIENT_BODY_BYTES)
        sockets = self.config["mqtt"]["sockets"]
        others = 2 * len(doors)  # their shares, and all listeners: the spare door has none, the broker has one
        doors.insert(0, Door("broker", net_port, min(BROKER_SHARE, sockets - others)))
        return Connections(doors, sockets)

    def _open_door(self, net_port, box_id, now_ms):
        """At boot. What the other door is made of stays out of the memory."""
        if self.config["mqtt"]["mode"] == BROKER:
            from broker_door import BrokerDoor

            self.heartbeats[MQTT] = Senders(self.config["heartbeat_limit_s"] * 1000)
            return BrokerDoor(self.config, self.points, self.heartbeats[MQTT], self.pool, self.pool.doors[0], now_ms)
        from client_door import ClientDoor

        return ClientDoor(self.config, self.points, self.heartbeats[MQTT], net_port, box_id, now_ms)

    def _open_modbus(self):
        """Episode."""
        from modbus_door import ModbusDoor

        serial = b"ladepunkt-%06x" % (self._box_id & 0xFFFFFF)
        self.modbus = ModbusDoor(self.config["modbus"], self.points, self.pool, self._modbus_door, serial)
        self.modbus.episode = True
        self.heartbeats[MODBUS] = self.modbus.readers

    def _open_page(self):
        """Episode. A box that is short of memory charges, and shows itself to nobody."""
        vitals = self._page_ports[2]
        if vitals is not None and vitals.free_bytes() < PAGE_FREE_BYTES:
            self.pool.close_all(self._page_door)
            return
        from page import Page
        from status import Status

        self.page = Page(self.pool, self._page_door, self._page_ports[1], Status(self, vitals))

    def _wake_doors(self):
        """What serves a door is loaded when somebody comes in for the first time: most boxes have one kind of controller."""
        if self._modbus_door.used and self.modbus is None:
            self._wake(self._modbus_door, self._open_modbus)
        if self._page_door.used and self.page is None:
            self._wake(self._page_door, self._open_page)

    def _wake(self, door, load):
        """Episode. No room for it is no reason to stop a charge: who came in is sent away."""
        try:
            load()
        except MemoryError:
            self.pool.close_all(door)

    def _restore(self):
        """At boot."""
        from kept import Kept

        return Kept(self.memory, self.points, self.config["modbus"]["controllers"])

    def _add_charge_point(self, row, drivers, now_ms):
        gap_ms = self.config["bus"]["gap_ms"]
        image = Image()
        evse = EvseDin(row["evse"], gap_ms)
        drivers.append(evse)
        meter = None
        if row["meter"]["type"] != "none":
            meter = self._build_meter(row["meter"], gap_ms, image, now_ms)
            drivers.append(meter)
        point = ChargePoint(evse, meter, image, self.heartbeats, now_ms)
        limit_ca = self.config["installation_limit_a"] * 100
        point.configure(limit_ca, row["meter"]["lost_current_ca"], row["phases"], self.config["language"] == "en")
        self.points.append(point)

    def _build_meter(self, row, gap_ms, image, now_ms):
        """At boot: the meter that was found in an earlier life is looked for first."""
        i = len(self.points)
        meter = Meter(candidates(row["type"], row["unit"], i), gap_ms, image, now_ms)
        if self.memory:
            meter.remember(self.memory.value[M_METER + i], self.memory.value[M_BLOCK + i])
        return meter

    def step(self, now_ms):
        """One turn of everything; returns the ms until the next one is wanted."""
        self._listen(now_ms)
        self._decide(now_ms)
        wait_ms = self.lines.start(now_ms)
        if elapsed_ms(now_ms, self._looked_ms) >= LOOK_MS:
            self._look(now_ms)
        if self.door.tell(now_ms):
            return 0
        return min(wait_ms, self._doors_wait_ms(now_ms))

    def _doors_wait_ms(self, now_ms):
        wait_ms = min(WAIT_MAX_MS, self.door.wait_ms(now_ms))
        if self.pool is not None:
            wait_ms = min(wait_ms, self.pool.wait_ms())
        if self.modbus is not None:
            wait_ms = min(wait_ms, self.modbus.wait_ms())
        if self.page is not None:
            wait_ms = min(wait_ms, self.page.wait_ms(now_ms))
        return wait_ms

    def _decide(self, now_ms):
        self.events.now_ms = now_ms
        for i in range(len(self.points)):
            self.points[i].step(now_ms)
            self.events.watches[i].decide(self.points[i])

    def _listen(self, now_ms):
        self.steps = (self.steps + 1) & 0xFFFFFF
        self.lines.step(now_ms)
        if self.pool is not None:
            self.pool.step(now_ms)
            self._wake_doors()
        self.door.step(now_ms)
        if self.modbus is not None:
            self.modbus.step(now_ms)
        if self.page is not None:
            self.page.step(now_ms)
        for heartbeat in self.heartbeats:
            heartbeat.check(now_ms)

    def _ask_button(self, now_ms):
        """One press, however long, is one local action."""
        held = self._held.check(self._button.pressed(), now_ms, BUTTON_MS)
        if held and not self._held_before:
            self.clear(now_ms)
        self._held_before = held

    def _step_tags(self, now_ms):
        """Reader and clock, then what has become of the tags."""
        for extra in self.extras:
            extra.step(now_ms)
        for point in self.points:
            point.tag.step(now_ms)
        if self.door.inbox.asked:
            add_teller(self)

    def _watch(self):
        for i in range(len(self.points)):
            self.events.watches[i].look(self.points[i])
        for door in range(DOOR_COUNT):
            self.events.hear(door, self.heartbeats[door].of(None).reason)
        self.events.look(self.door.online())

    def _look(self, now_ms):
        """The button, and what must survive a reset: at once in RTC memory, in flash only while nobody charges."""
        self._looked_ms = now_ms
        self._watch()
        if self._button is not None:
            self._ask_button(now_ms)
        self._step_tags(now_ms)
        if self.kept is not None:
            self.kept.look()
        self.keeper.step(now_ms)

    # --- at the box ---

    def clear(self, now_ms):
        """A local action (button held, or the console): latched faults may go. Nothing that arrives by network does this."""
        self.events.now_ms = now_ms
        self.events.note(K_CLEARED, 0, 0)
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
        """True when every EVSE has confirmed 0 A, and no coil moves."""
        for point in self.points:
            if point.limit_ca or not point.evse.zero_read() or point.coil is not None and point.coil.is_on:
                return False
        return True

    def note(self, text):
        """Shows `text` (bytes) behind the reason on every charge point, until the next accepted set point. At boot."""
        for point in self.points:
            point.image.value[P_NOTICE] = text

    def hungry(self, line=0):
        """True while bytes on this line (of those in use) shall wake the loop."""
        return self.lines.plans[line].bus.hungry()

    def take_episode(self):
        """True once after something has allocated: the loop then collects garbage at its one fixed place."""
        episode = self.door.take_episode()
        for extra in self.extras:
            episode = episode or extra.episode
            extra.episode = False
        if self.modbus is not None:
            episode = self.modbus.take_episode() or episode
        if self.page is not None:
            episode = self.page.take_episode() or episode
        return episode
