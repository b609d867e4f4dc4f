"""The pool of TCP connections: ten sockets in all on a stock ESP32 image, shared by every door of the box."""

from micropython import const

from clock import TICKS_MASK, Latch, elapsed_ms
from mqtt import Packet
from mqtt_inbound import Inbound

SOCKETS = const(10)  # of a stock image, listeners included
YOUNG_MS = const(2000)  # so long a connection is never evicted: it may be a controller that has not come to its word yet
IDLE_MAX_MS = const(0x1FFFFFFF)  # ages of silence do not grow beyond this
# lwIP repeats a lost segment after 1.5 s, then 3 s: two losses in a row must not end a connection.
STALL_MS = const(5000)
AGE_EVERY_MS = const(1000)
PAUSED_MS = const(50)  # how often to look again when somebody knocks and there is no room

CHUNK_BYTES = const(96)  # read at once
BODY_BYTES = const(416)  # longest packet body; the longest CONNECT in use (id, will, user, password) has 380
TX_BYTES = const(512)  # about eight messages: one segment; the page needs 475, see status.PIECE_BYTES

GONE = const(-1)


class Slot:
    """Place for one TCP connection, with the buffers that one connection after another uses. free: `door` is None.

    `inbound` and `tx` are MQTT's; other doors use inbound.buf and tx.buf[tx.start:tx.end] as they like. There are none before
    somebody has come in: most boxes have fewer visitors than sockets.
    """

    def __init__(self, body_bytes=BODY_BYTES):
        self.door = None
        self.peer = None  # the port: readinto(buf), write(buf, offset, n), close(), address
        self.fresh = False  # just accepted; the door takes that back
        self.controller = False  # the door sets it with the first accepted set; an observer until then
        self.active_ms = 0  # something was understood; the door sets it
        self.chunk = None
        self.at = 0  # chunk[at:have] is not parsed yet
        self.have = 0
        self.inbound = None
        self.tx = None
        self._body_bytes = body_bytes
        self.blocked = False  # the peer took less than it was given
        self.young = Latch()
        self._moved = Latch()  # while blocked: since when the peer has taken nothing

    def equip(self):
        """Episode: the buffers, once. False: there is no memory for them now; the next one who comes in asks again."""
        if self.chunk is None:
            try:
                self.inbound = Inbound(self._body_bytes)
                self.tx = Packet(TX_BYTES)
                self.chunk = bytearray(CHUNK_BYTES)
            except MemoryError:
                return False
        return True

    def open(self, door, peer, now_ms):
        """Episode: somebody has come in; or a door has taken the slot for itself, and needs no buffers."""
        self.door = door
        self.peer = peer
        self.fresh = True
        self.controller = False
        self.active_ms = now_ms
        self.at = 0
        self.have = 0
        if self.chunk is not None:
            self.inbound.reset()
            self.tx.clear()
        self.blocked = False
        self.young.mark(now_ms)
        self._moved.mark(now_ms)

    def read(self):
        """Bytes that wait in chunk[at:have], fetched if there are none; GONE when the connection has ended."""
        if self.at == self.have:
            self.at = 0
            self.have = 0
            n = self.peer.readinto(self.chunk)
            if n < 0:
                return GONE
            self.have = n
        return self.have - self.at

    def flush(self, now_ms):
        """Hands the peer what waits in tx; bytes taken, or GONE."""
        tx = self.tx
        n = 0
        was_blocked = self.blocked
        if tx.start != tx.end:
            n = self.peer.write(tx.buf, tx.start, tx.end - tx.start)
            if n < 0:
                return GONE
            tx.start += n
        self.blocked = tx.start != tx.end
        if n or not was_blocked:
            self._moved.mark(now_ms)
        return n

    def stalled(self, now_ms):
        """True when the peer has taken nothing of what waits for STALL_MS."""
        return self.blocked and self._moved.check(now_ms, STALL_MS)

    def age(self, now_ms):
        """To be called before it is judged, and now and then: neither youth nor silence may come back when the clock wraps."""
        self.young.check(now_ms, YOUNG_MS)
        if elapsed_ms(now_ms, self.active_ms) > IDLE_MAX_MS:
            self.active_ms = (now_ms - IDLE_MAX_MS) & TICKS_MASK


class Door:
    """Who gets connections: the broker, Modbus, the page; without a listener it is the share of dials and of UDP."""

    def __init__(self, name, listener, share, first_to_go=False):
        """listener: waiting(), accept() -> port or None, watch(bool); share: sockets it can always get back."""
        self.name = name
        self.listener = listener
        self.share = share
        self.first_to_go = first_to_go  # its connections are evicted like observers, whatever they do
        self.used = 0
        self.accepted = 0
        self.evicted = 0
        self.paused = False  # somebody knocks, but there is no room


class Connections:
    """Owns every slot. A share that is not in use is lent; its owner gets it back by eviction.

    Beyond its share a door gets what is free, and may replace what is lent or its own; who finds nobody to replace waits
    in the backlog of the listener. Never evicted: who sent the newest accepted heartbeat, and who has just come.
    """

    def __init__(self, doors, sockets=SOCKETS, body_bytes=BODY_BYTES):
        """body_bytes: the longest packet that comes in. Raises ValueError when the shares are more than there is."""
        self.doors = doors
        listeners = len([door for door in doors if door.listener is not None])
        self.slots = [Slot(body_bytes) for _ in range(sockets - listeners)]
        if sum([door.share for door in doors]) > len(self.slots):
            raise ValueError("shares: expected at most %d in all, as %d sockets have %d listeners" % (len(self.slots), sockets, listeners))
        self.heartbeat_slot = None  # the doors set it: the connection of the newest accepted heartbeat
        self._aged_ms = 0
        self.lost = 0  # knocked, but were gone (or without a socket) when there was room, or there was no memory for them

    def find(self, name):
        """The door of this name, or one that nobody comes through. At boot."""
        for door in self.doors:
            if door.name == name:
                return door
        return Door(name, None, 0)

    def close_all(self, door):
        """Ends every connection of this door. Episode."""
        for slot in self.slots:
            if slot.door is door:
                self.close(slot)

    def step(self, now_ms):
        """At most one accept per door."""
        if elapsed_ms(now_ms, self._aged_ms) >= AGE_EVERY_MS:
            self._age(now_ms)
        self._knock(now_ms)

    def _age(self, now_ms):
        self._aged_ms = now_ms
        for slot in self.slots:
            slot.age(now_ms)

    def wait_ms(self):
        """How long until the next step is wanted, if no listener has something to tell before."""
        for door in self.doors:
            if door.paused:
                return PAUSED_MS
        return YOUNG_MS

    def take(self, door, now_ms):
        """A slot for this door, by eviction if need be; None: there is none now. The caller then opens it. Episode."""
        slot = self._free()
        if slot is None:
            self._age(now_ms)
            slot = self._victim(door, now_ms)
            if slot is not None:
                slot.door.evicted += 1
                self.close(slot)
        return slot

    def open(self, slot, door, peer, now_ms):
        """Episode: the slot that take() has given belongs to this door until close()."""
        door.used += 1
        slot.open(door, peer, now_ms)

    def close(self, slot):
        """Ends the connection and frees the slot."""
        if slot.peer is not None:
            slot.peer.close()
        slot.door.used -= 1
        slot.door = None
        slot.peer = None
        if slot.chunk is not None:
            slot.tx.clear()
        if self.heartbeat_slot is slot:
            self.heartbeat_slot = None

    def _knock(self, now_ms):
        for door in self.doors:
            if door.listener is not None:
                self._admit(door, now_ms)

    def _admit(self, door, now_ms):
        knocking = door.listener.waiting()
        slot = self.take(door, now_ms) if knocking else None
        self._pause(door, knocking and slot is None)
        if slot is not None:
            self._let_in(slot, door, now_ms)

    def _pause(self, door, paused):
        """While nobody can be let in the knocking must not wake the loop."""
        if paused != door.paused:
            door.paused = paused
            door.listener.watch(not paused)

    def _let_in(self, slot, door, now_ms):
        """Episode."""
        peer = door.listener.accept()
        if peer is None:
            self.lost += 1
            return
        if not slot.equip():
            self.lost += 1
            peer.close()
            return
        door.accepted = (door.accepted + 1) & 0xFFFFFF
        self.open(slot, door, peer, now_ms)

    def _free(self):
        for slot in self.slots:
            if slot.door is None:
                return slot
        return None

    def _victim(self, door, now_ms):
        """The slot that this door may have: observers first, then controllers, always the one that is silent for longest."""
        best = None
        best_rank = -1
        for slot in self.slots:
            rank = self._rank(slot, door, now_ms)
            if rank > best_rank:
                best = slot
                best_rank = rank
        return best

    def _rank(self, slot, door, now_ms):
        """The higher the sooner it goes; -1: not for this door."""
        owner = slot.door
        if slot is self.heartbeat_slot or not slot.young.expired:
            return -1
        if owner.used <= owner.share and (owner is not door or door.used < door.share):
            return -1
        idle_ms = elapsed_ms(now_ms, slot.active_ms)
        return idle_ms if slot.controller and not owner.first_to_go else idle_ms + IDLE_MAX_MS
