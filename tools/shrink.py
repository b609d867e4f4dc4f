"""Gives names short ones before a module is compiled. Every distinct name costs about 20 bytes of heap on the device.

Names of one module, private ones at least, become _a, _b, ... : the same few in every module. With `public`, names that modules
share become words that the interpreter has in its flash anyway (see rom_words) and, when there are no more, two letters.
Lines stay where they are: a traceback still shows file and line, but not the functions' own names.
"""
import ast
import builtins
import collections
import io
import keyword
import re
from array import array

from tools.rom_words import WORDS
from tools.trees import name_tokens, parse, walk

_PRIVATE = re.compile(r"_[A-Za-z]\w*$")
_PUBLIC = re.compile(r"[A-Za-z]\w*$")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
FLOOR = ("failsafe", "boot", "main")  # stays on the device while everything else is replaced
_TYPES = (str, bytes, bytearray, memoryview, list, dict, set, tuple, int, slice, range, array, OSError, io.BytesIO, io.TextIOWrapper)
_HARMLESS = ("micropython", "gc", "sys", "array", "json", "os", "time", "errno", "binascii")  # hand out plain values and files only
# Of modules that are known: the names that objects of theirs and objects that they get have.
_KNOWN = {
    "umqtt.simple": "client_id sock server port ssl ssl_params pid cb user pswd keepalive lw_topic lw_msg lw_qos lw_retain set_callback"
    " set_last_will connect disconnect ping publish subscribe unsubscribe wait_msg check_msg read write close settimeout setblocking"
}


class ShrinkError(Exception):
    """The text says which name of which module can not be renamed, and what to do."""


def shrink(module, text):
    """The source text with short private names. Raises ShrinkError for one that the module uses but does not define."""
    return shrink_all({module: text})[module]


def shrink_all(sources, public=False):
    """{module name: source text} -> the same with short private names; the same ones where a class inherits across modules.

    public: those that modules share, too; then `sources` must be everything that uses them, and what is compiled from other
    sources (a test's script, say) does not fit any more.
    """
    trees = {module: parse(text, module) for module, text in sources.items()}
    kin = families(trees)
    shared, alone = _Names(sources, trees, kin).sort() if public else ({}, {})
    shrunk = {}
    for family in kin:
        defined = set().union(*(_defined(trees[module]) for module in family))
        own = set().union(*(alone.get(module, ()) for module in family))
        tokens = {module: _tokens(sources[module], _imported(trees[module]), own) for module in family}
        for module in family:
            _check(module, tokens[module], defined)
        count = collections.Counter(token.string for module in family for token in tokens[module])
        short = dict(zip(sorted(count, key=lambda name: (-count[name], name)), _names()))
        for module in family:
            every = tokens[module] + _tokens(sources[module], (), shared, private=False)
            shrunk[module] = _renamed(sources[module], sorted(every, key=lambda token: token.start), {**shared, **short})
    return shrunk


class _Names:
    """Which public names of these modules can have others."""

    def __init__(self, sources, trees, families):
        self._sources = sources
        self._trees = trees
        self._families = families
        self._kept = {*keyword.kwlist, *dir(builtins)}.union(*map(dir, _TYPES))
        self._used = {name for text in sources.values() for name in _identifiers(text)}
        for module, tree in trees.items():
            self._kept.update(module.split("."))
            if module in FLOOR:
                self._kept.update(_identifiers(sources[module]))
            self._keep(tree)

    def sort(self):
        """({name that modules share: its new name}, {module: names that are its own business})."""
        seen = {module: _seen_from_outside(tree) for module, tree in self._trees.items()}
        where = collections.defaultdict(set)  # families, by name
        for number, family in enumerate(self._families):
            for name in set().union(*(seen[module] for module in family)):
                where[name].add(number)
        defined = {module: {n for n in _defined(tree) if _PUBLIC.match(n)} - self._kept for module, tree in self._trees.items()}
        ours = set().union(*defined.values())
        shared = sorted(name for name in ours if len(where[name]) > 1)
        alone = {module: names - set(shared) for module, names in defined.items()}
        return dict(zip(shared, self._free_words())), alone

    def _free_words(self):
        yield from (word for word in WORDS if word not in self._used)
        for first in _LETTERS:
            yield from (first + second for second in _LETTERS if first + second not in self._used | self._kept)

    def _keep(self, tree):
        """Names that mean something elsewhere: to foreign modules and their objects, as a keyword, as text."""
        foreign = False
        for node in walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                paths = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                strangers = [path for path in paths if path not in self._trees]
                self._kept.update(part for path in paths for part in path.split("."))
                if strangers:
                    self._kept.update(alias.name for alias in node.names)
                    foreign = foreign or any(path not in _HARMLESS and path not in _KNOWN for path in strangers)
                for path in strangers:
                    self._kept.update(_KNOWN.get(path, "").split())
            elif isinstance(node, ast.keyword) and node.arg:
                self._kept.add(node.arg)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                self._kept.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                self._kept.update(inner.id for inner in walk(node) if isinstance(inner, ast.Name))
                self._kept.update(inner.attr for inner in walk(node) if isinstance(inner, ast.Attribute))
        for node in walk(tree):
            if isinstance(node, ast.Attribute) and (foreign or isinstance(node.value, ast.Name) and node.value.id in _HARMLESS):
                self._kept.add(node.attr)


def _identifiers(text):
    return {t.string for t in name_tokens(text)}


def _seen_from_outside(tree):
    """Names that another module may use as well: attributes, and what stands in a module's or a class's name space."""
    names = set()
    for node in walk(tree):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(name for alias in node.names for name in (alias.name, alias.asname) if name)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names.update(node.names)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
    scopes = [tree] + [node for node in walk(tree) if isinstance(node, ast.ClassDef)]
    for scope in scopes:
        names.update(_bound(scope.body))
    return names


def _bound(statements):
    """Names that get a meaning in these statements, functions left out."""
    names = set()
    for statement in statements:
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.update(node.id for node in walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return names


def families(trees):
    """Lists of modules: those whose classes inherit from each other are together, else a subclass would hide what its base has."""
    family = {module: [module] for module in trees}
    for module, tree in trees.items():
        origin = {a.asname or a.name: node.module for node in walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names}
        for node in walk(tree):
            bases = node.bases if isinstance(node, ast.ClassDef) else []
            for base in {origin.get(base.id) for base in bases if isinstance(base, ast.Name)} & set(trees):
                if family[base] is not family[module]:
                    family[module] += family[base]
                    family.update({other: family[module] for other in family[base]})
    return list({id(members): members for members in family.values()}.values())


def _tokens(text, foreign, own, private=True):
    """The tokens that get another name: private ones and those in `own`."""
    ours = [t for t in name_tokens(text) if t.string not in foreign]
    return [t for t in ours if t.string in own or private and _PRIVATE.match(t.string)]


def _check(module, tokens, defined):
    for token in tokens:
        if token.string not in defined:
            raise ShrinkError(f"{module}:{token.start[0]}: {token.string} is private to another module: give it a public name there")


def _renamed(text, tokens, short):
    lines = text.splitlines(keepends=True)
    for token in reversed(tokens):
        line, start, end = token.start[0] - 1, token.start[1], token.end[1]
        lines[line] = lines[line][:start] + short[token.string] + lines[line][end:]
    return "".join(lines)


def _names():
    for length in (1, 2):
        for number in range(len(_LETTERS) ** length):
            yield "_" + "".join(_LETTERS[number // len(_LETTERS) ** i % len(_LETTERS)] for i in range(length))


def _imported(tree):
    """Names of modules that only look private, as _thread."""
    return {alias.name for node in walk(tree) if isinstance(node, ast.Import) for alias in node.names}


def _defined(tree):
    """Private names that are given a meaning here: functions, classes, arguments, variables, attributes."""
    names = set()
    for node in walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names.update(node.names)
    return names
