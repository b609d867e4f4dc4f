"""What a run costs the heap, for the alloc_*.py: they import this before what they measure, so that nothing is collected and every block counts."""

import gc
import json
import sys

import micropython

gc.disable()


def cost(run, n):
    """(bytes left, bytes asked for in all) by run(n), beyond those by run(0): the figures and the frame of run() cost something themselves."""
    total = micropython.mem_total()
    net = gc.mem_alloc()
    run(0)
    net = gc.mem_alloc() - net
    total = micropython.mem_total() - total
    total_before = micropython.mem_total()
    net_before = gc.mem_alloc()
    run(n)
    net = gc.mem_alloc() - net_before - net
    return net, micropython.mem_total() - total_before - total


def runs_locked(run, n):
    """False if run(n) asks for memory while none is given; the traceback goes to stderr."""
    micropython.heap_lock()
    try:
        run(n)
    except MemoryError as error:
        micropython.heap_unlock()
        sys.print_exception(error, sys.stderr)
        return False
    micropython.heap_unlock()
    return True


def tell(name, costs, lock, **more):
    """Print the line that test_alloc.py describes; `costs`: of cost(), `lock`: of runs_locked()."""
    line = {"name": name, "net": costs[0], "total": costs[1], "lock": lock}
    line.update(more)
    print(json.dumps(line))
