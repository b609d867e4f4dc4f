"""What the app asks of the floor while it runs: to seal and keep the record. Nothing may be allocated."""

import gc
import json

import failsafe
import micropython

ROUNDS = 100


def work():
    failsafe.record[6] = (failsafe.record[6] + 1) & 0xFF
    failsafe.save()


def rounds():
    for _ in range(ROUNDS):
        work()


def measure():
    rounds()
    gc.disable()
    net = gc.mem_alloc()
    before = micropython.mem_total()
    rounds()
    asked = micropython.mem_total() - before
    net = gc.mem_alloc() - net
    micropython.heap_lock()
    try:
        rounds()
        lock = True
    except MemoryError:
        lock = False
    micropython.heap_unlock()
    print(json.dumps({"name": "the floor's record", "lock": lock, "net": net, "total": asked}))


measure()
