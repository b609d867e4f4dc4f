"""Puts modules that are always in memory together into one, before the firmware is compiled.

A module of its own costs the device a dictionary, two names, and an entry for every name it imports: some 200 bytes. Which ones belong
together follows from who imports whom; what is loaded now and then stays apart. Every text keeps its lines but those without code;
`python -m tools.mpy MODULE LINE` tells where a line of a traceback was written.
"""
import ast
import builtins
import collections
import io
import tokenize

from tools.renaming import Member
from tools.trees import parse, walk

CORE = ("gateway", "inbox", "connections", "memory")  # with what these import; the first one has them all
EDGE = ("app",)
PAGE = ("page", "status")  # loaded by the same visitor
APART = ("config", "config_rows", "drivers", "extras", "faults", "forget", "point_rows", "version")  # leave the memory again, or are asked for by name


def groups(sources, apart=()):
    """{module that gets them: its members, each behind those that it imports}. apart: modules that stay alone."""
    trees = {module: parse(text, module) for module, text in sources.items() if module not in {*APART, *apart}}
    above = {module: [name for name in _imported(tree.body) if name in trees] for module, tree in trees.items()}
    anywhere = {name for tree in trees.values() for name in _imported(walk(tree)) if name in trees}
    later = anywhere - {name for names in above.values() for name in names}
    taken, found = set(), {}
    for roots in (CORE, EDGE, PAGE):
        if roots[0] in trees:
            found[roots[0]] = _closure([root for root in roots if root in trees], above, taken)
            taken.update(found[roots[0]])
    closures = {root: _closure([root], above, taken) for root in sorted(later - taken)}
    users = collections.Counter(module for members in closures.values() for module in members)
    for root, members in closures.items():
        found[root] = [module for module in members if users[module] == 1]
    return {root: members for root, members in found.items() if len(members) > 1}


def merge(sources, together):
    """({module: text}, {module: Member}) of what is left when the groups `together` are merged. Raises MergeError."""
    root_of = {module: root for root, members in together.items() for module in members}
    members = {module: Member(module, text, root_of.get(module, module)) for module, text in sources.items()}
    for root, modules in together.items():
        _name_all([members[module] for module in modules], members)
    merged = {}
    for module, member in members.items():
        if module not in root_of:
            merged[module] = member.text(members)
    for root, modules in together.items():
        parts = [(module, *line) for module in modules for line in _with_code(members[module].text(members))]
        merged[root] = "".join(text for _, _, text in parts)
        members[root].lines = [(module, number) for module, number, _ in parts]
    return merged, members


def _imported(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _closure(roots, above, taken):
    found = []

    def visit(module):
        if module not in found and module not in taken and module not in open_:
            open_.add(module)
            for name in above[module]:
                visit(name)
            found.append(module)

    open_ = set()
    for root in roots:
        visit(root)
    return found


def _name_all(group, members):
    """Gives every global of the group a name of its own. Free ones are names that only attributes have: they cost nothing."""
    names = {node.id for member in group for node in walk(member.tree) if isinstance(node, ast.Name)}
    names |= {node.arg for member in group for node in walk(member.tree) if isinstance(node, ast.arg)}
    names |= {name for member in group for name in member.bound} | set(dir(builtins))
    attributes = {node.attr for member in group for node in walk(member.tree) if isinstance(node, ast.Attribute)}
    free = iter(sorted(attributes - names, key=lambda name: (len(name), name)))
    owner = {}
    for member in group:
        for name in member.bound:
            meaning = member.meaning(name, members)
            if meaning in owner.values():
                member.new[name] = next(known for known, other in owner.items() if other == meaning)
            else:
                member.new[name] = name
                if name in member.consts:
                    member.new[name] = f"_const_{len(owner)}"  # the compiler puts its value wherever it finds the name
                elif name in owner or name in dir(builtins):
                    member.new[name] = next(free, f"_{len(owner)}")
                owner[member.new[name]] = meaning


def _with_code(text):
    """(number, line) of the lines that hold more than space, comment or docstring."""
    doc = set()
    for node in walk(parse(text)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) > 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and isinstance(body[0].value.value, str):
            doc.update(range(body[0].lineno, body[0].end_lineno + 1))
    code = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            code.update(range(token.start[0], token.end[0] + 1))
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if number in code - doc:
            yield number, line
