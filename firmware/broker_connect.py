"""CONNECT and SUBSCRIBE as a broker reads them: fields out of a complete packet. Episodes only."""

from micropython import const

from broker_filters import is_text

# What read_connect returns; 0..5 are the return codes of CONNACK.
ACCEPTED = const(0)
BAD_LEVEL = const(1)
BAD_ID = const(2)
BAD_LOGIN = const(4)
MALFORMED = const(-1)  # no answer: not MQTT
LEVEL_5 = const(-2)  # to be answered in the form of MQTT 5

ID_BYTES_MAX = const(128)

_BRIDGE = const(0x80)  # of the protocol level: Mosquitto's bridges set it
_BRIDGE_WILL = b"$SYS/broker/connection/"

_RESERVED = const(0x01)
_CLEAN = const(0x02)
_WILL = const(0x04)
_WILL_QOS_3 = const(0x18)
_WILL_QOS_AND_RETAIN = const(0x38)
_PASSWORD = const(0x40)
_USER = const(0x80)


class Fields:
    """Reads one field after another. `good` turns False, for good, when one reaches beyond the packet."""

    def __init__(self, inbound):
        self._view = inbound.view
        self._length = inbound.length
        self.at = 0
        self.good = True

    def byte(self):
        if self.at >= self._length:
            self.good = False
            return 0
        self.at += 1
        return self._view[self.at - 1]

    def short(self):
        high = self.byte()
        return high << 8 | self.byte()

    def data(self):
        """Two bytes of length and what they announce, as bytes."""
        n = self.short()
        begin = self.at
        self.at = begin + n
        if not self.good or self.at > self._length:
            self.good = False
            return b""
        return bytes(self._view[begin : self.at])

    def left(self):
        return self.good and self.at < self._length

    def done(self):
        """True when all was read and nothing is left."""
        return self.good and self.at == self._length


class Greeting:
    """What a CONNECT says."""

    def __init__(self):
        self.client_id = b""
        self.keepalive_s = 0
        self.bridge = False  # another broker: what it sends with the retain bit is a replay
        self.user = None
        self.password = None

    def read(self, inbound):
        """Takes a complete CONNECT; returns ACCEPTED, BAD_LEVEL, BAD_ID, LEVEL_5 or MALFORMED."""
        fields = Fields(inbound)
        name = fields.data()
        level = fields.byte()
        if not fields.good or name != (b"MQIsdp" if level & ~_BRIDGE == 3 else b"MQTT"):
            return MALFORMED
        if level & ~_BRIDGE != 3 and level & ~_BRIDGE != 4:
            return LEVEL_5 if level == 5 else BAD_LEVEL
        self.bridge = level & _BRIDGE != 0
        flags = fields.byte()
        self.keepalive_s = fields.short()
        self.client_id = fields.data()
        if not _consistent(flags) or not self._read_rest(fields, flags):
            return MALFORMED
        if len(self.client_id) > ID_BYTES_MAX or not self.client_id and not flags & _CLEAN:
            return BAD_ID
        return ACCEPTED

    def _read_rest(self, fields, flags):
        """Will, user and password; False when the packet is malformed. Wills are read and dropped, as nothing but
        openWB/set/... could be done with them, and a box that obeys the dead is not wanted."""
        if flags & _WILL:
            topic = fields.data()
            fields.data()
            if not is_text(topic):
                return False
            self.bridge = self.bridge or topic.startswith(_BRIDGE_WILL)
        self.user = fields.data() if flags & _USER else None
        self.password = fields.data() if flags & _PASSWORD else None
        return fields.done() and (not self.client_id or is_text(self.client_id))


def _consistent(flags):
    if flags & _RESERVED or flags & _WILL_QOS_3 == _WILL_QOS_3:
        return False
    if flags & _PASSWORD and not flags & _USER:
        return False
    return bool(flags & _WILL) or not flags & _WILL_QOS_AND_RETAIN
