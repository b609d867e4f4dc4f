"""A sealed record is believed only when every byte of it is right."""

import pytest
import record
from hypothesis import given, settings
from hypothesis import strategies as st
from record import DAMAGED, EMPTY, HEAD_BYTES, NEWER, OK, OVERHEAD_BYTES

PAYLOADS = st.binary(max_size=255)
VERSIONS = st.integers(1, 255)
SOME = bytes(range(1, 17))


def sealed(payload=SOME, version=1):
    buf = bytearray(bytes(HEAD_BYTES) + payload + bytes(2))
    assert record.seal(buf, version, len(payload)) == len(buf) == len(payload) + OVERHEAD_BYTES
    return buf


def test_the_four_results_can_be_told_apart_and_only_one_is_not_true():
    assert len({OK, EMPTY, DAMAGED, NEWER}) == 4
    assert not OK


@settings(derandomize=True, deadline=None)
@given(PAYLOADS, VERSIONS)
def test_what_was_sealed_is_found_again(payload, version):
    buf = sealed(payload, version)
    assert record.check(buf, len(buf), version) == OK
    assert buf[HEAD_BYTES : HEAD_BYTES + buf[1]] == payload


@settings(derandomize=True, deadline=None)
@given(PAYLOADS, st.binary(max_size=64))
def test_bytes_behind_the_record_do_not_matter(payload, behind):
    buf = sealed(payload) + behind
    assert record.check(buf, len(buf), 1) == OK


@pytest.mark.parametrize("bit", range((len(SOME) + OVERHEAD_BYTES) * 8))
def test_a_flipped_bit_is_refused(bit):
    buf = sealed()
    buf[bit // 8] ^= 1 << bit % 8
    assert record.check(buf, len(buf), 255) == DAMAGED


@pytest.mark.parametrize("n", range(1, len(SOME) + OVERHEAD_BYTES))
def test_a_record_that_was_cut_off_is_refused(n):
    assert record.check(sealed(), n, 1) == DAMAGED


@pytest.mark.parametrize("n", [-1, 0, 1, 3, 4, 20, 48])
def test_nothing_and_zeros_are_empty(n):
    assert record.check(bytearray(48), n, 1) == EMPTY


@pytest.mark.parametrize("n", [1, 4, 48])
def test_erased_flash_is_damaged(n):
    assert record.check(bytearray(b"\xff" * 48), n, 1) == DAMAGED


def test_a_length_beyond_the_buffer_is_refused_without_reading_there():
    buf = bytearray((1, 255, 0, 0, 0))
    assert record.check(buf, len(buf), 1) == DAMAGED


@pytest.mark.parametrize("written, known, found", [(1, 1, OK), (1, 7, OK), (7, 7, OK), (2, 1, NEWER), (255, 254, NEWER)])
def test_a_newer_version_is_told_from_a_known_one(written, known, found):
    buf = sealed(version=written)
    assert record.check(buf, len(buf), known) == found


def test_a_damaged_record_is_never_called_newer():
    buf = sealed(version=9)
    buf[5] ^= 1
    assert record.check(buf, len(buf), 1) == DAMAGED


def test_version_0_is_no_version():
    buf = sealed(version=0)
    assert record.check(buf, len(buf), 1) == DAMAGED


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.binary(min_size=1, max_size=48))
def test_noise_is_not_believed_and_raises_nothing(noise):
    """One in 65,536 may pass; none of these does."""
    assert record.check(bytearray(noise), len(noise), 1) in (EMPTY, DAMAGED)
