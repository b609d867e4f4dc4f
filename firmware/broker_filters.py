"""Topic filters of MQTT 3.1.1: which are well-formed, and what they match. Pure. Episodes only: one subscription, one set message."""

from micropython import const

from text import is_utf8

FILTERS_MAX = const(16)  # per connection
FILTER_BYTES_MAX = const(512)  # per connection, all filters together

_PLUS = const(0x2B)
_HASH = const(0x23)
_DOLLAR = const(0x24)


def is_text(data):
    """True for what MQTT calls a string: at least one byte here, well-formed UTF-8, no NUL."""
    return len(data) > 0 and data.find(b"\0") < 0 and is_utf8(data)


def is_topic(data):
    """True for a topic that one may publish to."""
    return is_text(data) and data.find(b"+") < 0 and data.find(b"#") < 0


def is_filter(data):
    """True when every + fills its level, and # fills the last one."""
    if not is_text(data):
        return False
    levels = data.split(b"/")
    last = len(levels) - 1
    for i in range(last + 1):
        level = levels[i]
        if len(level) > 1 and (level.find(b"+") >= 0 or level.find(b"#") >= 0):
            return False
        if level == b"#" and i < last:
            return False
    return True


def matches(pattern, topic):
    """True when a well-formed filter matches a topic; a wildcard in front matches no topic that starts with $."""
    if topic[0] == _DOLLAR and (pattern[0] == _PLUS or pattern[0] == _HASH):
        return False
    at = 0  # of the level in the pattern
    there = 0  # and in the topic
    while True:
        end = _level_end(pattern, at)
        level = pattern[at:end]
        if level == b"#":
            return True
        if there > len(topic):  # the topic has no such level
            return False
        topic_end = _level_end(topic, there)
        if level != b"+" and level != topic[there:topic_end]:
            return False
        if end == len(pattern):
            return topic_end == len(topic)
        at = end + 1
        there = topic_end + 1


def matches_any(patterns, topic):
    for pattern in patterns:
        if matches(pattern, topic):
            return True
    return False


def _level_end(data, at):
    end = data.find(b"/", at)
    return len(data) if end < 0 else end
