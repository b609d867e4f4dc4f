"""What the tools of the build know about syntax trees is what Python's own ast says."""
import ast
from pathlib import Path

import pytest

from tools import trees

HERE = Path(__file__).parents[2]
NOT_WALKED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
TEXTS = [
    *(path.read_text() for folder in ("firmware", "tools") for path in sorted((HERE / folder).glob("[a-z]*.py"))[:20]),
    "try:\n    a = not b < -c and d\nexcept* E as e:\n    raise\nelse:\n    pass\nfinally:\n    async def f(*a: int, k=1, **b): await x",
    "match x:\n    case {'k': [1, *rest], **more} if y: global z\n    case P(1, q=2) | None as all: pass",
    "import a.b as c\nfrom . import d\nwith open(f'{x!r:>{w}}') as (g, h): del g[1:2:3]\n[i async for i in j if i]\nlambda *, k: (yield k)",
]


@pytest.fixture(autouse=True)
def forgotten():
    yield
    trees.forget()


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_every_node_is_met_in_the_order_of_ast_walk(text):
    tree = ast.parse(text)
    assert trees.walk(tree) == [node for node in ast.walk(tree) if not isinstance(node, NOT_WALKED)]
    part = tree.body[-1]
    assert trees.walk(part) == [node for node in ast.walk(part) if not isinstance(node, NOT_WALKED)]


def test_a_text_is_parsed_once_until_it_is_forgotten():
    tree = trees.parse("a = 1")
    assert trees.parse("a = 1") is tree and trees.walk(tree) is trees.walk(tree)
    trees.forget()
    assert trees.parse("a = 1") is not tree


def test_the_names_of_a_text_stand_where_they_are():
    found = [(token.string, token.start) for token in trees.name_tokens("def f(a):\n    return 'a b' + a  # c\n")]
    assert found == [("def", (1, 0)), ("f", (1, 4)), ("a", (1, 6)), ("return", (2, 4)), ("a", (2, 19))]


def test_what_is_no_python_is_refused_with_its_name():
    with pytest.raises(SyntaxError) as caught:
        trees.parse("def", "station")
    assert caught.value.filename == "station"
