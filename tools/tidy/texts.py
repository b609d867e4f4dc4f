"""Words and links in all text files."""
import re
from pathlib import PurePosixPath

from tools.tidy import tables

_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
_ADDRESS = re.compile(r"\w+://[^\s)]+")
_DOCUMENT = re.compile(r"[\w./-]*\w\.md\b")


def check_words(source):
    if source.path in tables.EXAMPLES:
        return
    for pattern, what in tables.FOREIGN_WORDS.items():
        if not re.search(pattern, source.text):  # as nearly always: then no line has it
            continue
        for number, line in enumerate(source.lines, 1):
            if found := re.search(pattern, line):
                yield source.finding(number, "foreign word", f"no {what}", repr(found[0]), "say it in the project's own terms")


def check_links(source, paths):
    """paths: every file and folder of the project. Links of a Markdown file, and documents that any text names, exist."""
    if source.path in tables.EXAMPLES:
        return
    for number, line in enumerate(source.lines, 1):
        if "](" not in line and ".md" not in line:
            continue
        line = _ADDRESS.sub("", line)
        names = set(_DOCUMENT.findall(line))
        if source.path.endswith(".md"):
            names |= set(_LINK.findall(line))
        for name in sorted(names):
            if not _exists(name, source.path, paths):
                yield source.finding(number, "link", "a file of the project", name, "correct the name or remove the link")


def _exists(name, from_path, paths):
    parts = []
    for part in (PurePosixPath(from_path).parent / name).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) in paths or name in paths or any(p.endswith("/" + name) for p in paths)
