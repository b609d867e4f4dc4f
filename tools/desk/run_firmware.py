"""Starts the firmware on the desk, on MicroPython and on CPython, and prints its state once per second.

The desk reads the lines that begin with "#state"; everything else is the firmware's own output. The heap figures are taken
after a collection: they are what lives, not what waits to be collected.
"""

import gc
import json
import os
import sys
import time

DOORS = ("mqtt", "modbus")  # by intents.MQTT and intents.MODBUS
told = [0]  # how many events there were at the last report
STATION_FACTS = ("requests", "timeouts", "crc_errors", "wrong_replies", "exceptions", "latency_ms", "latency_max_ms")


def describe(gateway):
    """What the gateway knows about itself, as a dict for JSON."""
    stations = []
    points = []
    for point in gateway.points:
        stations.append(_station("EVSE", point.evse.station))
        if point.meter is not None:
            stations.append(_station("meter", point.meter.station))
        points.append(_point(point, point.heartbeat()))
    return {"steps": gateway.steps, "online": gateway.door.online(), "cp": points, "bus": stations, "events": _events(gateway.events)}


def _events(ring):
    """[[number, ms, kind, a, b]] of those since the last report."""
    from events import EVENTS

    numbers = range(max(told[0], ring.count - EVENTS), ring.count)
    told[0] = ring.count
    return [[n, ring.at_ms[n % EVENTS], ring.kind[n % EVENTS], ring.a[n % EVENTS], ring.b[n % EVENTS]] for n in numbers]


def _point(point, heartbeat):
    from clock import elapsed_ms
    from points import P_CHARGING, P_FAULT_STATE, P_PLUGGED, P_RFID, P_STATE_STR
    from safety import R_HEARTBEAT_NEVER

    value = point.image.value
    age_ms = elapsed_ms(time.ticks_ms(), heartbeat.last.at_ms)
    return {
        "state_str": None if value[P_STATE_STR] is None else value[P_STATE_STR].decode(),
        "fault_state": value[P_FAULT_STATE],
        "rfid": None if value[P_RFID] is None else value[P_RFID].decode(),
        "plugged": value[P_PLUGGED],
        "charging": value[P_CHARGING],
        "limit_ca": point.limit_ca,
        "switch": None if point.phases is None else point.phases.state,
        "position": None if point.coil is None else point.coil.position,
        "leader": DOORS[point.wish.door] if point.leader_alive() else "none",
        "heartbeat_age_ms": None if heartbeat.reason == R_HEARTBEAT_NEVER else age_ms,
    }


def _station(kind, station):
    facts = {"name": "%s %d" % (kind, station.unit), "gap_ms": station.gap_ms()}
    for name in STATION_FACTS:
        facts[name] = getattr(station, name)
    return facts


def crash_if_asked():
    """End the firmware in the way that the desk's file asks for, once."""
    try:
        with open("crash") as file:
            how = file.read()
    except OSError:
        return
    os.remove("crash")
    if how == "memory":
        hog = []
        while sys.implementation.name == "micropython":
            hog.append(bytearray(64))
        raise MemoryError
    raise RuntimeError("the desk was asked for an exception")


def print_state(gateway, started_ms):
    """Print one line with what the gateway knows about itself; called by the app's loop."""
    crash_if_asked()
    gc.collect()
    state = describe(gateway)
    state["uptime_s"] = time.ticks_diff(time.ticks_ms(), started_ms) // 1000
    state["heap_used"] = gc.mem_alloc()
    state["heap_free"] = gc.mem_free()
    if longest_us:
        state["longest_step_ms"] = longest_us[0] / 1000
        import micropython

        micropython.mem_info()
    print("#state " + json.dumps(state))


def record_if_asked():
    """At boot: everything that comes in at the ports is written down, where the desk wants it."""
    path = os.getenv("LADEPUNKT_RECORD")
    if not path:
        return
    import gateway
    import recorder

    gateway.Gateway = recorder.recording(gateway.Gateway, open(path, "a"))


longest_us = []  # of a soak: what the longest step took


def measure_if_asked():
    """At boot, for tools.soak: every step is timed."""
    if not os.getenv("LADEPUNKT_SOAK"):
        return
    import gateway

    class Timed(gateway.Gateway):
        def step(self, now_ms):
            began_us = time.ticks_us()
            wait_ms = super().step(now_ms)
            longest_us[0] = max(longest_us[0], time.ticks_diff(time.ticks_us(), began_us))
            return wait_ms

    longest_us.append(1)
    gateway.Gateway = Timed


def start():
    """What the chip does with boot.py and main.py, but that the app reports."""
    if sys.implementation.name != "micropython":
        root = __file__.rsplit("/", 3)[0]
        sys.path.insert(0, root + "/host_tests/stubs/cpython")
        import install

        install.install()
    started_ms = time.ticks_ms()
    record_if_asked()
    measure_if_asked()
    import boot
    import failsafe

    failsafe.run(lambda gateway: print_state(gateway, started_ms))


start()
