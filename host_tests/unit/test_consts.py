"""Constants are folded into numbers before compiling; everything else, and every line number, stays."""
import ast
import sys
import types

import pytest

from tools import consts

pytestmark = pytest.mark.no_cover  # not about the firmware

POINTS = '''"""Doc."""
from micropython import const

P_A = const(3)  # first
P_B = const(-2)
_HIDDEN = const(7)
TABLE = ((P_A, b"a"), (P_A + 1, b"b"), (_HIDDEN, P_B))
'''
USER = """import points
from points import (
    P_A,
    TABLE,
    P_B,
)


def f(x):
    if x == P_A:
        return points.P_B - P_B
    return TABLE[x], points.TABLE, x.P_A
"""


def load(name, text, monkeypatch):
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, name, "exec"), vars(module))
    return vars(module)


def test_folded_code_does_the_same_without_the_names(monkeypatch):
    folded = consts.fold({"points": POINTS, "user": USER})

    points = load("points", folded["points"], monkeypatch)
    user = load("user", folded["user"], monkeypatch)

    assert points["TABLE"] == ((3, b"a"), (4, b"b"), (7, -2))
    assert user["f"](3) == 0  # -2 - -2
    assert "P_A" not in points and "P_B" not in user
    assert "P_A" not in folded["user"].replace("x.P_A", ""), "an attribute of something else is not ours"


def test_private_constants_are_left_to_the_compiler():
    assert "_HIDDEN = const(7)" in consts.fold({"points": POINTS})["points"]


def test_every_line_stays_where_it_was():
    folded = consts.fold({"points": POINTS, "user": USER})

    for before, after in ((POINTS, folded["points"]), (USER, folded["user"])):
        assert len(after.splitlines()) == len(before.splitlines())
        old = [node.lineno for node in ast.walk(ast.parse(before)) if isinstance(node, (ast.Return, ast.If, ast.FunctionDef))]
        new = [node.lineno for node in ast.walk(ast.parse(after)) if isinstance(node, (ast.Return, ast.If, ast.FunctionDef))]
        assert old == new


def test_the_firmware_has_no_public_constant_left_after_folding():
    from tools.mpy import FIRMWARE

    sources = {path.stem: path.read_text() for path in FIRMWARE.rglob("*.py")}
    folded = consts.fold(sources)

    before = {name for text in sources.values() for name, _ in consts._definitions(ast.parse(text))}
    after = {name for text in folded.values() for name, _ in consts._definitions(ast.parse(text))}
    assert len(before) > 100
    assert after == set()
