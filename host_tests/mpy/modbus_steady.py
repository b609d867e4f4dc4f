"""Polling Modbus clients on a Modbus door in virtual time: the ground for counting bytes and operations. Nothing is allocated on the way."""

from connections import Connections, Door
from host_tests.mpy.peers import Listener, Peer
from intents import MODBUS, Wish
from kept import Kept
from modbus_door import ModbusDoor
from points import P_CURRENT_CA, P_EVSE_CURRENT_CA, P_IMPORTED_WH, P_POWER_CW, P_POWER_L_CW, P_RFID, P_SET_CURRENT_CA, P_VOLTAGE_CV, Image

STEP_MS = 20
TICKS_MASK = 0x3FFFFFFF
SETTINGS = {
    "unit": 1, "idle_s": 120, "controllers": None, "heartbeat_from": "leader", "allow_heartbeat_off": False, "actual_current_scale": 100,
}  # fmt: skip


def request(first, count, function=4):
    return bytes((0, 1, 0, 0, 0, 6, 1, function, first >> 8, first & 0xFF, 0, count))


class Client(Peer):
    """Asks one thing after the other, each when it is told to."""

    def __init__(self, address, requests, bite=4096):
        super().__init__(address, bite)
        self._requests = requests
        self._next = 0

    def ask(self):
        if self.silent():
            self.say(self._requests[self._next])
            self._next = (self._next + 1) % len(self._requests)


class Memory:
    """As memory.Memory, in the only thing that matters here."""

    def __init__(self):
        self.value = bytearray(36)

    def put(self, i, byte):
        self.value[i] = byte


class Point:
    standing = None

    def __init__(self):
        self.image = Image()
        self.wish = Wish()


class Steady:
    """evcc's address asks what `said` has, one after the other; `others`: (what they ask, how many bytes they take at once)."""

    def __init__(self, charge_points, said, others=()):
        listener = Listener()
        door = Door("modbus", listener, 1)
        self.pool = Connections([Door("broker", Listener(), 4), door, Door("page", Listener(), 1, True), Door("spare", None, 1)])
        self.points = [Point() for _ in range(charge_points)]
        self.now_ms = TICKS_MASK - 30000  # the clock wraps on the way
        self.door = ModbusDoor(SETTINGS, self.points, self.pool, door, b"ladepunkt-00abcd")
        self.kept = Kept(Memory(), self.points, None)
        self.peers = [Client("192.168.1.30", said)]
        for i in range(len(others)):
            self.peers.append(Client("192.168.1.%d" % (31 + i), others[i][0], others[i][1]))
        for peer in self.peers:
            listener.next = peer
            self.run(10)
        for point in self.points:
            point.wish.offer(MODBUS, 1600, self.now_ms, "192.168.1.30")
            value = point.image.value
            for index in (P_VOLTAGE_CV, P_VOLTAGE_CV + 1, P_VOLTAGE_CV + 2, P_CURRENT_CA, P_EVSE_CURRENT_CA):
                value[index] = 23012
            for index in (P_POWER_CW, P_POWER_L_CW, P_POWER_L_CW + 1):
                value[index] = -TICKS_MASK
            value[P_CURRENT_CA + 1] = -1600
            value[P_IMPORTED_WH] = TICKS_MASK
            value[P_SET_CURRENT_CA] = 1600
            value[P_RFID] = b"0004141661"

    def step(self):
        self.pool.step(self.now_ms)
        self.door.step(self.now_ms)
        self.door.readers.check(self.now_ms)
        self.pool.wait_ms()
        self.door.wait_ms()
        self.kept.look()
        self.now_ms = (self.now_ms - TICKS_MASK + STEP_MS - 1) & TICKS_MASK  # in this order it stays a small integer

    def run(self, steps):
        for _ in range(steps):
            self.step()

    def seconds(self, n):
        for i in range(10 * n):
            self.peers[i % len(self.peers)].ask()
            self.run(100 // STEP_MS)
