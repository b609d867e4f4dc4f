"""What the client door takes from umqtt.simple: which names, that its methods really run, and what stays free."""

import ast
import inspect
import json
import shutil
import sys

import mqtt_states as st
import pytest

from host_tests.stubs.cpython.install import FIRMWARE
from host_tests.unit.doors import DOUBLE, REAL, Driver, door, driver, load_door, online, parent_module  # noqa: F401 (fixtures)
from tools.runtimes import ROOT, ScriptFailed, run_script

SCRIPT = ROOT / "host_tests" / "mpy" / "alloc_mqtt_client.py"

# every attribute of umqtt's client that the door reads, sets or calls
USED = {
    "server", "port", "client_id", "user", "pswd", "keepalive",
    "lw_topic", "lw_msg", "lw_qos", "lw_retain",
    "cb", "pid", "sock",
    "subscribe", "ping",
}  # fmt: skip
OVERRIDDEN = {"__init__", "connect", "publish", "check_msg", "wait_msg"}
EXECUTED = ("__init__", "set_last_will", "set_callback", "subscribe", "ping", "disconnect")


def attributes_of(tree, variable):
    """Names X of all `variable.X` in a piece of source."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {node.attr for node in nodes if isinstance(node.value, ast.Name) and node.value.id == variable}


def door_source():
    module = ast.parse((FIRMWARE / "mqtt_client.py").read_text())
    return next(node for node in module.body if isinstance(node, ast.ClassDef))


def names_in_door():
    port = ast.parse((FIRMWARE / "mqtt_port.py").read_text())
    return attributes_of(door_source(), "self") | attributes_of(port, "client")


def names_of_parent(kind):
    parent = parent_module(kind).MQTTClient
    own = {name for name in vars(parent) if not name.startswith("__")}
    return own | set(vars(parent(b"id", "host")))


@pytest.mark.parametrize("kind", [REAL, DOUBLE])
def test_exactly_these_names_of_the_parent_are_used(kind):
    assert names_in_door() & names_of_parent(kind) - OVERRIDDEN == USED
    assert names_of_parent(kind) >= USED


@pytest.mark.parametrize("kind", [REAL, DOUBLE])
def test_only_these_methods_of_the_parent_are_replaced(kind):
    defined = {node.name for node in door_source().body if isinstance(node, ast.FunctionDef)}
    assert defined & (names_of_parent(kind) | {"__init__"}) == OVERRIDDEN


@pytest.mark.parametrize("kind", [REAL, DOUBLE])
def test_no_attribute_of_the_door_hides_one_of_the_parent_by_accident(kind):
    parent = parent_module(kind).MQTTClient(b"id", "host")
    client = Driver(load_door(kind)).client
    taken = {name for name in vars(parent) if type(getattr(client, name)) is not type(getattr(parent, name))}
    assert taken <= {"sock", "cb", "pswd"}  # our port; the driver's callback; bytes instead of None
    added = set(vars(client)) - set(vars(parent))
    assert not added & set(dir(parent))


def test_what_the_parent_is_called_with_fits_both_signatures():
    for kind in (REAL, DOUBLE):
        parent = parent_module(kind).MQTTClient
        names = list(inspect.signature(parent.__init__).parameters)
        assert names[1:7] == ["client_id", "server", "port", "user", "password", "keepalive"]
    assert "timeout" in inspect.signature(load_door(REAL).MqttClient.connect).parameters


@pytest.mark.parametrize("kind", [REAL, DOUBLE])
def test_the_methods_of_the_parent_are_executed_and_its_waiting_ones_never(kind):
    parent = parent_module(kind).MQTTClient
    seen = set()
    sys.setprofile(lambda frame, event, _: seen.add(frame.f_code) if event == "call" else None)
    try:
        driver = Driver(load_door(kind))
        driver.client.set_last_will(b"t", b"gone", True)
        driver.go_online()
        driver.client.publish(b"t", b"1", qos=1)
        driver.run_s(30)
        driver.client.disconnect()
    finally:
        sys.setprofile(None)
    assert driver.client.state == st.STOPPED and 0xC0 in driver.broker.heads() and 0xE0 in driver.broker.heads()
    for name in EXECUTED:
        assert getattr(parent, name).__code__ in seen, f"{name} of umqtt was not executed"
    for name in OVERRIDDEN - {"__init__"}:
        assert getattr(parent, name).__code__ not in seen, f"{name} of umqtt waits, but was executed"


def test_a_second_subscription_by_the_parents_method_is_written_whole_and_does_not_wait(online):
    online.broker.packets.clear()
    online.client.subscribe(b"other/#", 1)
    online.run_s(1)
    assert online.broker.packets == [(0x82, b"\x00\x02\x00\x07other/#\x01")]
    assert online.client.online and online.client.wait_msg() is None


def test_after_a_loss_the_parents_methods_write_nothing_and_packet_ids_begin_anew(online):
    online.client.subscribe(b"other/#")
    online.run_s(0.1)
    online.link.reset = True
    online.step()
    online.client.ping()
    online.client.subscribe(b"other/#")
    assert online.client.packet.start == online.client.packet.end
    online.broker.packets.clear()
    online.go_online()
    assert online.broker.heads() == [0x10, 0x82] and online.broker.packets[1][1][:2] == b"\x00\x01"


def test_a_subscription_that_ends_in_an_exception_does_not_spoil_the_next_connection(online):
    with pytest.raises(TypeError):
        online.client.subscribe("text instead of bytes")
    online.link.reset = True
    online.step()
    online.broker.packets.clear()
    online.go_online()
    assert online.broker.heads() == [0x10, 0x82] and online.client.dials_failed == 0


def test_a_later_subscription_may_be_refused(online):
    online.broker.suback = 0x80
    online.client.subscribe(b"other/#")
    online.run_s(0.1)
    assert online.client.online and online.client.last_error == 0
    assert online.client.granted == online.client.connects == 1


def test_a_subscription_without_room_is_dropped_whole_and_counted(online):
    online.link.room = 0
    while online.client.publish(b"t", b"x" * 50):
        pass
    refused = online.client.packet.refused
    online.client.subscribe(b"y" * 100)
    assert online.client.packet.refused == refused + 1
    online.broker.packets.clear()
    online.link.room = None
    online.run_s(1)
    assert set(online.broker.heads()) == {0x30}


def test_a_topic_above_127_bytes_is_subscribed_by_a_parent_that_can():
    driver = Driver(load_door(DOUBLE)).go_online()
    driver.client.subscribe(b"y" * 200)
    driver.run_s(0.1)
    assert driver.broker.packets[-1] == (0x82, b"\x00\x02\x00\xc8" + b"y" * 200 + b"\x00")


def test_unsubscribe_of_newer_versions_does_not_wait_either():
    driver = Driver(load_door(DOUBLE)).go_online()
    driver.client.unsubscribe(b"other/#")
    driver.run_s(0.1)
    assert driver.broker.packets[-1] == (0xA2, b"\x00\x02\x00\x07other/#")
    assert driver.client.online


# -- memory ---------------------------------------------------------------------------------------------------------------


def test_the_figures_of_the_steady_state_notice_a_single_object_per_step(tmp_path):
    firmware = shutil.copytree(FIRMWARE, tmp_path / "firmware", ignore=shutil.ignore_patterns("__pycache__"))
    source = (firmware / "mqtt_client.py").read_text()
    changed = source.replace("        self._now_ms = now_ms\n        if", "        self._now_ms = [now_ms][0]\n        if")
    assert changed != source
    (firmware / "mqtt_client.py").write_text(changed)
    try:
        figures = json.loads(run_script(SCRIPT, "unix64", firmware=firmware))
    except ScriptFailed as failure:
        pytest.fail(str(failure))
    assert not figures["lock"] and figures["net"] > 0 and figures["total"] > 0
