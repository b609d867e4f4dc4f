"""Reads the type stubs of ESP32's MicroPython and holds the use of its modules in a source file against them."""

import ast
from pathlib import Path

TYPING = Path(__file__).resolve().parents[2] / "build" / "typing"
PLACES = ("{}.pyi", "stdlib/{}.pyi", "stdlib/{}/__init__.pyi")
MODULES = ("machine", "network", "socket", "select", "time", "esp32", "_thread", "errno", "gc", "sys", "json")
# What the interpreter can do and its stubs do not say: most positional arguments. Streams take write(buf, offset, n) and
# write(buf, n) in every port (docs: class IOBase of io; UART and sockets are such streams).
MORE_ARGUMENTS = {("UART", "write"): 3, ("socket", "write"): 3}

# The stub of this class is another port's. ports/esp32/network_lan.c takes these keywords, and needs no id.
PORT_KEYWORDS = {("LAN", "__init__"): {"mdc", "mdio", "power", "reset", "phy_type", "phy_addr", "ref_clk", "ref_clk_mode"}}


def definitions(body):
    """{name: [nodes]} of a module or class body, conditions looked through; several nodes are overloads."""
    found = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).append(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                found.setdefault(getattr(target, "id", ""), []).append(node)
        elif isinstance(node, ast.If):
            for name, nodes in definitions(node.body + node.orelse).items():
                found.setdefault(name, []).extend(nodes)
    return found


def load(name):
    """Definitions of a stub module. Raises FileNotFoundError."""
    for place in PLACES:
        path = TYPING / place.format(name)
        if path.exists():
            return definitions(ast.parse(path.read_text(encoding="utf-8")).body)
    raise FileNotFoundError(f"no stub for {name} in {TYPING}: run make setup")


def fits(function, call, extra_self, most=0):
    """True when the call is one that this definition takes; `most` positional arguments are fine in any case."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args][extra_self:]
    only = max(0, len(arguments.posonlyargs) - extra_self)
    if len(call.args) > max(len(positional), most) and not arguments.vararg:
        return False
    named = {argument.arg for argument in [*positional[only:], *arguments.kwonlyargs]}
    given = {keyword.arg for keyword in call.keywords}
    if given - named and not arguments.kwarg:
        return False
    required = [argument.arg for argument in positional[: len(positional) - len(arguments.defaults)]]
    missing = set(required[len(call.args) :]) - given
    missing |= {a.arg for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is None} - given
    return not missing


class Checker:
    """Walks through one source. What an expression is: ("module", name, definitions), ("class" or "instance", name, members),
    ("function", name, [definitions], 1 when bound), or None when it is none of theirs."""

    def __init__(self, source, known=None):
        """known: {name of a variable: "module.Class"} for what comes from another module."""
        self.problems = []
        self._tree = ast.parse(source)
        self._names = {}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in MODULES:
                        self._names[alias.asname or alias.name] = ("module", alias.name, load(alias.name))
        for name, text in (known or {}).items():
            module, _, kind = text.partition(".")
            self._names[name] = self._instance(("class", kind, self._members(load(module)[kind])))
        self._remember_variables()

    def run(self):
        """The list of problems: texts with the line."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Attribute):
                self._kind(node, report=True)
            elif isinstance(node, ast.Call):
                self._check_call(node)
        return self.problems

    def _remember_variables(self):
        for _ in range(2):  # what is assigned from what was assigned
            for node in ast.walk(self._tree):
                if isinstance(node, ast.Assign) and len(node.targets) == 1:
                    kind = self._kind(node.value)
                    if kind is not None:
                        self._names[ast.unparse(node.targets[0])] = kind

    def _kind(self, node, report=False):
        text = ast.unparse(node)
        if text in self._names:
            return self._names[text]
        if isinstance(node, ast.IfExp):
            return self._kind(node.body) or self._kind(node.orelse)
        if isinstance(node, ast.Call):
            kind = self._kind(node.func)
            return self._instance(kind) if kind and kind[0] == "class" else None
        if isinstance(node, ast.Attribute):
            return self._attribute(node, report)
        return None

    def _attribute(self, node, report):
        owner = self._kind(node.value)
        if owner is None or owner[0] == "function":
            return None
        nodes = owner[2].get(node.attr)
        if nodes is None:
            if report:
                self.problems.append(f"line {node.lineno}: {owner[1]} has no {node.attr}")
            return None
        if isinstance(nodes[0], ast.ClassDef):
            return ("class", node.attr, self._members(nodes))
        if isinstance(nodes[0], ast.FunctionDef):
            return ("function", (owner[1], node.attr), nodes, int(owner[0] == "instance"))
        return None

    def _members(self, nodes):
        members = {}
        for node in nodes:
            members.update(definitions(node.body))
        return members

    def _instance(self, kind):
        return ("instance", kind[1], kind[2])

    def _check_call(self, node):
        kind = self._kind(node.func)
        if kind is None:
            return
        if kind[0] == "function":
            _, name, functions, bound = kind
        else:
            name = (kind[1], "__init__" if kind[0] == "class" else "__call__")
            functions, bound = kind[2].get(name[1], []), 1
        if name in PORT_KEYWORDS and not node.args and {keyword.arg for keyword in node.keywords} <= PORT_KEYWORDS[name]:
            return
        most = MORE_ARGUMENTS.get(name, 0)
        if functions and not any(fits(function, node, bound, most) for function in functions):
            self.problems.append(f"line {node.lineno}: {'.'.join(name)} does not take {ast.unparse(node)}")
        elif not functions and kind[0] != "class":
            self.problems.append(f"line {node.lineno}: {kind[1]} can not be called")
