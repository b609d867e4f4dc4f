"""The code of a module: its functions, and which of them, and which lines, a test runs."""
import ast
import sys
import types

REACHED = "__reached__"
IN_FUNCTION = 0x02  # CO_NEWLOCALS: what a function's code has, and that of a class or module has not


def functions_of(code, prefix=""):
    """{qualified name: code object} of every function below `code`, and what is left of it without them."""
    found, rest = {}, [code.co_code, code.co_names, code.co_varnames]
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            name = f"{prefix}{const.co_name}@{len(found)}" if const.co_name.startswith("<") else prefix + const.co_name
            if const.co_flags & IN_FUNCTION:
                found[name] = const
            else:
                inner, left = functions_of(const, name + ".")
                found.update(inner)
                rest.append(left)
        else:
            rest.append((type(const), const))
    return found, rest


def live_functions(module):
    """{qualified name: function} of what has been imported."""
    found = {}
    for owner in (module, *(value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__)):
        for name, value in vars(owner).items():
            value = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                found[name if owner is module else f"{owner.__name__}.{name}"] = value
    return found


class Called:
    """Which lines of the functions of one file are called while it is switched on. Slow: it looks at every call of anything."""

    def __init__(self, path):
        self.path = str(path)
        self.rows = set()

    def __enter__(self):
        sys.settrace(self._call)
        return self

    def __exit__(self, *exc):
        sys.settrace(None)

    def _call(self, frame, event, arg):
        code = frame.f_code
        if code.co_filename == self.path and code.co_flags & IN_FUNCTION:
            self.rows |= rows_of(code)


def rows_of(code):
    return {row for _, _, row in code.co_lines() if row}


class _Noting(ast.NodeTransformer):
    """Before each statement of a function: its line into REACHED."""

    def __init__(self):
        self.depth = 0

    def generic_visit(self, node):
        inside = isinstance(node, (ast.FunctionDef, ast.Lambda))
        self.depth += inside
        super().generic_visit(node)
        if self.depth and not isinstance(node, ast.Lambda):
            for part in ("body", "orelse", "finalbody"):
                self._note(node, part)
        self.depth -= inside
        return node

    def _note(self, node, part):
        noted = []
        for statement in getattr(node, part, ()) if isinstance(getattr(node, part, None), list) else ():
            noted += [*ast.parse(f"{REACHED}({statement.lineno})").body, statement]
        if noted:
            setattr(node, part, noted)


def noting(source, path):
    """The code of the module, whose functions tell the lines that they reach to REACHED, a global of their module."""
    tree = ast.fix_missing_locations(_Noting().visit(ast.parse(source)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == REACHED:
            row = node.value.args[0].value
            for part in ast.walk(node):
                part.lineno = part.end_lineno = row
    return compile(tree, path, "exec")
