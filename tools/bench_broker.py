"""The numbers of the broker door, measured for tools.bench: the box on real sockets, beside Mosquitto and amqtt, and on 32 bit.

Rates belong to the machine and its mood: all three brokers run at the same time, take turns, and are told as ratios, too.
"""
import contextlib
import json
import math
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from host_tests.fakes import peer, primary
from host_tests.stubs.cpython import install
from tools import heap, mpy, runtimes
from tools.desk import broker

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "host_tests" / "mpy"
FIRMWARE = ROOT / "build" / "bench"
RUN_BROKER = ROOT / "host_tests" / "interop" / "run_broker.py"
GATEWAY, SUBSCRIBERS = SCRIPTS / "build_gateway.py", SCRIPTS / "subscribers.py"
SETTINGS = {"charge_points": 1, "prefix": "", "user": None, "password": None, "controllers": None}
START_LIMIT_S = 10
ANSWER_LIMIT_S = 5

COLLECTORS = 200
TURNS, TURN_S = 3, 0.4  # of each broker in each direction
WINDOW = 20  # messages on their way: what paho and Mosquitto have by default
SET_CURRENT = b"openWB/set/internal_chargepoint/0/data/set_current"
GET_ROOT = b"openWB/internal_chargepoint/0/get/"
RETAINED = 0x31
OTHERS = ("mosquitto", "amqtt")

# name: unit, limit (None: none), gated against growth, what it is; as in tools.bench
NAMES = {
    "broker_publish_ops": ("operations", None, True, "per message that the broker door renders and hands to one of three subscribers, 32 bit"),
    "broker_idle_step_ops": ("operations", None, True, "of pool and broker in a step in which nothing is due, three subscribers connected"),
    "broker_publish_bytes": ("bytes", 0, False, "asked for in all per such message"),
    "collector_p50_ms": ("ms", None, False, "a primary's collector: connect, subscribe, every topic there, disconnect; real sockets, on this machine"),
    "collector_p99_ms": ("ms", 1000, False, "the same, all but the slowest hundredth; a primary waits for 1 s"),
    "messages_per_second_in": ("", None, False, f"set points of QoS 1 taken by the box, {WINDOW} on their way; on this machine"),
    "messages_per_second_out": ("", None, False, "retained topics told by the box to one who subscribes again and again; on this machine"),
    "messages_in_vs_mosquitto": ("", None, False, "ours over Mosquitto's, in the same run"),
    "messages_in_vs_amqtt": ("", None, False, "ours over amqtt's"),
    "messages_out_vs_mosquitto": ("", None, False, "ours over Mosquitto's"),
    "messages_out_vs_amqtt": ("", None, False, "ours over amqtt's"),
    "live_heap_broker_bytes_32": ("bytes", 104 * 1024, True, "as live_heap_bytes_32 with the broker door, every slot taken by a subscriber of everything"),
}  # fmt: skip


# --- on 32 bit ---


def publishing():
    found = json.loads(runtimes.run_script(SCRIPTS / "bench_broker.py", "wasi32", clock="fuel"))
    return {
        "broker_publish_ops": found["ops"],
        "broker_idle_step_ops": found["step_ops"],
        "broker_publish_bytes": found["bytes"],
    }


def live_heap():
    files = heap.device_files(extra=[GATEWAY, SUBSCRIBERS])
    files[f"/lib/host_tests/mpy/{SUBSCRIBERS.stem}.mpy"] = files[f"/lib/{SUBSCRIBERS.stem}.mpy"]
    found = heap.measure(f'import sys\nsys.argv[:] = ["{GATEWAY.name}", "broker"]\nimport {GATEWAY.stem}', files)
    return {"live_heap_broker_bytes_32": found["live"] - found["baseline"]}  # no umqtt: nobody imports it


# --- brokers of this machine ---


@contextlib.contextmanager
def the_box():
    """Port of run_broker.py in a process of its own, with the heap and the sockets of an ESP32. RuntimeError when it ends early."""
    mpy.build(FIRMWARE, extra=[RUN_BROKER], public=True, merged=False)  # it is a part of the box only
    ports = free_ports(3)
    command = [runtimes.micropython(), "-X", "heapsize=160K", "-m", RUN_BROKER.stem, json.dumps({"ports": ports, **SETTINGS})]
    path = ":".join(map(str, (runtimes.STUBS, runtimes.UMQTT, FIRMWARE, ROOT, ".frozen")))
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env={"MICROPYPATH": path}, stdout=log, stderr=log)

        def ready():
            if process.poll() is not None:
                log.seek(0)
                raise RuntimeError(f"{RUN_BROKER.name} ended with status {process.returncode}: {log.read()[-500:].decode()}")
            return broker.accepts(("127.0.0.1", ports[0]))

        try:
            _wait_for(ready, RUN_BROKER.name)
            yield ports[0]
            ready()
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def other(name):
    """Port of Mosquitto or amqtt, with every topic of the box retained in it. RuntimeError when it does not start."""
    program = broker.find_mosquitto() if name == "mosquitto" else None
    if name == "mosquitto" and program is None:
        raise RuntimeError("Mosquitto is missing: run make setup, or ask for names without messages_ in them")
    with tempfile.TemporaryDirectory() as folder:
        server = broker.Broker(free_ports(1)[0], folder, program)
        server.start()
        try:
            _wait_for(server.ready, server.name)
            fill(server.port)
            yield server.port
        finally:
            server.stop()


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [s.getsockname()[1] for s in sockets]


def _wait_for(ready, name):
    end_s = time.monotonic() + START_LIMIT_S
    while not ready():
        if time.monotonic() > end_s:
            raise RuntimeError(f"{name}: expected it to accept connections within {START_LIMIT_S} s, found that it does not: is this machine too busy?")
        time.sleep(0.02)


# --- who talks to them ---


class Client:
    """A blocking MQTT connection. OSError when the broker hangs up or does not answer in time, RuntimeError when it answers nonsense."""

    def __init__(self, port, connect=None):
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_LIMIT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._acknowledge_at_once()
        self._got = bytearray()
        self.send(connect or peer.connect(b"bench"))
        self.expect(peer.CONNACK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def expect(self, data):
        found = self._take(len(data))
        if found != data:
            raise RuntimeError(f"a broker answered {found!r}, expected {data!r}: nothing was measured")

    def packet(self):
        """(first byte, body) of the next packet."""
        got, n, shift, at = self._got, 0, 0, 1
        while True:
            self._have(at + 1)
            n |= (got[at] & 0x7F) << shift
            shift += 7
            at += 1
            if got[at - 1] < 0x80:
                break
        data = self._take(at + n)
        return data[0], data[at:]

    def _have(self, n):
        while len(self._got) < n:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("a broker hung up")
            self._got += data
            self._acknowledge_at_once()

    def _acknowledge_at_once(self):
        """Else a broker that collects small segments (Nagle; Mosquitto does) waits 40 ms for us, and that would be measured."""
        if hasattr(socket, "TCP_QUICKACK"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _take(self, n):
        self._have(n)
        data = bytes(self._got[:n])
        del self._got[:n]
        return data


def told_topics():
    install.install()
    from topics import TOLD

    return {b"openWB/internal_chargepoint/0/" + row[0] for row in TOLD}


def fill(port):
    """Retains every topic of the box at another broker, with values of about the same length."""
    with Client(port) as client:
        for i, topic in enumerate(sorted(told_topics())):
            client.send(peer.publish(topic, b"[230.1, 230.2, 229.9]", qos=1, retain=True, packet_id=i + 1))
            client.expect(b"\x40\x02" + (i + 1).to_bytes(2, "big"))


def read_all(client, topics):
    """Reads until each of these topics has come with the retain bit."""
    missing = set(topics)
    while missing:
        head, body = client.packet()
        if head == RETAINED:
            missing.discard(body[2 : 2 + int.from_bytes(body[:2], "big")])


# --- what is measured there ---


def collector():
    topics = told_topics()
    packets = next(packets for row, packets in primary.golden() if "subscribe" in row)
    took_ms = []
    with the_box() as port:
        for _ in range(COLLECTORS):
            start_s = time.perf_counter()
            with Client(port, packets[0]) as client:
                client.send(packets[1])
                read_all(client, topics)
            took_ms.append((time.perf_counter() - start_s) * 1000)
    took_ms.sort()
    return {
        "collector_p50_ms": round(statistics.median(took_ms), 1),
        "collector_p99_ms": round(took_ms[math.ceil(0.99 * len(took_ms)) - 1], 1),
    }


def rate_in(port):
    """Messages per second that a broker takes and acknowledges."""
    ids = [i.to_bytes(2, "big") for i in range(1, WINDOW + 1)]
    volley = b"".join(peer.publish(SET_CURRENT, b"16", qos=1, packet_id=i) for i in range(1, WINDOW + 1))
    answers = sorted(b"\x40\x02" + i for i in ids)
    with Client(port) as client:

        def turn():
            client.send(volley)
            found = sorted(bytes((head, len(body))) + body for head, body in (client.packet() for _ in ids))
            if found != answers:
                raise RuntimeError(f"a broker answered {found!r}: nothing was measured")
            return WINDOW

        return _rate(turn)


def rate_out(port):
    """Retained messages per second that a broker tells."""
    topics = told_topics()
    with Client(port) as client:

        def turn():
            client.send(peer.subscribe(GET_ROOT + b"#"))
            read_all(client, topics)
            return len(topics)

        return _rate(turn)


def _rate(turn):
    messages, start_s = 0, time.perf_counter()
    while time.perf_counter() - start_s < TURN_S:
        messages += turn()
    return messages / (time.perf_counter() - start_s)


def side_by_side():
    with contextlib.ExitStack() as stack:
        ports = {"ours": stack.enter_context(the_box()), **{name: stack.enter_context(other(name)) for name in OTHERS}}
        turns = [{name: (rate_in(port), rate_out(port)) for name, port in ports.items()} for _ in range(TURNS)]
    rates = {name: [statistics.median(turn[name][i] for turn in turns) for i in (0, 1)] for name in ports}
    found = {}
    for i, way in enumerate(("in", "out")):
        found[f"messages_per_second_{way}"] = round(rates["ours"][i])
        for name in OTHERS:
            found[f"messages_{way}_vs_{name}"] = round(rates["ours"][i] / rates[name][i], 3)
    return found


MEASURES = {
    publishing: ("broker_publish_ops", "broker_idle_step_ops", "broker_publish_bytes"),
    collector: ("collector_p50_ms", "collector_p99_ms"),
    side_by_side: (
        "messages_per_second_in", "messages_per_second_out", "messages_in_vs_mosquitto", "messages_in_vs_amqtt", "messages_out_vs_mosquitto",
        "messages_out_vs_amqtt",
    ),
    live_heap: ("live_heap_broker_bytes_32",),
}  # fmt: skip
