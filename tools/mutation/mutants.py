"""The mutants of one module: cosmic-ray's operators, less those that say nothing here."""
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.ast import get_ast

from tools.mutation.tables import why_left_out

ROOT = Path(__file__).resolve().parents[2]


NUMBER = re.compile(r"[A-Z][A-Z0-9_]* = const\((\d+)\)")


LIMIT_MS = re.compile(r"(\w+_MS = const\( ?)(\d{3,})(?=\))")
NAME = re.compile(r"^(\w+\.)?_?[A-Z][A-Z0-9_]*$|^b?\"")
ORDERING = tuple(f"ReplaceComparisonOperator_{kind}" for kind in ("Eq_LtE", "Eq_GtE", "NotEq_Lt", "NotEq_Gt"))


@dataclass(frozen=True)
class Mutant:
    """One change: `before` and `after` are the lines that differ, without indent; `source` is the whole changed file."""

    row: int
    operator: str
    before: str
    after: str
    source: str


def path_of(module):
    return ROOT / "firmware" / (module.replace(".", "/") + ".py")


def digest_of(module):
    """git's name of the file's content, the first 10 digits: `git hash-object FILE` tells the same."""
    content = path_of(module).read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()[:10]


def operators():
    """(name, operator) of those that are used."""
    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        short = name.rpartition("/")[2]
        if not kind.arguments() and why_left_out(short) is None:
            yield short, kind()


def mutants_of(module):
    """All mutants, in the order of the file. Two operators that make the same change are one."""
    source = path_of(module).read_text(encoding="utf-8")
    tree = get_ast(source)
    nodes = list(places(tree))
    found = {}
    names = enumerations(source.split("\n"))
    for name, operator in operators():
        for row, text in changes(tree, nodes, operator, name in ORDERING):
            if row in names:
                continue
            text = by_a_tenth(source, text)
            if text not in found:
                found[text] = Mutant(row, name, *changed(source, text), text)
        if tree.get_code() != source:
            raise RuntimeError(f"{name} changes more than a node and its children: `changes` can not undo that")
    return sorted(found.values(), key=lambda mutant: (mutant.row, mutant.operator, mutant.after))


def enumerations(lines):
    """Rows of constants that only name something: at least three in a row that count up by one."""
    numbers = [NUMBER.match(line) for line in lines]
    values = [match and int(match.group(1)) for match in numbers]
    rows, run = set(), []
    for row, value in enumerate([*values, None], 1):
        if run and (value is None or value != run[-1] + 1):
            rows.update(range(row - len(run), row) if len(run) >= 3 else ())
            run = []
        if value is not None:
            run.append(value)
    return rows


def by_a_tenth(source, text):
    """A limit in ms is changed by a tenth instead of by one: the machines make ten steps per second."""
    before, after = changed(source, text)
    old, new = LIMIT_MS.match(before), LIMIT_MS.match(after)
    if not old or not new:
        return text
    number, sign = int(old.group(2)), int(new.group(2)) - int(old.group(2))
    return source.replace(before, f"{old.group(1)}{number + sign * (number // 10)}{before[old.end() :]}", 1)


def names_something(node):
    """True for a comparison with a constant by its name, or with a text."""
    return any(NAME.search(part.get_code().strip()) for part in node.children[::2])


def changes(tree, nodes, operator, ordering=False):
    """(row, changed source) of every change that `operator` makes; each is undone in the tree, which takes long to build."""
    for node, parent, place in nodes:
        if ordering and node.type == "comparison" and names_something(node):
            continue
        for index, (start, _) in enumerate(list(operator.mutation_positions(node))):
            children = list(getattr(node, "children", ()))
            kept = [(leaf, leaf.value) for leaf in (node, *children) if hasattr(leaf, "value")]
            new = operator.mutate(node, index)
            if parent is not None:
                parent.children[place] = new
            yield start[0], tree.get_code()
            for leaf, value in kept:
                leaf.value = value
            if children:
                node.children = children
            if parent is not None:
                parent.children[place] = node


def places(node, parent=None, place=0):
    """(node, its parent, its place there) of the tree, a parent before its children."""
    yield node, parent, place
    for i, child in enumerate(getattr(node, "children", ())):
        yield from places(child, node, i)


def changed(before, after):
    """The lines of both between what they have in common at the start and at the end, each as one text."""
    old, new = before.split("\n"), after.split("\n")
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return [" ".join(line.strip() for line in lines[start : len(lines) - end]) for lines in (old, new)]
