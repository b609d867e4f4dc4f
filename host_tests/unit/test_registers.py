"""Registers as clients see them: golden vectors in every portion, any window, texts, and what is not known."""

import itertools
import json
import random
import struct
from pathlib import Path

import pytest
import registers
from point_rows import POINTS
from points import (
    P_CURRENT_CA, P_EVSE_CURRENT_CA, P_EXPORTED_WH, P_IMPORTED_WH, P_PLUGGED, P_POWER_CW, P_POWER_L_CW, P_RFID, P_VOLTAGE_CV, Image,
)  # fmt: skip
from registers import ALL_ONES, BUSY, END, FIRST, REGISTERS, SERIAL, SERIES, WRITABLE, Registers

from host_tests.unit.modbus_bench import Box, adu, golden_image, split

GOLDEN = json.loads((Path(__file__).resolve().parents[1] / "golden" / "registers.json").read_text())
VECTORS = [(row["name"], bytes.fromhex(row["request"]), bytes.fromhex(row["response"])) for row in GOLDEN["vectors"]]


def swapped(request):
    """The same read by the other of the two functions."""
    return bytes([7 - request[0]]) + request[1:] if request[:1] in (b"\3", b"\4") else request


def answered(response):
    return bytes([response[0] & 0x80 | 7 - (response[0] & 0x7F)]) + response[1:] if response[0] & 0x7F in (3, 4) else response


# -- golden vectors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "request_pdu", "response"), VECTORS, ids=[row[0] for row in VECTORS])
def test_a_request_gets_its_golden_answer_in_one_segment(name, request_pdu, response):
    box = Box()
    client = box.dial()
    assert box.ask(client, request_pdu).hex() == response.hex()
    assert box.ask(client, swapped(request_pdu)).hex() == answered(response).hex()
    assert client.writes == 2 and client.open


@pytest.mark.parametrize("portion", [1, 2, 5, 7, 96, 1000])
def test_requests_that_come_joined_or_in_pieces_are_answered_one_by_one_and_in_order(portion):
    box = Box()
    client = box.dial()
    client.portion = portion
    for i, (_, request, _) in enumerate(VECTORS):
        client.send(adu(request, transaction=i))
    box.settle()
    assert [(number, pdu.hex()) for number, _, pdu in split(client.received)] == [(i, row[2].hex()) for i, row in enumerate(VECTORS)]
    assert client.writes == len(VECTORS), "one segment each"


def test_three_clients_at_the_same_time_get_their_own_answers():
    box = Box()
    clients = [box.dial("192.168.1.%d" % i) for i in range(3)]
    for i, (_, request, _) in enumerate(VECTORS):
        for k, client in enumerate(clients):
            client.send(adu(request, transaction=100 * k + i))
    box.settle()
    for k, client in enumerate(clients):
        assert [(number - 100 * k, pdu) for number, _, pdu in split(client.received)] == [(i, row[2]) for i, row in enumerate(VECTORS)]


def test_one_connection_per_request_is_served_as_well():
    box = Box()
    for _, request, response in VECTORS:
        client = box.dial()
        assert box.ask(client, request) == response
        client.hang_up()
        box.settle()
    assert all(slot.door is None for slot in box.pool.slots) and box.modbus.evicted == 0


@pytest.mark.parametrize("unit", GOLDEN["wrong_units"])
@pytest.mark.parametrize("request_pdu", ["04 2774 0002", "06 27bb 0640", "2b 0e 01 00"])
def test_another_unit_is_not_here(unit, request_pdu):
    box = Box()
    pdu = bytes.fromhex(request_pdu)
    assert box.ask(box.dial(), pdu, unit=unit) == bytes([pdu[0] | 0x80, 2])


def test_the_unit_is_configurable():
    box = Box(unit=17)
    assert box.ask(box.dial(), "04 279f 0001", unit=17) == bytes.fromhex("04 02 0001")


def test_the_set_current_in_whole_ampere_for_those_who_know_openwb_only():
    box = Box(actual_current_scale=1)
    client = box.dial()
    for current_ca, ampere in ((1598, 15), (1600, 16)):
        box.points[0].image.value[P_EVSE_CURRENT_CA] = current_ca
        assert box.words(client, 10116) == [ampere]


# -- the table ------------------------------------------------------------------------------------------------------------


def test_released_registers_never_change_their_meaning():
    topics = {SERIES: "series", SERIAL: "serial of the gateway"}
    topics.update({row[0]: row[1].decode().split("/")[-1] for row in POINTS})
    now = [[row[0], row[1], topics[row[2]]] for row in REGISTERS]
    merged = []
    for offset, words, name in now:
        if merged and merged[-1][2] == name and merged[-1][0] + merged[-1][1] == offset:
            merged[-1][1] += words
        else:
            merged.append([offset, words, name])
    for row in GOLDEN["released"]["read"]:
        assert row in merged
    assert {row[0] for row in GOLDEN["released"]["write"]} <= set(WRITABLE)


def test_the_table_is_sorted_and_no_two_rows_overlap():
    end = 0
    for row in REGISTERS:
        assert row[0] >= end and row[1] in (1, 2, 10)
        end = row[0] + row[1]
    taken = {offset for row in REGISTERS for offset in range(row[0], row[0] + row[1])}
    assert end <= 100 and not taken & set(WRITABLE)


class Point:
    def __init__(self):
        self.image = Image()


def rendered(regs, first, count):
    buf = bytearray(4 + 2 * count)
    code = regs.render(buf, 2, first, count)
    assert buf[:2] == buf[-2:] == b"\0\0", "written beside the window"
    return None if code else bytes(buf[2:-2])


def test_every_window_is_a_part_of_the_whole():
    points = [Point(), Point()]
    for point in points:
        golden_image(point.image.value)
    points[1].image.value[P_POWER_CW] = 0x3FFFFFFF
    regs = Registers(points, b"ladepunkt-00abcd", 1)
    whole = rendered(regs, FIRST, 125) + rendered(regs, FIRST + 125, END - FIRST - 125)
    for first, count in itertools.product(range(FIRST, END), (1, 2, 3, 17, 60, 125)):
        if first + count <= END:
            at = 2 * (first - FIRST)
            assert rendered(regs, first, count) == whole[at : at + 2 * count], (first, count)


@pytest.mark.parametrize("power_cw", [0, -1, 99, -99, 100, -100, 0x3FFFFFFF, -0x3FFFFFFF, 6553600, -6553600, 6553599])
def test_numbers_of_32_bits_are_cut_towards_zero(power_cw):
    point = Point()
    point.image.value[P_POWER_CW] = power_cw
    want = abs(power_cw) // 100 * (1 if power_cw > 0 else -1)
    assert int.from_bytes(rendered(Registers([point], b"", 1), 10100, 2), "big", signed=True) == want


@pytest.mark.parametrize(("volts_cv", "word"), [(32767, 0x7FFF), (32768, 0xFFFF), (-32768, 0x8000), (-32769, 0xFFFF), (0, 0), (None, 0xFFFF)])
def test_what_does_not_fit_or_is_not_known_is_minus_1_where_nobody_calculates_with_it(volts_cv, word):
    point = Point()
    point.image.value[P_VOLTAGE_CV] = volts_cv
    assert rendered(Registers([point], b"", 1), 10104, 1) == word.to_bytes(2, "big")


@pytest.mark.parametrize(("power_cw", "word"), [(3276799, 0x7FFF), (3276800, 0xFFFF), (-3276899, 0x8000), (-3276900, 0xFFFF)])
def test_a_power_of_one_line_fits_as_long_as_its_whole_watts_do(power_cw, word):
    point = Point()
    point.image.value[P_POWER_L_CW] = power_cw
    assert rendered(Registers([point], b"", 1), 10130, 1) == word.to_bytes(2, "big")


def test_a_car_that_nobody_has_seen_yet_is_not_plugged_in():
    point = Point()
    assert point.image.value[P_PLUGGED] is None
    assert rendered(Registers([point], b"", 1), 10114, 2) == bytes(4)


def test_each_line_has_registers_of_its_own():
    point = Point()
    for i in range(3):
        point.image.value[P_VOLTAGE_CV + i] = 23000 + i
        point.image.value[P_CURRENT_CA + i] = 1600 + i
        point.image.value[P_POWER_L_CW + i] = 368000 + 100 * i
    words = struct.unpack(">29H", rendered(Registers([point], b"", 1), FIRST + 4, 29))
    assert words[:6] == (23000, 23001, 23002, 1600, 1601, 1602) and words[26:29] == (3680, 3681, 3682)


def test_every_register_shows_its_own_fact_and_divides_it_as_the_table_says():
    """All facts are the same small number: none may stand in the place of another that is divided, or has two words."""
    point = Point()
    for index in range(len(point.image.value)):
        point.image.value[index] = 12300
    point.image.value[P_RFID] = b"A"
    words = {i: word for i, word in enumerate(struct.unpack(">100H", rendered(Registers([point], b"", 1), FIRST, 100))) if word}
    assert words == {**dict.fromkeys((3, 4, 5, 6, 7, 8, 9, 14, 15, 16, 42), 12300), **dict.fromkeys((1, 30, 31, 32), 123), 43: 1, 60: 0x4100}


def test_before_anything_is_known_only_voltages_and_powers_of_lines_are_minus_1():
    point = Point()
    image = point.image.value
    for index in range(len(image)):
        image[index] = None
    image[P_IMPORTED_WH] = image[P_EXPORTED_WH] = 0
    words = {i: word for i, word in enumerate(struct.unpack(">100H", rendered(Registers([point], b"", 1), FIRST, 100))) if word}
    assert words == {**dict.fromkeys((4, 5, 6, 30, 31, 32), 0xFFFF), 43: 1}


@pytest.mark.parametrize("index", [P_IMPORTED_WH, P_EXPORTED_WH])
def test_energy_is_busy_before_the_first_reading_and_never_minus_1(index):
    box = Box()
    client = box.dial()
    box.points[0].image.value[index] = None
    first = 10102 if index == P_IMPORTED_WH else 10141
    for window in ((first, 2), (first, 1), (first + 1, 1), (first - 1, 2), (first - 2, 20)):
        assert box.ask(client, adu_read(*window)) == b"\x84\x06"
    assert box.words(client, first - 2, 2) is not None and box.words(client, first + 2, 1)
    box.points[0].image.value[index] = 70000
    assert box.words(client, first, 2) == [1, 4464]


def adu_read(first, count):
    return b"\x04" + first.to_bytes(2, "big") + count.to_bytes(2, "big")


# -- texts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "want"),
    [(None, b""), (b"", b""), (b"A", b"A"), (b"AB", b"AB"), (b"x" * 20, b"x" * 20), (b"x" * 21, b"x" * 20), ("Grün".encode(), b"Gr??n"), (b"a\x7f\x00b", b"a??b"), (b"a ~\x1f", b"a ~?")],
)
def test_texts_have_20_bytes_padded_with_zeros_and_only_what_every_client_can_show(tag, want):
    point = Point()
    point.image.value[P_RFID] = tag
    assert rendered(Registers([point], b"", 1), 10160, 10) == want.ljust(20, b"\0")


def test_a_shorter_text_leaves_nothing_of_a_longer_one():
    box = Box()
    client = box.dial()
    for tag in (b"x" * 20, b"abc", None):
        box.points[0].image.value[P_RFID] = tag
        assert b"".join(w.to_bytes(2, "big") for w in box.words(client, 10160, 10)) == (tag or b"").ljust(20, b"\0")


def test_random_images_are_read_as_they_are_at_that_moment():
    lot = random.Random(5)
    box = Box(charge_points=2)
    client = box.dial()
    for _ in range(300):
        cp = lot.randrange(2)
        energy_wh = lot.randrange(0x40000000)
        box.points[cp].image.value[P_IMPORTED_WH] = energy_wh
        box.points[1 - cp].image.value[P_IMPORTED_WH] = 0
        high, low = box.words(client, 10102 + 100 * cp, 2)
        assert high << 16 | low == energy_wh


def test_nothing_else_is_a_placeholder():
    assert (ALL_ONES, BUSY) == (1, 6) and {row[4] for row in REGISTERS} == {0, ALL_ONES, BUSY}
    assert registers.END - registers.FIRST == 2 * registers.PER_POINT
