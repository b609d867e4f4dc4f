"""What polling Modbus clients cost: evcc's reads, the whole window at once, and pipelined reads of one that takes small bites.

Prints one JSON line as test_alloc.py describes; what needed the heap while it was locked is in the traceback on stderr.
"""

from host_tests.mpy.heap_cost import cost, runs_locked, tell
from host_tests.mpy.modbus_steady import Steady, request

SECONDS = 100
EVCC = [request(10115, 1), request(10114, 1), request(10100, 2), request(10107, 3), request(10102, 2)]
WHOLE = [request(10100, 100, 3), request(10175, 125)]
PIPELINED = [request(10100, 17) * 4, request(10160, 10) * 3 + request(9, 1) + request(10100, 126) + request(10300, 1)]


def measure(charge_points):
    steady = Steady(charge_points, EVCC, ((WHOLE, 4096), (PIPELINED, 50)))
    steady.seconds(20)
    before = [peer.taken for peer in steady.peers]
    asked = steady.door.requests
    costs = cost(steady.seconds, SECONDS)
    if steady.door.requests - asked < 8 * SECONDS or not steady.door.exceptions or steady.pool.heartbeat_slot.peer is not steady.peers[0]:
        raise RuntimeError("not the steady state: %d requests" % (steady.door.requests - asked))
    for i in range(3):
        if steady.peers[i].taken - before[i] < 10 * SECONDS:
            raise RuntimeError("not the steady state: peer %d got %d bytes" % (i, steady.peers[i].taken - before[i]))
    tell("modbus with 3 clients, charge points: %d" % charge_points, costs, runs_locked(steady.seconds, 20))


measure(1)
measure(2)
