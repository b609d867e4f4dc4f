"""The JSON reader against Python's json, on generated texts, right ones and broken ones."""

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsontext import BAD, as_text, escaped, is_string, member, skip_space, trim_end

ALWAYS = settings(derandomize=True, deadline=None, max_examples=150)
NAME = "heartbeat"

SPACE = st.sampled_from(["", "", "", " ", "\n", "\t \r\n"])
KEYS = st.one_of(st.just(NAME), st.sampled_from(["", "a", "heart", NAME + "s", "ü", 'quo"te', "back\\slash"]))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(-1e9, 1e9), st.text(max_size=6), st.just("\ud800"), st.just(NAME)
)
NUMBER_OR_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|true|false|null|[-+.0-9eE]+', re.DOTALL)


@st.composite
def values(draw, depth):
    """A value as JSON text, with white space, and with names that stand twice in one object."""
    kind = draw(st.integers(0, 5)) if depth else 5
    if kind == 0:
        return "[" + ",".join(draw(st.lists(values(depth - 1), max_size=3))) + draw(SPACE) + "]"
    if kind == 1:
        return draw(objects(depth - 1))
    ascii_only = draw(st.booleans())
    value = draw(SCALARS)
    return draw(SPACE) + json.dumps(value, ensure_ascii=ascii_only or value == "\ud800") + draw(SPACE)


@st.composite
def objects(draw, depth):
    members = draw(st.lists(st.tuples(KEYS, values(depth)), max_size=4))
    texts = [draw(SPACE) + json.dumps(key, ensure_ascii=False) + draw(SPACE) + ":" + value for key, value in members]
    return draw(SPACE) + "{" + ",".join(texts) + draw(SPACE) + "}" + draw(SPACE)


OBJECTS = objects(3)


def refuse(word):
    raise ValueError(word)


def parse(text):
    """Python's json, but with the words that JSON does not know refused."""
    return json.loads(text, parse_constant=refuse)


def is_object(text):
    """What member() promises to check: JSON whose numbers are only looked at byte by byte."""
    if any(ord(c) < 32 for c in "".join(re.findall(r'"(?:[^"\\]|\\.)*"', text, re.DOTALL))):
        return False
    simple = NUMBER_OR_WORD.sub(lambda found: "0" if found[0][0] in "-+.0123456789eE" else found[0], text)
    try:
        return isinstance(parse(simple), dict)
    except ValueError:
        return False


def found(text, name=NAME):
    """The text member() points at; None where there is none, BAD where the whole is no object."""
    where = member(text.encode(), name.encode())
    if where <= 0:
        return BAD if where else None
    return text.encode()[where >> 16 : where & 0xFFFF].decode()


# -- member ---------------------------------------------------------------------------------------------------------------


@ALWAYS
@given(OBJECTS)
@example('{"heartbeat": 1795327212.729491, "parent_ip": "192.0.2.1"}')
@example('{"heartbeat":1,"heartbeat":[2]}')
@example('{"heartbeat":[1],"heartbeat":2}')
@example('{"a":{"heartbeat":1},"b":[{"heartbeat":2}]}')
def test_member_finds_what_json_finds(text):
    value = parse(text).get(NAME, [])
    if isinstance(value, (dict, list)):
        assert found(text) is None
    else:
        assert json.loads(found(text)) == value
        assert found(text) == found(text).strip()


@ALWAYS
@given(OBJECTS, st.data())
def test_member_accepts_a_damaged_text_exactly_when_json_does(text, data):
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 2))
    new = data.draw(st.sampled_from(["", "", '"', "\\", ",", ":", "{", "}", "[", "]", "0", "e", "n", "null", " ", "\n", "\x01", "ü", "u"]))
    damaged = text[:at] + new + text[at + cut :]
    if "\ud800" in damaged:
        return
    assert (found(damaged) != BAD) == is_object(damaged), damaged


@ALWAYS
@given(st.text('{}[]",:0a\\u ', max_size=14))
def test_member_accepts_a_jumble_of_json_bytes_exactly_when_json_does(text):
    assert (found(text, "a") != BAD) == is_object(text)


@settings(ALWAYS, max_examples=50)
@given(OBJECTS)
def test_no_beginning_of_an_object_is_an_object(text):
    for end in range(len(text.rstrip())):
        assert found(text[:end]) == BAD


@ALWAYS
@given(st.binary(max_size=20))
def test_noise_never_raises(data):
    assert member(data, b"a") >= BAD
    assert member(b'{"a":' + data, b"a") >= BAD
    as_text(data)
    is_string(data)


@pytest.mark.parametrize(
    "text",
    ["", " ", "5", '"heartbeat"', "null", "[1]", '[{"heartbeat":1}]', "{} {}", "{}x", "{,}", '{"a":1,}', '{"a"}', '{"a":}', "{1:2}", '{"a" 1}', '{!a":1}',
     '{"a":1!"b":2}', '{"a":[1!2]}', '{"a":[1"2]}', '{"a":[1}}', '{"a":1~', '{"a":1]'],
)
def test_what_is_not_one_object_is_bad(text):
    assert found(text) == BAD


@pytest.mark.parametrize("bad", ['{"a":[1}', '{"a":{]}', '{"a":[1,]}', '{"a":[,1]}', '{"a":[1 2]}', '{"a":nul}', '{"a":Null}', '{"a":NaN}'])
def test_a_fault_in_another_member_spoils_the_whole(bad):
    assert found(bad.replace("{", '{"heartbeat":1,', 1)) == BAD


@pytest.mark.parametrize("escape", ['\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u00e4", "\\uD83D\\uDE00", "\\uabCD"])
def test_every_escape_json_knows_is_passed_over(escape):
    assert found('{"a":"%s","heartbeat":7}' % escape) == "7"


@pytest.mark.parametrize("escape", ["\\x41", "\\x0041", "\\v0041", "\\a0041", "\\u12", "\\u12g4", "\\ug123", "\\u1g23", "\\u123g", "\\u123", "\\", "\\U0041", "\\'", "\\0", "\x00", "\x1f", "\n"])
def test_an_escape_or_control_byte_json_does_not_know_is_bad(escape):
    assert found('{"a":"%s","heartbeat":7}' % escape) == BAD


def test_an_escape_cut_off_by_the_end_is_bad():
    for end in range(1, 7):
        assert found('{"' + "\\u00e4"[:end]) == BAD


def nested(depth, bracket="["):
    closing = {"[": "]", '{"x":': "}"}[bracket]
    return '{"heartbeat":1,"a":' + bracket * (depth - 1) + "0" + closing * (depth - 1) + "}"


@pytest.mark.parametrize("bracket", ["[", '{"x":'])
def test_brackets_may_nest_eight_deep_and_no_deeper(bracket):
    assert found(nested(8, bracket)) == "1"
    assert found(nested(9, bracket)) == BAD
    assert found(nested(300, bracket)) == BAD


def test_an_escaped_name_is_not_recognised():
    """json would read it as the same name. Nobody writes it that way, and a heartbeat not recognised is 0 A."""
    assert found('{"heart\\u0062eat":1}') is None


def test_a_name_that_only_starts_or_ends_like_ours_is_another():
    assert found('{"heartbeats":1,"heart":2,"":3}') is None
    assert found('{"heartbeats":1,"heart":2,"":3}', "") == "3"


def test_positions_count_bytes_not_characters():
    assert found('{"ü":"ü","heartbeat":42}') == "42"


# -- strings --------------------------------------------------------------------------------------------------------------


@ALWAYS
@given(st.one_of(st.text(max_size=8).map(json.dumps), st.text('"\\an5u0 ', max_size=8), st.text('"\\a', max_size=5).map('"{}"'.format)))
def test_is_string_says_what_json_says(text):
    try:
        expected = isinstance(parse(text), str) and text == text.strip()
    except ValueError:
        expected = False
    assert is_string(text.encode()) == expected


@pytest.mark.parametrize(
    ("src", "expected"),
    [
        (b'"ABC"', b"ABC"),
        (b'""', b""),
        (b'"4141661"', b"4141661"),
        (b'"A\\"B"', b'A\\"B'),
        (b"null", b"null"),
        (b"None", b"None"),
        (b"0004141661", b"0004141661"),
        (b"04A1B2C3", b"04A1B2C3"),
        (b"tag with blanks", b"tag with blanks"),
        ("Tür".encode(), "Tür".encode()),
        (b"4141661", None),
        (b"-1.5e3", None),
        (b"0", None),
        (b"1234567890123", None),
        (b"123456789012345678901234567890", None),
        (b"1e99", None),
        (b"true", None),
        (b"false", None),
        (b"{}", None),
        (b'{"a":1}', None),
        (b"[]", None),
        (b"{no json", None),
        (b'"open', None),
        (b'"a"b"', None),
        (b'a"b', None),
        (b"a\\b", None),
        (b"a\nb", None),
        (b"a\x00", None),
        (b"a\x1fb", None),
    ],
)
def test_text_is_a_json_string_or_no_json_at_all_but_never_a_number(src, expected):
    assert as_text(src) == expected


PLAIN = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=8)


@ALWAYS
@given(st.one_of(PLAIN, SCALARS.map(json.dumps), st.text("0123456789.-eE", min_size=1, max_size=20)))
def test_as_text_agrees_with_json_on_what_is_text(text):
    if text == "null":
        return  # means clear, not text; see the table above
    try:
        value = parse(text)
        expected = text.encode()[1:-1] if isinstance(value, str) else None
    except ValueError:
        expected = None if text[0] in '{["' or re.search(r'[\x00-\x1f"\\]', text) else text.encode()
    assert as_text(text.encode()) == expected


# -- white space ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("src", "inner"), [(b" \t\r\n5 \t\r\n", b"5"), (b"16 ", b"16"), (b"16\r\n\n", b"16"), (b"5", b"5"), (b"", b""), (b" \n ", b""), (b"\x0b5\xa0", b"\x0b5\xa0"), (b"5 5", b"5 5")]
)
def test_white_space_of_json_is_trimmed_and_no_other(src, inner):
    assert src[skip_space(src, 0, len(src)) : trim_end(src, 0, len(src))] == inner


def test_trimming_stays_inside_its_part():
    assert skip_space(b"    5", 1, 3) == 3
    assert trim_end(b"5    ", 2, 4) == 2


@pytest.mark.parametrize("between", [b"", b" ", b",", b"-", b"0", b".", b";", b"=", b"::"])
def test_nothing_but_a_colon_stands_between_a_name_and_its_value(between):
    assert member(b'{"heartbeat"' + between + b'5}', b"heartbeat") == BAD


@pytest.mark.parametrize("bad", [b"x", b"tru", b"nul", b'"', b'!a"', b"zzzz", b"nulm", b"truf", b"zzzzz"])
def test_a_member_whose_value_is_none_is_bad_wherever_it_stands(bad):
    for text in (b'{"heartbeat":%s}', b'{"a":%s,"heartbeat":5}', b'{"heartbeat":5,"a":%s}', b'{"a":[%s],"heartbeat":5}'):
        assert member(text % bad, b"heartbeat") == BAD


@pytest.mark.parametrize("text", ["", "plain [text]", 'a "quoted" one', "back\\slash", "K\u00e4fer \u26a1", "\x7f~!#"])
def test_escaped_text_is_the_same_when_json_has_read_it(text):
    assert json.loads(b'"' + escaped(text) + b'"') == text


def test_control_characters_become_blanks():
    assert escaped("a\tb\n\x00") == b"a b  "
