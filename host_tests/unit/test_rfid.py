"""From the bytes of a UID to the text that openWB compares."""
import pytest
import rfid
from points import P_LAST_TAG, P_RFID, P_RFID_TIMESTAMP_S, UNSTAMPED, Image
from rfid import Rfid


class Point:
    def __init__(self):
        self.image = Image()


class Reader:
    def __init__(self):
        self.uids = []

    def poll(self, _now_ms):
        return self.uids.pop(0) if self.uids else None


@pytest.fixture
def reader():
    return Reader()


def scanned(reader, uid, decimal, count=2):
    points = [Point() for _ in range(count)]
    machine = Rfid(reader, points, decimal)
    reader.uids.append(uid)
    machine.step(0)
    return machine, [point.image.value for point in points]


@pytest.mark.parametrize(
    ("uid", "decimal", "hexadecimal"),
    [
        ("100086f444", b"0008844356", b"100086F444"),
        ("0000000001", b"0000000001", b"0000000001"),
        ("ffffffffff", b"4294967295", b"FFFFFFFFFF"),
        ("04a1b2c3", b"0077705923", b"04A1B2C3"),
        ("04a1b2c3d4e5f6", b"1303689068602870", b"04A1B2C3D4E5F6"),
        ("04a1b2c3d4e5f6010203", b"21872273100789168275971", b"04A1B2C3D4E5F6010203"),
        ("07", b"0000000007", b"07"),
    ],
)
def test_a_uid_becomes_the_text_that_was_chosen(uid, decimal, hexadecimal):
    uid = bytes.fromhex(uid)
    assert rfid.as_decimal(uid) == decimal
    assert rfid.as_hex(uid) == hexadecimal
    number = uid[1:] if len(uid) == 5 else uid
    assert int(decimal) == int.from_bytes(number, "big")


@pytest.mark.parametrize(("decimal", "text"), [(True, b"0008844356"), (False, b"100086F444")])
def test_a_scan_is_the_tag_of_all_charge_points(reader, decimal, text):
    machine, values = scanned(reader, bytes.fromhex("100086f444"), decimal)
    for value in values:
        assert value[P_RFID] == value[P_LAST_TAG] == text
        assert value[P_RFID_TIMESTAMP_S] is UNSTAMPED
    assert machine.episode and machine.scans == 1


@pytest.mark.parametrize("n", [1, 10])
def test_the_shortest_and_the_longest_uid_are_tags(reader, n):
    machine, values = scanned(reader, b"\x07" * n, False)
    assert values[0][P_RFID] == b"07" * n and (machine.scans, machine.refused) == (1, 0)


@pytest.mark.parametrize("uid", [b"", b"x" * 11])
def test_what_is_no_uid_is_counted_and_nothing_else(reader, uid):
    machine, values = scanned(reader, uid, True)
    assert values[0][P_RFID] is None and machine.refused == 1 and machine.scans == 0


def test_no_tag_changes_nothing(reader):
    points = [Point()]
    points[0].image.value[P_RFID] = b"OLD"
    machine = Rfid(reader, points, True)
    for now_ms in range(0, 1000, 100):
        machine.step(now_ms)
    assert points[0].image.value[P_RFID] == b"OLD" and not machine.episode
