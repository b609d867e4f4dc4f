"""What 1,000 steady steps of the whole gateway allocate, for one and for two charge points: nothing, of any kind.

One JSON line each: lock (true: it ran while the heap was locked), net (growth of gc.mem_alloc, bytes), total
(growth of micropython.mem_total: also what is freed at once, and frames that lie on the heap), steps.
"""

from host_tests.mpy.heap_cost import cost, runs_locked, tell
from host_tests.mpy.steady import Steady

STEPS = 1000


def measure(charge_points):
    steady = Steady(charge_points)
    steady.warm_up()
    taken = steady.link.taken
    steady.run(3)
    costs = cost(steady.run, STEPS)
    if steady.gateway.points[0].evse.raw != 1600 or steady.link.taken == taken or steady.relays[0].opened:
        raise RuntimeError("not the steady state: nothing was measured")
    tell("gateway_%d" % charge_points, costs, runs_locked(steady.run, STEPS), steps=STEPS)


measure(1)
measure(2)
