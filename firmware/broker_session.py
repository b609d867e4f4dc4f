"""One client of the broker: its packets in, the answers out, and what it is subscribed to."""

from array import array

from micropython import const

from broker_connect import ACCEPTED, BAD_LOGIN, LEVEL_5, MALFORMED, Fields, Greeting
from broker_filters import FILTER_BYTES_MAX, FILTERS_MAX, is_filter, is_topic, matches, matches_any
from broker_topics import OWED, WANTED
from clock import Latch
from connections import GONE
from mqtt import (
    CONNACK, CONNECT, DISCONNECT, PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK, SUBSCRIBE, TYPE_MASK,
    UNSUBACK, UNSUBSCRIBE,
)  # fmt: skip

CLOSED = const(0)
GREETING = const(1)
ONLINE = const(2)

TRANSITIONS = ((CLOSED, GREETING), (GREETING, ONLINE), (GREETING, CLOSED), (ONLINE, CLOSED))

# Why a connection ended: index into Broker.ended.
BY_PEER = const(0)  # FIN without DISCONNECT is normal life; also a reset
BY_DISCONNECT = const(1)
EVICTED = const(2)
TAKEN_OVER = const(3)  # somebody came with the same client id
REFUSED = const(4)  # protocol level, client id, user or password
SILENT = const(5)  # no CONNECT in time, or nothing for 1.5 times the keepalive
STALLED = const(6)  # took no bytes any more
NOT_MQTT = const(7)  # malformed, or not allowed at this point
TOO_BIG = const(8)  # a packet longer than the buffer
END_COUNT = const(9)

GREETING_LIMIT_MS = const(5000)
ANSWER_BYTES = const(140)  # the longest answer: SUBACK for as many filters as fit in one packet
IDS = const(20)  # of QoS 2 messages that are not released yet; what clients have in flight by default
_SUBACK_FAILURE = const(0x80)
_CONNACK_5 = b"\x20\x03\x00\x84\x00"  # unsupported protocol version, as MQTT 5 writes it


class Session:
    """A machine for what happens in one slot while it belongs to the broker.

        CLOSED --accepted--> GREETING --CONNECT--> ONLINE
           ^                    |                    |
           `--------------------+--------------------'   any end: counted in Broker.ended

    Answers are queued in the slot's tx; no packet is looked at while the longest of them would not fit.
    """

    def __init__(self, slot, broker):
        topics = broker.topics.count
        self.slot = slot
        self.broker = broker
        self.state = CLOSED
        self.greeting = Greeting()
        self.filters = []
        self.flags = bytearray(topics)  # per topic of the broker
        self.owed = topics  # cursor: the first topic that may be OWED; `topics`: none is
        self.told = topics  # cursor of the running round
        self.late = 0  # rounds that should have begun while the peer took nothing
        self.resting = False  # nothing waits to be handled, told or sent; who changes that takes it back
        self.wants_more = False  # more can be rendered at once: what waits is not sent yet, so that segments are large
        self._heard = Latch()
        self._held = False  # the packet in slot.inbound is still to be handled
        self._ids = array("H", [0] * IDS)
        self._next_id = 0

    def step(self, now_ms):
        """One bounded bite: at most one chunk read and one packet handled; then what waits is sent as far as it goes.

        True: the next step could do something at once.
        """
        slot = self.slot
        if self.state and (slot.door is not self.broker.door or slot.fresh):
            self._enter(CLOSED)
            self.broker.count_end(EVICTED)
        if slot.door is not self.broker.door:
            return False
        if slot.fresh:
            self._open(now_ms)
        elif self.resting and self._stays(now_ms):
            return False
        self._read(now_ms)
        if self.state == ONLINE:
            self.broker.fill(self)
        if self.state and not self.wants_more:
            self.flush(now_ms)
        if self.state:
            self._check_times(now_ms)
        return self._busy()

    def _stays(self, now_ms):
        """True while it rests: nothing has come in. Most steps are this one for all sessions, so little is asked."""
        slot = self.slot
        n = slot.peer.readinto(slot.chunk)
        if n:
            slot.at = 0
            slot.have = max(0, n)
            if n < 0:
                self.end(BY_PEER)
            return n < 0
        if self.broker.looking:
            self._check_times(now_ms)
        return True

    def _busy(self):
        slot = self.slot
        waits = self._held or slot.at != slot.have or slot.tx.start != slot.tx.end
        waits = waits or self.owed < len(self.flags) or self.told < len(self.flags)
        self.resting = not waits and self.state == ONLINE
        return waits and self.state != CLOSED and not slot.blocked

    def flush(self, now_ms):
        if self.slot.flush(now_ms) == GONE:
            self.end(BY_PEER)

    def end(self, reason):
        """Closes the connection."""
        self.broker.count_end(reason)
        self._enter(CLOSED)
        self.broker.pool.close(self.slot)

    def _open(self, now_ms):
        """Episode: everything of the connection before is forgotten."""
        self.broker.episode = True
        self.slot.fresh = False
        self.filters = []
        topics = len(self.flags)
        for i in range(topics):
            self.flags[i] = 0
        for i in range(IDS):
            self._ids[i] = 0
        self.owed = topics
        self.told = topics
        self.late = 0
        self.resting = False
        self.wants_more = False
        self._held = False
        self._heard.mark(now_ms)
        self._enter(GREETING)

    def _check_times(self, now_ms):
        limit_ms = GREETING_LIMIT_MS if self.state == GREETING else self.greeting.keepalive_s * 1500
        if limit_ms and self._heard.check(now_ms, limit_ms):
            self.end(SILENT)
        elif self.slot.stalled(now_ms):
            self.end(STALLED)

    # -- packets in ---------------------------------------------------------------------------------------------------

    def _read(self, now_ms):
        slot = self.slot
        if not slot.tx.reserve(ANSWER_BYTES):
            return
        if not self._held:
            n = slot.read()
            if n <= 0:
                if n == GONE:
                    self.end(BY_PEER)
                return
            slot.at = slot.inbound.feed(slot.chunk, slot.at, slot.have)
        inbound = slot.inbound
        if inbound.bad or self.state == GREETING and inbound.head != CONNECT:
            self.end(NOT_MQTT)
        elif inbound.length > inbound.size:
            self.end(TOO_BIG)
        elif inbound.complete:
            self._heard.mark(now_ms)
            slot.active_ms = now_ms
            self._handle(now_ms)

    def _handle(self, now_ms):
        """Acts on the complete packet, or leaves it for later (`_held`)."""
        inbound = self.slot.inbound
        head = inbound.head
        self._held = False
        if self.state == GREETING:
            good = self._greet()
        elif head & TYPE_MASK == PUBLISH:
            self._held = self.broker.hold()
            good = self._held or self._take_publish(now_ms)
        elif head == PINGREQ:
            good = inbound.length == 0 and self.slot.tx.open(PINGRESP, 0)
        elif head == PUBREL:
            good = inbound.length == 2 and self._release(inbound.short(0))
        elif head == SUBSCRIBE or head == UNSUBSCRIBE:
            good = self._take_filters(head)
        else:
            good = head == DISCONNECT and inbound.length == 0
            if good:
                self.end(BY_DISCONNECT)
        if not good:
            self.end(NOT_MQTT)

    def _greet(self):
        """Episode. False: not MQTT."""
        code = self.greeting.read(self.slot.inbound)
        if code == MALFORMED:
            return False
        if code == ACCEPTED and not self.broker.lets_in(self.greeting):
            code = BAD_LOGIN
        tx = self.slot.tx
        if code == LEVEL_5:
            tx.append(_CONNACK_5)
        else:
            tx.open(CONNACK, 2)
            tx.append_short(code)
        if code == ACCEPTED:
            self.broker.take_over(self)
            self._enter(ONLINE)
        elif self.slot.flush(self._heard.at_ms) == GONE:
            self.end(BY_PEER)
        else:
            self.end(REFUSED)
        return True

    def _take_publish(self, now_ms):
        """Episode. False: not MQTT."""
        inbound = self.slot.inbound
        if not inbound.open_publish(2):
            return False
        packet_id = inbound.short(inbound.topic_end) if inbound.qos else 0
        topic = inbound.topic()
        if not is_topic(topic) or inbound.qos and not packet_id:
            return False
        if inbound.qos < 2 or self._is_new(packet_id):
            self.broker.take(self, topic, inbound.payload(), inbound.retained, now_ms)
        if inbound.qos:
            self.slot.tx.put_receipt(PUBACK if inbound.qos == 1 else PUBREC, packet_id)
        return True

    def _is_new(self, packet_id):
        """Remembers the id of a QoS 2 message; False when it was not released since. The oldest of too many is forgotten."""
        for known in self._ids:
            if known == packet_id:
                return False
        self._ids[self._next_id] = packet_id
        self._next_id = (self._next_id + 1) % IDS
        return True

    def _release(self, packet_id):
        for i in range(IDS):
            if self._ids[i] == packet_id:
                self._ids[i] = 0
        return packet_id > 0 and self.slot.tx.put_receipt(PUBCOMP, packet_id)

    # -- filters ------------------------------------------------------------------------------------------------------

    def _take_filters(self, head):
        """Episode: SUBSCRIBE or UNSUBSCRIBE. False: not MQTT."""
        self.broker.episode = True
        fields = Fields(self.slot.inbound)
        packet_id = fields.short()
        codes = bytearray()
        while fields.left():
            pattern = fields.data()
            qos = fields.byte() if head == SUBSCRIBE else 0
            if not fields.good or qos > 2 or not is_filter(pattern):
                return False
            if head == SUBSCRIBE:
                codes.append(self._subscribe(pattern))
            else:
                self._unsubscribe(pattern)
                codes.append(0)
        if not packet_id or not codes:
            return False
        tx = self.slot.tx
        if head == UNSUBSCRIBE:
            return tx.put_receipt(UNSUBACK, packet_id)
        tx.open(SUBACK, 2 + len(codes))
        tx.append_short(packet_id)
        tx.append(codes)
        return True

    def _subscribe(self, pattern):
        """The code for SUBACK: QoS 0, or failure when there are too many filters. Episode."""
        if pattern not in self.filters:
            total = sum([len(known) for known in self.filters]) + len(pattern)
            if len(self.filters) >= FILTERS_MAX or total > FILTER_BYTES_MAX:
                return _SUBACK_FAILURE
            self.filters.append(pattern)
        for i in range(len(self.flags)):
            if matches(pattern, self.broker.topics.name(i)):
                self.flags[i] = WANTED | OWED
        self.owed = 0
        return 0

    def _unsubscribe(self, pattern):
        """Episode."""
        if pattern not in self.filters:
            return
        self.filters.remove(pattern)
        for i in range(len(self.flags)):
            if not matches_any(self.filters, self.broker.topics.name(i)):
                self.flags[i] = 0

    def _enter(self, state):
        self.state = state
