"""The published MQTT page, row by row, through the whole gateway: what host_tests/golden says is what a broker sees.

get_topics.json: every topic that is told. set_topics.json: every topic that may be set. set_messages.json: what is accepted
and what becomes of it. There `topic` stands behind openWB/set/ (with internal_chargepoint/ left out where it follows),
`payload` (or `hex`) is sent live, or `retained` as a broker replays it, to a gateway whose door is alive or `silent`.
`effect` names what differs afterwards from the state before; everything else must be as it was.
"""

import json
from pathlib import Path

import pytest
from points import P_PARENT_CP, P_PHASES_TO_USE, P_SET_CURRENT_CA

from host_tests.fakes.evse import PRECISE
from host_tests.sim.world import SET, TOLD, World, standard_config

pytestmark = pytest.mark.no_cover  # it covers nothing that the tests of the parts do not

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
OTHER_ROOTS = ("isss/", "command/")
WIPED = {"accepted": True, "rejected": True, "wiped": True, "ignored": False}
NO_METER = "; no meter: nothing checks the current"  # stands behind every reason of this box while no notice is newer
BEFORE = {"set_current_ca": 800, "evse_raw": 800, "phases_to_use": 3, "parent_cp": "7", "rfid": '"OLD"', "state_str": "set point"}
BEFORE_SILENT = dict(BEFORE, evse_raw=0, state_str="no heartbeat yet")


def rows(name):
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


GET_TOPICS = rows("get_topics.json")
SET_TOPICS = rows("set_topics.json")
SET_MESSAGES = rows("set_messages.json")


def payload_of(row):
    return bytes.fromhex(row["hex"]) if "hex" in row else row["payload"].encode()


def title(row):
    parts = [row["topic"].rsplit("/")[-1], row.get("payload", row.get("hex"))[:40], row["result"]]
    return " ".join(parts + [mark for mark in ("retained", "door") if mark in row])


class Desk:
    """A quick world without a meter: an EVSE that is precise already, a car, and nobody who sends on their own."""

    def __init__(self, door, meter="none"):
        self.world = World(config=standard_config(meter=meter), contact=None)
        self.world.controller.beating = self.world.controller.setting = False
        self.world.evse().configure(2005, 0x0209 | PRECISE)
        self.world.plug()
        self.broker = self.world.broker
        self.world.run_until(lambda: self.world.gateway.client.online, 5000)
        if door == "alive":
            self.send("global_data", b'{"heartbeat": 1795000001}')
            self.send("global_data", b'{"heartbeat": 1795000002.5}')
        self.send("0/data/set_current", b"8")
        self.send("0/data/phases_to_use", b"3")
        self.send("0/data/parent_cp", b'"7"')
        self.send("last_tag", b'"OLD"')
        self.before = BEFORE if door == "alive" else BEFORE_SILENT
        self.world.run_until(lambda: self.observed() == self.before, 5000)

    def send(self, topic, payload, replay=False):
        """Publishes below openWB/set/internal_chargepoint/ with retain, as a primary does; waits until it is dealt with."""
        full = SET.split(b"internal")[0] + topic.encode() if topic.startswith(OTHER_ROOTS) else SET + topic.encode()
        first = len(self.broker.log)
        if replay:
            self.broker.retained[full] = payload
            self.broker.link.deliver(full, payload, True)
        else:
            self.broker.send(full, payload, True)
        for _ in range(12):
            self.world.step()
        return full, [entry for entry in self.broker.log[first:] if b"/get/" not in entry[0] or entry[0].startswith(SET)]

    def observed(self):
        value = self.world.gateway.points[0].image.value
        parent = value[P_PARENT_CP]
        return {
            "set_current_ca": value[P_SET_CURRENT_CA],
            "evse_raw": self.world.evse().set_current_raw,
            "phases_to_use": value[P_PHASES_TO_USE],
            "parent_cp": parent if parent is None else parent.decode(),
            "rfid": (self.world.told(b"get/rfid") or b"").decode(),
            "state_str": json.loads(self.world.told(b"get/state_str") or b'""').replace(NO_METER, ""),
        }


# -- set ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SET_MESSAGES, ids=title)
def test_a_set_message_is_copied_wiped_reset_and_done_as_the_table_says(row):
    desk = Desk(row.get("door", "alive"))
    inbox = desk.world.gateway.door.inbox
    counts = inbox.accepted, inbox.rejected
    full, published = desk.send(row["topic"], payload_of(row), "retained" in row)

    copy_topic = TOLD + row["topic"].encode()
    expected = []
    if "copy" in row:
        expected.append((copy_topic, row["copy"].encode(), True))
    if WIPED[row["result"]]:
        expected.append((full, b"", True))
    if "reset" in row:
        expected.append((copy_topic, row["reset"].encode(), True))
    assert published == expected
    assert (full in desk.broker.retained) == (not WIPED[row["result"]] and payload_of(row) != b"")
    assert inbox.accepted - counts[0] == (row["result"] == "accepted")
    assert inbox.rejected - counts[1] == (row["result"] == "rejected")

    desk.world.run(1500)
    assert desk.observed() == {**desk.before, **row.get("effect", {})}


def test_the_table_of_messages_has_every_case_of_every_set_topic():
    for topic in SET_TOPICS:
        mine = [row for row in SET_MESSAGES if row["topic"] == topic["topic"]]
        live = [row for row in mine if "retained" not in row and "door" not in row]
        replayed = [row for row in mine if "retained" in row]
        silent = [row for row in mine if row.get("door") == "silent" and "retained" not in row]
        assert {row["payload"] for row in mine if row["result"] == "ignored"} >= {"", '""'}
        assert any(row["result"] == "accepted" for row in live)
        assert any(row["result"] == "rejected" and "hex" in row for row in mine), "bytes that are no UTF-8"
        assert any(row["result"] == "accepted" for row in replayed) == (topic["replay"] == "taken")
        assert any(row["result"] == "accepted" for row in silent) == (topic["silent"] == "taken")
        assert {row["reset"] for row in mine if "reset" in row} == ({topic["reset"]} if "reset" in topic else set())
        for row in mine:
            assert ("copy" in row) == (row["result"] == "accepted")


def test_no_message_stands_in_the_table_twice():
    keys = [(row["topic"], row.get("payload"), row.get("hex"), row.get("retained"), row.get("door")) for row in SET_MESSAGES]
    assert len(set(keys)) == len(keys)


# -- get ------------------------------------------------------------------------------------------------------------------


def told(world, name):
    payload = world.told(b"get/" + name.encode())
    return None if payload is None else payload.decode()


def number_fits(row, text):
    """A JSON number with a point exactly where the page has decimals, inside the page's range."""
    digits = text.lstrip("-").split(".")
    if row["decimals"] == 0:
        form = len(digits) == 1
    else:
        form = len(digits) == 2 and 1 <= len(digits[1]) <= row["decimals"] and (len(digits[1]) == 1 or digits[1][-1] != "0")
    return form and row["low"] <= float(text) <= row["high"]


def fits(row, payload):
    value = json.loads(payload)
    if row["json"] == "list":
        return len(value) == 3 and all(number_fits(row, text) for text in payload.strip("[]").split(","))
    if row["json"] == "number":
        return number_fits(row, payload)
    return isinstance(value, bool if row["json"] == "bool" else str)


@pytest.fixture(scope="module")
def boot_world():
    """Nothing on the line answers: only the gateway itself is known."""
    world = World(seed=3)
    world.controller.beating = world.controller.setting = False
    world.line.faults = {1: "silent", 105: "silent"}
    world.run(2500)
    return world


@pytest.fixture(scope="module")
def charging_world():
    world = World(seed=4)
    world.plug()
    world.run(25000)
    world.broker.send(SET + b"last_tag", b'"04A1B2C3"')
    world.run(2000)
    return world


@pytest.mark.parametrize("row", GET_TOPICS, ids=lambda row: row["name"])
def test_before_anything_is_known_a_topic_says_what_the_table_says(row, boot_world):
    payload = told(boot_world, row["name"])
    if row.get("at_boot") == "known":
        assert payload != row["unknown"] and fits(row, payload)
    else:
        assert payload == row["unknown"]


NEVER_KNOWN = {"rfid_timestamp", "vehicle_id", "soc", "soc_timestamp", "current_commit", "error_timestamp"}


@pytest.mark.parametrize("row", GET_TOPICS, ids=lambda row: row["name"])
def test_while_charging_a_topic_has_the_type_the_decimals_and_the_range_of_the_table(row, charging_world):
    payload = told(charging_world, row["name"])
    if row["name"] in NEVER_KNOWN:
        assert payload == "null"
    else:
        assert fits(row, payload), payload


def test_while_charging_the_numbers_are_those_of_the_site(charging_world):
    site = charging_world.site.charge_points[0]
    assert site.car.current_ca == [1600] * 3, "else this test shows nothing"
    assert told(charging_world, "currents") == "[16.0,16.0,16.0]"
    assert told(charging_world, "powers") == "[3680.0,3680.0,3680.0]"
    assert told(charging_world, "power") == "11040.0"
    assert told(charging_world, "evse_current") == "16.0", "ampere, not 0.01 A"
    assert (told(charging_world, "plug_state"), told(charging_world, "charge_state")) == ("true", "true")
    assert (told(charging_world, "phases_in_use"), told(charging_world, "fault_state")) == ("3", "0")
    assert told(charging_world, "rfid") == '"04A1B2C3"'
    assert told(charging_world, "current_branch") != '"Release"', "a primary would push its own updates"


def test_exactly_the_topics_of_the_table_are_told_retained_and_once_per_second(charging_world):
    broker = charging_world.broker
    first = len(broker.log)
    charging_world.run(10000)
    news = [entry for entry in broker.log[first:] if entry[0].startswith(TOLD + b"0/get/")]
    names = [entry[0][len(TOLD + b"0/get/") :].decode() for entry in news]
    assert all(entry[2] for entry in news)
    assert set(names) == {row["name"] for row in GET_TOPICS}
    for row in GET_TOPICS:
        assert 9 <= names.count(row["name"]) <= 11
