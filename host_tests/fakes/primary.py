"""What an openWB primary does to a box in one control cycle, as bytes: golden/primary_cycle.json, and who plays it."""

import json
from pathlib import Path

from host_tests.fakes.peer import Client

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "primary_cycle.json"
COLLECT_MS = 1000
PUBLISH_BUDGET_MS = 390
ADDRESS = "192.168.1.10"


def field_bytes(field):
    return field[2].encode() if len(field) == 3 else bytes.fromhex(field[1])


def golden():
    """[(connection, bytes of its packets)] in the order of the cycle."""
    connections = json.loads(GOLDEN.read_text())["connections"]
    return [(row, [b"".join(map(field_bytes, packet)) for packet in row["packets"]]) for row in connections]


class Primary:
    """Plays cycles on a box of broker_bench, one connection after another, each packet when the last one is answered.

    `worst_publish_ms` and `worst_collect_ms` are virtual; `incomplete` counts collectors that missed something.
    """

    def __init__(self, box, charge_point=0, topics=()):
        self.box = box
        self.topics = set(topics)
        self.number = b"%d" % charge_point
        self.script = golden()
        self.worst_publish_ms = 0
        self.worst_collect_ms = 0
        self.incomplete = 0
        self.cycles = 0
        self._stamp = 1795327212

    def cycle(self):
        """A generator: yields whenever the world should go on by a step."""
        self._stamp += 10
        for row, packets in self.script:
            client = Client(self.box.listener, ADDRESS)
            if "subscribe" in row:
                yield from self._collect(client, packets)
            else:
                yield from self._publish(client, packets, row)
        self.cycles += 1

    def _mine(self, data):
        """The bytes for this charge point and this moment, as long as they were."""
        data = data.replace(b"chargepoint/0/", b"chargepoint/" + self.number + b"/").replace(b"SeriesChargepoint3", b"SeriesChargepoint" + self.number)
        return data.replace(b"1795327212", b"%d" % self._stamp)

    def _publish(self, client, packets, row):
        begin_ms = self.box.now_ms
        client.send(self._mine(packets[0]))
        while not client.received:
            yield
        client.send(self._mine(packets[1]) + packets[2]).hang_up()
        while not client.closed_by_box:
            yield
        self.worst_publish_ms = max(self.worst_publish_ms, (self.box.now_ms - begin_ms) & 0x3FFFFFFF)

    def _collect(self, client, packets):
        begin_ms = self.box.now_ms
        client.send(self._mine(packets[0]))
        while not client.received:
            yield
        client.take()
        client.send(self._mine(packets[1]))
        got, complete_ms = set(), None
        while (self.box.now_ms - begin_ms) & 0x3FFFFFFF < COLLECT_MS:
            yield
            got |= {topic for topic, _, _ in client.messages()}
            if complete_ms is None and self.topics <= got:
                complete_ms = (self.box.now_ms - begin_ms) & 0x3FFFFFFF
        client.hang_up()
        self.incomplete += complete_ms is None
        self.worst_collect_ms = max(self.worst_collect_ms, complete_ms or COLLECT_MS)

