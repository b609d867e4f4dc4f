"""Numbers to text and back without a float, against Python's own arithmetic with as many digits as it takes."""

import json
import re
from decimal import ROUND_DOWN, Decimal, localcontext

import pytest
import text
from hypothesis import example, given, settings
from hypothesis import strategies as st

ALWAYS = settings(derandomize=True, deadline=None, max_examples=250)
INT_MAX = 2**30 - 1
JSON_NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def written(value, decimals, at=0):
    buf = bytearray(b"#" * (at + 40))
    end = text.put_number(buf, at, value, decimals)
    assert buf[:at] == b"#" * at
    return bytes(buf[at:end])


def scanned(data, shift=0, before=b"", behind=b""):
    """(result code, the Number) of `data` in the middle of other bytes."""
    number = text.Number()
    src = before + data + behind
    return text.scan_number(src, len(before), len(before) + len(data), shift, number), number


def exact(data, shift):
    with localcontext() as context:
        context.prec = 2000
        return int((Decimal(data.decode()) * Decimal(10) ** shift).to_integral_value(ROUND_DOWN))


# -- put ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (1600, 2, b"16.0"),
        (1598, 2, b"15.98"),
        (1590, 2, b"15.9"),
        (0, 2, b"0.0"),
        (5, 2, b"0.05"),
        (50, 2, b"0.5"),
        (-5, 2, b"-0.05"),
        (-1600, 2, b"-16.0"),
        (0, 0, b"0"),
        (7, 0, b"7"),
        (-7, 0, b"-7"),
        (100, 0, b"100"),
        (INT_MAX, 0, b"1073741823"),
        (-INT_MAX, 2, b"-10737418.23"),
        (100000, 3, b"100.0"),
        (1, 1, b"0.1"),
    ],
)
def test_numbers_are_written_as_a_primary_expects_them(value, decimals, expected):
    assert written(value, decimals) == expected


@ALWAYS
@given(st.integers(-INT_MAX, INT_MAX), st.integers(0, 5), st.integers(0, 3))
def test_every_number_is_json_and_says_exactly_the_value(value, decimals, at):
    data = written(value, decimals, at)
    assert JSON_NUMBER.fullmatch(data)
    assert Decimal(data.decode()) == Decimal(value).scaleb(-decimals)
    assert isinstance(json.loads(data), float if decimals else int)
    if decimals:
        assert len(data) == 3 + data.startswith(b"-") or not data.endswith(b"0") or data.endswith(b".0")


def test_nothing_behind_the_number_is_touched_but_the_place_of_its_dropped_zeros():
    buf = bytearray(b"#" * 10)
    assert text.put_number(buf, 2, 1600, 2) == 6
    assert buf[6 + 1 :] == b"###"


def test_put_bytes_copies_and_returns_the_index_behind():
    buf = bytearray(6)
    assert text.put_bytes(buf, 1, b"abc") == 4
    assert buf == b"\0abc\0\0"
    assert text.put_bytes(buf, 4, b"") == 4
    assert buf == b"\0abc\0\0"


# -- scan -----------------------------------------------------------------------------------------------------------------

WHOLE = st.one_of(st.just("0"), st.integers(1, 10**14).map(str), st.integers(1, 10**4).map(str))
FRACTION = st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=12).map(lambda digits: "." + digits))
EXPONENT = st.one_of(
    st.just(""), st.tuples(st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 30).map(str)).map("".join)
)
NUMBERS = st.tuples(st.sampled_from(["", "-"]), WHOLE, FRACTION, EXPONENT).map(lambda parts: "".join(parts).encode())


@ALWAYS
@given(NUMBERS, st.sampled_from([0, 2, 3]))
@example(b"0.00000000001e11", 0)
@example(b"1795327212.729491", 0)
@example(b"999999999999", 0)
@example(b"1000000000000", 0)
@example(b"0e30", 2)
@example(b"-0", 0)
@example(b"1e-30", 2)
def test_a_json_number_gives_the_digits_of_its_integer_part(data, shift):
    code, number = scanned(data, shift, b"7", b"8")
    value = exact(data, shift)
    digits = b"" if value == 0 else str(abs(value)).encode()
    if len(digits) > text.NUMBER_DIGITS:
        assert code == text.TOO_LONG
        return
    assert code == 0
    assert bytes(number.digits[: number.n]) == digits
    assert number.negative == data.startswith(b"-")
    assert number.is_integer == data.strip(b"-").isdigit()
    assert number.any_digit == (Decimal(data.decode()) != 0)
    if number.n <= 9:
        assert number.value() == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"0." + b"0" * 199 + b"1e201", 10),
        (b"1" + b"0" * 200 + b"e-199", 10),
        (b"0e999999", 0),
        (b"0." + b"0" * 400 + b"9", 0),
        (b"1e-999999", 0),
    ],
)
def test_zeros_that_an_exponent_takes_back_are_not_an_overflow(data, value):
    code, number = scanned(data)
    assert (code, number.value()) == (0, value)


@pytest.mark.parametrize("data", [b"1e13", b"1e99", b"1e999999999", b"0.001e400", b"1234567890123", b"-1e12", b"1e12"])
def test_more_than_twelve_digits_are_too_long_and_cost_no_time(data):
    code, number = scanned(data)
    assert code == text.TOO_LONG and code != 0, "0 would say that it was kept"
    assert number.negative == data.startswith(b"-")


@pytest.mark.parametrize(("data", "digits"), [(b"999999999999", b"999999999999"), (b"-1.23456789012e11", b"123456789012"), (b"0.1e12", b"100000000000")])
def test_twelve_digits_are_kept_to_the_last(data, digits):
    code, number = scanned(data)
    assert (code, bytes(number.digits[: number.n])) == (0, digits)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"-", b"+1", b".5", b"5.", b"1.e5", b"01", b"-01", b"00", b"1e", b"1e+", b"1e-", b"1e5.5", b"1ee5", b"1.2.3", b"1-", b"--1",
        b" 1", b"1 ", b"1,5", b"0x10", b"NaN", b"nan", b"Infinity", b"-Infinity", b"null", b"true", b"1_000", b"1e5e5", b"e5", b"-e5", b"1.-5", b"..5", b".1.5",
        b"\xb2", b"1\x00", b"1e 5", b"1e5 ", b"1e5/", b"1e:",
    ],
)  # fmt: skip
def test_what_is_not_a_json_number_is_not_a_number(data):
    assert scanned(data)[0] == text.NOT_A_NUMBER


@ALWAYS
@given(st.text("0123456789+-.eE", max_size=9).map(str.encode))
def test_anything_made_of_number_bytes_is_judged_as_json_judges_it(data):
    code, _ = scanned(data, 0, b"1", b"1")
    assert (code != text.NOT_A_NUMBER) == bool(JSON_NUMBER.fullmatch(data))


@ALWAYS
@given(st.binary(max_size=6), st.integers(0, 2))
def test_noise_never_raises(data, shift):
    code, number = scanned(data, shift)
    assert code in (0, text.NOT_A_NUMBER, text.TOO_LONG)
    assert number.n <= text.NUMBER_DIGITS


def test_a_number_object_is_used_again_without_traces_of_the_last_one():
    number = text.Number()
    assert (number.n, number.value(), number.negative, number.is_integer, number.any_digit) == (0, 0, False, True, False)
    text.scan_number(b"-12.5e1", 0, 7, 0, number)
    assert (number.value(), number.negative, number.is_integer) == (-125, True, False)
    text.scan_number(b"0", 0, 1, 0, number)
    assert (number.n, number.value(), number.negative, number.is_integer, number.any_digit) == (0, 0, False, True, False)


def test_the_shift_moves_the_point_before_the_rest_is_cut_off():
    assert scanned(b"10.559", 2)[1].value() == 1055
    assert scanned(b"-0.019", 2)[1].value() == -1
    assert scanned(b"6", 2)[1].value() == 600


@ALWAYS
@given(st.integers(-INT_MAX, INT_MAX), st.integers(0, 3))
def test_what_is_written_reads_back_as_the_same_integer(value, decimals):
    data = written(value, decimals)
    code, number = scanned(data, decimals)
    assert code == 0
    kept = int(bytes(number.digits[: number.n]) or b"0")
    assert (-kept if number.negative else kept) == value


@pytest.mark.parametrize("lead", range(256))
def test_utf_8_is_judged_as_cpython_does(lead):
    for second in (0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF):
        for rest in (b"", b"\x80", b"\x80\xbf", b"\x80\x80\x80", b"a", b"\xc3\xa4", b"\x80a"):
            data = bytes((lead, second)) + rest
            try:
                data.decode()
                fine = True
            except UnicodeDecodeError:
                fine = False
            assert text.is_utf8(data) is fine, data
