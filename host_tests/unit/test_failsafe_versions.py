"""Two versions on one box: the floor takes the newest, and the one before once three starts in a row came to nothing."""

import types

import app
import pytest

from host_tests.unit.floor import BOARD, HARD_RESET, PWRON_RESET, WDT_RESET, Floor, put_app

pytestmark = pytest.mark.no_cover  # it covers nothing that the tests of the parts do not

STARTS = 11


class Box(Floor):
    """A floor with active.txt; `apps` notes where each life would have imported its app from."""

    def __init__(self, monkeypatch, active):
        super().__init__()
        self.apps = []
        self.files["active.txt"] = active
        put_app(monkeypatch, self._app)
        self.fails = True

    def _app(self, report):
        self.apps.append(self.module.sys.path[0])
        if not self.fails:
            self.module.record[STARTS] = 0  # what app.Life does after 10 s
            self.module.save()
        raise ValueError

    def live(self, cause=HARD_RESET):
        self.start(cause)
        with pytest.raises(ValueError):
            self.module.run()
        return self.apps[-1]


def test_without_active_txt_the_app_lies_beside_the_floor(monkeypatch):
    box = Box(monkeypatch, "")
    del box.files["active.txt"]
    assert box.live() == ""
    assert [text for text in box.texts() if "floor" in text] == []


def test_the_newest_version_is_taken(monkeypatch):
    assert Box(monkeypatch, "fw_b fw_a\n").live(PWRON_RESET) == "fw_b"


def test_three_failed_starts_lead_to_the_version_before_for_good(monkeypatch):
    box = Box(monkeypatch, "fw_b fw_a\n")
    assert [box.live(cause) for cause in (HARD_RESET, WDT_RESET, WDT_RESET, WDT_RESET)] == ["fw_b", "fw_b", "fw_b", "fw_a"]
    assert box.files["active.txt"] == "fw_a"
    assert "ladepunkt: floor: three starts of fw_b failed: back to fw_a" in box.texts()
    assert box.live(PWRON_RESET) == "fw_a"


def test_a_version_that_got_10_s_old_may_fail_again_three_times(monkeypatch):
    box = Box(monkeypatch, "fw_b fw_a")
    assert [box.live(), box.live()] == ["fw_b"] * 2
    box.fails = False
    assert box.live() == "fw_b"
    box.fails = True
    assert [box.live() for _ in range(4)] == ["fw_b"] * 3 + ["fw_a"]


def test_the_last_version_is_kept_whatever_it_does(monkeypatch):
    box = Box(monkeypatch, "fw_a")
    box.live()
    box.module.record[STARTS] = 253
    box.module.save()
    for _ in range(4):
        box.live()
    assert set(box.apps) == {"fw_a"}
    assert box.module.record[STARTS] == 255


@pytest.mark.parametrize("active", ["", " \n"])
def test_an_empty_list_of_versions_is_told_and_the_app_beside_the_floor_is_tried(monkeypatch, active):
    box = Box(monkeypatch, active)
    assert box.live() == ""
    assert [text for text in box.texts() if text.startswith("ladepunkt: floor: IndexError")]


def test_a_flash_that_takes_nothing_does_not_keep_the_box_from_its_version_before(monkeypatch):
    class Full(dict):
        def __setitem__(self, name, text):
            raise OSError(28, "ENOSPC")

    box = Box(monkeypatch, "fw_b fw_a")
    for _ in range(3):
        box.live()
    box.files = Full(box.files)
    assert box.live() == "fw_a"


def test_maintenance_is_no_failed_start(monkeypatch):
    box = Box(monkeypatch, "fw_b fw_a")
    for _ in range(5):
        box.live()
        box.files["active.txt"] = "fw_b fw_a"
        box.module.maintenance()
        assert box.module.record[STARTS] == 0
    assert set(box.apps) == {"fw_b"}


def test_the_starts_are_sealed_with_the_rest(monkeypatch):
    box = Box(monkeypatch, "fw_b fw_a")
    box.live()
    kept = bytearray(box.chip.kept)
    kept[STARTS] = 200
    box.chip.kept = bytes(kept)
    assert box.live() == "fw_b"


# -- what the app says about itself ----------------------------------------------------------------------------------------


@pytest.fixture
def life(monkeypatch):
    """Of a box whose floor forgets."""
    monkeypatch.setattr(app, "failsafe", types.SimpleNamespace(record=bytearray(64), save=lambda: None))
    app.failsafe.record[STARTS] = 2
    return app.Life(0)


def test_after_10_s_a_life_is_healthy_and_its_version_has_not_failed(life, capsys):
    life.step(9900)
    assert capsys.readouterr().out == "" and app.failsafe.record[STARTS] == 2
    for now_ms in range(10000, 60000, 500):
        life.step(now_ms)
    assert capsys.readouterr().out == "ladepunkt: healthy: version 0.1.0\n"
    assert app.failsafe.record[STARTS] == 0


# -- the pins of the transceiver --------------------------------------------------------------------------------------------


def test_the_outputs_of_a_board_are_set_before_the_first_frame():
    floor = Floor({**BOARD, "outputs": [{"pin": 16, "level": 1}, {"pin": 19, "level": 0}]})
    floor.start()
    kinds = [kind for _, kind, _ in floor.chip.log]
    assert floor.relays() == {1: 0, 2: 0, 16: 1, 19: 0}
    assert [value for _, kind, value in floor.chip.log if kind == "pin"][-2:] == [(16, 1), (19, 0)]
    assert "frame" not in kinds[: len(kinds) - 1 - kinds[::-1].index("pin")]


@pytest.mark.parametrize("outputs", [5, None, ["x"], [{"pin": 16}]])
def test_odd_outputs_keep_nothing_from_0_a(outputs):
    floor = Floor({**BOARD, "outputs": outputs})
    floor.start()
    assert floor.of("frame") == [1, 2] * 3
    assert [text for text in floor.texts() if text.startswith("ladepunkt: floor: ")]
