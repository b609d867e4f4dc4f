"""The code of a module: its functions, and which of them, and which lines, a test runs."""
import sys
import types

IN_FUNCTION = 0x02  # CO_NEWLOCALS: what a function's code has, and that of a class or module has not
CALLS_FOLLOWED = 100  # of a function in one test: following is slow


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


class Lines:
    """Which functions of one file are called while it is switched on (the rows of all their lines), and `reached` on which of them."""

    def __init__(self, path):
        self.path = str(path)
        self.seen = set()
        self.reached = set()
        self._calls = {}

    def call(self, frame, event, arg):
        code = frame.f_code
        if code.co_filename != self.path or not code.co_flags & IN_FUNCTION:
            return None
        calls = self._calls[code] = self._calls.get(code, 0) + 1
        if calls == 1:
            self.seen.update(rows_of(code))
        return self._line if calls <= CALLS_FOLLOWED else None

    def _line(self, frame, event, arg):
        self.reached.add(frame.f_lineno)
        return self._line

    def __enter__(self):
        sys.settrace(self.call)
        return self

    def __exit__(self, *exc):
        sys.settrace(None)


def rows_of(code):
    return {row for _, _, row in code.co_lines() if row}
