"""Topic filters against MQTT 3.1.1, section 4.7. Every row stands here as the standard has it."""

import pytest
from broker_filters import is_filter, is_text, is_topic, matches, matches_any
from hypothesis import given, settings
from hypothesis import strategies as st

MATCHES = [
    ("sport/tennis/player1/#", "sport/tennis/player1", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
    ("sport/tennis/player1/#", "sport/tennis/player10", False),
    ("sport/#", "sport", True),
    ("sport/#", "sports", False),
    ("#", "a", True),
    ("#", "a/b/c", True),
    ("#", "/", True),
    ("sport/tennis/+", "sport/tennis/player1", True),
    ("sport/tennis/+", "sport/tennis/player1/ranking", False),
    ("sport/+", "sport", False),
    ("sport/+", "sport/", True),
    ("+", "finance", True),
    ("+", "/finance", False),
    ("+/+", "/finance", True),
    ("/+", "/finance", True),
    ("+/tennis/#", "sport/tennis", True),
    ("sport/+/player1", "sport/tennis/player1", True),
    ("sport/+/player1", "sport/tennis/player2", False),
    ("sport/+/player1", "sport/player1", False),
    ("a/b", "a/b", True),
    ("a/b", "a/b/c", False),
    ("a/b/c", "a/b", False),
    ("a/b", "a/B", False),
    ("a/b", "a/bb", False),
    ("a/bb", "a/b", False),
    ("a//b", "a//b", True),
    ("a/+/b", "a//b", True),
    ("a/", "a", False),
    ("a", "a/", False),
    ("+/+/#", "a", False),
    ("+/+/#", "a/b", True),
    ("#", "$SYS/broker", False),
    ("+/broker", "$SYS/broker", False),
    ("$SYS/#", "$SYS/broker", True),
    ("$SYS/+", "$SYS/broker", True),
    ("a/#", "a/$SYS", True),
    ("openWB/internal_chargepoint/0/get/#", "openWB/internal_chargepoint/0/get/power", True),
    ("openWB/internal_chargepoint/0/get/#", "openWB/internal_chargepoint/1/get/power", False),
    ("openWB/internal_chargepoint/+/get/power", "openWB/internal_chargepoint/1/get/power", True),
    ("openWB/+/+/data/#", "openWB/internal_chargepoint/0/data/set_current", True),
]


@pytest.mark.parametrize(("pattern", "topic", "expected"), MATCHES)
def test_a_filter_matches_what_the_standard_says(pattern, topic, expected):
    assert matches(pattern.encode(), topic.encode()) is expected


@pytest.mark.parametrize("pattern", ["#", "+", "/", "a", "a/#", "+/#", "a/+/b", "+/+", "/#", "$SYS/#", "a b/ü"])
def test_these_filters_are_well_formed(pattern):
    assert is_filter(pattern.encode())


@pytest.mark.parametrize(
    "pattern", [b"", b"a#", b"a/#/b", b"#/a", b"##", b"a+", b"+a", b"a/b+/c", b"a/+#", b"++", b"a\0b", b"\0", b"\0a", b"a/\xff", b"\xed\xa0\x80", b"#/"]
)
def test_these_filters_are_malformed(pattern):
    assert not is_filter(pattern)


@pytest.mark.parametrize("topic", [b"", b"a/+", b"+", b"+/a", b"#", b"#/a", b"a/#", b"a\0", b"\0a", b"\xc0\x80"])
def test_nobody_may_publish_to_these_topics(topic):
    assert not is_topic(topic)


def test_ordinary_topics_are_topics():
    assert is_topic(b"openWB/set/internal_chargepoint/0/data/set_current") and is_topic("ä/ß".encode()) and is_text(b"#")


def test_one_of_several_filters_is_enough():
    assert matches_any([b"x", b"a/+"], b"a/b") and not matches_any([b"x", b"a/+"], b"b/a") and not matches_any([], b"a")


def plain(pattern, topic):
    """The same, written the slow way."""
    p, t = pattern.split("/"), topic.split("/")
    if topic.startswith("$") and p[0] in "#+":
        return False
    for i, level in enumerate(p):
        if level == "#":
            return True
        if i >= len(t) or level not in ("+", t[i]):
            return False
    return len(p) == len(t)


LEVEL = st.sampled_from(["", "a", "b", "$a", "+"])
PATTERN = st.builds(lambda levels, tail: "/".join(levels + tail), st.lists(LEVEL, min_size=1, max_size=4), st.sampled_from([[], ["#"]]))
TOPIC = st.lists(st.sampled_from(["", "a", "b", "$a"]), min_size=1, max_size=5).map("/".join)


@given(PATTERN, TOPIC)
@settings(derandomize=True, deadline=None, max_examples=500)
def test_matching_agrees_with_a_plain_reading_of_the_standard(pattern, topic):
    if pattern and topic:
        assert is_filter(pattern.encode()) and is_topic(topic.encode())
        assert matches(pattern.encode(), topic.encode()) == plain(pattern, topic)
