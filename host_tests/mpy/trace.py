"""What a scenario prints: one line whenever something of the box changes, with the world's time in ms."""

from binascii import crc32


class Trace:
    """Runs a world and prints every change of what it shows; `digest` sums up all that went over line and broker."""

    def __init__(self, world):
        self.world = world
        self.digest = 0
        self._last = None

    def say(self, text):
        print("%9d -- %s" % (self.world.now_ms, text))

    def run(self, ms):
        world = self.world
        end_ms = world.now_ms + ms
        while world.now_ms < end_ms:
            self.step()

    def until(self, condition, limit_ms):
        """ValueError when it does not come true in time."""
        end_ms = self.world.now_ms + limit_ms
        while not condition():
            if self.world.now_ms > end_ms:
                raise ValueError("not true within %d ms" % limit_ms)
            self.step()

    def step(self):
        world = self.world
        world.step()
        self._sum()
        now = [self._facts(cp) for cp in range(len(world.site.charge_points))]
        if now != self._last:
            self._last = now
            print("%9d %s" % (world.now_ms, "; ".join([self._text(facts) for facts in now])))

    def _facts(self, cp):
        point = self.world.gateway.points[cp]
        outlet = self.world.site.charge_points[cp]
        return (
            point.limit_ca, point.reason, point.evse.state, outlet.evse.state, outlet.evse.set_current_raw, outlet.car.state,
            self.world.told(b"get/state_str", cp), self.world.told(b"get/fault_state", cp),
        )  # fmt: skip

    def _text(self, facts):
        told = tuple([(text or b"").decode() for text in facts[6:]])
        return "limit %d reason %d evse %d/%d raw %d car %d told %s %s" % (facts[:6] + told)

    def _sum(self):
        world = self.world
        for start_us, _, data in world.line.frames:
            self._add(b"%d" % start_us + data)
        for topic, payload, _ in world.broker.log:
            self._add(topic + payload)
        world.line.frames.clear()
        world.broker.log.clear()

    def _add(self, data):
        self.digest = crc32(data, self.digest)

    def end(self):
        """The last line of a scenario."""
        world = self.world
        counters = [(s.requests, s.timeouts, s.crc_errors, s.wrong_replies) for s in self._stations()]
        print("%9d digest %d steps %d stations %s" % (world.now_ms, self.digest, world.steps, counters))

    def _stations(self):
        for point in self.world.gateway.points:
            yield point.evse.station
            if point.meter is not None:
                yield point.meter.station
