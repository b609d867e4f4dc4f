"""Many gateways as clients of one Mosquitto, each with a prefix of its own: what a gateway costs the broker.

    python -m tools.fleet 20 [--seconds 20] [--write]      --write: put the numbers into docs/fleet.md

Every gateway is the real firmware with a simulated box, on real sockets; a controller sends heartbeat and set point for each every 5 s
and watches all topics. All of it runs on this machine, the gateways in one process: what is measured is the broker's process.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import paho.mqtt.client as paho

from host_tests.stubs.cpython import install
from tools.desk import broker

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "fleet.md"
INTERVAL_S = 5
SETTLE_S = 12  # connections, two heartbeats, set-up of the EVSEs
SYS = "$SYS/broker/"
COUNTED = ("messages/received", "messages/sent", "bytes/received", "bytes/sent")
TICKS_MASK = 0x3FFFFFFF


class Box:
    """One gateway with its simulated box."""

    def __init__(self, number, port, now_ms, waiter):
        import net
        from gateway import Gateway
        from host_tests.fakes.site import standard_site
        from host_tests.fakes.wire import Line
        from host_tests.sim.world import standard_config
        from resolver import Resolver

        config = standard_config()
        self.prefix = f"box{number:03d}/"
        config["mqtt"].update(prefix=self.prefix, port=port, client_id=f"box{number:03d}")
        self.site = standard_site(1)
        self.site.charge_points[0].car.plug()
        self.line = Line(lambda unit, function, address, payload, us: self.site.request(unit, function, address, payload, us // 1000), number)
        self.gateway = Gateway(config, self.line, net.TcpLink(waiter, Resolver()), number, now_ms & TICKS_MASK)

    def step(self, now_ms):
        self.line.now_us = now_ms * 1000
        self.site.step(now_ms)
        self.gateway.step(now_ms & TICKS_MASK)

    def charging(self):
        return self.site.charge_points[0].car.current_ca[0] > 0


class Controller:
    """Leads every box over one connection, watches all of them, and reads the broker's own counters."""

    def __init__(self, port, boxes):
        self.counters = {}
        self.heard = 0
        self._boxes = boxes
        self._next_s = 0
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("+/openWB/internal_chargepoint/#", 0)] + [(SYS + name, 0) for name in COUNTED])
        self._client.loop_start()

    def _on_message(self, client, _data, message):
        if message.topic.startswith(SYS):
            self.counters[message.topic[len(SYS) :]] = int(message.payload)
        else:
            self.heard += 1

    def step(self, now_s):
        if now_s < self._next_s:
            return
        self._next_s = now_s + INTERVAL_S
        for box in self._boxes:
            root = box.prefix + "openWB/set/internal_chargepoint/"
            self._client.publish(root + "global_data", json.dumps({"heartbeat": time.time()}), retain=True)
            self._client.publish(root + "0/data/set_current", "16", retain=True)

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()


def processor_s(pid):
    """Processor time a process has taken, in s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start_broker(folder, port):
    mosquitto = broker.find_mosquitto()
    if mosquitto is None:
        sys.exit("fleet: expected Mosquitto, found none: install it (as root: apt-get install -y mosquitto)")
    config = Path(folder) / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nsys_interval 1\nmax_queued_messages 0\n")
    child = subprocess.Popen([mosquitto, "-c", config], stderr=subprocess.DEVNULL)
    for _ in range(100):
        if broker.accepts(("127.0.0.1", port)):
            return child
        time.sleep(0.05)
    child.kill()
    sys.exit("fleet: Mosquitto does not answer")


def measure(count, seconds):
    """{what: number} for a fleet of `count` gateways."""
    from tools.desk.settings import choose_port

    port = choose_port(0, "")
    with tempfile.TemporaryDirectory() as folder:
        child = start_broker(folder, port)
        try:
            return _measure(count, seconds, port, child.pid)
        finally:
            child.terminate()
            child.wait()


def _measure(count, seconds, port, pid):
    import net

    waiter = net.Waiter()
    boxes = [Box(number, port, _now_ms(), waiter) for number in range(count)]
    controller = Controller(port, boxes)
    try:
        _live(boxes, controller, waiter, SETTLE_S)
        before, cpu_s, start_s = dict(controller.counters), processor_s(pid), time.monotonic()
        worst_ms = _live(boxes, controller, waiter, seconds)
        took_s = time.monotonic() - start_s
        cpu_s = processor_s(pid) - cpu_s
        rates = {name: (controller.counters[name] - before[name]) / took_s / count for name in COUNTED}
    finally:
        controller.stop()
    return {
        "gateways": count,
        "charging": sum(box.charging() for box in boxes),
        "seconds": round(took_s),
        **{f"{name.replace('/', '_')}_per_s": round(rate, 1) for name, rate in rates.items()},
        "broker_core_percent": round(100 * cpu_s / took_s / count, 3),
        "slowest_round_ms": worst_ms,
    }


def _live(boxes, controller, waiter, seconds):
    """Steps every box for so long; returns how long the slowest round of all took, in ms."""
    worst_ms = 0
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        began_ms = _now_ms()
        controller.step(time.monotonic())
        for box in boxes:
            box.step(_now_ms())
        worst_ms = max(worst_ms, _now_ms() - began_ms)
        waiter.wait(max(1, 20 - (_now_ms() - began_ms)))
    return worst_ms


def _now_ms():
    return time.monotonic_ns() // 1000000


def table(found):
    """Markdown lines."""
    rows = [
        ("messages to the broker", f"{found['messages_received_per_s']:g} /s"),
        ("messages from the broker (one watcher of everything, and the commands)", f"{found['messages_sent_per_s']:g} /s"),
        ("bytes to the broker", f"{found['bytes_received_per_s']:,.0f} /s"),
        ("bytes from the broker", f"{found['bytes_sent_per_s']:,.0f} /s"),
        ("processor time of Mosquitto", f"{found['broker_core_percent']:g} % of a core"),
    ]
    head = [f"Measured with {found['gateways']} gateways for {found['seconds']} s, {found['charging']} of them charging:", ""]
    return [*head, "| per gateway with one charge point | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows)]


def write(found):
    text = PAGE.read_text(encoding="utf-8")
    pattern = r"(<!-- fleet: .*?-->\n).*?(<!-- /fleet -->)"
    PAGE.write_text(re.sub(pattern, lambda m: m[1] + "\n".join(table(found)) + "\n" + m[2], text, flags=re.DOTALL), encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.fleet", description=__doc__.splitlines()[0])
    parser.add_argument("gateways", type=int, nargs="?", default=20, metavar="N")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--write", action="store_true", help="put the numbers into docs/fleet.md")
    options = parser.parse_args(arguments)
    install.install()
    found = measure(options.gateways, options.seconds)
    print(json.dumps(found))
    if options.write:
        write(found)
    return 0 if found["charging"] == options.gateways else 1


if __name__ == "__main__":
    sys.exit(main())
