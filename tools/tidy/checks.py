"""A test that can not fail is no test."""
import ast

from tools.trees import walk

_CHECKING = ("raises", "warns", "fail", "run_state_machine_as_test", "assert_called", "assert_called_once")
_PREFIXES = ("check", "assert", "expect")


def check(source):
    defined = {n.name: n for n in source.nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    called = {name: set(_called(node)) for name, node in defined.items()}
    checking = {name for name, names in called.items() if any(map(_checks, names))}
    while True:  # a helper that checks makes its caller a check
        more = {name for name, names in called.items() if name in checking or names & checking}
        if more == checking:
            break
        checking = more
    for name, node in defined.items():
        if name.startswith("test") and name not in checking:
            yield source.finding(node.lineno, name, "an assert, raises or check", "none", "assert what must be true afterwards")


def _called(function):
    """The names that it calls; an assert counts as a call of "assert"."""
    for node in walk(function):
        if isinstance(node, ast.Assert):
            yield "assert"
        elif isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", ""))


def _checks(name):
    return name in _CHECKING or name.lstrip("_").startswith(_PREFIXES)
