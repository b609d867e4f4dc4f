"""Private names become short; public ones, strings, comments and lines stay, and the code does the same."""
import ast
import io
import sys
import tokenize
import types

import pytest

from tools import mpy
from tools import shrink as shrink_tool
from tools.rom_words import WORDS
from tools.runtimes import ROOT
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


OWNER = """class Counter:
    def __init__(self, first_number):
        self.how_many = first_number
        self.inner_part = 1

    def count_up(self, value, by=1):
        self.how_many += by
        return self.how_many + self.inner_part - 1


def twice(some_number):
    return some_number * 2
"""
USER = """import owner
from owner import twice

UP = "twice"


def run(given):
    counter = owner.Counter(given)
    counter.count_up(0, by=3)
    return twice(counter.how_many)
"""


def loaded(texts, monkeypatch):
    for name, text in texts.items():
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(text, module.__dict__)
    return sys.modules[list(texts)[-1]]


def test_names_that_modules_share_change_in_all_of_them_alike(monkeypatch):
    texts = shrink_all({"owner": OWNER, "user": USER}, public=True)

    assert "how_many" not in texts["owner"] + texts["user"] and "count_up" not in texts["user"] and "Counter" not in texts["owner"]
    user = loaded(texts, monkeypatch)
    (run,) = [value for value in vars(user).values() if getattr(value, "__globals__", None) is vars(user)]
    assert run(4) == 14


def test_a_name_of_one_module_is_as_short_as_a_private_one():
    text = shrink_all({"owner": OWNER, "user": USER}, public=True)["owner"]

    assert "inner_part" not in text and "some_number" not in text and "self" not in text
    assert "._" in text


def test_keywords_texts_and_foreign_names_stay():
    source = "import machine\n\n\nclass Pad:\n    def active(self):\n        return machine.Pin(1).active()\n"
    texts = shrink_all({"owner": OWNER, "user": USER, "edge": source}, public=True)

    assert "by=3" in texts["user"] and "by=1" in texts["owner"]  # called with a keyword
    assert "def twice" in texts["owner"] and "import twice" in texts["user"]  # somebody has it as a text
    assert "def active" in texts["edge"] and ".Pin(1).active()" in texts["edge"]


def test_the_floor_and_what_it_calls_keep_their_names():
    floor = "def stop_all():\n    import app\n    app.start_up()\n"
    app = "import failsafe\n\n\ndef start_up():\n    failsafe.stop_all()\n"

    assert shrink_all({"failsafe": floor, "app": app}, public=True) == {"failsafe": floor, "app": app}


def test_the_names_of_umqtts_client_are_known():
    """Those that a subclass or a stand-in for its socket could hide, or must have."""
    tree = ast.parse((ROOT / "build" / "umqtt" / "umqtt" / "simple.py").read_text())
    (client,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "MQTTClient"]
    methods = {node.name for node in client.body if isinstance(node, ast.FunctionDef)}
    of_self = {n.attr for n in ast.walk(client) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self"}
    of_sock = {n.attr for n in ast.walk(client) if isinstance(n, ast.Attribute) and ast.unparse(n.value) in ("self.sock", "sock")}
    words = {name for name in methods | of_self | of_sock if not name.startswith("_")}

    assert words - set(shrink_tool._KNOWN["umqtt.simple"].split()) == set()
    assert not words & set(WORDS)


def test_no_two_names_of_the_firmware_become_one():
    """Back-to-back: as many distinct names per module before and after, whatever they are."""
    texts = {path.stem: path.read_text() for path in mpy.FIRMWARE.glob("*.py")}

    def distinct(text):
        return len({t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.NAME})

    for module, text in shrink_all(texts, public=True).items():
        assert distinct(text) == distinct(texts[module]), module
