"""The broker inside the box as the world uses a broker: controllers dial in for one message, an observer is told everything.

Plain Python that also runs on MicroPython.
"""

from host_tests.fakes.broker import FINE
from host_tests.fakes.peer import DISCONNECT, Client, Listener, connect, publish, subscribe

CONTROLLER = "192.168.1.10"
OBSERVER = "192.168.1.77"
STRANGER = "192.168.1.66"
WHOLE = 1 << 20


class Inside:
    """Stands where the world's own broker stands: send(), `retained`, `log`, `delivered`, `replayed`, `mode`.

    With a `mode` other than FINE the network is gone: nobody can dial, and the observer is cut off.
    `portion`, `room`: bytes that the box gets, and gets rid of, at once; None: no limit.
    """

    def __init__(self):
        self.retained = {}
        self.log = []
        self.delivered = []
        self.replayed = []
        self.mode = FINE
        self.link = None  # nothing that a fault could cut: the mode does it
        self.intruded = False  # a stranger has said something in this life of the box
        self.listener = Listener()
        self.portion = None
        self.room = None
        self._observer = None
        self._clients = []
        self._messages = []  # (client, topic, payload) that the box has not read to the end
        self._strangers = []

    def restart(self):
        """The box starts anew: every connection is gone, and what was in it. Returns the listener of its new life."""
        self.listener = Listener()
        self._clients = []
        self._messages = []
        self._strangers = []
        self._observer = None
        self.delivered = []
        self.intruded = False
        return self.listener

    def recover(self):
        """The network is as it should be, and whoever means ill goes."""
        self.mode = FINE
        self.portion = self.room = None
        self.hush()

    def send(self, topic, payload, retain=False):
        """A controller dials, publishes and hangs up."""
        if self.mode != FINE:
            return
        client = Client(self.listener, CONTROLLER)
        client.send(connect(b"") + publish(topic, payload, retain=retain) + DISCONNECT)
        client.portion = self.portion or WHOLE
        self._clients.append(client)
        self._messages.append((client, topic, payload))

    # -- who means ill

    def intrude(self, data, room=None, vanishes=False):
        """A stranger dials and says `data`. room: what it takes, None: all; vanishes: it will not even hang up."""
        if self.mode != FINE:
            return
        self.intruded = True
        client = Client(self.listener, STRANGER)
        client.room = room
        client.vanishes = vanishes
        client.send(data)
        self._strangers.append(client)

    def lie(self, data):
        """A stranger says what no client may."""
        self.intrude(connect(b"liar") + data)

    def hush(self):
        """The strangers hang up, but for those who have vanished."""
        for client in self._strangers:
            if not client.vanishes:
                client.hang_up()

    def reset_all(self):
        """RST on every connection. What the box had not read is lost."""
        for client in self._clients + self._strangers:
            client.reset()
        self._messages = []
        if self._observer is not None:
            self._observer.reset()

    def crowded(self):
        """True while somebody may take the place of the observer, or its time."""
        return len(self._strangers) > 0 or self.room is not None

    # -- time

    def step(self):
        """Reads what the box has said; the observer dials again where it was cut off."""
        if self._messages:
            self._hand_over()
        if self._clients:
            self._clients = [client for client in self._clients if not client.closed_by_box]
        if self._strangers:
            self._strangers = [client for client in self._strangers if not client.closed_by_box]
        if self.mode != FINE:
            self._observer = self._observer and self._observer.hang_up() and None
        elif self._observer is None or not self._observer.open:
            self._observer = Client(self.listener, OBSERVER)
            self._observer.send(connect(b"observer", keepalive_s=0) + subscribe(b"openWB/#"))
        else:
            self._observer.room = self.room
            self._take()

    def _hand_over(self):
        """A message counts from the moment the box has read it; only then can it know."""
        left = []
        for client, topic, payload in self._messages:
            client.portion = self.portion or WHOLE
            if client.unread() <= len(DISCONNECT):
                self.delivered.append((topic, payload))
            elif not client.closed_by_box:
                left.append((client, topic, payload))
        self._messages = left

    def _take(self):
        for topic, payload, retained in self._observer.whole_messages():
            self.retained[topic] = payload
            if not retained:
                self.log.append((topic, payload, True))

    def has_bytes(self):
        """True while the box has something to read, or somebody knocks."""
        if self.listener.backlog or self._observer is not None and self._observer.readable:
            return True
        for client in self._clients:
            if client.readable:
                return True
        return False
