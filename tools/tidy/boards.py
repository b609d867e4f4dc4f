"""Boards are data: every pin can do what board.json asks of it, and about.json says what tools and people need."""
import json
from pathlib import PurePosixPath

from tools import board_data


def check(sources):
    """sources: all of the project."""
    files = {source.path: source for source in sources if source.top == "boards"}
    for path, source in files.items():
        folder = PurePosixPath(path).parent
        if PurePosixPath(path).name == board_data.BOARD_FILE:
            about = files.get(str(folder / board_data.ABOUT_FILE))
            if about is None:
                yield source.finding(1, "board", f"{board_data.ABOUT_FILE} beside it", "none", "write one, see CONTRIBUTING.md")
            else:
                yield from _check_pair(source, about, folder.name)


def _check_pair(source, about_source, name):
    parsed = []
    for file in (source, about_source):
        try:
            parsed.append(json.loads(file.text))
        except ValueError as error:
            yield file.finding(1, "board", "JSON", str(error), "correct it")
            return
        if not isinstance(parsed[-1], dict):
            yield file.finding(1, "board", "an object { }", type(parsed[-1]).__name__, "correct it")
            return
    board, about = parsed
    if board.get("board") != name:
        yield source.finding(_line(source, "board"), "board", f"the name of its folder, {name}", repr(board.get("board")), "rename one")
    problems = list(_check_about(about_source, about))
    yield from problems
    if not problems:
        yield from _check_pins(source, board, board_data.CHIPS[about["chip"]])


def _check_about(source, about):
    for key in about.keys() | board_data.ABOUT_KEYS.keys():
        kind = board_data.ABOUT_KEYS.get(key)
        if key in board_data.ABOUT_OPTIONAL:
            continue
        if kind is None:
            yield source.finding(_line(source, key), f"{key}", "a known key", "an unknown one", "remove it")
        elif not isinstance(about.get(key), kind):
            yield source.finding(_line(source, key), f"{key}", kind.__name__, repr(about.get(key)), "say it")
    if isinstance(about.get("rs485"), dict) and set(about["rs485"]) != set(board_data.RS485_KEYS):
        yield source.finding(_line(source, "rs485"), "rs485", ", ".join(board_data.RS485_KEYS), ", ".join(about["rs485"]), "say these")
    if about.get("chip") not in board_data.CHIPS:
        todo = "name one of them, or add its rules to tools/board_data.py"
        yield source.finding(_line(source, "chip"), "chip", " or ".join(board_data.CHIPS), repr(about.get("chip")), todo)


def _check_pins(source, board, chip):
    for use, expected, todo in board_data.objections(board, chip):
        yield source.finding(_line(source, use.section), use.path, expected, f"GPIO{use.pin}", todo)


def _line(source, key):
    """Where the key stands in the JSON text."""
    return next((number for number, line in enumerate(source.lines, 1) if f'"{key}"' in line), 1)
