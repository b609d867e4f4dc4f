"""The client door over either umqtt.simple, and a driver that steps it in virtual time and checks every transition."""

import importlib
import sys
import types

import mqtt_states as states
import pytest

from host_tests.fakes import umqtt_double
from host_tests.fakes.broker_link import BrokerLink, Conversation
from host_tests.stubs.cpython import install

REAL = "umqtt.simple 1.3.4"
DOUBLE = "double with the names of 1.8"
KEEPALIVE_S = 20
TICKS_MASK = (1 << 30) - 1


def parent_module(kind):
    """The module with MQTTClient. Fails the test when the real one is not there."""
    if kind == DOUBLE:
        return umqtt_double
    if not (install.UMQTT / "umqtt" / "simple.py").exists():
        pytest.fail(f"umqtt.simple is not in {install.UMQTT}: run make setup")
    return importlib.import_module("umqtt.simple")


def load_door(kind):
    """The module mqtt_client, loaded anew on top of that parent; what was loaded before stays for everybody else."""
    parent = parent_module(kind)
    package = types.ModuleType("umqtt")
    package.simple = parent
    names = {"umqtt": package, "umqtt.simple": parent, "mqtt_client": None}
    before = {name: sys.modules.pop(name, None) for name in names}
    sys.modules.update({name: module for name, module in names.items() if module})
    try:
        return importlib.import_module("mqtt_client")
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module:
                sys.modules[name] = module


def settings(**changes):
    return {"host": "192.0.2.1", "port": 1883, "user": None, "password": None, "keepalive_s": KEEPALIVE_S, **changes}


class Driver:
    """A client on a BrokerLink. The clock starts 7 s before it wraps. `path`: states passed, `messages`: what was delivered."""

    def __init__(self, module, seed=1, **changes):
        self.module = module
        self.broker = Conversation()
        self.link = BrokerLink(self.broker)
        self.client = module.MqttClient(settings(**changes), b"box-1", self.link, seed)
        self.client.topic_filter = b"openWB/set/internal_chargepoint/#"
        self.client.set_callback(self._on_message)
        self.on_message = None
        self.messages = []
        self.path = [self.client.state]
        self.now_ms = TICKS_MASK - 7000
        self._watch_transitions()

    def _watch_transitions(self):
        enter = self.client._enter

        def checked(state, now_ms):
            assert (self.client.state, state) in states.TRANSITIONS, f"{self.client.state} to {state} is not in TRANSITIONS"
            assert now_ms == self.now_ms
            enter(state, now_ms)
            assert self.client.online == (state == states.ONLINE)
            self.path.append(state)

        self.client._enter = checked

    def _on_message(self, topic, payload):
        self.messages.append((topic, payload, self.client.retained))
        if self.on_message:
            self.on_message(topic, payload)

    def step(self, ms=10):
        self.now_ms = (self.now_ms + ms) & TICKS_MASK
        self.client.step(self.now_ms)
        assert self.client.wait_ms(self.now_ms) >= 0

    def run_s(self, seconds, ms=10):
        for _ in range(int(seconds * 1000 / ms)):
            self.step(ms)

    def run_until(self, state, limit_s=60):
        """Seconds it took to get to that state."""
        for i in range(int(limit_s * 100)):
            if self.client.state == state:
                return i / 100
            self.step()
        pytest.fail(f"not in state {state} after {limit_s} s, but in {self.client.state}, last error {self.client.last_error}")

    def go_online(self):
        self.run_until(states.ONLINE)
        return self

    def feed(self, data):
        """Bytes from the broker, and the steps to take them in."""
        self.link.inbox += data
        self.run_s(0.1)


def check_failed(driver, error, within_s):
    """It gave up with that error, closed the link, and waits."""
    driver.run_until(states.WAITING, within_s)
    assert driver.client.last_error == error
    assert not driver.client.online and not driver.link.open and driver.link.log[-1] == "close"
    assert driver.client.packet.start == driver.client.packet.end


def check_comes_back(driver):
    driver.run_until(states.ONLINE, 40)
    assert driver.client.online and driver.client.idle()


@pytest.fixture(scope="module", params=[REAL, DOUBLE])
def door(request):
    return load_door(request.param)


@pytest.fixture
def driver(door):
    return Driver(door)


@pytest.fixture
def online(driver):
    return driver.go_online()
