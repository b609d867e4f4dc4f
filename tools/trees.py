"""Syntax trees that several tools read and none changes: parsed once, and walked without what nobody looks for.

ast.parse of the same text and ast.walk were where the tools of the build spent half of their time.
"""
import ast
import io
import tokenize

# Fields that hold texts, numbers, operators and contexts: nothing below them is looked for.
_LEAVES = {"arg", "asname", "attr", "conversion", "ctx", "id", "kind", "level", "module", "name", "op", "ops", "type_comment"}
_below = {}  # {type of a node: its other fields}


_trees = {}
_tokens = {}


def parse(text, name="<unknown>"):
    """ast.parse; the same tree for the same text until forget() is called. Raises SyntaxError."""
    if text not in _trees:
        _trees[text] = ast.parse(text, name)
    return _trees[text]


def name_tokens(text):
    """The tokens of a text that are names or keywords, in their order."""
    if text not in _tokens:
        _tokens[text] = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.NAME]
    return _tokens[text]


def forget():
    """The trees of a whole firmware take 100 MB: whoever is done with them says so."""
    _trees.clear()
    _tokens.clear()


def walk(tree):
    """A list of the nodes that ast.walk yields, in its order, without operators and contexts; that of a module is kept with it."""
    if not isinstance(tree, ast.Module):
        return _walked(tree)
    if not hasattr(tree, "walked"):
        tree.walked = _walked(tree)
    return tree.walked


def _walked(tree):
    nodes = [tree]
    for node in nodes:  # grows meanwhile
        kind = type(node)
        if kind not in _below:
            _below[kind] = [name for name in kind._fields if name not in _LEAVES]
        for name in _below[kind]:
            value = getattr(node, name, None)
            if type(value) is list:
                nodes += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                nodes.append(value)
    return nodes
