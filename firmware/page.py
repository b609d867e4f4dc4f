"""The page door: HTTP/1.1, to look at only. `/` is a file on flash, `/status.json` is written while it is sent.

A request is an episode, whatever it asks for. While nobody asks a step costs a comparison.
"""

from micropython import const

from clock import Latch, elapsed_ms
from connections import GONE
from text import put_bytes, put_number

CLOSED = const(0)
HEARING = const(1)
TELLING = const(2)
LEAVING = const(3)

TRANSITIONS = (
    (CLOSED, HEARING), (HEARING, TELLING), (TELLING, LEAVING),
    (HEARING, CLOSED), (TELLING, CLOSED), (LEAVING, CLOSED),
)  # fmt: skip

LINE_BYTES = const(128)  # longest first line of a request
HEAD_BYTES_MAX = const(8192)  # longest request: browsers send the cookies of a whole host name
HEARING_LIMIT_MS = const(5000)  # browsers dial ahead and then say nothing
# Who closes first keeps the remains of the connection for two minutes: that shall be the client.
LEAVING_LIMIT_MS = const(500)
IDLE_MS = const(1000)

NOTHING = const(0)  # what follows the head of an answer
FILE = const(1)
STATUS = const(2)

_LF = const(10)
_CR = const(13)
_CHUNK_HEAD = const(5)  # three hexadecimal digits and a line end
_CHUNK_TAIL = const(7)  # a line end, and the last chunk, which is empty
_LAST_CHUNK = b"0\r\n\r\n"
_HEX = b"0123456789abcdef"

_SAFE = (
    b"Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; "
    b"script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'\r\n\r\n"
)
BAD = b"400 Bad Request"
UNKNOWN = b"404 Not Found"
READ_ONLY = b"405 Method Not Allowed"


class Page:
    """Serves what has come in through `door`, each slot for itself. file: size (below 0: there is none), read(); status: see Status."""

    def __init__(self, pool, door, file, status):
        self.pool = pool
        self.door = door
        self.file = file
        self.status = status
        self._episode = False
        self._visits = [None] * len(pool.slots)

    def step(self, now_ms):
        """One bite for every visit."""
        if not self.door.used:
            return
        self.status.now_ms = now_ms
        slots = self.pool.slots
        for i in range(len(slots)):
            if slots[i].door is self.door:
                self._visit(i, now_ms)
            else:
                self._visits[i] = None  # it was evicted

    def wait_ms(self, now_ms):
        """How long until the next step is wanted, if no socket has something to tell before."""
        wait_ms = IDLE_MS
        if self.door.used:
            for i in range(len(self._visits)):
                if self._visits[i] is not None:
                    wait_ms = min(wait_ms, self._visits[i].wait_ms(now_ms))
        return wait_ms

    def take_episode(self):
        """True once after something has allocated."""
        episode = self._episode
        self._episode = False
        return episode

    def _visit(self, i, now_ms):
        """Episode."""
        slot = self.pool.slots[i]
        if slot.fresh:
            slot.fresh = False
            self._visits[i] = Visit(slot, self, now_ms)
        visit = self._visits[i]
        visit.step(now_ms)
        if visit.state == CLOSED:
            self._visits[i] = None
            self.pool.close(slot)
            self._episode = True  # once per visit: a collection takes as long as several of its steps


class Visit:
    """
    One connection and its one request. Every step is a bounded bite: one chunk is read, or one buffer filled.

        CLOSED --accepted--> HEARING --blank line--> TELLING --all taken--> LEAVING
           ^                    |                       |                      |
           `--------------------+-----------------------+----------------------'   the peer closes, or its time is up

    Episode, all of it.
    """

    def __init__(self, slot, page, now_ms):
        self.slot = slot
        self.state = CLOSED
        self._page = page
        self._content = NOTHING
        self._cursor = 0  # of what is told: bytes of the file, pieces of the status
        self._chunked = False  # HTTP/1.0 does not know chunks: there the end of the connection is the end
        self._whole = False  # everything has been put into tx
        self._since = Latch()  # the present state was entered
        self._heard = 0  # bytes of the request
        self._first = True  # its first line is coming in, to slot.inbound.buf
        self._first_n = 0
        self._length = 0  # of the line that is coming in
        self._enter(HEARING, now_ms)

    def step(self, now_ms):
        if self.state == TELLING:
            self._tell(now_ms)
            return
        n = self.slot.read()
        if n == GONE or self._since.check(now_ms, self._limit_ms()):
            self._enter(CLOSED, now_ms)
        elif self.state == LEAVING:
            self.slot.at = self.slot.have  # unread bytes would turn the close into a reset, which may overtake the answer
        elif n:
            self._hear(now_ms)

    def wait_ms(self, now_ms):
        """0 when the next step could do something at once."""
        if self.state == TELLING:
            return IDLE_MS if self.slot.blocked else 0
        return max(0, self._limit_ms() - elapsed_ms(now_ms, self._since.at_ms))

    def _limit_ms(self):
        return HEARING_LIMIT_MS if self.state == HEARING else LEAVING_LIMIT_MS

    def _enter(self, state, now_ms):
        self.state = state
        self._since.mark(now_ms)

    # -- the request --------------------------------------------------------------------------------------------------

    def _hear(self, now_ms):
        slot = self.slot
        while slot.at < slot.have and self.state == HEARING:
            c = slot.chunk[slot.at]
            slot.at += 1
            self._heard += 1
            if c == _LF:
                self._end_line(now_ms)
            elif c != _CR:
                if self._first and self._length < LINE_BYTES:
                    slot.inbound.buf[self._length] = c
                self._length += 1
        if self._heard >= HEAD_BYTES_MAX and self.state == HEARING:
            self._refuse(BAD, now_ms)

    def _end_line(self, now_ms):
        """The first line that is not blank is the request; a blank one behind it is the end. Headers do not matter here."""
        if self._first and self._length:
            self._first = False
            self._first_n = self._length
        elif not self._first and not self._length:
            self._obey(now_ms)
        self._length = 0

    def _obey(self, now_ms):
        parts = bytes(self.slot.inbound.buf[: min(self._first_n, LINE_BYTES)]).split(b" ")
        if self._first_n > LINE_BYTES or len(parts) != 3 or parts[2][:7] != b"HTTP/1." or parts[1][:1] != b"/":
            self._refuse(BAD, now_ms)
            return
        with_body = parts[0] == b"GET"
        path = parts[1].split(b"?")[0]
        if not with_body and parts[0] != b"HEAD":
            self._refuse(READ_ONLY, now_ms)
        elif path == b"/" and self._page.file.size >= 0:
            self._begin(b"200 OK", b"text/html; charset=utf-8", self._page.file.size, now_ms)
            self._content = FILE if with_body else NOTHING
        elif path == b"/status.json":
            self._chunked = parts[2] != b"HTTP/1.0"
            self._begin(b"200 OK", b"application/json", -1, now_ms)
            self._content = STATUS if with_body else NOTHING
        else:
            self._refuse(UNKNOWN, now_ms)

    # -- the answer ---------------------------------------------------------------------------------------------------

    def _refuse(self, status, now_ms):
        """The status is all there is to read, too; a browser shows it."""
        self._begin(status, b"text/plain", len(status), now_ms)
        self.slot.tx.append(status)

    def _begin(self, status, kind, size, now_ms):
        """The head of the answer; size: of what follows, below 0 when it is not known."""
        tx = self.slot.tx
        for part in (b"HTTP/1.1 ", status, b"\r\nContent-Type: ", kind, b"\r\n"):
            tx.append(part)
        if size >= 0:
            tx.append(b"Content-Length: ")
            tx.end = put_number(tx.buf, tx.end, size, 0)
            tx.append(b"\r\n")
        elif self._chunked:
            tx.append(b"Transfer-Encoding: chunked\r\n")
        if status is READ_ONLY:
            tx.append(b"Allow: GET, HEAD\r\n")
        tx.append(_SAFE)
        self.slot.active_ms = now_ms
        self._enter(TELLING, now_ms)

    def _tell(self, now_ms):
        slot = self.slot
        if slot.tx.start == slot.tx.end and not self._whole:
            self._fill(slot.tx)
        if slot.flush(now_ms) == GONE or slot.stalled(now_ms):
            self._enter(CLOSED, now_ms)
        elif self._whole and not slot.blocked:
            self._enter(CLOSED if self._content == STATUS and not self._chunked else LEAVING, now_ms)

    def _fill(self, tx):
        """The next part of what follows the head."""
        tx.clear()
        if self._content == FILE:
            tx.end = self._page.file.read(self._cursor, tx.buf)
            self._cursor += tx.end
            self._whole = not tx.end or self._cursor >= self._page.file.size
        elif self._content == STATUS:
            self._fill_status(tx)
        else:
            self._whole = True

    def _fill_status(self, tx):
        status = self._page.status
        begin = _CHUNK_HEAD if self._chunked else 0
        end = begin
        limit = tx.size - _CHUNK_TAIL
        while self._cursor < status.count:
            after = status.put(tx.buf, end, limit, self._cursor)
            if after < 0:
                break
            end = after
            self._cursor += 1
        self._whole = self._cursor == status.count
        tx.end = self._close_chunk(tx.buf, end - begin) if self._chunked else end

    def _close_chunk(self, buf, n):
        """Frames the n bytes behind the place that was left for it; returns where everything ends."""
        buf[0] = _HEX[n >> 8]
        buf[1] = _HEX[n >> 4 & 15]
        buf[2] = _HEX[n & 15]
        put_bytes(buf, 3, b"\r\n")
        end = put_bytes(buf, _CHUNK_HEAD + n, b"\r\n")
        return put_bytes(buf, end, _LAST_CHUNK) if self._whole else end
