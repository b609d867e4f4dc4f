"""What a steady second of the broker costs: three subscribers told everything, one of them taking small bites, PINGREQs.

Prints one JSON line as test_alloc.py describes; what needed the heap while it was locked is in the traceback on stderr.
"""

from broker import Broker
from connections import Connections, Door
from host_tests.fakes.peer import PINGREQ, connect, subscribe
from host_tests.mpy.heap_cost import cost, runs_locked, tell
from host_tests.mpy.peers import Listener, Peer
from inbox import Inbox
from intents import Heartbeat
from points import P_CURRENT_CA, P_FAULT_STR, P_IMPORTED_WH, P_POWER_CW, P_SET_CURRENT_CA, P_VOLTAGE_CV, Image

SECONDS = 100
STEP_MS = 20
ROUND = 26  # told topics


class Point:
    def __init__(self):
        self.image = Image()


class Steady:
    def __init__(self, charge_points):
        listener = Listener()
        door = Door("broker", listener, 4)
        doors = [door, Door("modbus", Listener(), 1), Door("page", Listener(), 1, True), Door("spare", None, 1)]
        self.pool = Connections(doors)
        self.points = [Point() for _ in range(charge_points)]
        self.now_ms = 0x3FFFFFFF - 30000  # the clock wraps on the way
        settings = {"prefix": "", "user": None, "password": None, "controllers": None}
        inbox = Inbox(b"", self.points, Heartbeat(60000))
        self.broker = Broker(self.pool, door, self.points, inbox, settings, self.now_ms)
        self.peers = [Peer(), Peer(), Peer(bite=130)]
        for i in range(3):
            listener.next = self.peers[i]
            self.peers[i].say(connect(b"observer %d" % i))
            self.run(10)
            self.peers[i].say(subscribe(b"openWB/#"))
            self.run(100)
        for point in self.points:
            value = point.image.value
            for index in (P_VOLTAGE_CV, P_VOLTAGE_CV + 1, P_VOLTAGE_CV + 2, P_CURRENT_CA, P_POWER_CW):
                value[index] = 23012
            value[P_IMPORTED_WH] = 0x3FFFFFFE
            value[P_SET_CURRENT_CA] = 1600
            value[P_FAULT_STR] = b"Kein Fehler." * 8  # so long that the header has two length bytes

    def step(self):
        self.pool.step(self.now_ms)
        self.broker.step(self.now_ms)
        self.pool.wait_ms()
        self.broker.wait_ms(self.now_ms)
        self.now_ms = (self.now_ms - 0x3FFFFFFF + STEP_MS - 1) & 0x3FFFFFFF  # in this order it stays a small integer

    def run(self, steps):
        for _ in range(steps):
            self.step()

    def seconds(self, n):
        for i in range(n):
            self.peers[i % 3].say(PINGREQ)
            self.run(1000 // STEP_MS)


def measure(charge_points):
    steady = Steady(charge_points)
    steady.seconds(60)
    before = [peer.taken for peer in steady.peers]
    costs = cost(steady.seconds, SECONDS)
    for i in range(3):
        if (steady.peers[i].taken - before[i]) & 0xFFFFFF < SECONDS * ROUND * 40 * charge_points:
            raise RuntimeError("not the steady state: peer %d got %d bytes" % (i, steady.peers[i].taken - before[i]))
    tell("broker with 3 subscribers, charge points: %d" % charge_points, costs, runs_locked(steady.seconds, 20))


measure(1)
measure(2)
