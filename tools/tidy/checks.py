"""A test that can not fail is no test."""
import ast

_CHECKING = ("raises", "warns", "fail", "run_state_machine_as_test", "assert_called", "assert_called_once")
_PREFIXES = ("check", "assert", "expect")


def check(source):
    defined = {n.name: n for n in ast.walk(source.tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    checking = {name for name, node in defined.items() if _checks(node, ())}
    while True:  # a helper that checks makes its caller a check
        more = {name for name, node in defined.items() if _checks(node, checking)}
        if more == checking:
            break
        checking = more
    for name, node in defined.items():
        if name.startswith("test") and name not in checking:
            yield source.finding(node.lineno, name, "an assert, raises or check", "none", "assert what must be true afterwards")


def _checks(function, helpers):
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in _CHECKING or name in helpers or name.lstrip("_").startswith(_PREFIXES):
                return True
    return False
