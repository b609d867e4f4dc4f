"""The second stop and what survives: a deaf EVSE, a stuck reduction, resets while the pilot is open, a latched fault."""

from host_tests.fakes import wire
from host_tests.mpy.trace import Trace
from host_tests.sim.chip import NO, PWRON_RESET, WDT_RESET
from host_tests.sim.world import World, standard_config

EVSE = 1


def told(trace):
    point = trace.world.gateway.points[0]
    outlet = trace.world.site.charge_points[0]
    trace.say(
        "relay %d open %r latched %d saved %d writes %d record %s"
        % (point.relay.state, outlet.cp_open, point.guard.latched, point.relay.saved, len(trace.world.flash.writes), list(trace.world.chip.rtc[:16]))
    )


def deaf_evse(trace):
    world = trace.world
    trace.say("EVSE deaf")
    world.line.faults[EVSE] = wire.SILENT
    trace.until(lambda: world.site.charge_points[0].cp_open, 10000)
    told(trace)
    world.start_gateway(WDT_RESET)
    trace.run(5000)
    told(trace)
    world.line.faults.clear()
    trace.say("mended")
    trace.until(lambda: not world.site.charge_points[0].cp_open, 60000)
    told(trace)
    trace.until(lambda: world.gateway.points[0].reason == 0, 90000)


def run(world):
    trace = Trace(world)
    world.plug()
    trace.until(lambda: world.car().current_ca[0] == 1600, 30000)
    deaf_evse(trace)
    trace.until(lambda: world.car().current_ca[0] == 1600, 30000)
    trace.say("RCD")
    world.evse().rcd_error = True
    trace.run(5000)
    world.evse().rcd_error = False
    trace.run(20000)
    told(trace)
    for cause in (WDT_RESET, PWRON_RESET):
        world.start_gateway(cause)
        trace.run(5000)
        told(trace)
    world.gateway.clear(world.tick())
    trace.until(lambda: world.car().current_ca[0] == 1600, 90000)
    trace.end()


run(World(7, standard_config(heartbeat_limit_s=30), firmware=18))
run(World(8, standard_config(heartbeat_limit_s=30), firmware=17, contact=NO))
