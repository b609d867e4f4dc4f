"""One module among those that become one: its globals get other names, and its imports look where things are then. See tools.merge."""
import ast

from tools.trees import parse, walk


class MergeError(Exception):
    """The text says which module can not be merged, and why."""


class Member:
    """One module. new: {its global: the name that has in the merged one}; lines: of a merged one, where each line comes from."""

    def __init__(self, module, text, root):
        self.module = module
        self.root = root
        self.tree = parse(text, module)
        self.new = {}
        self.lines = None
        self._text = text
        self._from = {}  # global: (module, name there), name None: the module itself
        self.bound = []
        self.consts = set()
        for node in self.tree.body:
            self._bind(node)

    def _bind(self, node):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for origin, name, local in _parts(node):
                self._from[local] = (origin, name)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names = [node.name]
        else:
            names = [n.id for n in walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            names += [local for _, _, local in _parts(node)]
        self.bound += [name for name in names if name not in self.bound]
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "const":
            self.consts.update(names)

    def meaning(self, name, members):
        """What a global stands for, wherever it comes from: (module, name)."""
        origin = self._from.get(name, (self.module, name))
        if origin[0] in members and origin[1] is not None and origin[0] != self.module:
            return members[origin[0]].meaning(origin[1], members)
        return origin

    def final(self, name):
        return self.new.get(name, name)

    def text(self, members):
        """The text, with every name as it is now."""
        edits = _Edits(self, members)
        return edits.apply(self._text)


def _parts(node):
    """(module, name or None for the module itself, local name) of an import; drivers holds nothing but modules."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if "." in alias.name and not alias.asname:
                raise MergeError(f"line {node.lineno}: import {alias.name}: say `from` or `as`")
            yield alias.name, None, alias.asname or alias.name
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if node.module == "drivers":
                yield f"drivers.{alias.name}", None, alias.asname or alias.name
            else:
                yield node.module, alias.name, alias.asname or alias.name


class _Edits(ast.NodeVisitor):
    """Collects (line, column, end line, end column, new text), columns in bytes."""

    def __init__(self, member, members):
        self.member = member
        self.members = members
        self.edits = []
        self.locals = set()
        self.modules = {}  # local name: module that it is
        self.depth = 0
        self.visit(member.tree)

    def apply(self, text):
        lines = [line.encode() for line in text.splitlines(keepends=True)]
        for line, start, end_line, end, new in sorted(self.edits, reverse=True):
            tail = lines[end_line - 1][end:]
            for i in range(line, end_line):
                lines[i] = b"\n"
            lines[line - 1] = lines[line - 1][:start] + new.encode() + (tail if line == end_line else b"\n")
        return b"".join(lines).decode()

    def _replace(self, node, new):
        self.edits.append((node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, new))

    def _import(self, node):
        new = []
        for origin, name, local in _parts(node):
            there = self.members.get(origin)
            root = there.root if there else origin
            bound = self._global(local)
            if name is None:
                self.modules[local] = origin
                if root != self.member.root or self.depth:
                    new.append(f"import {root}" + (f" as {bound}" if bound != root else ""))
            elif root != self.member.root or self.depth:
                final = there.final(name) if there else name
                new.append(f"from {root} import {final}" + (f" as {bound}" if bound != final else ""))
        self._replace(node, "; ".join(new) or "pass")

    visit_Import = visit_ImportFrom = _import

    def _global(self, name):
        return name if self.depth else self.member.final(name)

    def visit_Attribute(self, node):
        module = self.modules.get(node.value.id) if isinstance(node.value, ast.Name) else None
        there = self.members.get(module)
        if there is None:
            self.generic_visit(node)
        elif there.root == self.member.root and node.value.id not in self.locals:
            self._replace(node, there.final(node.attr))
        else:
            end = node.end_col_offset
            self.edits.append((node.end_lineno, end - len(node.attr.encode()), node.end_lineno, end, there.final(node.attr)))
            self.visit(node.value)

    def visit_Name(self, node):
        if node.id in self.locals:
            return
        module = self.members.get(self.modules.get(node.id))
        if module is not None and module.root == self.member.root:
            raise MergeError(f"{self.member.module}:{node.lineno}: the module {node.id} is used as a value")
        if self.member.final(node.id) != node.id:
            self._replace(node, self.member.final(node.id))

    def visit_Global(self, node):
        self._replace(node, "global " + ", ".join(map(self.member.final, node.names)))

    def visit_JoinedStr(self, node):
        raise MergeError(f"{self.member.module}:{node.lineno}: an f-string")

    def _definition(self, node, keyword):
        new = node.name if self.depth else self.member.final(node.name)
        if new != node.name:
            start = node.col_offset + len(keyword) + 1
            self.edits.append((node.lineno, start, node.lineno, start + len(node.name.encode()), new))

    def visit_ClassDef(self, node):
        self._definition(node, "class")
        for base in node.bases:
            self.visit(base)
        self.depth += 1
        before = self.locals
        stores = {n.id for s in node.body if isinstance(s, ast.Assign) for n in walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for statement in node.body:
            self.locals = before if isinstance(statement, ast.FunctionDef) else before | stores
            self.visit(statement)
        self.locals = before
        self.depth -= 1

    def visit_FunctionDef(self, node):
        self._definition(node, "def")
        for outside in (*node.decorator_list, *node.args.defaults):
            self.visit(outside)
        self._scope(node, node.body)

    def visit_Lambda(self, node):
        for outside in node.args.defaults:
            self.visit(outside)
        self._scope(node, [node.body])

    def _scope(self, node, body):
        before = self.locals, dict(self.modules)
        self.locals = self.locals | _locals(node)
        self.depth += 1
        for statement in body:
            self.visit(statement)
        self.depth -= 1
        self.locals, self.modules = before


def _locals(function):
    found = {node.arg for node in walk(function) if isinstance(node, ast.arg)}
    outside = set()
    for node in walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(local for _, _, local in _parts(node))
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node is not function:
            found.add(node.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Global):
            outside.update(node.names)
    return found - outside
