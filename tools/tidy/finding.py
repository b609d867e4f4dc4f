"""What a rule looks at, and what it says."""
import ast
from dataclasses import dataclass
from functools import cached_property

from tools.trees import walk


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    what: str
    expected: str
    found: str
    todo: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}: expected {self.expected}, found {self.found}; {self.todo}"


@dataclass(frozen=True)
class Source:
    """One file of the project: path from the project's folder, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self):
        return ast.parse(self.text)

    @cached_property
    def nodes(self):
        """Every node of the tree, as ast.walk hands them out: found once, since every rule looks at them."""
        return walk(self.tree)

    @cached_property
    def functions(self):
        return list(functions(self.tree))

    @cached_property
    def lines(self):
        return self.text.splitlines()

    @property
    def top(self):
        """First folder of the path: firmware, tools, host_tests, ... or the file's own name."""
        return self.path.split("/")[0]

    @property
    def module(self):
        """The name a firmware file is imported by: clock, drivers.meter."""
        name = self.path.removeprefix("firmware/").removesuffix(".py").replace("/", ".")
        return name.removesuffix(".__init__")

    def finding(self, line, what, expected, found, todo):
        return Finding(self.path, line, what, expected, found, todo)


_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")  # where statements stand in a statement: in no expression


def functions(tree):
    """(qualified name, node, enclosing definitions) of every function, methods as Class.method."""
    pending = [((), tree)]
    while pending:
        outer, node = pending.pop()
        for child in (child for block in _BLOCKS for child in getattr(node, block, ())):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield ".".join([*(d.name for d in outer), child.name]), child, outer
            named = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            pending.append(((*outer, child) if named else outer, child))
