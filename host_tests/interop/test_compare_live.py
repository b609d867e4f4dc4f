"""The three of tools.compare really run: a few seconds each, without the waiting for the heartbeat limit."""

import pytest

from tools.compare import __main__ as tool
from tools.compare import page

pytestmark = pytest.mark.no_cover


@pytest.mark.long
def test_all_three_charge_obey_and_answer():
    said = []
    found = tool.measure(said.append, cuts=False, seconds=4, count=6)

    assert len(said) >= 6, "whoever waits is told for what"
    for who in page.WHO:
        assert found[who]["commands_lost"] == 0
        assert 0.9 < found[who]["bus_cycle_ratio"] < 3
        assert found[who]["requests_per_second_1"] > 1
        assert found[who]["alone_1"] > 50
    assert found["ours"]["bytes_left_per_cycle"] == found["ours"]["bytes_asked_per_cycle"] == 0
    assert found["stock"]["bytes_left_per_cycle"] > 1000
    assert found["ours"]["served_of_4"] == 4
    for who in ("ours", "stock"):
        assert found[who]["virtual_commands_lost"] == 0
        assert 9 < found[who]["command_p50_virtual_ms"] < found[who]["command_p99_virtual_ms"] < 200, "from one frame to one of each kind"
