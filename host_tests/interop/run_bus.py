"""The firmware's bus master and both drivers against whoever is behind UART 1; prints what they know at the end as JSON.

Arguments: how many requests, the baud rate, the number of the direction pin or "auto", and the meter (sdm630 when not given; auto).
"""

import json
import sys
import time

import board
from bus import IDLE, Bus
from drivers.evse_din import READY, EvseDin
from drivers.meter import Meter
from drivers.meters import candidates
from plan import Plan
from points import Image

UNITS = {"mpm3pm": 5, "b23": 201}
TARGETS_CA = (1600, 600, 0, 1250)
ONE_TARGET = 12  # requests


def counters(station):
    names = ("requests", "timeouts", "crc_errors", "wrong_replies", "exceptions", "latency_max_ms")
    return {name: getattr(station, name) for name in names}


def main(requests, baud, de, name="sdm630"):
    port = board.Rs485({"uart": 1, "tx": 17, "rx": 16, "de": None if de == "auto" else int(de)}, baud)
    bus = Bus(port, baud)
    image = Image()
    evse = EvseDin(1, 10)
    meter = Meter(candidates(name, None if name == "auto" else UNITS.get(name, 105), 0), 10, image, time.ticks_ms())
    plan = Plan(bus, [evse, meter])
    done = 0
    while done < requests or bus.state != IDLE:
        now_ms = time.ticks_ms()
        plan.step(now_ms)
        evse.age(now_ms)
        meter.age(now_ms)
        done = evse.station.requests + meter.station.requests
        if evse.state == READY:
            evse.target_ca = TARGETS_CA[done // ONE_TARGET % len(TARGETS_CA)]
        if done < requests:
            plan.start(now_ms)
        time.sleep_ms(1)
    print(
        json.dumps(
            {
                "evse": counters(evse.station),
                "meter": counters(meter.station),
                "firmware": evse.firmware,
                "precise": evse.precise,
                "raw": evse.raw,
                "restarts": evse.restarts,
                "values": image.value[:16],
                "longest": meter.longest,
            }
        )
    )


main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
