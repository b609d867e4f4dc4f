"""Tells the events to whoever asks for them over MQTT. Loaded when somebody asks for the first time; an extra, see extras."""

from micropython import const

from clock import Latch, elapsed_ms
from events import EVENTS
from jsontext import escaped

_GET = b"/get"
REST_MS = const(10000)  # from one answer to the next: who asks meanwhile gets nothing

RESTING = const(0)
TELLING = const(1)

TRANSITIONS = ((RESTING, TELLING), (TELLING, RESTING))


class Teller:
    """One event per step, so that no step becomes long and every message finds room.

        RESTING --asked, REST_MS after the last answer--> TELLING --all told, or nobody is there--> RESTING
    """

    def __init__(self, events, door):
        self.episode = False  # as every extra
        self.state = RESTING
        self.refused = 0
        self._events = events
        self._door = door
        self._topic = door.inbox.ask_topic[: -len(_GET)]
        self._told = Latch()  # the last answer
        self._next = 0
        self._last = 0  # the newest event at the moment of the question
        self._asked_ms = 0

    def step(self, now_ms):
        """Every 100 ms. Allocates only while it tells."""
        asked = self._door.inbox.asked
        self._door.inbox.asked = False
        rested = self._told.check(now_ms, REST_MS)
        if self.state == TELLING:
            self._tell_next(now_ms)
        elif asked and rested:
            self._last = self._events.count - 1
            self._next = 0
            self._asked_ms = now_ms
            self._enter(TELLING)
        elif asked:
            self.refused = (self.refused + 1) & 0xFFFFFF

    def _tell_next(self, now_ms):
        """Episode: the next event that is still there."""
        self._next = max(self._next, self._events.count - EVENTS)
        going = self._next <= self._last
        if going:
            self.episode = True
            try:
                going = self._send(self._payload())
            except MemoryError:
                going = False  # no reason to stop a charge
        if going is None:
            return
        self._next += 1
        if not going:
            self._told.mark(now_ms)
            self._enter(RESTING)

    def _send(self, payload):
        """True when it went to somebody, None while there is no room. Episode."""
        client = self._door.client
        if client is not None:
            return None if client.online and not client.idle() else client.publish(self._topic, payload)
        return self._tell_all(payload)

    def _tell_all(self, payload):
        """The broker is on the box. Episode."""
        from broker_filters import matches_any  # a client has neither
        from broker_session import ONLINE

        broker = self._door.broker
        found = False
        for session in broker.sessions:
            if session.state == ONLINE and matches_any(session.filters, self._topic):
                found = True
                broker.send(session, self._topic, payload, False)
        return found

    def _payload(self):
        """Episode."""
        import event_text  # only where somebody asks

        events = self._events
        i = self._next % EVENTS
        ago_s = elapsed_ms(self._asked_ms, events.at_ms[i]) // 1000
        text = escaped(event_text.text(events.kind[i], events.a[i], events.b[i]))
        return b'{"n":%d,"last":%d,"ago_s":%d,"text":"%s"}' % (self._next, self._last, ago_s, text)

    def _enter(self, state):
        self.state = state
