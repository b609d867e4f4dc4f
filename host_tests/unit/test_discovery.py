"""Home Assistant finds the box: every message against the published format, and what becomes of the values that follow."""

import json
from pathlib import Path

import jinja2
import pytest
from discovery import ENTITIES
from mqtt_client import PACKET_BYTES
from topics import KEPT, TOLD

from host_tests.sim.world import World, standard_config

FORMAT = json.loads((Path(__file__).parents[1] / "golden" / "home_assistant.json").read_text())
BOX = "ladepunkt_00002a"
LONGEST_PREFIX = "p" * 47 + "/"


def world_of(charge_points=1, seconds=5, **changes):
    config = standard_config(charge_points)
    mqtt = {**config["mqtt"], "discovery": "homeassistant", **changes.pop("mqtt", {})}
    world = World(seed=42, config={**config, "mqtt": mqtt, **changes})
    world.run(seconds * 1000)
    return world


def whole(short, names):
    return {names[key]: value for key, value in short.items()}


def messages(world, prefix="homeassistant/"):
    """{(component, device, object): what Home Assistant makes of the message}."""
    found = {}
    for topic, payload in world.broker.retained.items():
        if topic.startswith(prefix.encode()):
            component, device, thing, end = topic.decode()[len(prefix) :].split("/")
            assert end == "config"
            short = json.loads(payload)
            root = short.pop("~")
            entity = whole(short, FORMAT["abbreviations"])
            entity["device"] = whole(entity["device"], FORMAT["device_abbreviations"])
            for key, value in entity.items():
                if key.endswith("_topic") and value.startswith("~"):
                    entity[key] = root + value[1:]
            found[component, device, thing] = entity
    return found


@pytest.fixture(scope="module")
def world():
    return world_of()


@pytest.fixture(scope="module")
def entities(world):
    return messages(world)


def test_every_entity_is_announced_once_for_each_charge_point(entities):
    assert len(entities) == len(ENTITIES)
    found = messages(world_of(2))
    assert len(found) == 2 * len(ENTITIES)
    assert {device for _, device, _ in found} == {BOX + "_0", BOX + "_1"}
    assert len({entity["unique_id"] for entity in found.values()}) == len(found)


def test_every_message_keeps_to_the_format(entities):
    for (component, _, thing), entity in entities.items():
        assert set(FORMAT["required"]) <= set(entity), thing
        assert set(entity) <= set(FORMAT[component]["keys"]), thing
        kind = entity.get("device_class", "")
        if component == "binary_sensor":
            assert kind in FORMAT[component]["device_classes"]
            continue
        if "unit_of_measurement" in entity:
            assert entity["unit_of_measurement"] in FORMAT["sensor"]["units"][kind], thing
        if "state_class" in entity:
            assert entity["state_class"] in FORMAT["sensor"]["state_classes"][kind], thing
        assert ("unit_of_measurement" in entity) == bool(kind), thing


def test_nothing_can_be_set(entities):
    assert not [key for entity in entities.values() for key in entity if "command" in key]


def test_every_topic_is_one_that_the_box_publishes(world, entities):
    names = {b"openWB/internal_chargepoint/0/" + row[0] for row in TOLD + KEPT}
    for entity in entities.values():
        assert entity["state_topic"].encode() in names
        assert entity["availability_topic"].encode() in world.broker.retained


def test_one_entity_describes_the_device_and_all_name_it(entities):
    devices = [entity["device"] for entity in entities.values()]
    assert {device["identifiers"] for device in devices} == {BOX + "_0"}
    assert [device["name"] for device in devices if "name" in device] == ["ladepunkt"]
    assert [device["sw_version"] for device in devices if "name" in device] == ["0.1.0"]


def state(world, entities, thing, template="value_template", topic="state_topic"):
    """What Home Assistant shows: the payload, through the template where there is one."""
    entity = next(entity for (_, _, name), entity in entities.items() if name == thing)
    payload = world.broker.retained[entity[topic].encode()].decode()
    if template not in entity:
        return payload
    try:
        parsed = json.loads(payload)
    except ValueError:
        parsed = None
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(entity[template]).render(value=payload, value_json=parsed)


def available(world, entities, thing="power"):
    return state(world, entities, thing, "availability_template", "availability_topic")


def test_what_it_shows_is_what_is_measured():
    world = world_of(seconds=1)
    world.plug(0)
    world.run(25000)
    entities = messages(world)
    shown = {thing: state(world, entities, thing) for _, _, thing in entities if thing != "set_current"}
    assert abs(float(shown["power"]) - 11040) < 300 and float(shown["currents2"]) == pytest.approx(16, 0.05)
    assert (shown["plug_state"], shown["charge_state"], shown["fault_state"]) == ("true", "true", "OFF")
    assert float(shown["voltages0"]) > 220 and shown["state_str"] == "set point" and shown["fault_str"] == "Kein Fehler."
    assert float(state(world, entities, "set_current")) == 16


def test_what_is_not_known_is_unknown_and_no_error():
    world = world_of(seconds=5)
    entities = messages(world)
    for entity in entities.values():
        world.broker.retained[entity["state_topic"].encode()] = b"null"
    for (component, _, thing), entity in entities.items():
        if component == "sensor":
            # a text is shown as it is: "None" would stand there as a word
            text = "unit_of_measurement" not in entity and "state_class" not in entity
            assert state(world, entities, thing) == ("" if text else "None"), thing


def test_the_will_makes_it_unavailable_and_a_fault_does_not():
    world = world_of(seconds=5)
    entities = messages(world)
    topic = b"openWB/internal_chargepoint/0/get/fault_state"
    for payload in (b"0", b"1", b"2"):
        world.broker.retained[topic] = payload
        assert available(world, entities) == "online"
    will = world.gateway.client.lw_msg
    assert json.loads(will) == 2, "a primary reads a fault"
    world.broker.retained[topic] = will
    assert available(world, entities) == "offline"
    assert state(world, entities, "fault_state") == "ON"


def test_without_discovery_nothing_is_announced_and_the_will_is_plain():
    world = world_of(mqtt={"discovery": None})
    assert messages(world) == {}
    assert world.gateway.client.lw_msg == b"2"


def test_every_new_connection_is_told_once():
    world = world_of()
    told = [topic for topic, _, _ in world.broker.log if topic.startswith(b"homeassistant/")]
    world.run(10000)
    assert [topic for topic, _, _ in world.broker.log if topic.startswith(b"homeassistant/")] == told
    world.broker.retained = {}
    world.broker.link.cut()
    world.run(10000)
    assert len(messages(world)) == len(ENTITIES)


def test_the_topics_of_openwb_do_not_wait_for_it():
    """The burst of every second begins on time while the announcements go out."""
    world = world_of(seconds=4)
    log = [topic for topic, _, _ in world.broker.log]
    first = [i for i, topic in enumerate(log) if topic.startswith(b"homeassistant/")]
    assert len(first) == len(ENTITIES)
    assert len([topic for topic in log if topic.endswith(b"get/power")]) >= 2


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("charge_points", [1, 2])
def test_the_longest_prefixes_fit_in_a_packet(language, charge_points):
    world = world_of(charge_points, mqtt={"discovery": "d" * 24, "prefix": LONGEST_PREFIX}, language=language, name="n" * 20)
    assert len(messages(world, "d" * 24 + "/")) == charge_points * len(ENTITIES)
    assert world.gateway.client.packet.refused == 0
    longest = max(len(topic) + len(payload) for topic, payload, _ in world.broker.log)
    assert longest + 5 <= PACKET_BYTES


def test_names_are_in_the_configured_language():
    names = {entity["name"] for entity in messages(world_of(language="en")).values()}
    german = {entity["name"] for entity in messages(world_of(language="de")).values()}
    assert "energy" in names and "Energie" in german and len(names) == len(german) == len(ENTITIES)


@pytest.mark.parametrize("name", ['"', "\\", 'a"},"x":{"'])
def test_any_name_and_prefix_stays_text(name):
    found = messages(world_of(name=name, mqtt={"prefix": name + "/"}))
    assert [entity["device"]["name"] for entity in found.values() if "name" in entity["device"]] == [name]
    assert {entity["availability_topic"] for entity in found.values()} == {name + "/openWB/internal_chargepoint/0/get/fault_state"}
