import ast
import builtins
import symtable
import textwrap

import pytest

from tools import merge, mpy, renaming

GATEWAY = """
    import text
    from clock import age as how_old
    from micropython import const

    _LIMIT = const(7)
    def _help():
        return 1
    class Gateway:
        limit = _LIMIT
        def step(self):
            from later import Later
            return [text.put(_help()), how_old(), self._help(), Later(), text]
        def _help(self):
            return 2
"""
CLOCK = '''
    """About time."""
    from micropython import const
    _LIMIT = const(9)
    _used = 0

    # how old
    def age():
        """In ms."""
        return _help() + _LIMIT
    def _help():
        global _used
        _used = _used + 1
        return _used * 10
'''
TEXT = """
    def put(value):
        _help = value * 100
        return _help
"""
LATER = """
    import text as words
    import near
    from clock import age
    class Later:
        def __init__(self):
            self.found = [near.NEAR, words.put(1), age()]
"""
NEAR = "NEAR = 5\n"


def texts(**changed):
    given = {"gateway": GATEWAY.replace(", text]", "]"), "clock": CLOCK, "text": TEXT, "later": LATER, "near": NEAR, **changed}
    return {name: textwrap.dedent(text) for name, text in given.items()}


def merged(**changed):
    sources = texts(**changed)
    return merge.merge(sources, merge.groups(sources))


def run(found, monkeypatch):
    """The modules as Python has them then."""
    import sys
    import types

    monkeypatch.setitem(sys.modules, "micropython", types.SimpleNamespace(const=lambda number: number))
    for name in found:
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
    for name in sorted(found):
        exec(found[name], sys.modules[name].__dict__)
    return sys.modules["gateway"]


def test_what_the_gateway_imports_is_one_module_and_what_comes_later_is_another():
    assert merge.groups(texts()) == {"gateway": ["text", "clock", "gateway"], "later": ["near", "later"]}
    assert merge.groups(texts(), apart={"text", "near"}) == {"gateway": ["clock", "gateway"]}


def test_what_two_doors_need_belongs_to_none_of_them():
    other = LATER.replace("Later", "Other")
    found = merge.groups(texts(other=other, gateway=GATEWAY.replace("from later", "from other import Other; from later")))
    assert found == {"gateway": ["text", "clock", "gateway"]}


def test_merged_modules_do_what_the_modules_did(monkeypatch):
    """Same private names in two of them, aliases, a local variable of such a name, a global that is written, constants."""
    gateway = run(merged()[0], monkeypatch)
    for age in (19, 39):  # each call counts: that of the gateway, then that of Later
        put, found, own, later = gateway.Gateway().step()
        assert (put, found, own, later.found) == (100, age, 2, [5, 100, age + 10])
    assert gateway.Gateway.limit == 7


def test_a_builtin_keeps_its_meaning_for_the_others(monkeypatch):
    clock = CLOCK.replace("def age():", "def open():\n        return 1\n    def age():").replace("_help() +", "open() +")
    text = TEXT.replace("return _help", "return open")
    found = merged(clock=clock, text=text)[0]
    assert run(found, monkeypatch).put(1) is open


def test_a_lazy_import_of_a_group_finds_the_name_that_its_head_has_then():
    sources = texts(later=LATER.replace("class Later", "class open"), gateway=GATEWAY.replace(", text]", "]").replace("import Later", "import open as Later"))
    found, members = merge.merge(sources, merge.groups(sources))
    assert members["later"].final("open") != "open" and f"from later import {members['later'].final('open')} as Later" in found["gateway"]


def test_only_lines_with_code_stay_and_each_is_known():
    found, members = merged()
    lines = found["gateway"].splitlines()
    assert all(line.strip() and not line.strip().startswith(("#", '"""')) for line in lines)
    at = next(i for i, line in enumerate(lines) if line.endswith("* 10"))
    assert members["gateway"].lines[at] == ("clock", next(i for i, line in enumerate(texts()["clock"].splitlines(), 1) if line.endswith("* 10")))
    assert len(members["gateway"].lines) == len(lines)


def test_a_module_that_is_handed_around_can_not_be_merged():
    with pytest.raises(renaming.MergeError, match="gateway:13: the module text is used as a value"):
        merged(gateway=GATEWAY)


@pytest.fixture(scope="module")
def firmware():
    return mpy.on_device()


def test_every_name_in_the_firmware_as_compiled_means_something(firmware):
    """A name that a merge has lost is a NameError on the device."""
    for module, text in firmware[0].items():
        table = symtable.symtable(text, module, "exec")
        there = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()} | set(dir(builtins))
        assert _globals(table) - there - {"const"} == set(), module


def _globals(table):
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    return found.union(*(_globals(child) for child in table.get_children()))


def test_every_import_in_the_firmware_as_compiled_finds_what_it_asks_for(firmware):
    tops = {module: _bound(ast.parse(text)) for module, text in firmware[0].items()}
    for module, text in firmware[0].items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module in tops:
                assert {alias.name for alias in node.names} <= tops[node.module], (module, ast.unparse(node))
            assert not (isinstance(node, ast.ImportFrom) and node.module in firmware[1] and node.module not in tops), (module, ast.unparse(node))


def _bound(tree):
    names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(alias.asname or alias.name for alias in node.names)
        elif not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.update(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return names


def test_a_line_of_a_traceback_is_found_in_the_sources():
    module, line = mpy.written_at("gateway", 100)
    assert module != "gateway"
    assert (mpy.FIRMWARE / (module.replace(".", "/") + ".py")).read_text().splitlines()[line - 1].strip()
    assert mpy.written_at("udp", 12) == ("udp", 12)
    with pytest.raises(mpy.CompileError, match="gateway has lines 1 to"):
        mpy.written_at("gateway", 99999)
