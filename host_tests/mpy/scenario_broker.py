"""A charge led through the broker in the box: dial, charge, silence, a second controller, a reset."""

from host_tests.fakes.peer import Client, connect, publish, subscribe
from host_tests.mpy.trace import Trace
from host_tests.sim.chip import WDT_RESET
from host_tests.sim.world import SET, World, standard_config


def run(world):
    trace = Trace(world)
    world.plug()
    trace.until(lambda: world.car().current_ca[0] == 1600, 30000)
    world.broker.send(SET + b"0/data/set_current", b"10.5", True)
    world.controller.set_text[0] = b"10.5"
    trace.until(lambda: world.car().current_ca[0] == 1050, 10000)
    trace.say("silence")
    world.controller.beating = False
    trace.until(lambda: world.evse().set_current_raw == 0, 40000)
    world.controller.beating = True
    trace.until(lambda: world.car().current_ca[0] == 1050, 30000)
    trace.say("the network is gone")
    world.broker.mode = "refusing"
    trace.until(lambda: world.evse().set_current_raw == 0, 40000)
    world.broker.mode = "fine"
    trace.until(lambda: world.car().current_ca[0] == 1050, 30000)
    world.start_gateway(WDT_RESET)
    trace.until(lambda: world.car().current_ca[0] == 1050, 40000)
    asker = Client(world.broker.listener, "192.168.1.99")
    asker.send(connect(b"asker", keepalive_s=0) + subscribe(b"ladepunkt/#") + publish(b"ladepunkt/events/get"))
    trace.run(8000)
    for topic, payload, _ in asker.messages():
        trace.say("%s %s" % (topic.decode(), payload.decode()))
    broker = world.gateway.door.broker
    trace.say("connects %d ended %s sets %d lost %d" % (broker.connects, broker.ended, broker.sets, broker.lost))
    trace.end()


run(World(3, standard_config(heartbeat_limit_s=30, mode="broker")))
