"""A small fleet on a real Mosquitto: each box charges under its own prefix, and what it costs is counted."""

from tools import fleet


def test_two_boxes_with_prefixes_share_a_broker_and_are_counted(monkeypatch):
    monkeypatch.setattr(fleet, "SETTLE_S", 14)
    found = fleet.measure(2, 3)

    assert found["charging"] == 2
    assert found["messages_received_per_s"] > 12, "every topic once per second, or nearly so on a busy machine"
    assert found["bytes_received_per_s"] > 600


def test_the_page_shows_the_numbers(tmp_path, monkeypatch):
    page = tmp_path / "fleet.md"
    page.write_text("a\n<!-- fleet: x -->\nold\n<!-- /fleet -->\nb\n")
    monkeypatch.setattr(fleet, "PAGE", page)
    found = dict.fromkeys(
        ("messages_received_per_s", "messages_sent_per_s", "bytes_received_per_s", "bytes_sent_per_s", "broker_core_percent"), 7
    )
    fleet.write({**found, "gateways": 3, "seconds": 9, "charging": 3})

    assert "with 3 gateways for 9 s" in page.read_text() and "old" not in page.read_text() and page.read_text().endswith("b\n")
