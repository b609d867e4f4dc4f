"""The commands of a Markdown page and the output that it shows for each, and whether a real output is that."""

import re

_BLOCK = re.compile(r"```sh\n(.*?)```(.*?)(?=```|\Z)(?:```text\n(.*?)```)?", re.DOTALL)
_MASKS = (
    (re.compile(r"[│╭╮╰╯─]"), " "),
    (re.compile(r"/dev/\S+|\S*doctor-report\.json"), "@"),
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+(:\d+)?"), "@"),
    (re.compile(r"\d+([.,]\d+)*"), "#"),
    (re.compile(r"\s+"), " "),
)
SKIP = "..."


def commands(text):
    """(command, output) of every sh block; output is None where the page shows none."""
    for found in _BLOCK.finditer(text):
        yield found[1].strip(), found[3]


def masked(line):
    """Without what differs from one run to the next: numbers, addresses, ports, the frame of a screen."""
    for pattern, instead in _MASKS:
        line = pattern.sub(instead, line)
    return line.strip()


def missing(shown, real):
    """The first line of `shown` that the real output does not have there; None when all are as shown.

    A line `...` stands for any lines; without it the next line must follow at once. Empty lines do not count.
    """
    lines = [masked(line) for line in real.splitlines()]
    lines = [line for line in lines if line]
    place, anywhere = 0, True
    for line in shown.splitlines():
        wanted = masked(line)
        if wanted == SKIP or not wanted:
            anywhere = anywhere or wanted == SKIP
            continue
        there = lines.index(wanted, place) if wanted in lines[place:] else None
        if there is None or not anywhere and there != place:
            return line
        place, anywhere = there + 1, False
    return None
