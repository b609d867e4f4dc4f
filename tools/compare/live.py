"""The three at work at the same time: one Mosquitto, a line for each, the same commands at the same moment. Everything here is real time."""

import contextlib
import json
import math
import random
import socket
import statistics
import tempfile
import threading
import time

import paho.mqtt.client as paho

from tools.bench_broker import free_ports
from tools.compare import asks, line
from tools.compare.contenders import NAMES, Contender
from tools.desk import broker

HEARTBEAT_S = 2
HEARTBEAT_LIMIT_S = 30
START_S = 25  # until all of them charge
SETTLE_S = 4
COMMAND_S = (0.25, 0.45)  # from one to the next
RESTS_S = 3  # after the last one, until it is looked for
ATTACHED_S = 8
FLAT_OUT_TURNS, FLAT_OUT_S = 4, 0.5  # in turns, and the best one counts: whatever else runs here only ever slows one down
GIVE_UP_S = 15  # beyond the limit: whoever has not cut off by then does not


class Controller:
    """Leads all of them over one connection: a heartbeat every 2 s while `beating`, and commands. `beat_s`: when the last one left."""

    def __init__(self, port, prefixes):
        self.beating = True
        self.beat_s = 0.0
        self._roots = [prefix + "openWB/set/internal_chargepoint/" for prefix in prefixes]
        self._end = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def command(self, amperes):
        """Publishes the set point for all of them; returns when."""
        at_s = time.monotonic()
        for root in self._roots:
            self._client.publish(root + "0/data/set_current", str(amperes), retain=True)
        return at_s

    def _beat(self):
        while not self._end.wait(HEARTBEAT_S):
            if self.beating:
                self.beat_s = time.monotonic()
                for root in self._roots:
                    self._client.publish(root + "global_data", json.dumps({"heartbeat": time.time()}), retain=True)

    def stop(self):
        self._end.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()


class Bench:
    """Broker, controller and contenders; a context manager."""

    def __init__(self, say):
        self.say = say
        self._stack = contextlib.ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.port, *ports = free_ports(1 + len(NAMES))
        self.broker = broker.Broker(self.port, folder, broker.find_mosquitto())
        self.contenders = [Contender(name, self.port, port, HEARTBEAT_LIMIT_S, folder) for name, port in zip(NAMES, ports)]
        self.controller = None

    def __enter__(self):
        try:
            self._stack.callback(self.broker.stop)
            self.broker.start()
            _wait(self.broker.ready, 10, "the broker does not answer")
            for contender in self.contenders:
                self._stack.callback(contender.stop)
                contender.start()
            self.controller = Controller(self.port, [c.prefix for c in self.contenders])
            self._stack.callback(self.controller.stop)
            self.charge()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def charge(self):
        """All of them are told 16 A, and have set it."""
        self.controller.beating = True
        time.sleep(2 * HEARTBEAT_S)
        self.controller.command(16)

        def charging():
            for contender in self.contenders:
                contender.check()
            return all(_newest_set(c.line.transactions) in (16, 1600) for c in self.contenders)

        _wait(charging, START_S, "not everybody sets 16 A")

    def hang_broker(self):
        """The broker is gone, and what listens in its place takes connections and says nothing. Returns that listener."""
        self.broker._child.kill()
        self.broker._child.wait()
        end_s = time.monotonic() + 3
        while True:
            try:
                return socket.create_server(("127.0.0.1", self.port), backlog=64)
            except OSError:
                if time.monotonic() > end_s:
                    raise
                time.sleep(0.01)


def _wait(condition, limit_s, trouble):
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            raise RuntimeError(f"{trouble} within {limit_s} s: is this machine too busy? Nothing was measured")
        time.sleep(0.05)


def _newest_set(transactions):
    return next((t.sets() for t in reversed(transactions) if t.sets() is not None), None)


def _first_set(transactions, after_s, raws):
    """When the end of the first frame was on the line that sets one of these; None: there was none."""
    return next((t.end_s for t in transactions if t.end_s >= after_s and t.sets() in raws), None)


# --- what is measured; each returns {contender: {name: number}} ---


def steady(bench, seconds):
    """Bus and processor while nobody says anything but the heartbeat."""
    time.sleep(SETTLE_S)
    before = {c: (len(c.line.transactions), c.processor_s()) for c in bench.contenders}
    time.sleep(seconds)
    found = {}
    for c, (first, cpu_s) in before.items():
        c.check()
        transactions = c.line.transactions[first:]
        cycles = line.cycles(transactions)
        found[c.name] = {
            "bus_cycle_ratio": _rounded(line.ratio_to_limit(transactions), 3),
            "silence_chars": _rounded(line.silence_chars(transactions), 1),
            "cycles_per_second": round(cycles / seconds, 2),
            "processor_ms_per_cycle": None if cpu_s is None or not cycles else round(1000 * (c.processor_s() - cpu_s) / cycles, 2),
            "resident_bytes": c.resident_bytes(),
        }
    for c in bench.contenders:
        found[c.name]["live_heap_bytes_64"] = c.live_bytes()
    return found


def commands(bench, count):
    """From the set point's way to the broker to the end of the frame that carries it to the EVSE."""
    draw = random.Random(1)
    sent = []
    for i in range(count):
        amperes = 7 + i % 9
        sent.append((bench.controller.command(amperes), amperes))
        time.sleep(draw.uniform(*COMMAND_S))
    time.sleep(RESTS_S)
    found = {}
    for c in bench.contenders:
        c.check()
        took_ms = [(_first_set(c.line.transactions, at_s, (a, 100 * a)), at_s) for at_s, a in sent]
        took_ms = sorted(1000 * (end_s - at_s) for end_s, at_s in took_ms if end_s is not None)
        found[c.name] = {"commands": count, "commands_lost": count - len(took_ms), **_percentiles(took_ms)}
    return found


def _percentiles(took_ms):
    if not took_ms:
        return {"command_p50_ms": None, "command_p99_ms": None}
    p99 = took_ms[math.ceil(0.99 * len(took_ms)) - 1]
    return {"command_p50_ms": round(statistics.median(took_ms)), "command_p99_ms": round(p99)}


def asking(bench):
    """Modbus TCP while they do the rest of the job."""
    found = {c.name: {} for c in bench.contenders}
    first = {c: len(c.line.transactions) for c in bench.contenders}
    clients = {c: asks.OncePerSecond(c.modbus_port, ATTACHED_S) for c in bench.contenders}
    for c, client in clients.items():
        client.join()
        ratio = line.ratio_to_limit(c.line.transactions[first[c] :])
        found[c.name].update(bus_cycle_ratio_asked=_rounded(ratio, 3), asked=client.asked, answered_late=client.late)
    for n in asks.CLIENTS:
        turns = [{c.name: asks.flat_out(c.modbus_port, n, FLAT_OUT_S) for c in bench.contenders} for _ in range(FLAT_OUT_TURNS)]
        for name in found:
            rate, served = max(turn[name] for turn in turns)
            found[name].update({f"requests_per_second_{n}": round(rate, 1), f"served_of_{n}": served})
    return found


def cut_off(bench, meanwhile=lambda: None):
    """From the heartbeat limit to the end of the first 0 A frame; None: not within GIVE_UP_S."""
    bench.controller.beating = False
    beat_s = bench.controller.beat_s
    meanwhile()
    limit_s = beat_s + HEARTBEAT_LIMIT_S
    while time.monotonic() < limit_s + GIVE_UP_S:
        ends_s = {c.name: _first_set(c.line.transactions, beat_s, (0,)) for c in bench.contenders}
        if None not in ends_s.values():
            break
        time.sleep(0.1)
    return {name: None if end_s is None else round(1000 * (end_s - limit_s)) for name, end_s in ends_s.items()}


def measure(say, seconds, count, cuts=True):
    """{contender: {name: number}}. `cuts` False leaves out what has to wait for the heartbeat limit."""
    say("starting the three, each with a line of its own, on one broker")
    with Bench(say) as bench:
        found = {c.name: {} for c in bench.contenders}

        def add(more):
            for name, numbers in more.items():
                found[name].update(numbers)

        say(f"bus cycle and processor time for {seconds:g} s")
        add(steady(bench, seconds))
        say(f"{count} set points")
        add(commands(bench, count))
        if not cuts:
            say("Modbus TCP beside the bus")
            add(asking(bench))
            return found
        say(f"no heartbeat any more; Modbus TCP is asked until the limit of {HEARTBEAT_LIMIT_S} s")
        lags = cut_off(bench, lambda: add(asking(bench)))
        add({name: {"cut_off_lag_ms": lag} for name, lag in lags.items()})
        say("heartbeat again, then the broker hangs: it takes connections and says nothing")
        bench.charge()
        with bench.hang_broker():
            lags = cut_off(bench)
        add({c.name: {"cut_off_lag_hung_ms": lags[c.name], "ended": c.has_ended()} for c in bench.contenders})
        return found


def _rounded(number, digits):
    return None if number is None else round(number, digits)
