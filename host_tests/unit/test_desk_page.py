"""docs/desk.md tells every verb of the control port, and its commands are ones that the desk takes."""

import json
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools.desk import commands, settings

pytestmark = pytest.mark.no_cover  # not about the firmware

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "desk.md").read_text(encoding="utf-8")


def test_every_verb_stands_in_the_table_and_no_other():
    rows = TEXT.split('| `"do"` |')[1].splitlines()[2:]
    told = [verb for row in rows if row.startswith("|") for verb in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(told) == sorted(commands.Commands(SimpleNamespace())._verbs)


@pytest.mark.parametrize("arguments", re.findall(r'make run ARGS="([^"]*)"', TEXT))
def test_the_options_of_a_command_exist(arguments):
    assert settings.parser().parse_args(shlex.split(arguments))


def test_the_examples_of_the_control_port_are_json_with_a_verb():
    lines = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)[1].splitlines()
    verbs = commands.Commands(SimpleNamespace())._verbs
    assert len(lines) == 3 and all(json.loads(line)["do"] in verbs for line in lines)
