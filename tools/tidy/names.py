"""The unit stands last in a name, and there is one way to write it."""
import ast

from tools.tidy import tables


def check(source):
    seen = set()
    for line, name in _bound_names(source):
        if name in seen or name in tables.FOREIGN_NAMES:
            continue
        seen.add(name)
        last = name.lower().rsplit("_", 1)[-1]
        if "_" in name.strip("_") and last in tables.UNITS:
            better = tables.UNITS[last]
            yield source.finding(line, "unit of a name", f"..._{better}", name, "rename it")
        elif last in tables.NEEDS_UNIT and not name.isupper():  # TIMEOUT is a code
            yield source.finding(line, "name without a unit", f"{name}_ms, _s, ...", name, "put the unit last")


def _bound_names(source):
    for node in source.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
