"""All Markdown pages: links lead somewhere, headings that they name included, and commands exist."""

import importlib.util
import re

import pytest

from tools.runtimes import ROOT

pytestmark = pytest.mark.no_cover  # not about the firmware

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
CODE = re.compile(r"```.*?```", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def anchors(text):
    """What one can link to: every heading, in the way that GitHub and Forgejo make an address of it."""
    found, seen = set(), {}
    for heading in re.findall(r"^#{1,6} +(.*?) *$", CODE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
    return found


def broken(path, text):
    """Links of a page that lead nowhere."""
    for pair in LINK.findall(CODE.sub("", text)):
        target, _, anchor = (pair[0] or pair[1]).partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        there = (path.parent / target).resolve() if target else path
        inside = there == ROOT or ROOT in there.parents
        if not inside or not there.exists():
            yield target
        elif anchor and there.suffix == ".md" and anchor not in anchors(text if there == path else there.read_text(encoding="utf-8")):
            yield f"{target}#{anchor}"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(path):
    assert list(broken(path, path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_command_of_a_page_exists(path):
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|^ *)make ([a-z][a-z-]*)", text, re.MULTILINE)) <= TARGETS
    modules = set(re.findall(r"python -m ((?:tools|host_tests)[\w.]*)", text))
    assert [name for name in modules if importlib.util.find_spec(name.rstrip(".")) is None] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_begins_with_its_title_and_has_one(path):
    lines = [line for line in CODE.sub("", path.read_text(encoding="utf-8")).splitlines() if line and not line.startswith("<!--")]
    assert lines[0].startswith("# ") and sum(line.startswith("# ") for line in lines) == 1


@pytest.mark.parametrize(
    "text, found",
    [
        ("[a](gone.png)", ["gone.png"]),
        ("[a](docs/mqtt.md#topics) [b](#here)\n## Here\n", []),
        ("[a](docs/mqtt.md#nowhere)", ["docs/mqtt.md#nowhere"]),
        ("[a](#a-b)\n## `A` [b](x)\n", ["x"]),
        ("## A\n## A\n[a](#a-1) [b](#a-2)", ["#a-2"]),
        ("[a](https://example.org/x.md) <img src=\"docs/none.png\">", ["docs/none.png"]),
        ("```\n[a](gone.png)\n```\n", []),
        ("[a](../../etc/hosts)", ["../../etc/hosts"]),
    ],
)
def test_a_link_that_leads_nowhere_is_noticed(text, found):
    assert list(broken(ROOT / "README.md", text)) == found
