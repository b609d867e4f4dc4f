"""Functions whose frame is above 11 words put it on the heap at every call: found by asking the real compiler."""
import re
import subprocess
from fnmatch import fnmatchcase

from tools.tidy import tables
from tools.tidy.finding import Finding

_BLOCK = re.compile(r"^File .*, code block '(.*)' \(descriptor")
_STATE = re.compile(r"^\(N_STATE (\d+)\)")
_EXCEPTIONS = re.compile(r"^\(N_EXC_STACK (\d+)\)")
_LINE = re.compile(r"^  bc=-?\d+ line=(\d+)")


def frames(path, micropython):
    """[name, words, a line inside] of every code block of a file. Raises RuntimeError when it does not compile."""
    done = subprocess.run([str(micropython), "-v", "-v", "-X", "compile-only", str(path)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{path} does not compile on MicroPython:\n{done.stdout[-500:]}{done.stderr[-500:]}")
    blocks = []
    for line in done.stdout.splitlines():
        if found := _BLOCK.match(line):
            blocks.append([found[1], 0, 1])
        elif found := _STATE.match(line):
            blocks[-1][1] += int(found[1])
        elif found := _EXCEPTIONS.match(line):
            blocks[-1][1] += 3 * int(found[1])
        elif found := _LINE.match(line):
            blocks[-1][2] = max(blocks[-1][2], int(found[1]))
    return blocks


def big_frames(source, path, micropython):
    """{qualified name with its module: (line, words)} of the functions above the limit."""
    big = {}
    for name, words, inside in frames(path, micropython):
        if words > tables.FRAME_WORDS and name != "<module>":
            line, qualified = _locate(source, name, inside)
            big[f"{source.module}.{qualified}"] = line, words
    return big


def _locate(source, name, inside):
    """(first line, qualified name) of the smallest function of that name around a line."""
    around = [
        (node.end_lineno - node.lineno, node.lineno, qualified)
        for qualified, node, _ in source.functions
        if node.name == name and node.lineno <= inside <= node.end_lineno
    ]
    return min(around)[1:] if around else (inside, name)


def check(sources, root, micropython, allowed):
    """allowed: {pattern of names: reason}. A row that is no longer needed there is a finding, too."""
    needed = set()
    for source in sources:
        if source.module in tables.LAYERS["edge"] + tables.FLOOR:
            continue
        for name, (line, words) in big_frames(source, root / source.path, micropython).items():
            rows = {row for row in allowed if fnmatchcase(name, row)}
            needed |= rows
            if not rows:
                todo = "split it or use fewer variables; if it never runs in steady state, name it with a reason in ALLOWED_BIG_FRAMES"
                yield source.finding(line, f"frame of {name}", f"at most {tables.FRAME_WORDS} words", str(words), todo)
    for row in sorted(set(allowed) - needed):
        todo = "remove the row: its frames are small or it is gone"
        yield Finding("tools/tidy/tables.py", 1, "ALLOWED_BIG_FRAMES", "only functions that need it", row, todo)
