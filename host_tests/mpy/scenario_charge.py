"""A day of a box: plug, charge, reduce, unplug, heartbeat lost, return, restart."""

from host_tests.mpy.trace import Trace
from host_tests.sim.world import World, standard_config


def lead(world, payload):
    world.controller.set_text = [payload] * len(world.controller.set_text)


def run(world):
    trace = Trace(world)
    trace.say("nobody plugged")
    trace.run(6000)
    trace.say("plugged")
    world.plug()
    trace.until(lambda: world.car().current_ca[0] == 1600, 20000)
    for payload in (b"10.5", b"6", b"3", b"40", b"16"):
        trace.say("set point %s" % payload.decode())
        lead(world, payload)
        trace.run(7000)
    trace.say("unplugged and plugged again")
    world.car().unplug()
    trace.run(3000)
    world.plug()
    trace.run(6000)
    trace.say("controller sends set points only")
    world.controller.beating = False
    trace.run(35000)
    trace.say("it is back")
    world.controller.beating = True
    trace.until(lambda: world.car().current_ca[0] == 1600, 20000)
    trace.say("the gateway restarts")
    world.start_gateway()
    trace.run(15000)
    trace.say("the EVSE loses its supply for a moment")
    world.evse().power_cycle(world.now_ms)
    trace.run(10000)
    trace.end()


run(World(2, standard_config(charge_points=2, meter="sdm72", heartbeat_limit_s=30)))
