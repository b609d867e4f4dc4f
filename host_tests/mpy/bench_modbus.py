"""What one request costs the Modbus door: 17 registers by function 4, of one of three clients that are connected.

Prints one JSON line (for a processor that counts, tools.wasi with clock "fuel": time.ticks_us counts operations):
    ops       per request: a step of pool and door in which one is answered, beyond what their idle step costs
    step_ops  an idle step of both
    bytes     asked for in all per request, rounded up
"""

import gc
import json
import time

import micropython

gc.disable()  # nothing is collected, so that every block counts

from host_tests.mpy.modbus_steady import Steady, request

REQUESTS = 200


def cost(steady):
    start = time.ticks_us()
    steady.step()
    return time.ticks_diff(time.ticks_us(), start)


def measure():
    steady = Steady(1, [request(10100, 17)], (([request(10143, 1)], 4096),) * 2)
    steady.seconds(20)
    start = time.ticks_us()
    nothing = time.ticks_diff(time.ticks_us(), start)
    steady.run(5)
    idle = min([cost(steady) for _ in range(20)])
    total = micropython.mem_total()
    total = micropython.mem_total() - total
    total_before = micropython.mem_total()
    ops = 0
    for _ in range(REQUESTS):
        asked = steady.door.requests
        steady.peers[0].ask()
        ops += cost(steady) - idle
        if steady.door.requests != asked + 1:
            raise RuntimeError("not one request in one step: nothing was measured")
    total = micropython.mem_total() - total_before - total
    return {"ops": ops // REQUESTS, "step_ops": idle - nothing, "bytes": -(-total // REQUESTS)}


print(json.dumps(measure()))
