"""What faces umqtt.simple: the port that its own methods take for their socket, and the CONNECT from its attributes."""

from micropython import const

from mqtt import CONNECT, SUBSCRIBE, TYPE_MASK, UNSUBSCRIBE

_ANSWER_AFTER = const(0x10)  # SUBACK and UNSUBACK are one packet type above what they answer

_PROTOCOL = b"\x00\x04MQTT\x04"
_CLEAN_SESSION = const(0x02)
_WILL = const(0x04)
_WILL_RETAIN = const(0x20)
_USER_AND_PASSWORD = const(0xC0)


def put_connect(packet, client):
    """Queues the CONNECT of an umqtt client (all strings as bytes). False when it does not fit."""
    flags = _CLEAN_SESSION
    length = 12 + len(client.client_id)
    if client.lw_topic:
        flags |= _WILL | client.lw_qos << 3 | (_WILL_RETAIN if client.lw_retain else 0)
        length += 4 + len(client.lw_topic) + len(client.lw_msg)
    if client.user is not None:
        flags |= _USER_AND_PASSWORD
        length += 4 + len(client.user) + len(client.pswd)
    if not packet.open(CONNECT, length):
        return False
    packet.append(_PROTOCOL)
    packet.append(bytes((flags,)))
    packet.append_short(client.keepalive)
    packet.append_text(client.client_id)
    if client.lw_topic:
        packet.append_text(client.lw_topic)
        packet.append_text(client.lw_msg)
    if client.user is not None:
        packet.append_text(client.user)
        packet.append_text(client.pswd)
    return True


class ParentPort:
    """Makes whole packets in a Packet out of the piecewise writes of umqtt; or nothing at all, where one does not fit.

    subscribe() of umqtt writes, then calls wait_msg() until that returns the type of the answer, then reads the answer.
    Waiting would stop the loop. So `awaited` tells wait_msg() what to return, and read() makes up the good answer; the
    real one is checked by the client when it comes in. While `connected` is False everything written vanishes.
    """

    def __init__(self, packet, on_close):
        self.connected = False
        self.awaited = 0  # packet type of the answer that umqtt waits for; 0: none
        self.packet_id = 0  # of the last SUBSCRIBE or UNSUBSCRIBE
        self._packet = packet
        self._on_close = on_close
        self.reset()

    def reset(self):
        self._left = 0  # bytes of the packet begun that are still to be written
        self._id_in = -2  # ... and how many until its packet id; below -1: it has none, or it was seen
        self._kept = False

    def write(self, data, n=-1):
        """Takes data[:n]. The first write of a packet must hold its type and its whole remaining length."""
        if n < 0:
            n = len(data)
        if self._left == 0:
            self._begin(data)
        if self._id_in > -2:
            self._note_id(data, n)
        self._left -= n
        if self._kept:
            self._packet.append(data if n == len(data) else data[:n])  # episode: ping() writes all
        return n

    def read(self, n):
        """Episode: the end of a good SUBACK (n = 4) or UNSUBACK (n = 3), from its remaining length on."""
        self.awaited = 0
        return bytes((n - 1, self.packet_id >> 8, self.packet_id & 0xFF, 0))[:n]

    def close(self):
        self._on_close()

    def _begin(self, data):
        length = 0
        at = 0
        more = 0x80
        while more:
            at += 1
            more = data[at] & 0x80
            length |= (data[at] & 0x7F) << 7 * (at - 1)
        self._left = at + 1 + length
        self._kept = self.connected and (self._packet.reserve(self._left) or self._packet.refuse())
        if data[0] == SUBSCRIBE or data[0] == UNSUBSCRIBE:
            self._id_in = at + 1
            self.packet_id = 0
            self.awaited = (data[0] & TYPE_MASK) + _ANSWER_AFTER

    def _note_id(self, data, n):
        """Keeps the two bytes of the packet id out of whichever writes they come in."""
        for i in range(n):
            if self._id_in == 0 or self._id_in == -1:
                self.packet_id = self.packet_id << 8 | data[i]
            self._id_in -= 1
