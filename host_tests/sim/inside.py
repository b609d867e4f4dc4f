"""The broker inside the box as the world uses a broker: controllers dial in for one message, an observer is told everything.

Plain Python that also runs on MicroPython.
"""

from host_tests.fakes.broker import FINE
from host_tests.fakes.peer import DISCONNECT, Client, Listener, connect, publish, subscribe

CONTROLLER = "192.168.1.10"
OBSERVER = "192.168.1.77"


class Inside:
    """Stands where the world's own broker stands: send(), `retained`, `log`, `delivered`, `replayed`, `mode`.

    With a `mode` other than FINE the network is gone: nobody can dial, and the observer is cut off.
    """

    def __init__(self):
        self.retained = {}
        self.log = []
        self.delivered = []
        self.replayed = []
        self.mode = FINE
        self.link = None  # nothing that a fault could cut: the mode does it
        self.listener = Listener()
        self._observer = None
        self._clients = []

    def restart(self):
        """The box starts anew: every connection is gone, and what was in it. Returns the listener of its new life."""
        self.listener = Listener()
        self._clients = []
        self._observer = None
        self.delivered = []
        return self.listener

    def send(self, topic, payload, retain=False):
        """A controller dials, publishes and hangs up."""
        if self.mode != FINE:
            return
        client = Client(self.listener, CONTROLLER)
        client.send(connect(b"") + publish(topic, payload, retain=retain) + DISCONNECT)
        self._clients.append(client)
        self.delivered.append((topic, payload))

    def step(self):
        """Reads what the box has said; the observer dials again where it was cut off."""
        self._clients = [client for client in self._clients if not client.closed_by_box]
        if self.mode != FINE:
            self._observer = self._observer and self._observer.hang_up() and None
        elif self._observer is None or not self._observer.open:
            self._observer = Client(self.listener, OBSERVER)
            self._observer.send(connect(b"observer", keepalive_s=0) + subscribe(b"openWB/#"))
        else:
            self._take()

    def _take(self):
        for topic, payload, retained in self._observer.messages():
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
