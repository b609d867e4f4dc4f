"""Modbus RTU bytes against published frames, and floats as integers against Python's own floats."""

import math
import struct
from fractions import Fraction

import modbus
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

ALWAYS = settings(derandomize=True, deadline=None, max_examples=100)
FLOATS = settings(ALWAYS, max_examples=500)
SMALL_INT_END = 1 << 30  # ESP32 small integers lie below; anything else would be allocated
SCALES = (1, 10, 100, 1000)


def crc_by_bits(data):
    """The CRC once more, as the specification of the serial line words it."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            carry = crc & 1
            crc >>= 1
            if carry:
                crc ^= 0xA001
    return crc


# -- CRC and frames -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0xFFFF),
        (b"123456789", 0x4B37),  # the check value of CRC-16/MODBUS
        (bytes.fromhex("0207"), 0x1241),  # the example of the specification
        (bytes.fromhex("010300000001"), 0x0A84),
        (bytes.fromhex("1103006b0003"), 0x8776),
    ],
)
def test_the_crc_of_published_examples(data, crc):
    assert modbus.crc16(data, len(data)) == crc


@ALWAYS
@given(st.binary(max_size=40), st.binary(max_size=4))
def test_the_crc_is_the_one_of_the_specification_and_looks_at_nothing_behind_n(data, rest):
    assert modbus.crc16(data + rest, len(data)) == crc_by_bits(data)


def test_a_frame_that_ends_with_its_own_crc_has_the_crc_zero_and_every_single_wrong_bit_shows():
    frame = bytearray.fromhex("010300000001840a")
    assert modbus.crc16(frame, 8) == 0
    for bit in range(64):
        frame[bit >> 3] ^= 1 << (bit & 7)
        assert modbus.crc16(frame, 8) != 0
        frame[bit >> 3] ^= 1 << (bit & 7)


def test_the_table_belongs_to_every_byte():
    assert list(modbus.CRC_TABLE) == [crc_by_bits(bytes([b])) ^ crc_by_bits(b"\0") ^ modbus.CRC_TABLE[0] for b in range(256)]
    assert (modbus.CRC_TABLE[0], modbus.CRC_TABLE[1], modbus.CRC_TABLE[255]) == (0, 0xC0C1, 0x4040)


@pytest.mark.parametrize(
    ("unit", "function", "address", "count", "frame"),
    [
        (1, modbus.READ_HOLDING, 1000, 8, "010303e80008c47c"),
        (17, modbus.READ_HOLDING, 0x6B, 3, "1103006b00037687"),
        (105, modbus.READ_INPUT, 0xFC00, 2, "6904fc000002"),
        (247, modbus.READ_INPUT, 0xFFFF, 125, "f704ffff007d"),
    ],
)
def test_a_read_request_byte_by_byte(unit, function, address, count, frame):
    expected = bytes.fromhex(frame)
    if len(expected) == 6:
        expected += crc_by_bits(expected).to_bytes(2, "little")
    buf = bytearray(b"#" * 12)
    assert modbus.put_read(buf, unit, function, address, count) == modbus.REQUEST_BYTES == 8
    assert bytes(buf[:8]) == expected
    assert buf[8:] == b"####"


@pytest.mark.parametrize(("value", "hexed"), [(0, "0000"), (16, "0010"), (1600, "0640"), (0xFFFF, "ffff"), (0x8001, "8001")])
def test_a_write_request_is_function_16_with_one_register(value, hexed):
    body = bytes.fromhex("011003e8000102" + hexed)
    buf = bytearray(b"#" * 14)
    assert modbus.put_write(buf, 1, 1000, value) == 11
    assert bytes(buf[:11]) == body + crc_by_bits(body).to_bytes(2, "little")
    assert buf[11:] == b"###"


def test_the_write_of_0_a_that_everything_depends_on():
    buf = bytearray(16)
    n = modbus.put_write(buf, 1, 1000, 0)
    assert bytes(buf[:n]).hex() == "011003e80001020000" + crc_by_bits(bytes(buf[:9])).to_bytes(2, "little").hex()


@ALWAYS
@given(st.integers(1, 247), st.sampled_from([3, 4]), st.integers(0, 0xFFFF), st.integers(1, 125))
def test_every_request_carries_its_own_fields_and_crc(unit, function, address, count):
    buf = bytearray(8)
    modbus.put_read(buf, unit, function, address, count)
    assert struct.unpack(">BBHH", buf[:6]) == (unit, function, address, count)
    assert modbus.crc16(buf, 8) == 0


@pytest.mark.parametrize(("at", "value"), [(0, 0x0102), (1, 0x02FF), (2, 0xFF00), (3, 0x00FE)])
def test_a_word_is_unsigned_and_high_byte_first(at, value):
    assert modbus.word(b"\x01\x02\xff\x00\xfe", at) == value


# -- floats ---------------------------------------------------------------------------------------------------------------


def words(bits):
    return bits >> 16, bits & 0xFFFF


def bits_of(value):
    return struct.unpack(">I", struct.pack(">f", value))[0]


def float_of(bits):
    return struct.unpack(">f", struct.pack(">I", bits))[0]


def converted(value, scale):
    return modbus.float_to_int(*words(bits_of(value)), scale)


FLOAT_BITS = st.one_of(
    st.integers(0, 0xFFFFFFFF),
    # most values a meter can send, and the places where halves, shifts and saturation meet
    st.tuples(st.integers(0, 1), st.integers(100, 160), st.integers(0, 0x7FFFFF)).map(lambda p: p[0] << 31 | p[1] << 23 | p[2]),
    st.tuples(st.integers(0, 1), st.integers(100, 160), st.sampled_from([0, 1, 0xFFF, 0x1000, 0x1001, 0x7FF000, 0x7FFFFE, 0x7FFFFF])).map(
        lambda p: p[0] << 31 | p[1] << 23 | p[2]
    ),
)


@pytest.mark.dense
@FLOATS
@given(FLOAT_BITS, st.one_of(st.sampled_from(SCALES), st.integers(1, 1000)))
@example(0x447A0000, 1000)
@example(0x4E7FFFFF, 1)
@example(0x4E800000, 1)
@example(0x33800000, 1000)
def test_every_float_becomes_the_integer_within_one_unit_and_never_leaves_the_small_integers(bits, scale):
    result = modbus.float_to_int(*words(bits), scale)
    value = float_of(bits)
    if not math.isfinite(value):
        assert result == modbus.UNKNOWN
        return
    assert abs(result) <= modbus.INT_MAX < SMALL_INT_END
    exact = max(-modbus.INT_MAX, min(modbus.INT_MAX, Fraction(value) * scale))
    assert abs(result - exact) <= 1


class Small(int):
    """An integer that refuses to become one that an ESP32 would have to allocate."""

    def _checked(operation):
        def apply(self, other):
            result = getattr(int, operation)(int(self), int(other))
            assert -SMALL_INT_END <= result < SMALL_INT_END, f"{operation} of {int(self)} and {int(other)}"
            return Small(result)

        return apply

    for _name in ("add", "sub", "mul", "floordiv", "lshift", "rshift", "and", "or", "xor"):
        locals()[f"__{_name}__"] = _checked(f"__{_name}__")
        locals()[f"__r{_name}__"] = _checked(f"__r{_name}__")


def test_no_step_of_the_arithmetic_leaves_the_small_integers():
    for exponent in range(256):
        for mantissa in (0, 0xFFF, 0x400000, 0x7FF000, 0x7FFFFF):
            high, low = words(exponent << 23 | mantissa)
            for scale in SCALES:
                assert modbus.float_to_int(Small(high), Small(low), Small(scale)) == modbus.float_to_int(high, low, scale)
    buf = bytearray(16)
    assert modbus.put_write(buf, Small(247), Small(0xFFFF), Small(0xFFFF)) == 11


def test_a_small_integer_notices_when_it_grows():
    assert Small(3) + 4 == 7 and 1 << Small(29) == 1 << 29
    with pytest.raises(AssertionError, match="lshift"):
        1 << Small(30)
    with pytest.raises(AssertionError, match="mul"):
        Small(1 << 20) * 1024


def test_all_exponents_with_the_extreme_mantissas_stay_within_one_unit():
    for exponent in range(255):
        for mantissa in (0, 1, 0xFFF, 0x1000, 0x400000, 0x7FFFFF):
            for scale in SCALES:
                value = float_of(exponent << 23 | mantissa)
                exact = min(modbus.INT_MAX, Fraction(value) * scale)
                result = modbus.float_to_int(*words(exponent << 23 | mantissa), scale)
                assert abs(result - exact) <= 1
                assert modbus.float_to_int(*words(1 << 31 | exponent << 23 | mantissa), scale) == -result


@pytest.mark.parametrize(
    ("value", "scale", "expected"),
    [
        (230.0, 100, 23000),
        (230.13, 100, 23013),
        (-0.5, 1000, -500),
        (0.004, 100, 0),
        (0.006, 100, 1),
        (-15.98, 100, -1598),
        (50.02, 100, 5002),
        (12345.678, 1000, 12345678),
        (1.0, 1, 1),
        (16777216.0, 1, 16777216),
        (1e-3, 1000, 1),
        (0.0, 1000, 0),
        (-0.0, 1000, 0),
        (1e30, 1, modbus.INT_MAX),
        (-1e30, 1, -modbus.INT_MAX),
        (1073741760.0, 1, 1073741760),  # the last float below 2**30
        (1073741824.0, 1, modbus.INT_MAX),
        (1073741.75, 1000, 1073741750),
        (1073742.0, 1000, modbus.INT_MAX),
        (10737418.0, 100, 1073741800),
        (10737419.0, 100, modbus.INT_MAX),
        (1e-40, 1000, 0),  # subnormal
        (1.17549435e-38, 1000, 0),  # the smallest normal one
    ],
)
def test_readings_of_a_meter_rounded(value, scale, expected):
    assert converted(value, scale) == expected


@pytest.mark.parametrize("bits", [0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_nan_and_infinity_are_unknown_and_no_number_is(bits):
    assert modbus.float_to_int(*words(bits), 100) == modbus.UNKNOWN
    assert modbus.UNKNOWN < -modbus.INT_MAX


def test_the_names_mean_what_the_protocol_says():
    assert (modbus.READ_HOLDING, modbus.READ_INPUT, modbus.WRITE_MULTIPLE, modbus.EXCEPTION_FLAG) == (3, 4, 16, 0x80)
    assert (modbus.FRAME_BYTES, modbus.EXCEPTION_BYTES, modbus.WRITE_REPLY_BYTES) == (256, 5, 8)
    assert modbus.INT_MAX == SMALL_INT_END - 1
    assert modbus.UNKNOWN == -SMALL_INT_END, "still a small integer of 31 bits"


def test_the_head_carries_a_count_of_two_bytes():
    buf = bytearray(8)
    modbus.put_head(buf, 1, modbus.READ_HOLDING, 0x1234, 0x0180)

    assert buf[:6] == bytes.fromhex("0103 1234 0180")
