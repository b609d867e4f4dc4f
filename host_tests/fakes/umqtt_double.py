"""A stand-in for umqtt.simple as it is since 1.8: the same names and signatures, but other habits on the wire.

It writes in other pieces than 1.3.4 (fixed header, packet id and topic apart), knows unsubscribe, and asks for the ssl
context instead of parameters. Whatever would wait on a socket raises: the client door must never come here.
Runs on CPython and MicroPython.
"""


class MQTTException(Exception):
    pass


class MQTTClient:
    def __init__(self, client_id, server, port=0, user=None, password=None, keepalive=0, ssl=None):
        self.client_id = client_id
        self.server = server
        self.port = port or (8883 if ssl else 1883)
        self.user = user
        self.pswd = password
        self.keepalive = keepalive
        self.ssl = ssl
        self.sock = None
        self.cb = None
        self.pid = 0
        self.lw_topic = None
        self.lw_msg = None
        self.lw_qos = 0
        self.lw_retain = False

    def set_callback(self, f):
        self.cb = f

    def set_last_will(self, topic, msg, retain=False, qos=0):
        assert topic and 0 <= qos <= 2
        self.lw_topic, self.lw_msg, self.lw_retain, self.lw_qos = topic, msg, retain, qos

    def connect(self, clean_session=True, timeout=None):
        """The real one closes an old socket, dials and waits for CONNACK, at most `timeout` s (None: for ever)."""
        if self.sock:
            self.sock.close()
        raise RuntimeError("connect() would wait for the broker")

    def publish(self, topic, msg, retain=False, qos=0):
        raise RuntimeError("publish() would wait for room, with qos 1 for PUBACK")

    def wait_msg(self):
        """The real one returns the first byte of a message that it delivered, None for PINGRESP."""
        raise RuntimeError("wait_msg() would wait for a message")

    def check_msg(self):
        raise RuntimeError("check_msg() would wait for the rest of a message")

    def disconnect(self):
        self.sock.write(b"\xe0\0")
        self.sock.close()

    def ping(self):
        self.sock.write(b"\xc0\0")

    def subscribe(self, topic, qos=0):
        assert self.cb is not None, "Subscribe callback is not set"
        self._ask(0x82, topic, bytes([qos]))
        self._await(0x90, 4)

    def unsubscribe(self, topic):
        self._ask(0xA2, topic, b"")
        self._await(0xB0, 3)

    def _ask(self, head, topic, tail):
        self.pid += 1
        length = 2 + 2 + len(topic) + len(tail)
        header = bytearray([head])
        while length > 127:
            header.append(length & 127 | 128)
            length >>= 7
        header.append(length)
        header.append(0)  # more than is to be written: the door must respect the second argument
        self.sock.write(header, len(header) - 1)
        self.sock.write(bytes([self.pid >> 8, self.pid & 255]))
        self.sock.write(bytes([len(topic) >> 8, len(topic) & 255]))
        self.sock.write(topic)
        if tail:
            self.sock.write(tail)

    def _await(self, op, size):
        while self.wait_msg() != op:
            pass
        answer = self.sock.read(size)
        assert len(answer) == size and answer[0] == size - 1
        assert answer[1] << 8 | answer[2] == self.pid
        if size == 4 and answer[3] == 0x80:
            raise MQTTException(answer[3])
