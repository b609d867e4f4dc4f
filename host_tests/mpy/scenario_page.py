"""What the page answers while a car charges, and what Home Assistant is told: every byte of it."""

from host_tests.fakes.peer import Client, Listener
from host_tests.fakes.vitals import Vitals
from host_tests.sim.world import World, standard_config


class File:
    size = 1500

    def read(self, at, buf):
        n = min(len(buf), self.size - at)
        for i in range(n):
            buf[i] = 0x20 + (at + i) % 90
        return n


def answers():
    world = World(5, standard_config(2, mode="broker"), start_tick=0x3FFFFFFF - 9000, page=(Listener(), File(), Vitals()))
    world.plug()
    world.run(20000)
    for line in (b"GET / HTTP/1.1", b"GET /status.json HTTP/1.1", b"HEAD /status.json HTTP/1.0", b"GET /nothing HTTP/1.1", b"POST / HTTP/1.1", b"?"):
        client = Client(world.page[0], "192.168.1.60").send(line + b"\r\nHost: box\r\n\r\n")
        world.run(1500)
        print(bytes(client.received), client.closed_by_box)
    print(world.gateway.page.door.accepted, world.gateway.page.door.used)


def announcements():
    config = standard_config(2)
    config["mqtt"]["discovery"] = "homeassistant"
    config["mqtt"]["mirror"] = [3]
    config["name"] = 'my "box"'
    world = World(42, config)
    world.run(6000)
    for topic in sorted(world.broker.retained):
        if not topic.startswith(b"openWB/internal_chargepoint/"):
            print(topic, world.broker.retained[topic])
    print(world.gateway.client.packet.refused)


answers()
announcements()
