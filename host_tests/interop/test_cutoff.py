"""A real gateway on the desk stops the car by itself, whatever becomes of controller and broker. In real time.

All ways to fall silent are tried side by side, each with a desk, a Mosquitto and a controller of its own: a heartbeat limit
has to pass anyway.
"""

import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import paho.mqtt.client as paho
import pytest

from host_tests.interop.live import Mosquitto
from host_tests.interop.test_desk import Control, Desk

SET = "openWB/set/internal_chargepoint/"
LAG_S = 1.5  # from the limit to a car that draws nothing
RAMP_DOWN_S = 1  # of the simulated car
POLL_S = 0.1
STALL_MAX_S = 1.0  # what a busy machine may add, as far as it was seen to hold up this test itself
SHORT_S, PUBLISHED_S = 30, 60  # the shortest limit that can be configured; the one of the published page

WAYS = ("controller silent", "set points without heartbeat", "broker killed", "broker stopped")


class Leader:
    """A controller with two switches. `last_s`: when it sent its last heartbeat."""

    def __init__(self, port):
        self.beating = True
        self.setting = True
        self.last_s = None
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def fall_silent(self, setting):
        """No heartbeat is sent after this."""
        with self._lock:
            self.beating = False
            self.setting = setting

    def stop(self):
        self._end.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self):
        while not self._end.is_set():
            with self._lock:
                if self.beating:
                    self._client.publish(SET + "global_data", json.dumps({"heartbeat": time.time()}), retain=True).wait_for_publish(2)
                    self.last_s = time.monotonic()
                if self.setting:
                    self._client.publish(SET + "0/data/set_current", "16", retain=True)
            self._end.wait(1)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def cut_off(folder, limit_s, way):
    """What happened: {"charging_s": how long the car drew current after the last heartbeat, "set_s": when register 1000 became 0 for good,
    "latest": current at the last look before the limit}."""
    folder.mkdir()
    mosquitto = Mosquitto(folder, free_port())
    config = {"name": "desk", "heartbeat_limit_s": limit_s, "charge_points": [{"evse": 1, "meter": {"type": "sdm630", "unit": 105}}]}
    (folder / "config.json").write_text(json.dumps(config))
    desk = leader = None
    try:
        mosquitto.start()
        address = f"127.0.0.1:{mosquitto.port}"
        desk = Desk(folder, "--mqtt", address, "--no-controller", "--control-port", "0", "--modbus-port", "0", "--http-port", "0", "--config", str(folder / "config.json"))
        control = Control(int(desk.wait_for(r"control  127.0.0.1:(\d+)", 30)[1]))
        control.do("car", ramp_down_s=RAMP_DOWN_S)
        control.do("plug")
        leader = Leader(mosquitto.port)
        control.until(lambda state: state["cp"][0]["car"]["current_a"][0] >= 15.9, 30)
        _fall_silent(way, leader, mosquitto)
        return _watch(control, leader.last_s, limit_s)
    finally:
        if leader is not None:
            leader.stop()
        if desk is not None:
            desk.end()
        mosquitto.stop()


def _fall_silent(way, leader, mosquitto):
    leader.fall_silent(setting=way == "set points without heartbeat")
    if way == "broker killed":
        mosquitto.signal(signal.SIGKILL)
    elif way == "broker stopped":
        mosquitto.signal(signal.SIGSTOP)


def _watch(control, last_s, limit_s):
    found = {"charging_s": None, "set_s": None, "latest": None, "stall_s": 0}
    age_s = time.monotonic() - last_s
    while time.monotonic() < last_s + limit_s + 10 and found["charging_s"] is None:
        before_s = age_s
        point = control.do("state")["cp"][0]
        age_s = time.monotonic() - last_s
        found["stall_s"] = max(found["stall_s"], age_s - before_s - 2 * POLL_S)
        if age_s < limit_s - 0.5:
            found["latest"] = point["car"]["current_a"][0]
        if point["evse"]["set_current_raw"]:
            found["set_s"] = None  # a machine so busy that the EVSE seemed silent for a second had 0 A meanwhile
        elif found["set_s"] is None:
            found["set_s"] = age_s
        if not any(point["car"]["current_a"]):
            found["charging_s"] = age_s
        time.sleep(POLL_S)
    return found


@pytest.fixture(scope="module")
def cut_offs(tmp_path_factory):
    """A function of the limit that gives {way: what happened}."""
    done = {}

    def of(limit_s):
        if limit_s not in done:
            folder = tmp_path_factory.mktemp("cut_off")
            with ThreadPoolExecutor(len(WAYS)) as pool:
                futures = {way: pool.submit(cut_off, folder / way.replace(" ", "_"), limit_s, way) for way in WAYS}
            done[limit_s] = {way: future.result() for way, future in futures.items()}
        return done[limit_s]

    return of


def check(found, limit_s):
    latest_s = limit_s + LAG_S + min(found["stall_s"], STALL_MAX_S)
    assert found["latest"] == 16, "it stopped before the limit"
    assert limit_s - 0.5 <= found["set_s"] <= latest_s, found
    assert found["charging_s"] is not None and found["charging_s"] <= latest_s, found


@pytest.mark.parametrize("way", WAYS)
def test_the_car_stops_within_the_limit(cut_offs, way):
    check(cut_offs(SHORT_S)[way], SHORT_S)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_the_car_stops_within_61_5_s(cut_offs, way):
    check(cut_offs(PUBLISHED_S)[way], PUBLISHED_S)
