"""What /status.json says, in pieces that are written while there is room; docs/status.md explains every key.

A request is an episode. What openWB is told stands there under openWB's own names, straight from the table of points.
"""

from micropython import const

from clock import elapsed_ms
from cp_relay import ABSENT
from intents import MQTT
from jsontext import escaped
from safety import R_HEARTBEAT_SLOW, REASONS
from text import put_bytes
from topics import KEPT, TOLD, put_json, render, room
from version import VERSION

PIECE_BYTES = const(460)  # any piece of the templates; only texts of a point may be longer
EVENTS = const(8)  # the last ones
FRAME_BYTES = const(8)  # what may stand in front of the first piece in a buffer
_WHOLE = const(0x25)  # %
_HUNDREDTHS = const(0x24)  # $
_ROW_COUNT = len(TOLD) + len(KEPT)

# % takes the next value: None, a truth value, a whole number, bytes, which become a text, or a tuple of numbers; $ a number of 0.01.
_BOX = (
    b'{"version":%,"name":%,"language":%,"uptime_s":%,"longest_step_ms":%,"heap":{"free":%,"used":%,"idf_free":%},"wifi":{"rssi_dbm":%},"bus":{"late_bytes":%,'
    b'"noise_bytes":%,"stations":['
)
_STATION = (
    b'{"kind":%,"unit":%,"silent":%,"requests":%,"timeouts":%,"crc_errors":%,"wrong_replies":%,"exceptions":%,"echoes":%,'
    b'"latency_ms":%,"latency_max_ms":%,"gap_ms":%}'
)
_MQTT = (
    b']},"mqtt":{"mode":%,"heartbeat_limit_s":%,"online":%,"connects":%,"accepted":%,"rejected":%,"replays":%,"refused":%,"lost":%,"drops":%,'
    b'"last_error":%},"sockets":{"slots":%,"lost":%,"doors":['
)
_DOOR = b'{"name":%,"share":%,"used":%,"accepted":%,"evicted":%}'
_EVENTS = b']},"events":['
_EVENT = b'{"age_s":%,"text":%}'
_POINTS = b'],"charge_points":['
_POINT = b'{"leader":%,"leader_address":%,"heartbeat_age_s":%,"reason":%,"second_stop":%,"pilot_open":%,"evse":{"firmware":%,"limit_a":%,"power_up":%},"allowed_current":$'
_END = b"]}\n"


class Status:
    """The pieces of one gateway. vitals: see Vitals."""

    def __init__(self, gateway, vitals):
        self.now_ms = 0  # the owner sets it
        self._gateway = gateway
        self._vitals = vitals
        self._buf = None
        self._limit = 0
        self._point = None
        stations = []
        for point in gateway.points:
            stations.append((b"evse", point.evse.station))
            if point.meter is not None:
                stations.append((b"meter", point.meter.station))
        self._pieces = [(_BOX, self._box, None, False)]
        self._add_list(_STATION, _station, stations)
        self._pieces.append((_MQTT, self._mqtt, None, False))
        self._add_list(_DOOR, _door, gateway.pool.doors)
        self._pieces.append((_EVENTS, None, None, False))
        self._add_list(_EVENT, self._event, range(EVENTS))
        self._pieces.append((_POINTS, None, None, False))
        self.count = len(self._pieces) + len(gateway.points) * (1 + _ROW_COUNT) + 1

    def _add_list(self, template, values, members):
        """At boot: a piece per member, all but the first behind a comma."""
        for i in range(len(members)):
            self._pieces.append((template, values, members[i], i > 0))

    def put(self, buf, at, limit, i):
        """Writes piece i to buf[at:limit]; its end, or -1: there is no room. An empty buffer of a slot has room for any piece."""
        self._buf = buf
        self._limit = limit
        if i < len(self._pieces):
            return self._put_piece(at, self._pieces[i])
        return self._put_point(at, i - len(self._pieces))

    def _put_piece(self, at, piece):
        if self._limit - at < PIECE_BYTES:
            return -1
        found = piece[1](piece[2]) if piece[1] else ()
        if found is None:
            return at
        if piece[3]:
            at = put_bytes(self._buf, at, b",")
        return fill(self._buf, at, piece[0], found)

    def _put_point(self, at, i):
        """Piece i of those that are for charge points; the last one is the end of everything."""
        cp = i // (1 + _ROW_COUNT)
        i %= 1 + _ROW_COUNT
        if cp == len(self._gateway.points):
            return put_bytes(self._buf, at, _END) if at < self._limit - len(_END) else -1
        self._point = self._gateway.points[cp]
        if not i:
            return self._begin_point(at, cp)
        at = self._put_row(at, TOLD[i - 1] if i <= len(TOLD) else KEPT[i - 1 - len(TOLD)])
        return put_bytes(self._buf, at, b"}") if at > 0 and i == _ROW_COUNT else at

    def _begin_point(self, at, cp):
        if self._limit - at < PIECE_BYTES:
            return -1
        if cp:
            at = put_bytes(self._buf, at, b",")
        return fill(self._buf, at, _POINT, self._of_point())

    def _put_row(self, at, row):
        """A member of a charge point: the topic without its folder, and the payload; null where that can never fit."""
        value = self._point.image.value
        n = room(row, value) + len(row[0])  # a folder is as long as what is put around a name
        if n > self._limit - FRAME_BYTES:
            n = 0
        if max(n, len(row[0]) + 4) > self._limit - at:
            return -1
        at = put_bytes(self._buf, at, b',"')
        at = put_name(self._buf, at, row[0])
        return render(self._buf, at, row, value) if n else put_bytes(self._buf, at, b"null")

    def _box(self, _):
        config = self._gateway.config
        vitals = self._vitals
        return (
            VERSION, escaped(config["name"]), config["language"].encode(), vitals.uptime_s, vitals.longest_step_ms,
            vitals.free_bytes(), vitals.used_bytes(), vitals.idf_free_bytes(), vitals.rssi_dbm(),
        ) + self._dropped()  # fmt: skip

    def _dropped(self):
        """Bytes that came too late, or belonged to nothing, on all lines."""
        late = noise = 0
        for plan in self._gateway.lines.plans:
            late += plan.bus.late_bytes
            noise += plan.bus.noise_bytes
        return late, noise

    def _mqtt(self, _):
        """What only the other mode has is null."""
        door, pool = self._gateway.door, self._gateway.pool
        inbox, client = door.inbox, door.client
        head = (b"client" if client else b"broker", self._gateway.config["heartbeat_limit_s"], door.online())
        middle = (inbox.accepted, inbox.rejected, inbox.replays)
        if client:
            return head + (client.connects,) + middle + (None, None, client.drops, client.last_error, len(pool.slots), pool.lost)
        broker = door.broker
        return head + (broker.connects,) + middle + (broker.refused, broker.lost, None, None, len(pool.slots), pool.lost)

    def _event(self, i):
        """The last but i; None: there were not that many. The first one is always there, as those behind it begin with a comma."""
        import event_text  # only where somebody looks

        events = self._gateway.events
        number = events.count - 1 - i
        if number < 0:
            return None if i else (0, b"nothing yet")
        at = number % len(events.kind)
        text = event_text.text(events.kind[at], events.a[at], events.b[at])
        return elapsed_ms(self.now_ms, events.at_ms[at]) // 1000, escaped(text)

    def _of_point(self):
        point = self._point
        heartbeat = point.heartbeat()
        age_s = None if heartbeat.last.expired else elapsed_ms(self.now_ms, heartbeat.last.at_ms) // 1000
        leader = b"none"
        if point.leader_alive():
            leader = b"mqtt" if point.wish.door == MQTT else b"modbus"
        reason = heartbeat.slow_text if point.reason == R_HEARTBEAT_SLOW else REASONS[point.reason]
        address = None if point.wish.sender is None else point.wish.sender.encode()
        return (leader, address, age_s, reason, point.relay.state != ABSENT, point.relay.is_open()) + _evse(point.evse) + (point.limit_ca,)


def _evse(evse):
    """Its own registers, as far as they were read."""
    return evse.firmware or None, evse.limit_a, _words(evse.power_up)


def _words(data):
    """Registers as they came; None where they have not come."""
    return data and tuple([data[i] << 8 | data[i + 1] for i in range(0, len(data), 2)])


def _station(of):
    kind, station = of
    return (
        kind, station.unit, station.silent, station.requests, station.timeouts, station.crc_errors, station.wrong_replies,
        station.exceptions, station.echoes, station.latency_ms, station.latency_max_ms, station.gap_ms(),
    )  # fmt: skip


def _door(door):
    return door.name.encode(), door.share, door.used, door.accepted, door.evicted


def fill(buf, at, template, values):
    """Writes the template with its values; returns its end."""
    n = 0
    for i in range(len(template)):
        c = template[i]
        if c == _WHOLE or c == _HUNDREDTHS:
            at = _put_value(buf, at, values[n], c == _HUNDREDTHS)
            n += 1
        else:
            buf[at] = c
            at += 1
    return at


def _put_value(buf, at, value, hundredths):
    if value is True or value is False:
        return put_bytes(buf, at, b"true" if value else b"false")
    if isinstance(value, bytes):
        buf[at] = 0x22
        at = put_bytes(buf, at + 1, value)
        buf[at] = 0x22
        return at + 1
    if isinstance(value, tuple):
        return _put_numbers(buf, at, value)
    return put_json(buf, at, value, 2 if hundredths else 0)


def _put_numbers(buf, at, numbers):
    buf[at] = 0x5B
    for i in range(len(numbers)):
        at = put_json(buf, at + 1, numbers[i], 0)
        buf[at] = 0x2C
    buf[at] = 0x5D
    return at + 1


def put_name(buf, at, topic):
    """The last part of a topic, the quote behind it and the colon."""
    i = topic.find(b"/") + 1
    while i < len(topic):
        buf[at] = topic[i]
        at += 1
        i += 1
    return put_bytes(buf, at, b'":')
