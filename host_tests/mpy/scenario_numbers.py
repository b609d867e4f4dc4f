"""Numbers: integers to text and back, JSON, and the floats of meters; the corners of 31 bits included."""

import jsontext
import modbus
import text
from host_tests.fakes.meter import float_words

CORNERS = (0, 1, 5, 9, 10, 99, 100, 101, 1598, 1600, 99999, 0x3FFFFFFF, 0x3FFFFFFE)
TEXTS = (
    b"0", b"-0", b"16", b"10.50", b"1e1", b"1.5E+1", b"123456789012", b"1234567890123", b"0.00001", b"1e-999", b"0e99", b"9e99", b"-6",
    b"01", b".5", b"5.", b"1e", b"+1", b"NaN", b"", b"-", b"0x10", b"1795327212.25",
)  # fmt: skip
OBJECTS = (
    b'{"heartbeat": 1795327212.25}', b'{"a": {"heartbeat": 1}, "heartbeat": 2}', b'{"heartbeat": 1, "heartbeat": 3}', b"[1]", b"{",
    b'{"heartbeat"}', b'{"heartbeat": "x\\u00e9"}', b'{"heartbeat": [1, {"b": null}]}', b' { "heartbeat" : -1e3 } ',
)  # fmt: skip
VALUES = (0, 1, -1, 0.01, 230.0, 230.005, 15.98, -3680.5, 49.99, 1e-30, 1e9, 1073741.75, 1.5e9, -1.5e9, 3e38)
SCALES = (1, 10, 100, 1000)


def written(value, decimals):
    buf = bytearray(16)
    return bytes(buf[: text.put_number(buf, 0, value, decimals)]).decode()


def read(src, shift):
    number = text.Number()
    code = text.scan_number(src, 0, len(src), shift, number)
    if code:
        return code
    return "%s%s%s%s" % ("-" if number.negative else "", bytes(number.digits[: number.n]).decode(), " i" if number.is_integer else "",
        " *" if number.any_digit else "")


def decoded(words, scale):
    return modbus.float_to_int(words[0], words[1], scale)


def run():
    for value in CORNERS:
        print(value, [written(sign * value, decimals) for sign in (1, -1) for decimals in (0, 1, 2)])
    for src in TEXTS:
        print(src, [read(src, shift) for shift in (0, 2)])
    for src in OBJECTS:
        print(src, jsontext.member(src, b"heartbeat"), jsontext.as_text(src))
    for value in VALUES:
        words = float_words(value)
        print(words, [decoded(words, scale) for scale in SCALES])
    for words in ((0x7F80, 0), (0xFF80, 0), (0x7FC0, 0), (0, 1), (0x8000, 0), (0x7F7F, 0xFFFF), (0xFF7F, 0xFFFF)):
        print(words, [decoded(words, scale) for scale in SCALES])
    frame = bytearray(16)
    for unit, address, word in ((1, 1000, 0), (1, 1000, 1600), (247, 0xFFFF, 0xFFFF)):
        print([frame[i] for i in range(modbus.put_write(frame, unit, address, word))])


run()
