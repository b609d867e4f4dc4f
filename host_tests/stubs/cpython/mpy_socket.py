"""`socket` as MicroPython has it, for firmware that runs on CPython: sockets are streams.

read, readinto and write return None when nothing can be done now, a time-out is OSError(ETIMEDOUT), and
`setblocking(True)` waits for ever whatever time-out was set before (as on ESP32; the unix port keeps the time-out).
"""
import errno
import socket as _socket

AF_INET = _socket.AF_INET
SOCK_STREAM = _socket.SOCK_STREAM
SOCK_DGRAM = _socket.SOCK_DGRAM
SOL_SOCKET = _socket.SOL_SOCKET
SO_REUSEADDR = _socket.SO_REUSEADDR
IPPROTO_TCP = _socket.IPPROTO_TCP
TCP_NODELAY = _socket.TCP_NODELAY


def getaddrinfo(host, port, *hints):
    """IPv4 only, as lwIP of a stock image answers. Raises OSError for an unknown name."""
    return _socket.getaddrinfo(host, port, AF_INET, SOCK_STREAM)


class socket:
    def __init__(self, family=AF_INET, type=SOCK_STREAM, proto=0, _real=None):
        self._real = _real or _socket.socket(family, type, proto)

    def __getattr__(self, name):
        """bind, listen, connect, send, recv, setsockopt, settimeout, fileno, close ... are the same on both."""
        return getattr(self._real, name)

    def setblocking(self, on):
        self._real.setblocking(on)

    def accept(self):
        real, address = self._real.accept()
        return socket(_real=real), address

    def readinto(self, buf, n=None):
        view = memoryview(buf)[: len(buf) if n is None else n]
        return self._transfer(self._real.recv_into, view)

    def read(self, n=-1):
        if n < 0:
            return self._read_all()
        buf = bytearray(n)
        got = self.readinto(buf)
        return None if got is None else bytes(buf[:got])

    def write(self, buf, offset=None, n=None):
        """write(buf), write(buf, n) or write(buf, offset, n)."""
        if n is None:
            offset, n = 0, len(buf) if offset is None else offset
        return self._transfer(self._real.send, memoryview(buf)[offset : offset + n])

    def _read_all(self):
        chunks = []
        while True:
            chunk = self.read(256)
            if not chunk:
                return b"".join(chunks) if chunks or chunk == b"" else None
            chunks.append(chunk)

    def _transfer(self, move, view):
        """Move until done or the end of the stream; a socket that does not block stops early, with None for nothing."""
        done = 0
        while done < len(view):
            try:
                n = move(view[done:])
            except BlockingIOError:
                return done or None
            except TimeoutError:
                raise OSError(errno.ETIMEDOUT, "timed out") from None
            if n == 0:
                break
            done += n
        return done
