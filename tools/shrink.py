"""Gives the private names of a module short ones before it is compiled: _a, _b, ... the same few in every module.

Every distinct name costs about 20 bytes of heap on the device. Lines stay where they are: a traceback still shows file and line.
"""
import ast
import collections
import io
import re
import tokenize

_PRIVATE = re.compile(r"_[A-Za-z]\w*$")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class ShrinkError(Exception):
    """The text says which name of which module can not be renamed, and what to do."""


def shrink(module, text):
    """The source text with short private names. Raises ShrinkError for one that the module uses but does not define."""
    return shrink_all({module: text})[module]


def shrink_all(sources):
    """{module name: source text} -> the same with short private names; the same ones where a class inherits across modules."""
    trees = {module: ast.parse(text, module) for module, text in sources.items()}
    shrunk = {}
    for family in _families(trees):
        defined = set().union(*(_defined(trees[module]) for module in family))
        tokens = {module: _private(sources[module], _imported(trees[module])) for module in family}
        for module in family:
            _check(module, tokens[module], defined)
        count = collections.Counter(token.string for module in family for token in tokens[module])
        short = dict(zip(sorted(count, key=lambda name: (-count[name], name)), _names()))
        shrunk.update({module: _renamed(sources[module], tokens[module], short) for module in family})
    return shrunk


def _families(trees):
    """Lists of modules: those whose classes inherit from each other are together, else a subclass would hide what its base has."""
    family = {module: [module] for module in trees}
    for module, tree in trees.items():
        origin = {a.asname or a.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names}
        for node in ast.walk(tree):
            bases = node.bases if isinstance(node, ast.ClassDef) else []
            for base in {origin.get(base.id) for base in bases if isinstance(base, ast.Name)} & set(trees):
                if family[base] is not family[module]:
                    family[module] += family[base]
                    family.update({other: family[module] for other in family[base]})
    return list({id(members): members for members in family.values()}.values())


def _private(text, foreign):
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [t for t in tokens if t.type == tokenize.NAME and _PRIVATE.match(t.string) and t.string not in foreign]


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
    return {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}


def _defined(tree):
    """Private names that are given a meaning here: functions, classes, arguments, variables, attributes."""
    names = set()
    for node in ast.walk(tree):
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
