"""The firmware's clock on a real socket: run_clock.py PORT. Asks 127.0.0.1 for the time and prints it, or "none" after 3 s."""

import sys
import time

from resolver import Resolver
from sntp import Sntp
from udp import UdpPort
from wall import WallClock

SERVER_PORT = int(sys.argv[1])


class Port(UdpPort):
    """No ordinary user may open port 123."""

    def resolve(self, host, port):
        super().resolve(host, SERVER_PORT)


def main():
    wall = WallClock()
    machine = Sntp("127.0.0.1", 24, Port(Resolver(), None), wall, 1, time.ticks_ms())
    for _ in range(300):
        now_ms = time.ticks_ms()
        machine.step(now_ms)
        if wall.valid:
            print(wall.text(now_ms, now_ms).decode(), machine.refused)
            return
        time.sleep_ms(10)
    print("none", machine.refused)


main()
