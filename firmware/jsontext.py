"""A reader for JSON text that keeps numbers as text: checks syntax, finds one member. Episodes only.

Used instead of the `json` module on everything that comes from the network: on the device floats have single
precision, a unix time would lose 128 s. Bounded: nesting up to DEPTH_MAX, no recursion.
"""

from micropython import const

from text import NOT_A_NUMBER, Number, scan_number

DEPTH_MAX = const(8)
BAD = const(-1)

_LITERALS = (b"null", b"true", b"false")
_NUMBER_BYTES = b"+-.0123456789eE"


def skip_space(src, at, end):
    while at < end and src[at] in b" \t\r\n":
        at += 1
    return at


def trim_end(src, at, end):
    """The end of src[at:end] without white space behind it."""
    while end > at and src[end - 1] in b" \t\r\n":
        end -= 1
    return end


def _skip_string(src, at, end):
    """src[at] is a quote: the index behind the closing one, or BAD."""
    at += 1
    while at < end:
        c = src[at]
        if c == 0x22:
            return at + 1
        if c < 0x20:
            return BAD
        if c == 0x5C:  # backslash
            at = _skip_escape(src, at + 1, end)
            if at < 0:
                return BAD
        else:
            at += 1
    return BAD


def _skip_escape(src, at, end):
    if at >= end:
        return BAD
    if src[at] != 0x75:  # u
        return at + 1 if src[at] in b'"\\/bfnrt' else BAD
    if at + 5 > end:
        return BAD
    for i in range(at + 1, at + 5):
        if src[i] not in b"0123456789abcdefABCDEF":
            return BAD
    return at + 5


def _skip_scalar(src, at, end):
    """Index behind the string, literal or number at src[at], or BAD. Numbers are taken by their bytes only."""
    if src[at] == 0x22:
        return _skip_string(src, at, end)
    for word in _LITERALS:
        stop = at + len(word)
        if stop <= end and src[at:stop] == word:
            return stop
    stop = at
    while stop < end and src[stop] in _NUMBER_BYTES:
        stop += 1
    return stop if stop > at else BAD


class _Walk:
    """Walks through one JSON object. `at` is the next byte; a step returns False where the text is not JSON."""

    def __init__(self, src, at, end):
        self.src = src
        self.at = at
        self.end = end
        self.depth = 0
        self.key = b""  # of the value that comes next
        self._closers = bytearray(DEPTH_MAX)

    def peek(self):
        """The next byte behind white space, -1 at the end."""
        self.at = skip_space(self.src, self.at, self.end)
        return self.src[self.at] if self.at < self.end else BAD

    def open(self, bracket):
        """Enters the object or list that starts here."""
        if self.depth == DEPTH_MAX:
            return False
        self._closers[self.depth] = bracket + 2  # { } and [ ] are two apart
        self.depth += 1
        self.at += 1
        if self.peek() == self._closers[self.depth - 1]:
            return self.close()
        return self.read_key()

    def read_key(self):
        """Inside an object: takes the name and the colon in front of the next value."""
        if self._closers[self.depth - 1] != 0x7D:
            return True
        stop = _skip_string(self.src, self.at, self.end) if self.peek() == 0x22 else BAD
        if stop < 0:
            return False
        self.key = self.src[self.at + 1 : stop - 1]
        self.at = stop
        if self.peek() != 0x3A:  # colon
            return False
        self.at += 1
        return True

    def close(self):
        """Leaves brackets until another value follows or everything is closed."""
        while self.depth:
            c = self.peek()
            if c == 0x2C:
                self.at += 1
                return self.read_key()
            if c != self._closers[self.depth - 1]:
                return False
            self.at += 1
            self.depth -= 1
        return True


def member(src, name):
    """Start and end of the value of member `name` in the object `src` (bytes), last one wins, as start << 16 | end.

    0 when the object lacks it or it is an object or list itself, BAD when `src` is not an object. Nested members of
    that name do not count. Numbers are only checked for their bytes here.
    """
    walk = _Walk(src, 0, len(src))
    c = walk.peek()
    if c != 0x7B or not walk.open(c):
        return BAD
    found = 0
    while walk.depth:
        c = walk.peek()
        ours = walk.depth == 1 and walk.key == name
        start = walk.at
        if c == 0x7B or c == 0x5B:
            found = 0 if ours else found
            fine = walk.open(c)
        else:
            stop = _skip_scalar(src, start, walk.end) if c >= 0 else BAD
            found = start << 16 | stop if ours else found
            walk.at = stop
            fine = stop > 0 and walk.close()
        if not fine:
            return BAD
    return found if walk.peek() == BAD else BAD


def is_string(src):
    """True when `src` is one JSON string and nothing else."""
    return src[:1] == b'"' and _skip_string(src, 0, len(src)) == len(src)


def as_text(src):
    """What stands between the quotes of a JSON string, or `src` itself where it is no JSON at all; else None.

    openWB reads a payload that does not parse as text: 0004141661 (leading zeros) is text, 4141661 is a number.
    Text with bytes that would need an escape is refused.
    """
    if is_string(src):
        return src[1:-1]
    if scan_number(src, 0, len(src), 0, Number()) != NOT_A_NUMBER:
        return None
    if src in (b"true", b"false") or src[:1] in (b"{", b"[", b'"'):
        return None
    for c in src:
        if c < 0x20 or c == 0x22 or c == 0x5C:
            return None
    return src


def escaped(text):
    """Any text (str) as bytes that may stand between the quotes of JSON. Control characters become blanks."""
    out = bytearray()
    for c in text.encode():
        if c == 0x22 or c == 0x5C:
            out.append(0x5C)
        out.append(max(c, 0x20))
    return bytes(out)
