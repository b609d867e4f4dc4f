"""Private names become short; public ones, strings, comments and lines stay, and the code does the same."""
import sys
import types

import pytest

from tools import mpy
from tools.shrink import ShrinkError, shrink, shrink_all

pytestmark = pytest.mark.no_cover  # not about the firmware

SOURCE = '''"""_Doc stays."""
_LIMIT = 3


class _Box:
    def __init__(self, _start):
        self._count = _start  # _count stays here
        self.total = 0

    def _add(self, n):
        self._count += n
        return "_count", self._count


def run(n):
    global _seen
    _seen = _Box(n)._add(_LIMIT)
    return _seen
'''


def test_the_code_does_the_same_with_short_names():
    names = {}
    exec(shrink("m", SOURCE), names)
    assert names["run"](4) == ("_count", 7)


def test_private_names_are_short_and_everything_else_stays():
    text = shrink("m", SOURCE)
    assert len(text.splitlines()) == len(SOURCE.splitlines())
    assert "class _" in text and "_Box" not in text and "self.total" in text and "__init__" in text
    assert '"""_Doc stays."""' in text and "# _count stays here" in text and '"_count"' in text


def test_the_most_frequent_name_is_the_shortest_and_no_two_are_the_same():
    text = "".join(f"_name{i} = {i}\n" for i in range(60)) + "_name7 = _name7\n"
    names = {}
    exec(shrink("m", text), names)
    found = {name: value for name, value in names.items() if name != "__builtins__"}
    assert sorted(found.values()) == list(range(60))
    assert names["_a"] == 7 and max(map(len, found)) == 3


def test_a_private_name_of_another_module_is_refused_with_its_line():
    with pytest.raises(ShrinkError, match=r"user:2: _count is private to another module"):
        shrink("user", "def f(box):\n    return box._count\n")


BASE = """class Base:
    def __init__(self):
        self._first = 1
        self._second = 2

    def _name(self):
        return "base"

    def tell(self):
        return self._name(), self._first, self._second
"""
CHILD = """from base import Base


class Child(Base):
    def __init__(self):
        super().__init__()
        self._own = 7

    def _name(self):
        return "child"

    def sum(self):
        return self._own + self._second
"""


def test_a_subclass_in_another_module_neither_hides_nor_loses_what_its_base_has(monkeypatch):
    texts = shrink_all({"child": CHILD, "alone": SOURCE, "base": BASE})
    modules = {}
    for name in ("base", "child"):
        modules[name] = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, modules[name])
        exec(texts[name], modules[name].__dict__)
    child = modules["child"].Child()
    assert child.tell() == ("child", 1, 2) and child.sum() == 9
    assert "_own" not in texts["child"] and texts["alone"] == shrink("alone", SOURCE)


def test_every_module_of_the_firmware_can_be_shrunk():
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(mpy.FIRMWARE.rglob("*.py"))}
    for name, text in shrink_all(texts).items():
        assert len(text) <= len(texts[name])
