"""docs/benchmarks.md and the paragraph of the README, from the numbers of one run."""

import json
import textwrap

from tools.compare import rows
from tools.compare.rows import LOW, NEITHER

WIDTH = 140
OURS, STOCK, CPYTHON = WHO = ("ours", "stock", "cpython")
HEADS = ("Ladepunkt", "umqtt.simple + micropython-modbus", "pymodbus + paho on CPython")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def value(found, who, key):
    """None where there is none."""
    if key == "processor_ratio":
        ours, other = (found[name].get("processor_ms_per_cycle") for name in (OURS, who))
        return other / ours if ours and other is not None else None
    return found[who].get(key)


def winners(found, key, decimals, better):
    """Whose number is the best, as it is printed; nobody where all are alike, or only one has a number."""
    numbers = {who: value(found, who, key) for who in WHO}
    present = {who: round(number, decimals) for who, number in numbers.items() if number is not None}
    if better == NEITHER or len(present) < 2 and key not in rows.MISSING:
        return set()
    best = (min if better == LOW else max)(present.values())
    won = {who for who, number in present.items() if number == best}
    return set() if len(won) == len(WHO) else won


def cell(found, who, key, decimals, unit, won):
    number = value(found, who, key)
    if number is None:
        return rows.MISSING.get(key, "-") if found[who] else "-"
    text = f"{number:,.{decimals}f}{' ' + unit if unit else ''}"
    return f"**{text}**" if who in won else text


def table(found, section):
    yield f"| | {' | '.join(HEADS)} |"
    yield "|---|---|---|---|"
    for key, what, decimals, unit, better in section:
        won = winners(found, key, decimals, better)
        yield f"| {what} | {' | '.join(cell(found, who, key, decimals, unit, won) for who in WHO)} |"


def won_by_others(found):
    """Words of every row that somebody else wins alone, and by whom."""
    for _, _, section in rows.SECTIONS:
        for key, what, decimals, _, better in section:
            won = winners(found, key, decimals, better)
            if won and OURS not in won:
                yield f"* {what}: {' and '.join(HEADS[WHO.index(who)] for who in WHO if who in won)}"


def notes(found):
    """What a number alone does not say. A sentence stands here only while the numbers say so, too."""
    stock = found[STOCK]
    if stock.get("cut_off_lag_hung_ms") is None:
        yield (
            "**A broker that hangs ends the loop of the stock program.** Its `connect()` waits without a limit for the broker's answer; the box goes on"
            " charging with the last set point for as long as that lasts. Newer versions of umqtt.simple (1.5 and later) take `connect(timeout=...)`; whoever knows"
            " that and sets it blocks the loop for that time at every try instead. A watchdog would help, if the user has thought of one."
        )
    if stock["served_of_4"] < 4:
        yield (
            f"**micropython-modbus serves {stock['served_of_4']} of 4 clients**: who connects later throws the one before out. Here nobody comes back; in"
            " a house they would, and throw each other out in turn."
        )
    if stock.get("bus_cycle_ratio_asked") and stock["bus_cycle_ratio_asked"] > 2 * stock["bus_cycle_ratio"]:
        yield (
            "**A Modbus TCP client that is connected and silent stops the stock program** for 0.5 s at each look, which is how long `process()` waits"
            f" for a request: the bus takes {stock['bus_cycle_ratio_asked']:.1f} times as long as it must, and set points wait with it. A user who knows"
            " the inside of the package can ask its socket first; an average one does not."
        )
    hasty = [HEADS[WHO.index(who)] for who in WHO if (found[who].get("silence_chars") or 9) < 3.5 or (found[who].get("bus_cycle_ratio_virtual") or 9) < 1]
    if hasty:
        yield (
            f"**Not everybody keeps the silence of 3.5 characters** before a request: {' and '.join(hasty)} ask again sooner, as far as the processor"
            " allows, and gain time by it. Many devices bear that; on a real line some do not answer then."
        )
    yield (
        "**Much of the stock program's processor time is waiting**: umodbus flushes the UART after each request, which keeps the processor busy until the last"
        " byte is out, here as on an ESP32."
    )
    yield (
        "**What the others need fewer operations and less heap for** is a part of the job: they know one EVSE and one meter, take what they read, and"
        " trust what they wrote. Ladepunkt reads back what it has set, watches faults and a second way to stop, guards against replays and unit mix-ups,"
        " keeps two doors open at the same time, and never waits for anybody."
    )


HOW = """
The same job three times: read EVSE and meter in turn, write the set current that comes over MQTT, publish 26 get topics every second, answer Modbus TCP
for 10100..10116, and go to 0 A when there was no heartbeat for 30 s.

* **Ladepunkt**: the firmware as it goes onto a device (.mpy), on the unix port of MicroPython with the heap blocks of an ESP32, as MQTT client, without its page. `bus.gap_ms` is
  5, the least it takes: its own default is 20 ms of silence, for devices that are slow to listen again.
* **umqtt.simple + micropython-modbus**: [stock_program.py](../tools/compare/stock_program.py) on the same MicroPython with the same heap, its packages as .mpy. It is written as a user would who has read
  their examples, and kind to them: errors are caught, set points are looked at after every request, Modbus TCP is served there, too.
* **pymodbus + paho on CPython**: [cpython_program.py](../tools/compare/cpython_program.py), with asyncio and paho's thread. It needs a computer with an operating system; it is here to show what is possible.

micropython-modbus knows only the UART of a chip: on this machine it gets the stand-in that the firmware has on the desk, with `read()` added. It is under the GPL-3 and is no
part of Ladepunkt: `make compare` installs it into `build/` on your machine, for this measurement only. So is umqtt.simple (MIT), which the firmware uses itself.
None of this is an ESP32: lines, sockets and memory are like its own, its processor and its Wi-Fi are not.
"""


def wrapped(text, between=("",)):
    """The lines of Markdown paragraphs, which have empty lines between them; of a list, too."""
    lines = []
    for paragraph in text.strip().split("\n\n"):
        for item in paragraph.split("\n* "):
            bullet = item if item.startswith("* ") or item == paragraph else "* " + item
            indent = "  " if bullet.startswith("* ") else ""
            lines += textwrap.wrap(" ".join(bullet.split()), WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        lines += between
    return lines[:-1] if between else lines


def page(stored):
    """The Markdown text."""
    run, found = stored["run"], stored
    versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    lines = [
        "# Numbers beside the others",
        "",
        "*This page and its plot are written by `make compare ARGS=\"--write\"`, from one run. Do not edit it.*",
        "",
        *wrapped(f"Measured on {run['date']} by `{run['command']}` within {run['took_s']} s, on {run['machine']} (load before it: {run['load']}, niceness {run['nice']}). {versions}."),
        "**Bold** is the best of a row. Rows in milliseconds and answers per second have the mood of the machine in them: all three share it.",
        f"Set points: {found[OURS]['commands']} of each; cut-off: once each.",
        "",
        "![The same numbers as bars](benchmarks.svg)",
        "",
        "## What is compared",
        "",
        *wrapped(HOW),
    ]
    for title, how, section in rows.SECTIONS:
        lines += ["", f"## {title}", "", *wrapped(how), "", *table(found, section)]
    lines += ["", "## What the numbers do not say", ""]
    lines += wrapped("\n\n".join(f"* {note}" for note in notes(found)), between=())
    lines += ["", "## Where others are better", "", *won_by_others(found), ""]
    return "\n".join(lines)


README_ROWS = (
    "bytes_left_per_cycle", "kops_per_cycle", "live_heap_bytes_32", "command_p50_ms", "bus_cycle_ratio_asked", "cut_off_lag_hung_ms",
)  # fmt: skip


def readme_lines(stored):
    """What the README quotes: rows that somebody else wins, too."""
    section = [row for _, _, some in rows.SECTIONS for row in some if row[0] in README_ROWS]
    return [
        "The same job done with stock packages on the same MicroPython, and on CPython, in one run ([docs/benchmarks.md](docs/benchmarks.md) has",
        "all rows; `make compare` measures them on your machine):",
        "",
        *table(stored, section),
    ]
