"""The heap of an ESP32 without PSRAM is 145,000 bytes with Wi-Fi: what of it a whole box needs. All on 32-bit MicroPython."""

import pytest

from tools import small_heap

BROKER_SHARE = 4


@pytest.fixture(scope="module")
def full():
    return small_heap.measure()


def test_a_box_with_every_slot_taken_and_a_modbus_client_fits_and_leaves_room_for_episodes(full):
    """Those of the gateway take 2 kB at most; a heap that is fragmented wants more."""
    assert full["modbus_high"] <= small_heap.HEAP_BYTES - 6_000, full


def test_the_page_of_a_box_with_the_usual_visitors_fits_beside_modbus():
    """On the device it opens only while 24 kB are free (gateway.PAGE_FREE_BYTES); this is what would be left without that rule."""
    usual = small_heap.measure(BROKER_SHARE)
    assert usual["page_live"] <= small_heap.HEAP_BYTES - 500, usual
    assert usual["end_live"] <= usual["page_live"] + 64, "a visit has left something"


def test_nothing_grows_while_nobody_comes(full):
    assert full["two_seconds_live"] <= full["box"] + 64, full
    assert full["page_again_live"] <= full["page_live"] + 64, full
