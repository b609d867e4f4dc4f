"""The broker door: controllers dial in. Ties pool, broker and inbox together."""

from broker import FIRST_COME, Broker
from connections import Connections, Door
from inbox import Inbox

SHARE = 4
RESERVED = 2  # sockets for the listeners of Modbus and the page, which come


class BrokerDoor:
    """`points`: per charge point, with .image; `senders`: the heartbeats of this door; `listener`: a TcpListener."""

    def __init__(self, config, points, senders, listener, now_ms):
        settings = config["mqtt"]
        self.client = None
        self.inbox = Inbox(settings["prefix"].encode(), points, senders)
        door = Door("broker", listener, SHARE)
        self.pool = Connections([door, Door("spare", None, 1)], settings["sockets"] - RESERVED)
        if settings["first_come"]:
            settings["controllers"] = FIRST_COME
        self.broker = Broker(self.pool, door, points, self.inbox, settings, now_ms)

    def online(self):
        return self.broker.online() > 0

    def take_episode(self):
        """True once after something has allocated."""
        episode = self.broker.episode
        self.broker.episode = False
        return episode

    def step(self, now_ms):
        """One bite for every session, in and out."""
        self.pool.step(now_ms)
        self.broker.step(now_ms)

    def wait_ms(self, now_ms):
        """How long until the next step is wanted, if nothing arrives before."""
        return min(self.pool.wait_ms(), self.broker.wait_ms(now_ms))

    def tell(self, now_ms):
        """Nothing: the sessions tell what is due as soon as there is room, see step()."""
        return False
