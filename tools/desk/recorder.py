"""Records a life of the gateway at its ports, so that tools.replay can live it again. Runs in the firmware's process, also on MicroPython.

One JSON value per line: an object begins a life and says what it was born with; a number is a step without news, its time in ms; a list
is [time, [[port, call, result]...], [[charge point, limit_ca, reason]...]]: what came in, and what was decided anew.
"""

import binascii
import json

DECIDING = ("second_port", "modbus", "page", "grid")  # of the ports that not every box has: those that a limit can depend on; tags and the time of day can not
READ, WROTE, CHANGED, ACCEPTED, DID = "r", "w", "s", "a", "do"


class Log:
    """The lines of one life; `news` is what the running step has been told."""

    def __init__(self, file):
        self._file = file
        self.news = []
        self._decided = []

    def begin(self, born):
        self._line(born)

    def step(self, now_ms, points):
        """At the end of a step."""
        decided = []
        for i in range(len(points)):
            now = [i, points[i].limit_ca, points[i].reason]
            if i == len(self._decided):
                self._decided.append(None)
            if now != self._decided[i]:
                self._decided[i] = now
                decided.append(now)
        self._line([now_ms, self.news, decided] if self.news or decided else now_ms)
        self.news = []

    def _line(self, value):
        self._file.write(json.dumps(value) + "\n")
        if isinstance(value, dict) or len(self.news) > 0:
            self._file.flush()


class Port:
    """Stands before a port (a bus, link, listener, connection or button) and writes down what it says. What is usual is left out."""

    def __init__(self, port, name, log):
        self.port = port
        self.name = name
        self._log = log
        self._last = {}
        self._accepted = 0
        self.address = getattr(port, "address", None)

    def readinto(self, buf):
        n = self.port.readinto(buf)
        if n:
            data = n if n < 0 else binascii.hexlify(bytes(memoryview(buf)[:n])).decode()
            self._log.news.append([self.name, READ, data])
        return n

    def write(self, *arguments):
        taken = self.port.write(*arguments)
        if taken != arguments[-1]:
            self._log.news.append([self.name, WROTE, taken])
        return taken

    def accept(self):
        peer = self.port.accept()
        self._accepted += 1
        self._log.news.append([self.name, ACCEPTED, False if peer is None else peer.address])
        return None if peer is None else Port(peer, "%s.%d" % (self.name, self._accepted), self._log)

    def waiting(self):
        return self._changed("waiting", self.port.waiting())

    def status(self):
        return self._changed("status", self.port.status())

    def resolved(self):
        return self._changed("resolved", self.port.resolved())

    def pressed(self):
        return self._changed("pressed", self.port.pressed())

    def limited(self):
        return self._changed("limited", self.port.limited())

    def free_bytes(self):
        return self._changed("free_bytes", self.port.free_bytes())

    def _changed(self, call, result):
        """What holds until it changes."""
        if self._last.get(call) != result:
            self._last[call] = result
            self._log.news.append([self.name, CHANGED, [call, result]])
        return result

    def __getattr__(self, name):
        return getattr(self.port, name)


def _page(parts, log):
    """The listener of the page, its file, and the vitals, of which the free memory decides who is let in; see Gateway."""
    listener, asset, vitals = parts
    return Port(listener, "page", log), asset, None if vitals is None else Port(vitals, "vitals", log)


def recording(base, file):
    """A Gateway class that writes down its life. `base`: the real one; `file`: open for writing."""

    class Recording(base):
        def __init__(self, config, bus_port, net_port, box_id, now_ms, relays=(), memory=None, button=None, **more):
            self.log = log = Log(file)
            born = {"config": config, "box_id": box_id, "now_ms": now_ms, "relays": [bool(relay.starts_open) for relay in relays]}
            born["memory"] = None if memory is None else list(memory.value)
            born["button"] = button is not None
            born["coils"] = [[coil.pulse_ms, coil.rests_at] for coil in more.get("coils", ())]
            born["ports"] = [name for name in DECIDING if more.get(name)]
            if "page" in born["ports"]:
                born["page_bytes"] = more["page"][1].size
            log.begin(born)
            for name in born["ports"]:
                more[name] = _page(more[name], log) if name == "page" else Port(more[name], name, log)
            button = button and Port(button, "button", log)
            net_port = Port(net_port, "net", log)
            bus_port = None if bus_port is None else Port(bus_port, "bus", log)
            super().__init__(config, bus_port, net_port, box_id, now_ms, relays, memory, button, **more)

        def step(self, now_ms):
            wait_ms = super().step(now_ms)
            self.log.step(now_ms, self.points)
            return wait_ms

        def clear(self, now_ms):
            if self.log.news is not None:
                self.log.news.append(["console", DID, ["clear", now_ms]])
            super().clear(now_ms)

        def maintain(self, wanted):
            self.log.news.append(["console", DID, ["maintain", wanted]])
            super().maintain(wanted)

    return Recording
