"""Integers in fixed units to decimal text and back, in caller-owned buffers, without allocation."""

from micropython import const

_MINUS = const(0x2D)
_PLUS = const(0x2B)
_DOT = const(0x2E)
_ZERO = const(0x30)
_NINE = const(0x39)
_UPPER_E = const(0x45)
_LOWER_E = const(0x65)
_MALFORMED = const(1000)
NUMBER_DIGITS = const(12)  # longest integer part that scan_number keeps

NOT_A_NUMBER = const(-1)
TOO_LONG = const(-2)


def put_bytes(buf, at, data):
    """Copies bytes `data` to buf[at:]; returns the index behind it."""
    end = at + len(data)
    buf[at:end] = data
    return end


def _put_digits(buf, at, value, width):
    """Decimal digits of value >= 0, at least `width` of them; returns the index behind them."""
    n = 1
    rest = value // 10
    while rest or n < width:
        n += 1
        rest //= 10
    end = at + n
    at = end
    while n:
        at -= 1
        n -= 1
        buf[at] = _ZERO + value % 10
        value //= 10
    return end


def put_number(buf, at, value, decimals):
    """Writes value / 10**decimals as a JSON number; returns the index behind it.

    decimals 0 writes an integer; else at least one decimal stays: 1600, 2 -> 16.0; 1598, 2 -> 15.98.
    """
    if value < 0:
        buf[at] = _MINUS
        at += 1
        value = -value
    end = _put_digits(buf, at, value, decimals + 1)
    if not decimals:
        return end
    return _put_point(buf, end, decimals)


def _put_point(buf, end, decimals):
    """Moves the last `decimals` digits before `end` by one, sets the point and drops trailing zeros."""
    at = end
    while at > end - decimals:
        buf[at] = buf[at - 1]
        at -= 1
    buf[at] = _DOT
    while end > at + 1 and buf[end] == _ZERO:
        end -= 1
    return end + 1


class Number:
    """The result of scan_number: sign, digits of the integer part, and whether it was written as an integer."""

    def __init__(self):
        self.digits = bytearray(NUMBER_DIGITS)
        self.n = 0  # digits used, without leading zeros; 0 means the value is 0
        self.negative = False
        self.is_integer = True  # no point, no exponent
        self.any_digit = False  # a digit other than 0 stands somewhere, also behind the part that is kept

    def value(self):
        """The kept integer part with its sign; not for more than 9 digits (31-bit small integers)."""
        total = 0
        for i in range(self.n):
            total = total * 10 + self.digits[i] - _ZERO
        return -total if self.negative else total


def _exponent(src, at, end):
    """Value of the exponent that starts at src[at] (behind the e), saturated at +-999; _MALFORMED when it is none.

    Zeros can outweigh an exponent, so it must not saturate within the length of any text.
    """
    negative = False
    if at < end and (src[at] == _MINUS or src[at] == _PLUS):
        negative = src[at] == _MINUS
        at += 1
    if at >= end:
        return _MALFORMED
    total = 0
    while at < end:
        if not _ZERO <= src[at] <= _NINE:
            return _MALFORMED
        total = min(999, total * 10 + src[at] - _ZERO)
        at += 1
    return -total if negative else total


def scan_number(src, at, end, shift, out):
    """Reads the JSON number that is exactly src[at:end], times 10**shift, truncated, into `out` (a Number).

    Returns 0, NOT_A_NUMBER, or TOO_LONG when the integer part has more than NUMBER_DIGITS digits.
    Episodes only. No float is involved: the device has single precision, a unix time would lose 128 s.
    """
    out.n = 0
    out.any_digit = False
    out.negative = at < end and src[at] == _MINUS
    if out.negative:
        at += 1
    first = at
    point = -1
    mark = end  # where the mantissa ends
    for i in range(at, end):
        c = src[i]
        if c == _DOT and point < 0:
            point = i
        elif c == _LOWER_E or c == _UPPER_E:
            mark = i
            break
        elif not _ZERO <= c <= _NINE:
            return NOT_A_NUMBER
        elif c != _ZERO:
            out.any_digit = True
    whole_end = mark if point < 0 else point
    if whole_end == first or point == mark - 1 or (src[first] == _ZERO and whole_end > first + 1):
        return NOT_A_NUMBER  # no digit before or behind the point, or a leading zero
    out.is_integer = point < 0 and mark == end
    exponent = 0
    if mark < end:
        exponent = _exponent(src, mark + 1, end)
        if exponent == _MALFORMED:
            return NOT_A_NUMBER
    return _keep_digits(src, first, mark, whole_end - first + exponent + shift, out)


def _keep_digits(src, at, end, places, out):
    """Copies the digits of src[at:end] (one point may be among them) that stand in the first `places` places."""
    while places > 0:
        c = _ZERO
        if at < end:
            c = src[at]
            at += 1
            if c == _DOT:
                continue
        elif not out.any_digit:
            break  # 0e99
        places -= 1
        if c == _ZERO and not out.n:
            continue
        if out.n == NUMBER_DIGITS:
            return TOO_LONG
        out.digits[out.n] = c
        out.n += 1
    return 0


def is_utf8(src):
    """True when bytes `src` are well-formed UTF-8 (RFC 3629). bytes.decode of MicroPython lets some ill-formed text pass."""
    at = 0
    while at < len(src):
        if src[at] < 0x80:
            at += 1
            continue
        more = _continuations(src[at])
        if not more or at + more >= len(src) or not _second_fits(src[at], src[at + 1]):
            return False
        for i in range(at + 2, at + more + 1):
            if src[i] & 0xC0 != 0x80:
                return False
        at += more + 1
    return True


def _continuations(lead):
    """Bytes that follow a first byte of 0x80 and above; 0 when none starts like this."""
    if lead < 0xC2 or lead > 0xF4:
        return 0
    return 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3


def _second_fits(lead, second):
    """Rules out overlong forms (E0, F0), surrogates (ED) and what lies above U+10FFFF (F4)."""
    low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    return low <= second <= high
