"""Imports of the firmware go downward, and only the edge imports the machine."""
import ast

from tools.tidy import tables


def imported(source):
    """(line, module name as imported) of every import, also inside functions."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "."


def layer_of(module):
    """Index of its layer, lowest 0; -1 for the floor, None when no table names it."""
    if module in tables.FLOOR:
        return -1
    for i, modules in enumerate(tables.LAYERS.values()):
        if module in modules:
            return i
    return None


def check(source, own_modules):
    """own_modules: names of all firmware modules of the project."""
    layer = layer_of(source.module)
    if layer is None:
        yield source.finding(1, "layer", "a module that a layer names", source.module, "add it to LAYERS in tools/tidy/tables.py")
        return
    edge = layer in (-1, len(tables.LAYERS) - 1)
    allowed = tables.EVERYWHERE | tables.BY_MODULE.get(source.module, set()) | (tables.EDGE_MODULES if edge else set())
    for line, name in imported(source):
        if name in own_modules:
            other = layer_of(name)  # the floor (-1) imports nothing of the other layers and is not imported by them
            across = name in tables.ACROSS.get(source.module, ())
            if other is not None and other != layer and not across and (other > layer or other == -1 or layer == -1):
                yield source.finding(line, "import direction", "a module of this layer or below", name, "hand the object in from above")
        elif name not in allowed:
            what = "edge module" if name in tables.EDGE_MODULES else "foreign module"
            todo = "move this to the edge behind a port" if name in tables.EDGE_MODULES else "do without it, or name it in BY_MODULE"
            yield source.finding(line, what, "one of " + ", ".join(sorted(allowed)), name, todo)


def check_cycles(sources):
    """No module is imported by what it imports itself; that the floor hands over to the app is no import of that kind."""
    graph = {s.module: {name for _, name in imported(s)} for s in sources}
    for module in tables.FLOOR:
        graph.get(module, set()).difference_update(tables.ACROSS.get(module, ()))
    by_module = {s.module: s for s in sources}
    for module, source in sorted(by_module.items()):
        seen, pending = set(), list(graph[module])
        while pending:
            name = pending.pop()
            if name in graph and name not in seen:
                seen.add(name)
                pending += graph[name]
        if module in seen:
            yield source.finding(1, "import cycle", "imports that end", f"{module} among what {module} imports", "move the shared part down")
