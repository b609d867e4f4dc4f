"""The client door: umqtt.simple without its waiting. One machine, one connection, one broker."""

from micropython import const
from umqtt.simple import MQTTClient

from backoff import Backoff
from clock import TICKS_MASK, Latch, elapsed_ms
from keepalive import ASK_NOW, NO_ROOM, KeepAlive
from mqtt import CONNACK, PINGRESP, PUBACK, PUBLISH, RECEIPT_BYTES, SUBACK, TYPE_MASK, UNSUBACK, Packet
from mqtt_inbound import Inbound
from mqtt_port import ParentPort, put_connect
from mqtt_states import (
    ANSWER_LIMIT_MS, DIAL_LIMIT_MS, DIALING, ERR_CLOSED, ERR_DIAL, ERR_DIAL_TIMEOUT, ERR_GARBAGE, ERR_NAME,
    ERR_NO_PINGRESP, ERR_SILENT, ERR_STALLED, ERR_SUBSCRIBE, ERR_TOO_BIG, FILTER_BYTES, GREETING, NAME_LIMIT_MS, ONLINE,
    PAUSE_MAX_MS, PAUSE_MIN_MS, RESOLVING, STABLE_MS, STOPPED, SUBSCRIBING, WAITING,
)  # fmt: skip

PACKET_BYTES = const(512)  # longest packet sent, and longest body received
_CHUNK_BYTES = const(256)
_POLL_MS = const(50)  # while something goes on that no socket tells
_IDLE_MS = const(1000)


class MqttClient(MQTTClient):
    """A machine that keeps one connection to a broker, by non-blocking steps.

        WAITING --> RESOLVING --> DIALING --> GREETING --> SUBSCRIBING --> ONLINE
           ^            |            |           |              |             |
           `------------+------------+-----------+--------------+-------------'   any failure: link closed, pause
        all --disconnect()--> STOPPED --connect()--> WAITING

    The pause is 1, 2, 4 .. 10 s, of which the second half is drawn by lot. Own: connect, check_msg, wait_msg, publish
    (none of them waits). The constructor, set_last_will, set_callback, subscribe, ping and disconnect are umqtt's.
    All topics and payloads are bytes. The callback may publish; it gets (topic, msg), and `retained` tells the rest.
    More counters: packet.refused (not sent: no room, no connection), inbound.oversize (skipped: above PACKET_BYTES).
    """

    def __init__(self, settings, client_id, link, seed):
        """settings: host, port, user, password (or None), keepalive_s; client_id: bytes; link: as net.TcpLink; seed: int."""
        user, password = settings["user"], settings["password"]
        super().__init__(
            client_id,
            settings["host"],
            settings["port"],
            None if user is None else user.encode(),
            (password or "").encode(),
            settings["keepalive_s"],
        )
        self.link = link
        self.packet = Packet(PACKET_BYTES)
        self.inbound = Inbound(PACKET_BYTES)
        self.sock = ParentPort(self.packet, self._stop)
        self.topic_filter = b""  # the owner sets it: bytes, whole, at most FILTER_BYTES
        self.hold = False  # the owner sets it: deliver no further message yet
        self.retained = False  # of the message being delivered
        self.state = WAITING
        self.online = False
        self.episode = False  # something was allocated; the owner clears it
        self.last_error = 0
        self.connects = 0
        self.granted = 0  # connection on which a further subscription was answered, whatever the answer
        self.dials_failed = 0
        self.drops = 0  # connections lost that had been online
        self.messages = 0
        self.bytes_out = 0  # wraps at 2**30
        self._now_ms = 0
        self._since = Latch()  # the present state was entered
        self._keepalive = KeepAlive(settings["keepalive_s"])
        self._blocked = False  # the link took less than it was given
        self._pause_ms = 0
        self._backoff = Backoff(PAUSE_MIN_MS, PAUSE_MAX_MS, seed)
        self._chunk = bytearray(_CHUNK_BYTES)
        self._at = 0  # chunk[_at:_have] is not parsed yet
        self._have = 0

    # -- for the owner ------------------------------------------------------------------------------------------------

    def step(self, now_ms):
        """One bounded bite: at most one chunk read, one message delivered, and what waits is sent as far as it goes."""
        self._now_ms = now_ms
        if self.state >= GREETING:
            self._talk(now_ms)
        elif self.state == WAITING:
            if self._since.check(now_ms, self._pause_ms):
                self._enter(RESOLVING, now_ms)
                self.link.resolve(self.server, self.port)
        elif self.state == RESOLVING:
            self._resolve(now_ms)
        elif self.state == DIALING:
            self._dial(now_ms)

    def wait_ms(self, now_ms):
        """How long until the next step is wanted, if the link has nothing to tell before."""
        if self.state == ONLINE:
            if self._has_work():
                return 0
            return max(_POLL_MS, self._keepalive.left_ms(now_ms))
        if self.state == WAITING and not self._since.expired:
            return max(0, self._pause_ms - elapsed_ms(now_ms, self._since.at_ms))
        return _IDLE_MS if self.state == STOPPED else _POLL_MS

    def idle(self):
        """True when a publish may be started in `packet`."""
        return self.online and self.packet.start == self.packet.end

    def flush(self, now_ms):
        """Hands what waits to the link; what that does not take stays."""
        packet = self.packet
        if packet.start == packet.end or self.state < GREETING:
            return
        n = self.link.write(packet.buf, packet.start, packet.end - packet.start)
        if n < 0:
            self._fail(ERR_CLOSED, now_ms)
            return
        packet.start += n
        self._blocked = packet.start != packet.end
        self.bytes_out = (self.bytes_out - TICKS_MASK + n - 1) & TICKS_MASK  # in this order it stays a small integer

    # -- what umqtt has under the same name ---------------------------------------------------------------------------

    def connect(self, clean_session=True, timeout=None):
        """Asks for a dial at the next step, whatever pause is left; a connection stays. Sessions are always clean."""
        if self.state == STOPPED:
            self._enter(WAITING, self._now_ms)
        self._pause_ms = 0
        return 0

    def publish(self, topic, msg, retain=False, qos=0):
        """Queues one message (qos 0 or 1; an answer to 1 is not waited for). False: no connection, or no room."""
        if self.state < SUBSCRIBING or qos > 1:
            return self.packet.refuse()
        if qos:
            self.pid = self.pid % 0xFFFF + 1
        return self.packet.put_publish(topic, msg, retain, self.pid if qos else 0)

    def check_msg(self):
        """Reads at most one chunk, and only if the last one is used up; takes at most one packet out of it."""
        if self.state < GREETING or not self.packet.reserve(RECEIPT_BYTES):  # for a receipt
            return
        if self._at == self._have:
            n = self.link.readinto(self._chunk)
            if n < 0:
                self._fail(ERR_CLOSED, self._now_ms)
            if n <= 0:
                return
            self._at = 0
            self._have = n
        self._at = self.inbound.feed(self._chunk, self._at, self._have)
        if self.inbound.bad:
            self._fail(ERR_GARBAGE, self._now_ms)
        elif self.inbound.complete and not self._handle():
            self._fail(ERR_GARBAGE, self._now_ms)

    def wait_msg(self):
        """As check_msg; but subscribe() of umqtt, which would wait here for its answer, is told that it came."""
        if self.sock.awaited:
            return self.sock.awaited
        return self.check_msg()

    # -- approach -----------------------------------------------------------------------------------------------------

    def _resolve(self, now_ms):
        known = self.link.resolved()
        if known > 0:
            self._enter(DIALING, now_ms)
            self.link.dial()
        elif known < 0 or self._since.check(now_ms, NAME_LIMIT_MS):
            self._fail(ERR_NAME, now_ms)

    def _dial(self, now_ms):
        up = self.link.status()
        if up > 0:
            self.packet.clear()  # of what an owner left behind
            self.pid = 0
            self.sock.connected = True
            self._enter(GREETING, now_ms)
            if not put_connect(self.packet, self):
                self._fail(ERR_TOO_BIG, now_ms)
        elif up < 0:
            self._fail(ERR_DIAL, now_ms)
        elif self._since.check(now_ms, DIAL_LIMIT_MS):
            self._fail(ERR_DIAL_TIMEOUT, now_ms)

    # -- connected ----------------------------------------------------------------------------------------------------

    def _talk(self, now_ms):
        if not self.hold or self.state != ONLINE:
            self.check_msg()
        if self.state >= GREETING:
            self.flush(now_ms)
        if self.state == ONLINE:
            self._keep_alive(now_ms)
        elif self.state >= GREETING and self._since.check(now_ms, ANSWER_LIMIT_MS):
            self._fail(ERR_SILENT, now_ms)

    def _keep_alive(self, now_ms):
        verdict = self._keepalive.check(now_ms, self.packet.start == self.packet.end)
        if verdict == ASK_NOW:
            self.ping()
            self.flush(now_ms)
        elif verdict:
            self._fail(ERR_STALLED if verdict == NO_ROOM else ERR_NO_PINGRESP, now_ms)
        elif self._since.check(now_ms, STABLE_MS):
            self._backoff.reset()

    def _has_work(self):
        if self._at != self._have and not self.hold:
            return True
        return self.packet.start != self.packet.end and not self._blocked

    def _handle(self):
        """Acts on the complete packet. False when a broker may not say that, or not now."""
        head = self.inbound.head
        length = self.inbound.length
        if head & TYPE_MASK == PUBLISH:
            return self.state >= SUBSCRIBING and self._take_publish()
        if head == PINGRESP:
            self._keepalive.answered()
            return length == 0
        if head == CONNACK:
            return length == 2 and self.state == GREETING and self._take_connack()
        if head == SUBACK:
            return length == 3 and self.state >= SUBSCRIBING and self._take_suback()
        return length == 2 and (head == PUBACK or head == UNSUBACK)

    def _take_connack(self):
        code = self.inbound.buf[1]
        if code > 5:
            return False
        if code:
            self._fail(code, self._now_ms)
        elif len(self.topic_filter) > FILTER_BYTES:
            self._fail(ERR_SUBSCRIBE, self._now_ms)
        else:
            self._enter(SUBSCRIBING, self._now_ms)
            self.subscribe(self.topic_filter)
        return True

    def _take_suback(self):
        if self.state == ONLINE:
            self.granted = self.connects
        elif self.inbound.buf[2] & 0x80:
            self._fail(ERR_SUBSCRIBE, self._now_ms)
        elif self.inbound.short(0) != self.sock.packet_id:
            return False
        else:
            self.connects += 1
            self._keepalive.start(self._now_ms)
            self._enter(ONLINE, self._now_ms)
        return True

    def _take_publish(self):
        """Acknowledges and delivers a message. One that is longer than the buffer is not delivered."""
        inbound = self.inbound
        if not inbound.open_publish():
            return False
        if inbound.qos and inbound.payload_at <= inbound.size:
            self.packet.put_receipt(PUBACK, inbound.short(inbound.topic_end))
        if inbound.length <= inbound.size:
            self.messages += 1
            self.retained = inbound.retained
            self.episode = True
            self.cb(inbound.topic(), inbound.payload())
        return True

    # -- the end ------------------------------------------------------------------------------------------------------

    def _fail(self, error, now_ms):
        self.last_error = error
        if self.state == ONLINE:
            self.drops += 1
        else:
            self.dials_failed += 1
        self._pause_ms = self._backoff.next_ms()
        self._hang_up()
        self._enter(WAITING, now_ms)

    def _stop(self):
        """The end of disconnect(): what waits gets one chance, then the link is closed."""
        if self.state == STOPPED:
            return
        self.flush(self._now_ms)
        self._hang_up()
        self._enter(STOPPED, self._now_ms)

    def _hang_up(self):
        self.link.close()
        self.packet.clear()
        self.inbound.reset()
        self.sock.connected = False
        self.sock.reset()
        self._at = 0
        self._have = 0

    def _enter(self, state, now_ms):
        self.state = state
        self.online = state == ONLINE
        self.episode = True
        self._since.mark(now_ms)
