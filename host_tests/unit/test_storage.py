"""Files that are replaced as a whole, and our part of the floor's record."""

import os

import memory
import pytest
import storage
from storage import OURS_AT, OURS_BYTES


class Floor:
    """The module failsafe as the storage port sees it; `kept` is what the last save() wrote."""

    def __init__(self):
        self.record = bytearray(64)
        self.kept = bytes(64)
        self.saves = 0

    def save(self):
        self.kept = bytes(self.record)
        self.saves += 1


@pytest.fixture
def flash(tmp_path):
    return storage.Flash(str(tmp_path))


@pytest.fixture
def floor():
    return Floor()


@pytest.fixture
def rtc(floor):
    return storage.RtcMemory(floor)


def loaded(flash, name="a", room=16):
    buf = bytearray(room)
    n = flash.load(name, buf)
    return n if n < 0 else bytes(buf[:n])


# -- Flash ----------------------------------------------------------------------------------------------------------------


def test_what_was_saved_is_loaded(flash):
    assert flash.save("a", bytearray(b"hello...."), 5)
    assert loaded(flash) == b"hello"


def test_saving_again_replaces_the_whole_file(flash):
    flash.save("a", b"a longer one", 12)
    assert flash.save("a", b"short", 5)
    assert loaded(flash) == b"short"


def test_a_file_that_is_not_there_is_no_error(flash):
    assert loaded(flash) == -1
    assert flash.errors == 0


def test_a_file_that_can_not_be_read_is_an_error(flash, tmp_path):
    (tmp_path / "a").mkdir()
    assert loaded(flash) == -1
    assert flash.errors == 1


def test_only_what_fits_is_loaded(flash):
    flash.save("a", b"0123456789", 10)
    assert loaded(flash, room=4) == b"0123"


@pytest.mark.parametrize("name", ["open", "rename"])
def test_a_failed_save_is_counted_and_leaves_the_old_content(flash, monkeypatch, name):
    def fail(*_):
        raise OSError(28, "no space left")

    flash.save("a", b"old", 3)
    with monkeypatch.context() as broken:
        broken.setitem(storage.__dict__, "open", fail) if name == "open" else broken.setattr(os, "rename", fail)
        assert not flash.save("a", b"new", 3)
    assert flash.errors == 1
    assert loaded(flash) == b"old"


def test_leftovers_of_a_power_cut_go_at_boot_and_nothing_else_does(flash, tmp_path):
    (tmp_path / "a.new").write_bytes(b"half")
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "renewed").write_bytes(b"")
    again = storage.Flash(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["a", "renewed"]
    assert (loaded(again), again.errors) == (b"old", 0)


def test_a_leftover_that_can_not_be_removed_does_not_keep_the_box_from_starting(tmp_path):
    (tmp_path / "a.new").mkdir()
    assert storage.Flash(str(tmp_path)).errors == 1


def test_a_folder_that_is_missing_does_not_keep_the_box_from_starting(tmp_path):
    flash = storage.Flash(str(tmp_path / "nowhere"))
    assert (loaded(flash), flash.save("a", b"x", 1), flash.errors) == (-1, False, 2)


@pytest.mark.parametrize("folder", ["", "data", "data/"])
def test_the_folder_may_be_the_present_one_or_end_with_a_slash(tmp_path, monkeypatch, folder):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert storage.Flash(folder).save("a", b"x", 1)
    assert (tmp_path / folder / "a").read_bytes() == b"x"


# -- RtcMemory ------------------------------------------------------------------------------------------------------------


def test_our_bytes_come_back_and_are_handed_to_the_floor_at_once(rtc, floor):
    rtc.save(bytearray(range(1, OURS_BYTES + 1)), OURS_BYTES)
    assert floor.kept == bytes(OURS_AT) + bytes(range(1, OURS_BYTES + 1))
    buf = bytearray(OURS_BYTES)
    assert rtc.load(buf) == OURS_BYTES
    assert buf == bytes(range(1, OURS_BYTES + 1))


def test_only_what_was_named_is_saved(rtc, floor):
    rtc.save(bytearray(b"abcdef"), 3)
    assert floor.kept[OURS_AT : OURS_AT + 5] == b"abc\0\0"


@pytest.mark.parametrize("room, n", [(4, 4), (48, 48), (100, 48)])
def test_load_fills_what_there_is_room_for_and_never_reads_the_floors_part(rtc, floor, room, n):
    floor.record[:] = bytes((0xFF,)) * OURS_AT + bytes((7,)) * OURS_BYTES
    buf = bytearray(room)
    assert rtc.load(buf) == n
    assert buf == bytes((7,)) * n + bytes(room - n)


def test_the_floors_part_is_left_alone(rtc, floor):
    floor.record[:OURS_AT] = bytes(range(100, 100 + OURS_AT))
    rtc.save(bytearray(b"x" * OURS_BYTES), OURS_BYTES)
    assert floor.kept[:OURS_AT] == bytes(range(100, 100 + OURS_AT))


def test_more_than_our_part_is_a_programming_error_that_writes_nothing(rtc, floor):
    with pytest.raises(IndexError):
        rtc.save(bytearray(OURS_BYTES + 1), OURS_BYTES + 1)
    assert floor.saves == 0


@pytest.mark.parametrize("i", [0, 1])
def test_the_state_of_a_cp_relay_is_kept_where_the_floor_looks(rtc, floor, i):
    rtc.set_cp(i, 0x81)
    assert floor.kept[4 + i] == 0x81
    assert sum(floor.kept) == 0x81


def test_the_same_state_again_writes_nothing(rtc, floor):
    for _ in range(3):
        rtc.set_cp(1, 0x80)
    assert floor.saves == 1
    rtc.set_cp(1, 0)
    assert (floor.saves, floor.kept[5]) == (2, 0)


def test_a_record_of_memory_fits_into_our_part():
    assert memory.RECORD_BYTES == OURS_BYTES


# --- files that are only read ---


@pytest.fixture
def asset(tmp_path):
    (tmp_path / "page.html").write_bytes(bytes(range(100)))
    return storage.Asset("page.html", ["", ".frozen", str(tmp_path / "older"), str(tmp_path)])


@pytest.mark.parametrize("at, n, expected", [(0, 100, 100), (0, 7, 7), (95, 7, 5), (100, 7, 0), (101, 7, 0)])
def test_an_asset_is_read_from_any_place(asset, at, n, expected):
    buf = bytearray(n)
    assert asset.read(at, buf) == expected
    assert bytes(buf[:expected]) == bytes(range(100))[at : at + n]


def test_an_asset_knows_its_size(asset):
    assert asset.size == 100


def test_an_asset_that_is_missing_has_no_size_and_no_content(tmp_path):
    missing = storage.Asset("page.html", [str(tmp_path)])
    assert (missing.size, missing.read(0, bytearray(4))) == (-1, 0)


def test_of_two_versions_beside_each_other_the_one_that_runs_shows_its_own_page(tmp_path, monkeypatch):
    for folder in ("fw_a", "fw_b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.html").write_text(folder)
    monkeypatch.chdir(tmp_path)
    buf = bytearray(4)
    assert storage.Asset("page.html", ["fw_b", "", "fw_a"]).read(0, buf) == 4
    assert buf == b"fw_b"
