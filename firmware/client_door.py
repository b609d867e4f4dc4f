"""The client door: telling a broker every topic once per second, and echoing what a controller has set."""

from micropython import const

from clock import elapsed_ms
from inbox import Inbox
from mqtt_client import MqttClient
from topics import SET_ROOT, TOLD, render, roots_of

PUBLISH_EVERY_MS = const(1000)
RETAINED = const(1)
_WILL = b"2"  # fault_state of a gateway that is gone: MQTT allows one will, and this is what a primary looks at


class ClientDoor:
    """Ties client and inbox together. `points`: per charge point, with .image; `heartbeat`: that of this door."""

    def __init__(self, config, points, heartbeat, link, box_id, now_ms):
        prefix = config["mqtt"]["prefix"].encode()
        self.inbox = Inbox(prefix, points, heartbeat)
        mirrors = config["mqtt"]["mirror"] or ()
        self._get_roots = roots_of(prefix, points, mirrors)
        self._points = points + points[: len(mirrors)]
        self._discovery = None
        self._discovered = 0  # connection that Home Assistant was told on
        self._listens = 0  # connection on which we last subscribed to the questions about events
        self.client = self._build_client(config, prefix, link, box_id)
        self._now_ms = now_ms
        self._published_ms = now_ms
        self._topic = len(TOLD)  # next topic of the running burst; len(TOLD): none
        self._cp = 0

    def _build_client(self, config, prefix, link, box_id):
        """At boot. Two boxes with one client id would throw each other out of the broker for ever."""
        client_id = config["mqtt"]["client_id"] or "%s-%06x" % (config["name"], box_id & 0xFFFFFF)
        client = MqttClient(config["mqtt"], client_id.encode(), link, box_id)
        client.topic_filter = prefix + SET_ROOT + b"#"
        will = self._open_discovery(config, box_id) if config["mqtt"]["discovery"] else _WILL
        client.set_last_will(self._get_roots[0] + b"get/fault_state", will, True)
        client.set_callback(self._on_message)
        return client

    def _open_discovery(self, config, box_id):
        """At boot. Returns the will."""
        from discovery import WILL, Discovery

        roots = self._get_roots[: len(config["charge_points"])]
        box = b"ladepunkt_%06x" % (box_id & 0xFFFFFF)
        self._discovery = Discovery(config["mqtt"]["discovery"], roots, box, config["name"], config["language"] == "en")
        return WILL

    def _on_message(self, topic, payload):
        self.inbox.offer(topic, payload, self.client.retained, self._now_ms)
        self.client.hold = self.inbox.pending()

    def online(self):
        return self.client.online

    def take_episode(self):
        """True once after something has allocated."""
        episode = self.client.episode
        self.client.episode = False
        return episode

    def step(self, now_ms):
        """Hears what there is to hear."""
        self._now_ms = now_ms
        self.client.step(now_ms)

    def wait_ms(self, now_ms):
        """How long until the next step is wanted, if nothing arrives before."""
        wait_ms = self.client.wait_ms(now_ms)
        if self._topic == len(TOLD):  # else the burst waits for the client, which tells when it goes on
            wait_ms = min(wait_ms, max(0, PUBLISH_EVERY_MS - elapsed_ms(now_ms, self._published_ms)))
        return wait_ms

    def tell(self, now_ms):
        """Starts at most one publish; True when the next one could follow at once."""
        if self.inbox.pending():
            return self._echo(now_ms)
        if self._topic == len(TOLD) and elapsed_ms(now_ms, self._published_ms) >= PUBLISH_EVERY_MS:
            self._published_ms = now_ms
            self._topic = 0
            self._cp = 0
        if not self.client.idle():
            return False
        if self._topic == len(TOLD):
            if self._listens == self.client.granted != self.client.connects:
                return self._listen(now_ms)
            return self._discovery is not None and self._discover(now_ms)
        self._tell(self._cp, TOLD[self._topic])
        self.client.flush(now_ms)
        self._topic += 1
        if self._topic == len(TOLD) and self._cp + 1 < len(self._points):
            self._topic = 0
            self._cp += 1
        return self._topic < len(TOLD) and self.client.idle()

    def _listen(self, now_ms):
        """Once per connection: the second subscription. A broker that refuses it may; one that hangs up on it is not asked again. Episode."""
        self._listens = self.client.connects
        self.client.subscribe(self.inbox.ask_topic)
        self.client.episode = True
        self.client.flush(now_ms)
        return self.client.idle()

    def _discover(self, now_ms):
        """What Home Assistant shall know, one message after the other, once per connection. Episode."""
        if self._discovered != self.client.connects:
            self._discovered = self.client.connects
            self._discovery.again()
        if not self._discovery.pending():
            return False
        self._discovery.tell(self.client)
        self.client.episode = True
        self.client.flush(now_ms)
        return self.client.idle()

    def _tell(self, cp, row):
        packet = self.client.packet
        if packet.open_publish(self._get_roots[cp], row[0]):
            packet.end = render(packet.buf, packet.end, row, self._points[cp].image.value)
            packet.close_publish(RETAINED)

    def _echo(self, now_ms):
        """The next message of an echo: the validated copy, the wipe of the set topic, the reset of a command. Episode."""
        inbox = self.inbox
        if not self.client.online:
            inbox.forget()
        elif not self.client.idle():
            return False
        elif inbox.copy is not None:
            self.client.publish(inbox.copy_topic, inbox.copy, True)
            inbox.copy = None
        elif inbox.wipe_topic is not None:
            self.client.publish(inbox.wipe_topic, b"", True)
            inbox.wipe_topic = None
        else:
            self.client.publish(inbox.copy_topic, inbox.reset, True)
            inbox.reset = None
        self.client.flush(now_ms)
        self.client.hold = inbox.pending()
        return self.client.hold and self.client.idle()
