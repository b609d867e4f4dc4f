"""What a steady second of the client door allocates: 26 retained publishes, 100 steps, every few seconds a PINGRESP.

Prints one JSON line as test_alloc.py describes; what needed the heap while it was locked is in the traceback on stderr.
Needs MICROPYPATH with the firmware; umqtt.simple may be absent (the 32-bit port has no sockets): then the double is used.
"""

import sys

try:
    import umqtt.simple
except ImportError:
    from host_tests.fakes import umqtt_double

    class _Umqtt:
        simple = umqtt_double

    sys.modules["umqtt"] = _Umqtt
    sys.modules["umqtt.simple"] = umqtt_double

import mqtt_client
from host_tests.mpy.heap_cost import cost, runs_locked, tell

SECONDS = 1000
STEP_MS = 10
PREFIX = b"garage/openWB/internal_chargepoint/0/"
TOPICS = [b"get/topic_%d" % i for i in range(26)]
SETTINGS = {"host": "127.0.0.1", "port": 1883, "user": None, "password": None, "keepalive_s": 10}


class AnsweringLink:
    """Takes everything and answers CONNECT, SUBSCRIBE and PINGREQ from prepared bytes; allocates nothing."""

    def __init__(self):
        self.pings = 0
        self.taken = 0
        self._answer = None

    def resolve(self, host, port):
        pass

    def resolved(self):
        return 1

    def dial(self):
        pass

    def status(self):
        return 1

    def readinto(self, buf):
        answer = self._answer
        if answer is None:
            return 0
        self._answer = None
        buf[0 : len(answer)] = answer
        return len(answer)

    def write(self, buf, offset, n):
        head = buf[offset]
        if head == 0x10:
            self._answer = b"\x20\x02\x00\x00"
        elif head == 0x82:
            self._answer = b"\x90\x03\x00\x01\x00"
        elif head == 0xC0:
            self._answer = b"\xd0\x00"
            self.pings += 1
        self.taken = self.taken + n & 0xFFFFFF
        return n

    def close(self):
        pass


def publish(client, name, value, now_ms):
    packet = client.packet
    if not client.idle() or not packet.open_publish(PREFIX, name):
        raise RuntimeError("the door was not idle")
    end = packet.end
    while value or end == packet.end:
        packet.buf[end] = 0x30 + value % 10
        value //= 10
        end += 1
    packet.end = end
    packet.close_publish(True)
    client.flush(now_ms)


class Steady:
    def __init__(self):
        self.link = AnsweringLink()
        self.client = mqtt_client.MqttClient(SETTINGS, b"ladepunkt-1", self.link, 1)
        self.client.set_callback(print)
        self.client.topic_filter = b"garage/openWB/set/internal_chargepoint/#"
        self.now_ms = 0x3FFFFFFF - 300000  # the clock wraps on the way
        for _ in range(20):
            self.client.step(self.now_ms)
            self.now_ms += STEP_MS

    def second(self):
        for i in range(1000 // STEP_MS):
            self.client.step(self.now_ms)
            self.client.wait_ms(self.now_ms)
            if i < len(TOPICS):
                publish(self.client, TOPICS[i], self.now_ms, self.now_ms)
            self.now_ms = (self.now_ms - 0x3FFFFFFF + STEP_MS - 1) & 0x3FFFFFFF  # in this order it stays a small integer

    def run(self, seconds):
        for _ in range(seconds):
            self.second()


def main():
    steady = Steady()
    steady.run(60)
    steady.client.bytes_out = 0x3FFFFFFF - 100000  # so does the counter
    pings = steady.link.pings
    costs = cost(steady.run, SECONDS)
    if not steady.client.online or steady.link.pings - pings < SECONDS // 6:
        raise RuntimeError("not the steady state: nothing was measured")
    tell("mqtt_client", costs, runs_locked(steady.run, 30))


main()
