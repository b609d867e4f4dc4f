"""Takes out of the modules what no module reads: constants that only tests and documents look at, TRANSITIONS above all.

A constant tuple stays on the heap for as long as its module does. Lines stay where they are.
"""
import ast
import io
import tokenize

from tools.trees import parse, walk


def drop(sources, kept=()):
    """{module name: source text} -> the same without assignments of literals that nobody reads; modules in `kept` as they are."""
    trees = {module: parse(text, module) for module, text in sources.items()}
    read = set().union(*(_read(tree) for tree in trees.values()))
    return {module: text if module in kept else _without(text, trees[module], read) for module, text in sources.items()}


def _read(tree):
    """Names that may be read, whatever they stand for; those in texts, too."""
    names = set()
    for node in walk(tree):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            names.update(node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
    return names


def _without(text, tree, read):
    lines = text.splitlines(keepends=True)
    for node in tree.body:
        if _is_literal(node) and node.targets[0].id not in read and _alone(lines, node):
            for i in range(node.lineno - 1, node.end_lineno):
                lines[i] = "\n"
    return "".join(lines)


def _is_literal(node):
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return True


def _alone(lines, node):
    """True when nothing but a comment shares its lines."""
    behind = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
    tokens = tokenize.generate_tokens(io.StringIO(behind).readline)
    return node.col_offset == 0 and all(token.type in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER) for token in tokens)
