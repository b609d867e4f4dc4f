"""The broker door: controllers dial in. Ties broker and inbox together."""

from broker import FIRST_COME, Broker
from inbox import Inbox


class BrokerDoor:
    """`points`: per charge point, with .image; `senders`: the heartbeats of this door; `pool`, `door`: its connections."""

    def __init__(self, config, points, senders, pool, door, now_ms):
        settings = config["mqtt"]
        self.client = None
        self.inbox = Inbox(settings["prefix"].encode(), points, senders)
        if settings["first_come"]:
            settings["controllers"] = FIRST_COME
        self.broker = Broker(pool, door, points, self.inbox, settings, now_ms)

    def online(self):
        return self.broker.online() > 0

    def take_episode(self):
        """True once after something has allocated."""
        episode = self.broker.episode
        self.broker.episode = False
        return episode

    def step(self, now_ms):
        """One bite for every session, in and out."""
        self.broker.step(now_ms)

    def wait_ms(self, now_ms):
        """How long until the next step is wanted, if nothing arrives before."""
        return self.broker.wait_ms(now_ms)

    def tell(self, now_ms):
        """Nothing: the sessions tell what is due as soon as there is room, see step()."""
        return False
