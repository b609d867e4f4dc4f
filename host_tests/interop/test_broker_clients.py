"""Other people's MQTT clients at the broker on real MicroPython: aiomqtt, MQTT.js, and a primary that stays connected."""

import asyncio
import json
import time

import aiomqtt
import broker_session as bs
import paho.mqtt.client as paho
import pytest

from host_tests.waiting import until
from host_tests.interop.test_broker_live import GET, NAMES, SET, Box, box, boxes, firmware, free_ports  # noqa: F401 (fixtures)
from tools import node

COMPLETE_S = 1.0  # a primary counts it from its connect
ROOT = "openWB/internal_chargepoint/"
BEAT = '{"heartbeat": 1795327212.25, "parent_ip": "192.0.2.1"}'
ECHO = [(SET + "0/data/set_current", "16"), (ROOT + "0/data/set_current", "16"), (SET + "0/data/set_current", "")]
SHARED = {ROOT + "global_data": BEAT, ROOT + "last_tag": '"0004141661"'}


def tell_what_is_shared(box):
    """Somebody who comes before, and leaves."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", box.port)
    client.loop_start()
    for topic, payload in SHARED.items():
        client.publish(topic.replace("openWB/", "openWB/set/"), payload, 1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def check_first(first, complete_s):
    """first: {topic: [payload, retained]}."""
    assert complete_s < COMPLETE_S
    assert {topic: payload for topic, (payload, _) in first.items() if topic in SHARED} == SHARED
    assert all(retained for _, retained in first.values())


# -- aiomqtt --------------------------------------------------------------------------------------------------------------


async def use_aiomqtt(port, qos):
    """(the first message of every topic, seconds until all were there, the echo of a set point)"""
    first, echo = {}, []
    began_s = time.monotonic()
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V311) as client:
        await client.subscribe("openWB/#", qos)
        async for message in client.messages:
            first[str(message.topic)] = [message.payload.decode(), message.retain]
            if set(first) >= NAMES | set(SHARED):
                break
        complete_s = time.monotonic() - began_s
        await client.publish(SET + "0/data/set_current", "16", qos, retain=True)
        async for message in client.messages:
            if "set_current" in str(message.topic):
                echo.append((str(message.topic), message.payload.decode()))
                if len(echo) == len(ECHO):
                    return first, complete_s, echo


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_aiomqtt_has_every_topic_within_a_second_and_sees_the_echo_in_its_order(box, qos):
    tell_what_is_shared(box)
    first, complete_s, echo = asyncio.run(asyncio.wait_for(use_aiomqtt(box.port, qos), 15))
    check_first(first, complete_s)
    assert echo == ECHO
    until(lambda: box.now["set_current_ca"] == [1600], "the set point")
    assert box.empty()["ended"][bs.BY_DISCONNECT] == 2


def test_aiomqtt_with_mqtt_5_is_told_that_it_is_not_supported(box):
    async def dial():
        async with aiomqtt.Client("127.0.0.1", box.port, protocol=aiomqtt.ProtocolVersion.V5):
            pass

    with pytest.raises(aiomqtt.MqttError, match="(?i)unsupported protocol version"):
        asyncio.run(asyncio.wait_for(dial(), 10))
    assert box.empty()["ended"][bs.REFUSED] == 1


# -- MQTT.js --------------------------------------------------------------------------------------------------------------

PACKAGES = {"mqtt": ("5.16.0", "sha512-G0VsEtuJz5sJUgZJaaADMVfW7SIFPzkIuHR+d6rk+tBeSwdCfd9BaIRycRfd2AbyFDEmLlFM+SDQeti/+IbOnw==")}
OPTIONS = {3: {"protocolVersion": 3, "protocolId": "MQIsdp"}, 4: {"protocolVersion": 4}, 5: {"protocolVersion": 5}}
JS = """
const mqtt = require("mqtt"), [url, options, names, topic] = process.argv.slice(1).map(a => a[0] == "m" || a[0] == "o" ? a : JSON.parse(a));
const began = Date.now(), first = {}, echo = [];
let complete = null;
const client = mqtt.connect(url, {reconnectPeriod: 0, ...options});
function leave(said) { client.end(false, () => { console.log(JSON.stringify(said)); process.exit(0); }); }
client.on("error", error => { console.log(JSON.stringify({error: error.message, code: error.code})); process.exit(0); });
client.on("connect", () => client.subscribe("openWB/#", {qos: 1}));
client.on("message", (name, payload, packet) => {
  if (complete === null) {
    first[name] = [payload.toString(), packet.retain];
    if (!names.every(n => n in first)) return;
    complete = (Date.now() - began) / 1000;
    client.publish(topic, "16", {qos: 2, retain: true});
  } else if (name.includes("set_current")) {
    echo.push([name, payload.toString()]);
    if (echo.length == 3) leave({first, complete, echo});
  }
});
"""


def use_mqtt_js(box, version):
    node.install(PACKAGES)
    wanted = json.dumps(sorted(NAMES | set(SHARED)))
    return json.loads(node.run(JS, f"mqtt://127.0.0.1:{box.port}", json.dumps(OPTIONS[version]), wanted, SET + "0/data/set_current", limit_s=20))


@pytest.mark.parametrize("version", [3, 4], ids=["3.1", "3.1.1"])
def test_mqtt_js_has_every_topic_within_a_second_and_sees_the_echo_in_its_order(box, version):
    tell_what_is_shared(box)
    found = use_mqtt_js(box, version)
    check_first(found["first"], found["complete"])
    assert [tuple(message) for message in found["echo"]] == ECHO
    assert box.empty()["ended"][bs.BY_DISCONNECT] == 2


def test_mqtt_js_with_mqtt_5_is_told_that_it_is_not_supported(box):
    found = use_mqtt_js(box, 5)
    assert found["code"] == 0x84 and "unsupported protocol version" in found["error"].lower()
    assert box.empty()["ended"][bs.REFUSED] == 1


# -- a primary that stays -------------------------------------------------------------------------------------------------

NEW_MESSAGE_S = 2.0  # so long it waits in each of its cycles for one; without one it reports "no data"
SILENCE_S = 0.1  # after which it takes what has come as one set
PATIENCE_S = 10  # until it is back: it dials after 1 s, then later and later up to 30 s


class Primary:
    """As openWB's persistent connection: one client that publishes, subscribes, pings and dials again."""

    def __init__(self, port, keepalive_s=60):
        self.connects = 0
        self.pings = 0
        self.got = {}
        self.longest_wait_s = 0
        self._last_s = None
        client_id = "openWB-seriesChargepoint3-" + "1c69000000000000-" * 3 + "17953272"
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv311)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._connected
        self._client.on_message = self._take
        self._client.on_log = self._log
        self._client.connect("127.0.0.1", port, keepalive_s)
        self._client.loop_start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client, *_):
        client.subscribe(GET + "#", 0)
        self._last_s = None
        self.connects += 1

    def _take(self, _client, _userdata, message):
        now_s = time.monotonic()
        if self._last_s is not None:
            self.longest_wait_s = max(self.longest_wait_s, now_s - self._last_s)
        self._last_s = now_s
        self.got[message.topic] = message.payload

    def _log(self, _client, _userdata, _level, text):
        self.pings += text == "Sending PINGREQ"

    def cycle(self, beat):
        """What it gets between two heartbeats."""
        self._client.publish(SET + "global_data", json.dumps({"heartbeat": beat, "parent_ip": "192.0.2.1"}), 0, retain=True)
        self._client.publish(SET + "0/data/parent_cp", '"3"', 0, retain=True)
        self._client.publish(SET + "0/data/set_current", "16", 0, retain=True)
        self.got = {}
        until(lambda: self.got, "a new message", NEW_MESSAGE_S)
        until(lambda: time.monotonic() - self._last_s > SILENCE_S, "silence behind them")
        return set(self.got)


def test_a_primary_that_stays_connected_has_news_in_every_cycle_and_comes_back(firmware):
    ports = free_ports(3)
    first, second = Box(firmware, ports), None
    try:
        with Primary(ports[0]) as primary:
            until(lambda: primary.connects, "a connection")
            for beat in range(4):
                assert primary.cycle(1795327212 + beat) == NAMES
            assert first.fresh()["alive"] and first.now["connects"] == 1 and first.now["set_current_ca"] == [1600]
            assert primary.longest_wait_s < NEW_MESSAGE_S
            first.close()
            second = Box(firmware, ports)
            until(lambda: primary.connects == 2, "that it dials again", PATIENCE_S)
            primary.cycle(1795327300)  # the box has just started: its first burst may have gaps
            for beat in range(1, 3):
                assert primary.cycle(1795327300 + beat) == NAMES
            assert second.fresh()["alive"] and second.now["set_current_ca"] == [1600] and primary.longest_wait_s < NEW_MESSAGE_S
    finally:
        (second or first).close()


def test_pings_keep_a_silent_primary_connected(box):
    with Primary(box.port, keepalive_s=2) as primary:
        until(lambda: primary.pings >= 3, "pings", 10)
        assert primary.connects == 1 and box.fresh()["online"] == 1 and box.now["ended"] == [0] * bs.END_COUNT
        assert primary.longest_wait_s < NEW_MESSAGE_S
