"""What 1,000 steady steps of the whole gateway allocate, for one and for two charge points: nothing, of any kind.

One JSON line each: lock (true: it ran while the heap was locked), net (growth of gc.mem_alloc, bytes), total
(growth of micropython.mem_total: also what is freed at once, and frames that lie on the heap), steps.
"""

import gc
import json
import sys

import micropython

gc.disable()  # nothing is collected, so that every block counts

from host_tests.mpy.steady import Steady

STEPS = 1000


def runs_locked(steady):
    """False if anything asks for memory while none is given; the traceback goes to stderr."""
    micropython.heap_lock()
    try:
        steady.run(STEPS)
    except MemoryError as error:
        micropython.heap_unlock()
        sys.print_exception(error, sys.stderr)
        return False
    micropython.heap_unlock()
    return True


def measure(charge_points):
    steady = Steady(charge_points)
    steady.warm_up()
    taken = steady.link.taken
    steady.run(3)
    total = micropython.mem_total()
    net = gc.mem_alloc()
    net = gc.mem_alloc() - net  # the figures themselves cost something
    total = micropython.mem_total() - total
    total_before = micropython.mem_total()
    net_before = gc.mem_alloc()
    steady.run(STEPS)
    net = gc.mem_alloc() - net_before - net
    total = micropython.mem_total() - total_before - total
    if steady.gateway.points[0].evse.raw != 1600 or steady.link.taken == taken or steady.relays[0].opened:
        raise RuntimeError("not the steady state: nothing was measured")
    line = {"name": "gateway_%d" % charge_points, "lock": runs_locked(steady), "net": net, "total": total, "steps": STEPS}
    print(json.dumps(line))


measure(1)
measure(2)
