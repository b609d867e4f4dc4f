"""Replaces const() names by their numbers, across modules, before the firmware is compiled.

MicroPython's compiler does this for private names inside one module only. A public constant costs a name, an entry in the
globals of every module that imports it, and a look-up at every use; on the device none of that is needed. Lines stay where
they are, so tracebacks still name the right ones.
"""
import ast

from tools.trees import parse, walk


def fold(sources):
    """{module name: source text} -> the same with every public `NAME = const(...)` replaced by its value.

    Raises SyntaxError (its `filename` is the module) and ValueError for a const() of something else than a whole number.
    """
    trees = {module: parse(text, module) for module, text in sources.items()}
    values = {module: dict(_definitions(tree)) for module, tree in trees.items()}
    return {module: _Folder(module, text, trees[module], values).text() for module, text in sources.items()}


def _definitions(tree):
    """(name, value) of the public constants a module defines."""
    for node in tree.body:
        if _is_definition(node):
            yield node.targets[0].id, _number(node.value.args[0])


def _is_definition(node):
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "const"
        and not node.targets[0].id.startswith("_")
    )


def _number(node):
    value = ast.literal_eval(node)
    if not isinstance(value, int):
        raise ValueError(f"const({ast.unparse(node)}): expected a whole number")
    return value


class _Folder:
    """Collects the edits of one module: (first line, column, last line, column, bytes)."""

    def __init__(self, module, text, tree, values):
        self._lines = text.encode().splitlines(keepends=True)
        self._values = values
        self._names = dict(values[module])  # what a bare name stands for here
        self._modules = {}  # what a name before a dot stands for
        self._edits = []
        for node in walk(tree):
            self._imports(node)
        for node in tree.body:
            if _is_definition(node):
                self._replace(node, b"")
        for node in walk(tree):
            self._uses(node)

    def _imports(self, node):
        if isinstance(node, ast.Import):
            self._modules.update({alias.asname or alias.name: alias.name for alias in node.names if alias.name in self._values})
        elif isinstance(node, ast.ImportFrom) and node.module in self._values:
            constants = self._values[node.module]
            kept = [alias for alias in node.names if alias.name not in constants]
            self._names.update({a.asname or a.name: constants[a.name] for a in node.names if a.name in constants})
            if len(kept) < len(node.names):
                names = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in kept)
                self._replace(node, f"from {node.module} import {names}".encode() if kept else b"pass")

    def _uses(self, node):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in self._names:
            self._replace(node, b"%d" % self._names[node.id])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in self._modules:
            constants = self._values[self._modules[node.value.id]]
            if node.attr in constants:
                self._replace(node, b"%d" % constants[node.attr])

    def _replace(self, node, new):
        if new.startswith(b"-"):
            new = b"(" + new + b")"
        self._edits.append((node.lineno - 1, node.col_offset, node.end_lineno - 1, node.end_col_offset, new))

    def text(self):
        lines = list(self._lines)
        for first, start, last, end, new in sorted(self._edits, reverse=True):
            tail = lines[last][end:]
            lines[first] = lines[first][:start] + new + tail
            for i in range(first + 1, last + 1):
                lines[i] = b"\n"
        return b"".join(lines).decode()
