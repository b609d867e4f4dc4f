"""How the box meets its controllers: as the broker they dial, or as a client of a broker elsewhere."""
import pytest
from config import ConfigError, check_config

POINTS = [{"evse": 1, "meter": {"type": "none"}}]


def mqtt_of(**keys):
    return check_config({"mqtt": keys, "charge_points": POINTS})["mqtt"]


def refused(**keys):
    with pytest.raises(ConfigError) as caught:
        mqtt_of(**keys)
    return str(caught.value)


def test_without_any_word_about_mqtt_the_box_is_the_broker():
    mqtt = check_config({"charge_points": POINTS})["mqtt"]
    assert (mqtt["mode"], mqtt["port"], mqtt["user"], mqtt["controllers"]) == ("broker", 1883, None, None)


def test_a_host_makes_it_a_client():
    assert mqtt_of(host="192.0.2.1")["mode"] == "client"
    assert mqtt_of(host="192.0.2.1", mode="client")["mode"] == "client"


def test_a_client_without_a_host_is_refused():
    assert refused(mode="client") == "config.json: mqtt.host: missing; expected text of 1 to 64 bytes, as mqtt.mode is client"


@pytest.mark.parametrize("key", ["host", "client_id", "ca_file", "discovery"])
def test_a_broker_refuses_what_only_a_client_needs(key):
    assert refused(mode="broker", **{key: "abc"}).startswith(f"config.json: mqtt.{key}: expected none while mqtt.mode is broker")


def test_a_mode_that_does_not_exist_is_refused_with_those_that_do():
    assert refused(mode="server") == "config.json: mqtt.mode: expected one of broker, client, found 'server'"


@pytest.mark.parametrize("host", ["", 7, "x" * 65])
def test_a_host_is_a_text(host):
    assert refused(host=host).startswith("config.json: mqtt.host: expected text of 1 to 64 bytes")


def test_controllers_are_a_list_of_addresses():
    assert mqtt_of(controllers=["192.0.2.1", "192.0.2.2"])["controllers"] == ["192.0.2.1", "192.0.2.2"]
    assert "mqtt.controllers: expected a list of 1 to 8 texts" in refused(controllers="192.0.2.1")
    assert "mqtt.controllers[0]: expected text" in refused(controllers=[7])


@pytest.mark.parametrize("prefix", ["homeassistant/", "+", "a/#"])
def test_where_home_assistant_looks_is_part_of_a_topic(prefix):
    assert mqtt_of(host="192.0.2.1", discovery="homeassistant")["discovery"] == "homeassistant"
    assert refused(host="192.0.2.1", discovery=prefix).startswith("config.json: mqtt.discovery: expected text that holds no + or #")


@pytest.mark.parametrize("ids, said", [([3, 4], "at most one id"), ([], "a list of 1 to 2"), ([-1], "from 0 to 9999"), (["3"], "from 0 to 9999")])
def test_a_mirror_has_one_id_per_charge_point(ids, said):
    assert mqtt_of(mirror=[3])["mirror"] == [3]
    assert said in refused(mirror=ids)
