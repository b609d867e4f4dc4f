"""Finds the functions that a running box never calls again, so that their memory can be given back (see firmware/forget.py).

A function is one of them when it is called at boot only: every place that names it is a call, and stands in app.run, in app.loop in
front of the loop, or in another one of them. A constructor is named where its class is. What is handed around as a value, named in a
text, or decorated stays, and so does what nobody names. Public names are compared without their module: in doubt it stays.
"""
import ast
import functools
import re
from collections import defaultdict
from dataclasses import dataclass

from tools import shrink
from tools.trees import parse, walk

START, LOOP = ("app", "run"), ("app", "loop")  # boot from end to end; boot up to its first `while`
TABLE = "forget"  # the module that gets the names, in the place of its empty bytes
_CLAIM = re.compile(r"\bat boot\b", re.IGNORECASE)


@dataclass(frozen=True)
class Function:
    module: str
    owner: str  # its class, "" for a function of the module
    name: str
    line: int

    @property
    def called(self):
        """The name by which others call it."""
        return self.owner if self.name == "__init__" else self.name


class _Reader(ast.NodeVisitor):
    """Collects the functions of one module, and who names what: a Function, True (boot itself) or False (anything else)."""

    def __init__(self, module, tree, family, is_script):
        self.functions = []
        self.places = defaultdict(set)  # by key(name)
        self.heirs = defaultdict(set)  # key of a class -> keys of those that inherit from it
        self._module = module
        self._family = family
        self._owner = ""
        self._place = self._is_script = is_script
        self._callees = set()
        self._locals = set()
        self.visit(tree)

    def key(self, name):
        """Private names mean the same within a family of modules only."""
        return (self._family, name) if name.startswith("_") else name

    def visit_ClassDef(self, node):
        if self._owner or self._locals:
            self.generic_visit(node)
            return
        for base in node.bases:
            self.heirs[self.key(base.attr if isinstance(base, ast.Attribute) else base.id)].add(self.key(node.name))
        self._owner = node.name
        for statement in node.body:
            self.visit(statement)
        self._owner = ""

    def visit_FunctionDef(self, node):
        if self._locals:  # a function in a function
            self.generic_visit(node)
            return
        function = Function(self._module, self._owner, node.name, node.lineno)
        if not node.decorator_list and (node.name == "__init__" or not node.name.startswith("__")):
            self.functions.append(function)
        before, self._place = self._place, self._runs_at_boot(node) or function
        self._locals = {"self"} | _locals(node)
        if (self._module, node.name) == LOOP:
            self._visit_loop(node.body)
        else:
            self.generic_visit(node)
        self._locals = set()
        self._place = before

    def _runs_at_boot(self, node):
        claims = self._is_script and _CLAIM.search(ast.get_docstring(node) or "") is not None
        return claims or (self._module, node.name) == START

    def _visit_loop(self, statements):
        self._place = True
        for statement in statements:
            if isinstance(statement, ast.While):
                self._place = False
            self.visit(statement)

    def visit_Call(self, node):
        self._callees.add(node.func)
        self.generic_visit(node)

    def visit_Attribute(self, node):
        self._name(node, node.attr)
        self.generic_visit(node)

    def visit_Name(self, node):
        if node.id not in self._locals and not isinstance(node.ctx, ast.Store):
            self._name(node, node.id)

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            self.places[self.key(node.value)].add(False)

    def visit_alias(self, node):
        if node.asname:
            self.places[self.key(node.name)].add(False)

    def _name(self, node, name):
        is_kept = node not in self._callees and not self._is_script
        self.places[self.key(name)].add(False if is_kept else self._place)


def _locals(function):
    stores = {node.id for node in walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    outside = {name for node in walk(function) if isinstance(node, ast.Global) for name in node.names}
    return stores | {node.arg for node in walk(function) if isinstance(node, ast.arg)} - outside


def tell(text, names):
    """The text of TABLE with the names in it."""
    return text.replace('b""', repr(names.encode()), 1)


def find(sources, scripts=(), kept=()):
    """{module: text} -> the set of Functions; none of `kept` are found.

    scripts: modules that start others: what they do as they are loaded, and in functions that say "at boot", is boot.
    """
    trees = {module: parse(text, module) for module, text in sources.items()}
    family = {module: min(members) for members in shrink.families(trees) for module in members}
    readers = {module: _Reader(module, tree, family[module], module in scripts) for module, tree in trees.items()}
    places, heirs = defaultdict(set), defaultdict(set)
    for reader in readers.values():
        for key, found in reader.places.items():
            places[key] |= found
        for key, found in reader.heirs.items():
            heirs[key] |= found
    candidates = {f: readers[f.module].key(f.called) for m in readers if m not in kept for f in readers[m].functions if (m, f.name) != LOOP}
    at_boot, before = set(), None
    while at_boot != before:
        before = at_boot
        at_boot = {f for f, key in candidates.items() if _only_at_boot({key} | heirs[key], places, before)}
    return at_boot


def _only_at_boot(keys, places, at_boot):
    """True when somebody names it, or what inherits from it, and every such place is boot."""
    found = set().union(*(places[key] for key in keys))
    return bool(found) and all(place is True or place in at_boot for place in found)


def table(sources, at_boot, final, place=lambda module, name: (module, name)):
    """Lines for forget: module, class or "-", names of functions.

    final: the texts with the names that everything has at last; place(module, name): where one of their globals is then, and its name.
    """
    names = {module: _lines(text) for module, text in final.items()}
    rows = defaultdict(set)
    for function in at_boot:
        name = names[function.module][function.line]
        if function.owner:
            rows[place(function.module, names[function.module][_line_of(sources[function.module], function.owner)])].add(name)
        else:
            module, name = place(function.module, name)
            rows[module, "-"].add(name)
    free = {(f.module, f.name): names[f.module][f.line] for f in at_boot if not f.owner}
    for module, text in sources.items():
        for node in parse(text).body:  # who has imported such a function holds it, too
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (node.module, alias.name) in free:
                        root, name = place(module, free[node.module, alias.name])
                        rows[root, "-"].add(name)
    return "\n".join(" ".join([module, owner, *sorted(row)]) for (module, owner), row in sorted(rows.items()) if row)


@functools.lru_cache(maxsize=None)
def _line_of(text, owner):
    return next(node.lineno for node in parse(text).body if isinstance(node, ast.ClassDef) and node.name == owner)


def _lines(text):
    """{line: name} of every function and class of a text."""
    return {node.lineno: node.name for node in walk(parse(text)) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
