"""CONTRIBUTING's recipes: what they name exists, and those for a meter and a board work."""

import importlib.util
import json
import re
import shutil

import pytest
from drivers import meters

from host_tests.fakes import meters as models
from tools import board_data, configure, wiring
from tools.desk import settings
from tools.flash import __main__ as flash
from tools.runtimes import ROOT
from tools.tidy import boards
from tools.tidy.finding import Source

pytestmark = pytest.mark.no_cover  # not about the firmware

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FOLDERS = ("", "firmware", "firmware/drivers", "host_tests/unit", "host_tests/sim", "host_tests/golden")
NEW = "myboard"


def test_every_file_that_a_recipe_names_is_there():
    named = {name for name in re.findall(r"`([\w./*]+\.(?:py|json|md))`", TEXT) if name.upper() != name and "NAME" not in name}
    named -= {board_data.BOARD_FILE, board_data.ABOUT_FILE, "drivers/mpm3pm.py", "/status.json"}
    missing = [name for name in named if not any(list(ROOT.glob(f"{folder}/{name}".lstrip("/"))) for folder in FOLDERS)]
    assert missing == [] and len(named) > 20


def test_every_command_that_a_recipe_names_is_there():
    modules = set(re.findall(r"python -m ([\w.]+)", TEXT))
    assert len(modules) >= 7 and [name for name in modules if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize(
    "name, file",
    [
        ("REASON_COUNT", "firmware/safety.py"), ("SCENES", "host_tests/sim/test_faults.py"), ("TRIGGERS", "tools/safety_page.py"),
        ("SENTENCES", "host_tests/sim/invariants.py"), ("MEANING", "tools/safety_page.py"), ("PAPERS", "host_tests/unit/test_meter_tables.py"),
        ("PROBES", "firmware/drivers/meters.py"), ("LAYERS", "tools/tidy/tables.py"), ("PAGE", "host_tests/unit/test_points.py"),
        ("GET", "tools/conformance_rows.py"), ("SET", "tools/conformance_rows.py"), ("POINT_COUNT", "firmware/points.py"), ("POINTS", "firmware/point_rows.py"),
        ("UNITS", "host_tests/fakes/meters.py"), ("FAULTS", "firmware/faults.py"),
    ],
)  # fmt: skip
def test_a_table_that_a_recipe_names_is_where_it_says(name, file):
    assert f"`{name}`" in TEXT and re.search(rf"^{name} = ", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_meter_has_a_model_and_the_desk_offers_it():
    assert set(meters.KINDS) == set(models.METERS)
    assert set(settings.METERS) == {*meters.KINDS, "none"}


@pytest.mark.parametrize("like", board_data.names())
def test_a_copied_board_is_one_for_tidy_wiring_flash_and_configure(monkeypatch, tmp_path, like):
    for name in (like, NEW):
        shutil.copytree(board_data.FOLDER / like, tmp_path / name)
    path = tmp_path / NEW / board_data.BOARD_FILE
    path.write_text(path.read_text(encoding="utf-8").replace(f'"{like}"', f'"{NEW}"'), encoding="utf-8")
    monkeypatch.setattr(board_data, "FOLDER", tmp_path)

    assert board_data.names() == sorted((like, NEW))
    sources = [Source(f"boards/{NEW}/{file.name}", file.read_text(encoding="utf-8")) for file in (tmp_path / NEW).iterdir()]
    assert list(boards.check(sources)) == []
    assert {path.name for path in wiring.results()} >= {f"{NEW}.md", f"{NEW}.svg"}
    assert flash.parser().parse_args(["--board", NEW]).board == NEW
    board = json.loads(path.read_text(encoding="utf-8"))
    assert configure.check({"charge_points": [{"evse": 1, "meter": {"type": "none"}}]}, board)


def test_a_board_that_kept_the_name_of_the_other_one_is_told():
    board, about = (board_data.FOLDER / "wt32_eth01" / file for file in (board_data.BOARD_FILE, board_data.ABOUT_FILE))
    sources = [Source(f"boards/{NEW}/{file.name}", file.read_text(encoding="utf-8")) for file in (board, about)]
    assert "expected the name of its folder" in str(next(iter(boards.check(sources))))
