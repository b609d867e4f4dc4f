"""A stand-in for an openWB primary: heartbeat and set point for every charge point, every 5 seconds, over MQTT.

It can fall silent, or go on sending set points without a heartbeat: both must end at 0 A.
"""

import json
import threading
import time

import paho.mqtt.client as paho

INTERVAL_S = 5
LEADS, NO_HEARTBEAT, SILENT = "leads", "set points without heartbeat", "silent"
MODES = (LEADS, NO_HEARTBEAT, SILENT)


class Controller:
    """`mode` is one of MODES; `current_a` is what every charge point is told. Everything is retained, as a primary does it."""

    def __init__(self, mqtt, address, charge_points, current_a=16):
        """mqtt: that part of config.json; address: HOST:PORT of the broker."""
        self.mode = LEADS
        self.current_a = current_a
        self.every_s = INTERVAL_S
        self._prefix = mqtt["prefix"]
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._charge_points = charge_points
        self._stop = threading.Event()
        self._now = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        if mqtt["user"] is not None:
            self._client.username_pw_set(mqtt["user"], mqtt["password"])
        self._client.reconnect_delay_set(1, 5)

    @property
    def connected(self):
        return self._client.is_connected()

    def start(self):
        self._client.connect_async(*self._address, keepalive=15)
        self._client.loop_start()
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._now.set()
        if self._thread.is_alive():
            self._thread.join()
            self._client.disconnect()
            self._client.loop_stop()

    def set_current(self, current_a):
        """Tell every charge point another current, at once."""
        self.current_a = max(0, min(32, current_a))
        self.speak_now()

    def next_mode(self):
        self.mode = MODES[(MODES.index(self.mode) + 1) % len(MODES)]
        self.speak_now()

    def speak_now(self):
        """What was changed has effect at once."""
        self._now.set()

    def switch(self, index, phases):
        """Ask a charge point for other phases, as a primary does it."""
        self._publish("%d/data/phases_to_use" % index, json.dumps(phases))
        self._publish("%d/data/trigger_phase_switch" % index, "true")

    def interrupt(self, index, seconds):
        """Ask a charge point to interrupt its pilot."""
        self._publish("%d/data/cp_interruption_duration" % index, json.dumps(seconds))

    def _run(self):
        while not self._stop.is_set():
            self._now.clear()
            if self._client.is_connected():
                self._speak()
            self._now.wait(self.every_s if self._client.is_connected() else 0.2)

    def _speak(self):
        if self.mode == LEADS:
            heartbeat = {"heartbeat": time.time(), "parent_ip": "127.0.0.1"}
            self._publish("global_data", json.dumps(heartbeat))
        if self.mode != SILENT:
            for index in range(self._charge_points):
                self._publish("%d/data/set_current" % index, json.dumps(self.current_a))

    def _publish(self, name, payload):
        self._client.publish("%sopenWB/set/internal_chargepoint/%s" % (self._prefix, name), payload, qos=0, retain=True)
