"""Faults of line and broker, one after the other, with what the box does about each."""

from host_tests.fakes import broker, wire
from host_tests.mpy.trace import Trace
from host_tests.sim.world import World, standard_config

EVSE, METER = 1, 105
LOST_MS = 12000  # a meter counts as lost after 10 s
FAULT_MS = 5000
PAUSE_MS = 6000


def break_line(trace, unit, fault):
    trace.say("station %d: %s" % (unit, fault))
    trace.world.line.faults[unit] = fault
    trace.run(LOST_MS if fault == wire.SILENT else FAULT_MS)
    trace.world.line.faults.clear()
    trace.say("mended")
    trace.run(PAUSE_MS)


def break_broker(trace, mode, cut):
    trace.say("broker: %s%s" % (mode, ", connections cut" if cut else ""))
    trace.world.broker.mode = mode
    if cut:
        trace.world.broker.link.cut()
    trace.run(35000)
    trace.world.broker.mode = broker.FINE
    trace.say("broker is back")
    trace.until(lambda: trace.world.gateway.client.online and trace.world.gateway.points[0].reason == 0, 60000)
    trace.run(PAUSE_MS)
    client = trace.world.gateway.client
    trace.say("connects %d failed %d drops %d messages %d" % (client.connects, client.dials_failed, client.drops, client.messages))


def run(world):
    trace = Trace(world)
    world.plug()
    trace.until(lambda: world.car().current_ca[0] == 1600, 20000)
    for fault in wire.FAULTS[1:]:
        break_line(trace, EVSE, fault)
        break_line(trace, METER, fault)
    break_broker(trace, broker.REFUSING, True)
    break_broker(trace, broker.DROPPING, True)
    break_broker(trace, broker.MUTE, True)
    break_broker(trace, broker.STOPPED, False)
    trace.end()


run(World(5, standard_config(heartbeat_limit_s=30), firmware=10))
