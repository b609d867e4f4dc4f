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
    tree = ast.parse(text, module)
    defined, foreign = _defined(tree), _imported(tree)
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.NAME and _PRIVATE.match(t.string)]
    tokens = [t for t in tokens if t.string not in foreign]
    for token in tokens:
        if token.string not in defined:
            raise ShrinkError(f"{module}:{token.start[0]}: {token.string} is private to another module: give it a public name there")
    count = collections.Counter(token.string for token in tokens)
    short = dict(zip(sorted(count, key=lambda name: (-count[name], name)), _names()))
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
