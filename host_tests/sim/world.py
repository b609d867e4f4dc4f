"""The virtual world: the whole gateway with its line, site, broker and controller, stepped in virtual time.

Plain Python that also runs on MicroPython. Everything is drawn from one seed; the same seed gives the same trace.
"""

from host_tests.fakes.broker import Broker, Link
from host_tests.fakes.meters import UNITS
from host_tests.fakes.peer import Listener
from host_tests.fakes.site import Site, standard_site
from host_tests.fakes.wire import NEVER_US, Line
from host_tests.sim.inside import Inside
from host_tests.sim.chip import NC, PWRON_RESET, Chip, Coils, CpRelay, PowerCut, WorldFlash, board_of
import failsafe
from gateway import Gateway
from memory import Memory
from storage import RtcMemory

TICKS_MASK = 0x3FFFFFFF
HELD_MS = 3000  # that the floor stays at 0 A, until somebody switches the box off and on
SET = b"openWB/set/internal_chargepoint/"
TOLD = b"openWB/internal_chargepoint/"


def standard_config(charge_points=1, meter="sdm630", gap_ms=20, heartbeat_limit_s=60, installation_limit_a=16, mode="client", buses=(0, 0), modbus=False):
    """A checked configuration as config.check_config would return it."""
    points = []
    for i in range(charge_points):
        unit = None if meter in ("none", "auto") else UNITS.get(meter, 105) + i
        points.append({
            "evse": 1 + i, "bus": buses[i], "phases": 3, "meter": {"type": meter, "unit": unit, "lost_current_ca": 0},
            "phase_switch": {"cool_down_s": 300, "boot": "stored"},
        })  # fmt: skip
    return {
        "name": "ladepunkt",
        "language": "de",
        "heartbeat_limit_s": heartbeat_limit_s,
        "installation_limit_a": installation_limit_a,
        "network": "wifi",
        "wifi": {"ssid": "", "password": ""},
        "bus": {"baud": 9600, "gap_ms": gap_ms},
        "mqtt": {
            "mode": mode, "host": "127.0.0.1", "port": 1883, "user": None, "password": None, "prefix": "",
            "ca_file": None, "client_id": None, "keepalive_s": 20, "controllers": None, "first_come": 0, "sockets": 10, "discovery": None, "mirror": None,
        },
        "page": {"enabled": 0, "port": 80},
        "modbus": {
            "enabled": modbus, "port": 1502, "unit": 1, "controllers": None, "heartbeat_from": "leader", "allow_heartbeat_off": False,
            "actual_current_scale": 100, "idle_s": 120,
        },
        "charge_points": points,
        "grid": {"limit_w": 4200, "limit_ca": None},
        "shared_ca": None,
        "rfid": {"reader": None, "format": None},
        "time": {"server": None, "every_h": 24},
    }  # fmt: skip


class Controller:
    """A primary: heartbeat and set points at an interval, each with its own switch."""

    def __init__(self, broker, charge_points, interval_ms=5000):
        self.broker = broker
        self.interval_ms = interval_ms
        self.beating = True
        self.setting = True
        self.set_text = [b"16"] * charge_points
        self.stamp_s = 1795327212
        self.last_beat_ms = None  # world time
        self._next_ms = 0

    def step(self, world_ms):
        if world_ms < self._next_ms:
            return
        self._next_ms = world_ms + self.interval_ms
        if self.beating:
            self.stamp_s += self.interval_ms // 1000
            self.beat(b'{"heartbeat": %d.25, "parent_ip": "192.0.2.1"}' % self.stamp_s, world_ms)
        if self.setting:
            for i in range(len(self.set_text)):
                self.broker.send(SET + b"%d/data/set_current" % i, self.set_text[i], True)

    def beat(self, payload, world_ms):
        self.last_beat_ms = world_ms
        self.broker.send(SET + b"global_data", payload, True)

    def next_ms(self):
        return self._next_ms

    def restart(self, world_ms, interval_ms):
        """It begins anew: heartbeats, set points, at most this far apart."""
        self.beating = self.setting = True
        self.interval_ms = min(self.interval_ms, interval_ms)
        self._next_ms = min(self._next_ms, world_ms + self.interval_ms)


class World:
    """`now_ms` is the world's time and never wraps; the gateway sees ticks, which start at `start_tick` and do."""

    def __init__(self, seed=1, config=None, start_tick=0, firmware=18, latency_us=20000, contact=NC, coils=None, meter="sdm630", page=None, grid=None, flash=WorldFlash):
        """
        meter: the one that is there where the configuration says auto. contact: which one of the CP relay carries the pilot; None: the
        board has no such relay. coils: as chip.coil_row. page: see Gateway. flash: what makes it.
        """
        self.config = config or standard_config()
        count = len(self.config["charge_points"])
        if self.config["charge_points"][0]["meter"]["type"] != "auto":
            meter = self.config["charge_points"][0]["meter"]["type"]
        self.grid = grid  # the grid operator's input: limited()
        self.now_ms = 0
        self.steps = 0
        self.start_tick = start_tick
        self.site = standard_site(count, firmware, meter)
        self.lines = [Line(self._asked_on(n), seed + n, self.config["bus"]["baud"], latency_us) for n in range(1 + max(self._buses()))]
        self.line = self.lines[0]
        self.lines[-1].faults = self.line.faults  # by unit, wherever it is
        self.inside = self.config["mqtt"]["mode"] == "broker"
        self.broker = Inside() if self.inside else Broker()
        self.controller = Controller(self.broker, count)
        self.seed = seed
        self.held_phases = {}
        self.invariants = None  # sim.invariants.Invariants, if this run is checked
        self.chip = Chip(self, board_of(self.config, contact, coils))
        self.flash = flash(self)
        self.page = page
        self.visitors = None  # sim.visitors.Visitors, if there are any
        self.leaders = []  # sim.modbus_leader.ModbusLeader: who controls the box by Modbus
        self.start_gateway()

    def start_gateway(self, cause=PWRON_RESET):
        """A (re)start of the box, the floor included; the broker notices that the connection is gone."""
        if self.invariants is not None:
            self.invariants.restarted(cause)
        if self.broker.link is not None:
            self.broker.link.cut()
        self.chip.start(cause)
        if self.chip.held:
            self.wait(HELD_MS)
            return self.start_gateway(PWRON_RESET)
        for line in self.lines:
            line.shortest_quiet_us = NEVER_US  # the floor sends blindly
        self.link = self.broker if self.inside else Link(self.broker)
        net_port = self.broker.restart() if self.inside else self.link
        relays = [CpRelay(i, row) for i, row in enumerate(self.chip.board["cp_relays"])]
        self.flash.start()
        memory = Memory(RtcMemory(failsafe), self.flash, self.tick())
        self.modbus = Listener() if self.config["modbus"]["enabled"] else None
        if self.page is not None:
            self.page[0].backlog.clear()
        second = self.lines[1] if len(self.lines) > 1 else None
        coils = [Coils(i, row) for i, row in enumerate(self.chip.board["coils"])]
        self.gateway = Gateway(
            self.config, self.line, net_port, self.seed, self.tick(), relays, memory,
            coils=coils, modbus=self.modbus, page=self.page, second_port=second, grid=self.grid,
        )  # fmt: skip

    def wait(self, ms):
        """Time passes without the gateway: the chip boots, or the floor waits."""
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.now_ms = min(end_ms, self.now_ms + 20)
            self._tell_lines()
            self.site.step(self.now_ms)
            self.controller.step(self.now_ms)

    def move_pilot(self, cp, is_open):
        """The CP relay of a charge point."""
        self.site.charge_points[cp].cp_open = is_open
        self.site.step(self.now_ms)

    def move_coil(self, cp, phases, on):
        """One coil of a phase relay."""
        news = on != (phases in self.site.charge_points[cp].coils)
        if news and self.invariants is not None:
            self.invariants.coils.moved(self, cp, on)
        self.site.charge_points[cp].energise(phases, on)
        self.site.step(self.now_ms)

    def hold_phases(self, cp, phases):
        """A phase relay that follows one output."""
        if self.held_phases.get(cp, phases) != phases and self.invariants is not None:
            self.invariants.coils.moved(self, cp, None)
        self.held_phases[cp] = phases
        if not self.site.charge_points[cp].phases_stuck:
            self.site.charge_points[cp].phases = phases
        self.site.step(self.now_ms)

    def tick(self):
        return (self.start_tick + self.now_ms) & TICKS_MASK

    def _buses(self):
        return [point["bus"] for point in self.config["charge_points"]]

    def points_on(self, n):
        """Indexes of the charge points on that line."""
        return [cp for cp, bus in enumerate(self._buses()) if bus == n]

    def _asked_on(self, n):
        """What answers on that line."""
        there = Site([self.site.charge_points[cp] for cp in self.points_on(n)])

        def ask(unit, function, address, payload, now_us):
            self.site.step(now_us // 1000)
            return there.request(unit, function, address, payload, now_us // 1000)

        return ask

    def _tell_lines(self):
        for line in self.lines:
            line.now_us = self.now_ms * 1000

    def step(self):
        """One step of the gateway, then on to the time it asked for or the next byte that wakes it."""
        self._tell_lines()
        self.site.step(self.now_ms)
        self.controller.step(self.now_ms)
        for leader in self.leaders:
            leader.step(self.now_ms)
        try:
            wait_ms = self.gateway.step(self.tick())
        except PowerCut:
            if self.invariants is not None:
                self.invariants.cut_short(self)
            self.start_gateway()
            return
        self.steps += 1
        if self.inside:
            self.broker.step()
        if self.invariants is not None:
            self.invariants.wait(wait_ms)
            self.invariants.check(self)
        self.now_ms += self._until_next(wait_ms)

    def _until_next(self, wait_ms):
        """Milliseconds to the next event, at least 1 (the time a step takes)."""
        wait_ms = min(wait_ms, self.controller.next_ms() - self.now_ms)
        for leader in self.leaders:
            wait_ms = min(wait_ms, leader.next_ms() - self.now_ms)
        if self.link.has_bytes() or self._somebody_calls():
            return 1
        for n, line in enumerate(self.lines):
            byte_us = line.next_us() if self.gateway.hungry(n) else None
            if byte_us is not None:
                wait_ms = min(wait_ms, (byte_us + 999) // 1000 - self.now_ms)
        return max(1, wait_ms)

    def _somebody_calls(self):
        """True while a client of Modbus or of the page has something to tell."""
        if self.modbus is None and self.page is None:
            return False
        for slot in self.gateway.pool.slots:
            if slot.peer is not None and slot.peer.readable:
                return True
        return self.modbus is not None and len(self.modbus.backlog) > 0 or self.page is not None and len(self.page[0].backlog) > 0

    def run(self, ms):
        """Runs for `ms` of world time."""
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            self.step()

    def run_until(self, condition, limit_ms):
        """Runs until condition() holds; returns the ms it took. ValueError when it does not come true in time."""
        start_ms = self.now_ms
        while not condition():
            if self.now_ms - start_ms > limit_ms:
                raise ValueError("not true within %d ms; state: %s" % (limit_ms, self.told(b"get/state_str")))
            self.step()
        return self.now_ms - start_ms

    def told(self, name, cp=0):
        """The retained payload of a told topic."""
        return self.broker.retained.get(TOLD + b"%d/" % cp + name)

    def evse(self, cp=0):
        return self.site.charge_points[cp].evse

    def car(self, cp=0):
        return self.site.charge_points[cp].car

    def plug(self, cp=0):
        self.car(cp).plug()
