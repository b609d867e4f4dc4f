"""Constructs the firmware does not use at all, or not in steady state."""
import ast

from tools.tidy import tables

_CATCH_ALL = ("Exception", "BaseException")
_ITERATORS = ("enumerate", "zip", "reversed", "sorted", "map", "filter", "sum", "any", "all")


def check(source):
    steady = _steady_lines(source)
    for line, construct, found in _constructs(source):
        if construct in tables.ALWAYS:
            allowed, todo = tables.ALWAYS[construct]
            if source.module not in allowed:
                yield source.finding(line, construct, "none in this module", found, todo)
        elif line in steady and not tables.EPISODE.search(source.lines[line - 1]):
            todo = f"{tables.STEADY[construct]}, or say 'Episode' in the docstring when it never runs in steady state"
            yield source.finding(line, construct + " in steady state", "nothing that allocates", found, todo)


def _steady_lines(source):
    """Line numbers of code that may run in every step: functions that no docstring calls an episode, without raises."""
    edge = source.module in tables.LAYERS["edge"] + tables.FLOOR
    if edge or _says_episode(source.tree):
        return set()
    lines = set()
    for _, node, outer in source.functions:
        if any(d.name in tables.EPISODE_FUNCTIONS or _says_episode(d) for d in (*outer, node)):
            continue
        lines.update(range(node.body[0].lineno, node.end_lineno + 1), [node.lineno])
    for node in source.nodes:
        if isinstance(node, (ast.Raise, ast.Assert)):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return lines


def _says_episode(node):
    return bool(tables.EPISODE.search(ast.get_docstring(node) or ""))


def _constructs(source):
    """(line, name of the construct, its text) of everything a table has an opinion about."""
    for node in source.nodes:
        for construct in _named(node):
            yield node.lineno, construct, ast.unparse(node).splitlines()[0][:60]
    for _, node, outer in source.functions:
        if any(isinstance(d, ast.FunctionDef) for d in outer):
            yield node.lineno, "closure", f"def {node.name}"
        if node.args.vararg or node.args.kwarg:
            yield node.lineno, "star arguments", f"def {node.name}"


def _named(node):
    if isinstance(node, ast.ExceptHandler):
        yield from _of_handler(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, (ast.BinOp, ast.AugAssign)):
        yield from _of_operator(node)
    elif isinstance(node, ast.Assert):
        yield "assert"
    elif isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield "float literal"
    elif isinstance(node, ast.JoinedStr):
        yield "formatting"
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Slice):
        yield "slice read"
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        yield "tuple return"
    elif isinstance(node, ast.Lambda):
        yield "closure"
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Yield, ast.YieldFrom)):
        yield "comprehension"


def _of_handler(node):
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    if node.type is None:
        yield "bare except"
    elif any(isinstance(e, ast.Name) and e.id in _CATCH_ALL for e in caught):
        yield "catch-all except"


def _of_operator(node):
    if isinstance(node.op, ast.Div):
        yield "true division"
    left = getattr(node, "left", None)
    if isinstance(node.op, ast.Mod) and isinstance(left, ast.Constant) and isinstance(left.value, (str, bytes)):
        yield "formatting"


def _of_call(node):
    name = node.func.id if isinstance(node.func, ast.Name) else None
    attribute = node.func.attr if isinstance(node.func, ast.Attribute) else None
    if name == "float":
        yield "float()"
    elif name == "print":
        yield "print"
    elif name in _ITERATORS:
        yield "iterator"
    elif attribute == "format":
        yield "formatting"
    elif attribute in ("items", "values", "keys") and not node.args:
        yield "dict view"
    elif attribute in ("unpack", "unpack_from"):
        yield "struct.unpack"
    if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
        yield "star arguments"
