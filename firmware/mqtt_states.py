"""States, errors and times of the client door (mqtt_client)."""

from micropython import const

STOPPED = const(0)
WAITING = const(1)
RESOLVING = const(2)
DIALING = const(3)
GREETING = const(4)
SUBSCRIBING = const(5)
ONLINE = const(6)

TRANSITIONS = (
    # the way up
    (WAITING, RESOLVING), (RESOLVING, DIALING), (DIALING, GREETING), (GREETING, SUBSCRIBING), (SUBSCRIBING, ONLINE),
    # any failure
    (RESOLVING, WAITING), (DIALING, WAITING), (GREETING, WAITING), (SUBSCRIBING, WAITING), (ONLINE, WAITING),
    # disconnect() and connect()
    (WAITING, STOPPED), (RESOLVING, STOPPED), (DIALING, STOPPED), (GREETING, STOPPED), (SUBSCRIBING, STOPPED),
    (ONLINE, STOPPED), (STOPPED, WAITING),
)  # fmt: skip

# last_error; 1..5 are the return codes of CONNACK (4: user or password wrong, 5: not allowed)
ERR_NAME = const(16)  # the name of the host is not known, or nobody answered in time
ERR_DIAL = const(17)  # refused or unreachable
ERR_DIAL_TIMEOUT = const(18)
ERR_SILENT = const(19)  # no CONNACK or no SUBACK
ERR_CLOSED = const(20)  # by the broker or the network
ERR_GARBAGE = const(21)  # not MQTT, or not what a broker may say at this point
ERR_NO_PINGRESP = const(22)
ERR_STALLED = const(23)  # the broker takes no bytes any more
ERR_SUBSCRIBE = const(24)  # subscription refused, or a topic filter above FILTER_BYTES
ERR_TOO_BIG = const(25)  # client id, will, user and password together do not fit in one packet

FILTER_BYTES = const(122)  # umqtt before July 2026 writes one length byte only
NAME_LIMIT_MS = const(20000)  # an absent .local name takes 12 s
DIAL_LIMIT_MS = const(5000)
ANSWER_LIMIT_MS = const(5000)  # for CONNACK and for SUBACK
PAUSE_MIN_MS = const(1000)
PAUSE_MAX_MS = const(10000)  # charging comes back within 30 s of the broker: two heartbeats take up to 10 s more
STABLE_MS = const(10000)  # a connection that held this long makes the next pause short again
