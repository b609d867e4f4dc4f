"""Points to MQTT topics and payloads. One table behind both MQTT doors (see points)."""

from micropython import const

from points import BOOL, NUMBER, RAW, STAMP, TEXT
from text import put_bytes, put_number

_COMMA = const(0x2C)
_QUOTE = const(0x22)
_NUMBER_BYTES = const(14)  # ten digits, sign, point, comma

ROOT = b"openWB/internal_chargepoint/"
SET_ROOT = b"openWB/set/internal_chargepoint/"
_MIRROR_ROOT = b"openWB/chargepoint/"


def _topics(below):
    """(topic, first point, rows, kind, decimals) of every topic that starts with `below`."""
    from point_rows import POINTS

    topics = []
    for index, topic, kind, decimals, _ in POINTS:
        if topics and topics[-1][0] == topic:
            topics[-1] = (topic, topics[-1][1], topics[-1][2] + 1, kind, decimals)
        elif topic.startswith(below):
            topics.append((topic, index, 1, kind, decimals))
    return tuple(topics)


TOLD = _topics(b"get/")  # published once per second
KEPT = _topics(b"data/")  # what a broker keeps of what a controller said; published when it is accepted
SHARED = _topics(b"last_tag") + _topics(b"global_data")  # of the box; see Topics of the broker


def roots_of(prefix, points, mirrors):
    """At boot: what stands in front of the topics of each charge point; then of the mirrors, whose ids these are."""
    roots = [prefix + ROOT + b"%d/" % i for i in range(len(points))]
    return roots + [prefix + _MIRROR_ROOT + b"%d/" % i for i in mirrors]


def room(row, value):
    """So many bytes `render` writes at most."""
    if row[3] != TEXT and row[3] != RAW:
        return row[2] * _NUMBER_BYTES + 2
    n = 6  # two quotes, and what joins two texts
    for i in range(row[1], row[1] + row[2]):
        if value[i] is not None:
            n += len(value[i])
    return n


def render(buf, at, row, value):
    """Writes the payload of one row of TOLD, KEPT or SHARED from the list `value` of an Image to buf[at:]; returns its end."""
    if row[2] > 1:
        return _put_list(buf, at, row, value) if row[3] == NUMBER else _put_texts(buf, at, value, row[1])
    if row[3] == NUMBER:
        return put_json(buf, at, value[row[1]], row[4])
    if row[3] == BOOL:
        return _put_bool(buf, at, value[row[1]])
    if row[3] >= STAMP:
        return put_bytes(buf, at, value[row[1]] or b"null")
    return _put_text(buf, at, value[row[1]])


def put_json(buf, at, value, decimals):
    """A number, or null where it is unknown (None)."""
    if value is None:
        return put_bytes(buf, at, b"null")
    return put_number(buf, at, value, decimals)


def _put_bool(buf, at, value):
    if value is None:
        return put_bytes(buf, at, b"null")
    return put_bytes(buf, at, b"true" if value else b"false")


def _put_list(buf, at, row, value):
    """A list of numbers; null as a whole when one of them is unknown, as readers expect numbers in a list."""
    if _gap(row, value):
        return put_bytes(buf, at, b"null")
    buf[at] = 0x5B
    i = row[1]
    while i < row[1] + row[2]:
        at = put_number(buf, at + 1, value[i], row[4])
        buf[at] = _COMMA
        i += 1
    buf[at] = 0x5D
    return at + 1


def _gap(row, value):
    for i in range(row[1], row[1] + row[2]):
        if value[i] is None:
            return True
    return False


def _put_text(buf, at, text):
    if text is None:
        return put_bytes(buf, at, b"null")
    buf[at] = _QUOTE
    at = put_bytes(buf, at + 1, text)
    buf[at] = _QUOTE
    return at + 1


def _put_texts(buf, at, value, first):
    """A text and, if there is one, a second text behind it."""
    at = _put_text(buf, at, value[first])
    if value[first] is not None and value[first + 1] is not None:
        at = put_bytes(buf, at - 1, b"; ")
        at = put_bytes(buf, at, value[first + 1])
        buf[at] = _QUOTE
        at += 1
    return at
