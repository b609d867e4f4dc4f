"""Real processes and sockets around the client door: Mosquitto, run_door.py, an ordinary client, and bad brokers."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import mqtt_states as st
import paho.mqtt.client as paho
import pytest

from host_tests.fakes.broker_link import Conversation, publish
from host_tests.waiting import until
from tools.runtimes import FIRMWARE, STUBS, UMQTT, micropython

HERE = Path(__file__).resolve().parent
STEP_LIMIT_MS = 250
SPEED = 5  # the door's seconds last 0.2 s
KEEPALIVE_S = 10
PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"))


@pytest.fixture
def port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Mosquitto:
    """A Mosquitto on that port of this machine; with a user and password when given."""

    def __init__(self, folder, port, user=None, password=None, more=()):
        """more: further lines of the listener's configuration."""
        self.port = port
        self._program = shutil.which("mosquitto", path=PLACES)
        if self._program is None:
            pytest.skip("Mosquitto is not installed: apt-get install mosquitto, or brew install mosquitto")
        self._config = folder / "mosquitto.conf"
        lines = [f"listener {port} 127.0.0.1", "persistence false", "user root"]
        if user is None:
            lines.append("allow_anonymous true")
        else:
            subprocess.run(["mosquitto_passwd", "-c", "-b", folder / "passwords", user, password], check=True)
            lines += ["allow_anonymous false", f"password_file {folder / 'passwords'}"]
        self._config.write_text("\n".join([*lines, *more]) + "\n")
        self._process = None

    def start(self):
        with open(self._config.with_name("mosquitto.log"), "ab") as log:
            self._process = subprocess.Popen([self._program, "-c", self._config], stdout=log, stderr=log)
        until(self._answers, "Mosquitto answers")
        return self

    def signal(self, number):
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait()

    def stop(self):
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False


@pytest.fixture
def mosquitto(tmp_path, port):
    broker = Mosquitto(tmp_path, port)
    yield broker
    broker.stop()


class Door:
    """run_door.py in a process of its own; `now` is its last report."""

    def __init__(self, port, **settings):
        wanted = {"host": "127.0.0.1", "port": port, "user": None, "password": None, "keepalive_s": KEEPALIVE_S, "speed": SPEED}
        command = [micropython(), "-X", "heapsize=160K", HERE / "run_door.py", json.dumps({**wanted, **settings})]
        environment = {"MICROPYPATH": f"{STUBS}:{UMQTT}:{FIRMWARE}:.frozen"}
        self._process = subprocess.Popen(
            list(map(str, command)), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.now = {"state": st.WAITING, "worst_ms": 0, "connects": 0, "last_error": 0, "drops": 0, "dials_failed": 0}
        self.states = set()
        self.errors = set()
        self.other_output = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            if line.startswith("{"):
                self.now = json.loads(line)
                self.states.add(self.now["state"])
                self.errors.add(self.now["last_error"])
            else:
                self.other_output.append(line)

    def online(self, connects=1):
        """Waits for that many connections made, the last of them standing."""
        until(lambda: self.now["connects"] >= connects and self.now["state"] == st.ONLINE, f"connection {connects}", 15)

    def failed(self, *errors):
        until(lambda: self.errors & set(errors), f"error {errors}, so far {self.errors}", 15)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        alive = self._process.poll() is None
        self.kill()
        assert alive and not self.other_output, "the door ended: " + "".join(self.other_output)
        print("longest step", self.now["worst_ms"], "ms")
        assert self.now["worst_ms"] <= STEP_LIMIT_MS


@pytest.fixture
def doors():
    """Starts doors; at the end of the test all must be alive, have raised nothing, and never have taken too long."""
    with contextlib.ExitStack() as stack:

        def start(port, **settings):
            door = Door(port, **settings)
            stack.callback(door.close)
            return door

        yield start


class Watcher:
    """An ordinary client: collects what is published as {topic: (payload, retained)}, the `first` and the last of each."""

    def __init__(self, port, topics="#", user=None, password=None):
        self.seen = {}
        self.first = {}
        self._subscribed = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: client.subscribe(topics)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, client, userdata, message):
        self.seen[message.topic] = (message.payload, message.retain)
        self.first.setdefault(message.topic, self.seen[message.topic])

    def publish(self, topic, payload, retain=False, qos=0):
        self._client.publish(topic, payload, qos, retain).wait_for_publish(5)

    def sees(self, topic, limit_s=5):
        return until(lambda: self.seen.get(topic), f"{topic}, so far {sorted(self.seen)}", limit_s)


def check_it_works(port):
    """A message to the door comes back: it is connected, subscribed and publishing."""
    with Watcher(port, "echo/#") as watcher:
        watcher.publish("set/hello", b"42")
        assert watcher.sees("echo/live/set/hello") == (b"42", False)


class BadBroker:
    """Accepts connections and leaves each to `behave(connection)`, in a thread of its own, until it is stopped."""

    def __init__(self, port, behave):
        self._listener = socket.create_server(("127.0.0.1", port), backlog=8)
        self._behave = behave
        self._open = []
        self.accepted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._open.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with contextlib.suppress(OSError):
            self._behave(connection)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            reset(connection)


def reset(connection):
    """Ends a connection by RST, which also leaves nothing in TIME_WAIT on the port."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def be_polite_until_subscribed(connection):
    conversation = Conversation()
    while 0x82 not in conversation.heads():
        data = connection.recv(1024)
        if not data:
            return
        connection.sendall(conversation.receive(data))


def stay_silent(connection):
    while connection.recv(1024):
        pass


def half_a_packet_and_stall(connection):
    be_polite_until_subscribed(connection)
    connection.sendall(publish(b"set/half", b"x" * 100)[:37])
    stay_silent(connection)


def half_a_connack_and_stall(connection):
    connection.recv(1024)
    connection.sendall(b"\x20\x02\x00")
    stay_silent(connection)


def reset_at_once(connection):
    reset(connection)


def reset_after_subscription(connection):
    be_polite_until_subscribed(connection)
    reset(connection)


def garbage_at_once(connection):
    connection.sendall(random.Random(1).randbytes(20000))
    stay_silent(connection)


def garbage_after_subscription(connection):
    be_polite_until_subscribed(connection)
    connection.sendall(b"\x30\x05\x00\x63abc" + random.Random(2).randbytes(20000))
    stay_silent(connection)
