"""Modules and functions stay small."""
from tools.tidy import tables


def lengths(source):
    """(line, what, lines, limit index) of the module and its functions."""
    yield 1, "module", len(source.lines), 0
    for name, node, _ in source.functions:
        yield node.lineno, name, node.end_lineno - node.lineno + 1, 1


def check(source):
    for line, what, length, kind in lengths(source):
        limit = tables.LIMITS[source.top][kind]
        if length > limit:
            yield source.finding(line, f"size of {what}", f"at most {limit} lines", f"{length}", "cut it where two things meet")


def above_aim(source):
    """Texts about what is longer than it is meant to be; no error."""
    for line, what, length, kind in lengths(source):
        if length > (tables.MODULE_AIM, tables.FUNCTION_AIM)[kind]:
            yield f"{source.path}:{line}: {what} has {length} lines"
