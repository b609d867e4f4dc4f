"""The broker door: MQTT 3.1.1 for the few clients of a wallbox. Its retained store is the point table itself."""

from micropython import const

from broker_filters import matches_any
from broker_session import END_COUNT, ONLINE, STALLED, TAKEN_OVER, Session
from broker_topics import OWED, WANTED, Topics
from clock import elapsed_ms
from mqtt import HEADER_BYTES
from topics import SET_ROOT

PUBLISH_EVERY_MS = const(1000)
LOOK_EVERY_MS = const(100)  # at the time limits of who rests
ROWS_PER_STEP = const(2)  # messages rendered per session and step: a few ms of an ESP32
LATE_MAX = const(1)  # rounds a session may miss because its peer takes nothing
FIRST_COME = "first"

_SET = b"openWB/set/"
_GLOBAL_DATA = b"global_data"


class Broker:
    """Sessions, one per slot of the pool; the rounds of publishing; the echo of set messages.

    Every second each subscriber is told every topic it wants, in a round of its own: rendered when there is room in its
    buffer, so nobody waits for anybody. A set message goes to the inbox; then all whom it concerns get it, its validated
    copy, the wipe and the reset of a command, one message per step, before any other set message is taken. An echo that
    a blocked peer has no room for is lost to that peer (QoS 0) and counted.
    Bridges get the retain bit as the message has it, and not their own messages back; all others get it with what they
    subscribe to only.
    """

    def __init__(self, pool, door, points, inbox, settings, now_ms):
        """
        points: per charge point, with .image. settings: prefix, user and password (or None), and controllers: None, a list
        of addresses whose sets are obeyed, or FIRST_COME: the first one whose set is accepted.
        """
        self.pool = pool
        self.door = door
        self.inbox = inbox
        self.on_set = None  # the owner sets it: called with (topic, payload, replayed, address, session) of what was accepted
        self.controllers = settings["controllers"]
        self.episode = False  # something was allocated; the owner clears it
        self.ended = [0] * END_COUNT
        self.connects = 0
        self.sets = 0
        self.refused = 0  # sets of those who may only read
        self.ignored = 0  # publishes outside openWB/set/
        self.lost = 0  # echoes
        user, password = settings["user"], settings["password"]
        self._user = None if user is None else user.encode()
        self._password = (password or "").encode()
        prefix = settings["prefix"].encode()
        self._set_root = prefix + _SET
        self._heartbeat_topic = prefix + SET_ROOT + _GLOBAL_DATA
        self.topics = Topics(prefix, points, settings.get("mirror") or ())
        self._value = None  # first message of the echo: the value as it came in, on _value_topic
        self._value_topic = None
        self._value_retain = False
        self._origin = None  # the bridge it came from
        self._told_ms = now_ms
        self._now_ms = now_ms
        self._looked_ms = now_ms
        self._busy = False  # at the end of the last step: the next one could do something at once
        self.looking = False  # sessions that rest check their time limits in this step
        self._turn = 0  # who is asked first: the one behind whose set message was taken last
        self.sessions = []
        for slot in pool.slots:
            self.sessions.append(Session(slot, self))

    def step(self, now_ms):
        """One bounded bite for every session."""
        self._now_ms = now_ms
        if elapsed_ms(now_ms, self._told_ms) >= PUBLISH_EVERY_MS:
            self._told_ms = now_ms
            self._begin_round()
        self.looking = elapsed_ms(now_ms, self._looked_ms) >= LOOK_EVERY_MS
        if self.looking:
            self._looked_ms = now_ms
        self._busy = self._step_all(now_ms)
        if self.hold():
            self._busy = True
            self._echo()

    def _step_all(self, now_ms):
        """True when one of them could go on at once. Nobody who sets something without end keeps the others waiting."""
        busy = False
        sessions = self.sessions
        i = self._turn
        left = len(sessions)
        while left:
            session = sessions[i]
            if (session.state or session.slot.door is self.door) and session.step(now_ms):
                busy = True
            left -= 1
            i += 1
            if i == len(sessions):
                i = 0
        return busy

    def wait_ms(self, now_ms):
        """How long until the next step is wanted, if no socket has something to tell before."""
        if self._busy:
            return 0
        return max(0, PUBLISH_EVERY_MS - elapsed_ms(now_ms, self._told_ms))

    def online(self):
        """Clients that are connected."""
        n = 0
        for session in self.sessions:
            if session.state == ONLINE:
                n += 1
        return n

    # -- for the sessions ---------------------------------------------------------------------------------------------

    def count_end(self, reason):
        self.ended[reason] = (self.ended[reason] + 1) & 0xFFFFFF
        self.episode = True

    def lets_in(self, greeting):
        """True when user and password are right, or none are asked for."""
        return self._user is None or greeting.user == self._user and (greeting.password or b"") == self._password

    def take_over(self, newcomer):
        """Somebody has been let in: who has the same client id goes."""
        self.connects = (self.connects + 1) & 0xFFFFFF
        self.episode = True
        client_id = newcomer.greeting.client_id
        if not client_id:
            return
        for session in self.sessions:
            if session is not newcomer and session.state == ONLINE and session.greeting.client_id == client_id:
                session.end(TAKEN_OVER)

    def hold(self):
        """True while an echo is under way: no other set message is taken."""
        return self._value is not None or self.inbox.pending()

    def take(self, session, topic, payload, retained, now_ms):
        """A message has come in. Episode."""
        self.episode = True
        if not topic.startswith(self._set_root):
            self.ignored = (self.ignored + 1) & 0xFFFFFF
            self.inbox.offer(topic, payload, retained and session.greeting.bridge, now_ms)
            return
        address = session.slot.peer.address
        if self.controllers is not None and self.controllers != FIRST_COME and address not in self.controllers:
            self.refused = (self.refused + 1) & 0xFFFFFF
            return
        bridge = session.greeting.bridge
        self.sets = (self.sets + 1) & 0xFFFFFF
        self._turn = (self.sessions.index(session) + 1) % len(self.sessions)
        self.inbox.sender = address
        accepted = self.inbox.accepted
        self.inbox.offer(topic, payload, retained and bridge, now_ms)
        if self.inbox.accepted != accepted:
            self._accepted(session, topic, payload, retained and bridge)
        self._value = payload
        self._value_topic = topic
        self._value_retain = retained
        self._origin = session if bridge else None

    def _accepted(self, session, topic, payload, replayed):
        """Episode: who sent this is a controller."""
        slot = session.slot
        slot.controller = True
        if topic == self._heartbeat_topic:
            self.pool.heartbeat_slot = slot
        if self.controllers == FIRST_COME:
            self.controllers = [slot.peer.address]
        if self.on_set is not None:
            self.on_set(topic, payload, replayed, slot.peer.address, session)

    # -- telling ------------------------------------------------------------------------------------------------------

    def _begin_round(self):
        """Everybody gets everything again. Who is still at the last round goes on with it; who blocks it, goes."""
        for session in self.sessions:
            if session.state != ONLINE or not session.filters:
                continue
            if session.told == session.owed == self.topics.count:
                session.resting = False
                session.told = 0
                session.late = 0
            elif session.slot.blocked:
                session.late += 1
                if session.late > LATE_MAX:
                    session.end(STALLED)

    def fill(self, session):
        """Renders what is due behind what waits for that session."""
        n = 0
        while n < ROWS_PER_STEP and self._tell_next(session):
            n += 1
        session.wants_more = n == ROWS_PER_STEP

    def _tell_next(self, session):
        """False when nothing is due, or there is no room for it now."""
        topics = self.topics
        tx = session.slot.tx
        i = topics.next(session.flags, session.owed, OWED)
        session.owed = i
        if i < topics.count:
            if not topics.tell(tx, i, True):
                return False
            session.flags[i] &= ~OWED
            session.owed = i + 1
            return True
        i = topics.next(session.flags, session.told, WANTED)
        session.told = i
        if i == topics.count or not topics.tell(tx, i, session.greeting.bridge):
            return False
        session.told = i + 1
        return True

    # -- the echo of a set message ------------------------------------------------------------------------------------

    def _echo(self):
        """Sends the next message of the echo that somebody wants."""
        while self.hold():
            if self._echo_next():
                return

    def _echo_next(self):
        """True when it went to somebody. Episode."""
        inbox = self.inbox
        topic, payload, retain, origin = inbox.copy_topic, inbox.copy, True, None
        if self._value is not None:
            topic, payload, retain, origin = self._value_topic, self._value, self._value_retain, self._origin
            self._value = self._value_topic = self._origin = None
        elif inbox.copy is not None:
            inbox.copy = None
        elif inbox.wipe_topic is not None:
            topic, payload = inbox.wipe_topic, b""
            inbox.wipe_topic = None
        else:
            payload = inbox.reset
            inbox.reset = None
        sent = False
        for session in self.sessions:
            if session.state == ONLINE and session is not origin and matches_any(session.filters, topic):
                sent = True
                self.send(session, topic, payload, retain and session.greeting.bridge)
        return sent

    def send(self, session, topic, payload, retain):
        """Episode."""
        tx = session.slot.tx
        size = HEADER_BYTES + 2 + len(topic) + len(payload)
        if not tx.reserve(size):
            session.flush(self._now_ms)
        if session.state and tx.reserve(size):
            session.resting = False
            tx.put_publish(topic, payload, retain, 0)
        else:
            self.lost = (self.lost + 1) & 0xFFFFFF
