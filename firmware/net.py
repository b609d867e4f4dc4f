"""Sockets: waiting for them, and TCP connections in both directions. Nothing here blocks the loop.

errno is lwIP's on ESP32 and has other numbers there than on Linux: only its names are used.
"""

import errno
import select
import socket

from micropython import const

READABLE = select.POLLIN
_IPPROTO_TCP = const(6)
_TCP_NODELAY = const(1)


class Waiter:
    """The one place where the firmware waits: for bytes, for room, or for the time to be up. wait() allocates nothing."""

    def __init__(self):
        self._poll = select.poll()
        self._ipoll = self._poll.ipoll

    def add(self, obj, mask):
        """Watch a socket or UART for READABLE, select.POLLOUT or both. Register few: ESP32 asks each one by one."""
        self._poll.register(obj, mask)

    def change(self, obj, mask):
        self._poll.modify(obj, mask)

    def remove(self, obj):
        """To be called before obj is closed."""
        self._poll.unregister(obj)

    def wait(self, ms):
        """Returns when a watched object is ready or after ms milliseconds; True: one is ready."""
        ready = False
        for _ in self._ipoll(ms):
            ready = True
        return ready


class TcpPeer:
    """One TCP connection, as a listener accepts it. Every method returns at once and raises nothing."""

    _WHILE_FULL = select.POLLOUT  # who does not read its answers does not wake the loop by asking more

    def __init__(self, waiter, connected=None, address=None):
        """connected: a socket that does not block; address: of the other end, as text."""
        self.address = address
        self._waiter = waiter
        self._socket = connected
        self._mask = 0
        self.out = None
        self.out_at = 0
        self.out_n = 0
        if connected is not None:
            self._watch(READABLE)

    def readinto(self, buf):
        """Bytes read into buf; 0 when there are none now; -1 when the connection is gone."""
        if self._socket is None:
            return -1
        n = self.fetch(buf)
        if n is None:
            return 0
        return n or -1  # 0 bytes are the end of the stream

    def write(self, buf, offset, n):
        """Sends buf[offset:offset + n] as far as there is room; bytes taken, or -1 when the connection is gone."""
        if self._socket is None:
            return -1
        self.out = buf
        self.out_at = offset
        self.out_n = n
        taken = self.push() or 0
        self._watch(self._WHILE_FULL if 0 <= taken < n else READABLE)
        return taken

    def close(self):
        if self._socket is None:
            return
        if self._mask:
            self._waiter.remove(self._socket)
        self._socket.close()
        self._socket = None
        self._mask = 0

    def fetch(self, buf):
        try:
            return self._socket.readinto(buf)
        except OSError:
            return -1

    def push(self):
        """Takes its arguments from self: with a `try` they would make the frame too big for the stack."""
        try:
            return self._socket.write(self.out, self.out_at, self.out_n)
        except OSError:
            return -1

    def _watch(self, mask):
        if mask == self._mask:
            return
        if self._mask:
            self._waiter.change(self._socket, mask)
        else:
            self._waiter.add(self._socket, mask)
        self._mask = mask


class TcpLink(TcpPeer):
    """One outgoing connection. Every method returns at once; time limits are the caller's.

    resolve, then dial once resolved() is 1, then readinto and write once status() is 1. close() is always allowed.
    """

    _WHILE_FULL = select.POLLIN | select.POLLOUT

    def __init__(self, waiter, resolver):
        super().__init__(waiter)
        self._resolver = resolver
        self._dialed = select.poll()  # asks about the one TCP socket only
        self._address = None

    def resolve(self, host, port):
        self._address = None
        self._resolver.ask(host, port)

    def resolved(self):
        """1 known, 0 not yet, -1 unknown."""
        self._address = self._resolver.answer()
        if self._address is None:
            return 0
        return 1 if self._address else -1

    def dial(self):
        """Starts to connect; status() tells what becomes of it."""
        self.close()
        try:
            self._socket = socket.socket()
            self._socket.setblocking(False)
            self._socket.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
            self._watch(select.POLLIN | select.POLLOUT)
            self._dialed.register(self._socket, select.POLLOUT)
            self._socket.connect(self._address)
        except OSError as error:  # ENFILE: no socket left; EHOSTUNREACH: no network
            if error.errno != errno.EINPROGRESS:
                self.close()

    def status(self):
        """0 still dialing, 1 connected, -1 failed. On ESP32 a refused dial looks connected until the first write."""
        if self._socket is None:
            return -1
        events = 0
        for _, mask in self._dialed.ipoll(0):
            events |= mask
        if events & (select.POLLERR | select.POLLHUP):
            return -1
        if not events & select.POLLOUT:
            return 0
        self._watch(select.POLLIN)
        return 1

    def wrap(self, make):
        """From now on make(socket) is read and written, which uses the dialed one. Returns that one. Episode."""
        plain = self._socket
        wrapped = make(plain)
        self._dialed.unregister(plain)
        self._waiter.remove(plain)
        self._socket = wrapped
        self._mask = 0
        self._watch(READABLE)
        return plain

    def close(self):
        if self._mask:
            self._dialed.unregister(self._socket)
        super().close()


class TcpListener:
    """Connections from outside. They wait in the backlog until accept()."""

    def __init__(self, waiter, port, backlog):
        self.error = None  # errno of what kept it from listening: then nobody ever knocks
        self.failed = 0  # accepts that came to nothing: the other end was gone, or no socket was left (ENFILE)
        self._waiter = waiter
        self._asked = select.poll()  # asks about this one socket only
        self._socket = None
        self._watched = False
        try:
            self._socket = socket.socket()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(socket.getaddrinfo("0.0.0.0", port)[0][-1])
            self._socket.listen(backlog)
            self._socket.setblocking(False)
        except OSError as error:
            self.error = error.errno
            self.close()
            return
        self._asked.register(self._socket, READABLE)
        self.watch(True)

    def waiting(self):
        """True when somebody knocks."""
        for _ in self._asked.ipoll(0):
            return True
        return False

    def watch(self, on):
        """Whether knocking ends a wait; switch it off while nobody can be let in."""
        if on and not self._watched:
            self._waiter.add(self._socket, READABLE)
        elif self._watched and not on:
            self._waiter.remove(self._socket)
        self._watched = on

    def accept(self):
        """A TcpPeer with the `address` of the other end as text, or None."""
        accepted = None
        try:
            accepted, address = self._socket.accept()
            accepted.setblocking(False)
            accepted.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        except OSError:
            self.failed += 1
            if accepted is not None:
                accepted.close()
            return None
        return TcpPeer(self._waiter, accepted, _dotted(address))

    def close(self):
        if self._socket is None:
            return
        self.watch(False)
        self._asked.unregister(self._socket)
        self._socket.close()
        self._socket = None


def _dotted(address):
    """The IP address as text; MicroPython's unix port hands out the bytes of a sockaddr_in instead of a tuple."""
    return address[0] if isinstance(address, tuple) else "%d.%d.%d.%d" % (address[4], address[5], address[6], address[7])
