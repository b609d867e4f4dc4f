"""docs/benchmarks.svg: some rows of the page as bars, each row with a scale of its own."""

from tools.compare import page, rows

COLOURS = {page.OURS: "#1769aa", page.STOCK: "#c0392b", page.CPYTHON: "#7f8c8d"}
SHOWN = (
    ("bytes_left_per_cycle", "garbage per bus cycle, bytes"),
    ("kops_per_cycle", "operations per bus cycle, thousand"),
    ("live_heap_bytes_32", "live heap, bytes"),
    ("bus_cycle_ratio_asked", "bus cycle over the least possible, one Modbus client asks every second"),
    ("command_p99_ms", "set point to the EVSE, all but the slowest hundredth, ms"),
    ("cut_off_lag_hung_ms", "0 A after the heartbeat limit while the broker hangs, ms"),
    ("requests_per_second_4", "Modbus TCP answers per second, four clients (more is better)"),
)
WIDTH, LEFT, RIGHT, BAR, TITLE, GAP, TOP = 860, 20, 190, 15, 22, 16, 56
NOT_AT_ALL = {"cut_off_lag_hung_ms": "does not cut off"}


def draw(stored):
    """The SVG text."""
    parts, y = list(_legend()), TOP
    decimals = {key: digits for _, _, section in rows.SECTIONS for key, _, digits, _, _ in section}
    for key, title in SHOWN:
        parts.append(_text(LEFT, y + 12, title, "bold"))
        y += TITLE
        numbers = {who: stored[who].get(key) for who in page.WHO}
        most = max([number for number in numbers.values() if number] or [1])
        for who, number in numbers.items():
            parts += _bar(y, COLOURS[who], number, most, NOT_AT_ALL.get(key, "not counted there"), min(2, decimals[key]))
            y += BAR + 3
        y += GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="13">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"


def _legend():
    x = LEFT
    for who, name in zip(page.WHO, page.HEADS):
        yield f'<rect x="{x}" y="18" width="14" height="14" fill="{COLOURS[who]}"/>'
        yield _text(x + 20, 30, name)
        x += 60 + 8 * len(name)


def _bar(y, colour, number, most, missing, decimals):
    """A bar with its number, or why there is none."""
    if number is None:
        return [_text(LEFT, y + 12, missing, colour=colour)]
    width = round((WIDTH - LEFT - RIGHT) * number / most)
    shape = f'<rect x="{LEFT}" y="{y}" width="{max(width, 1)}" height="{BAR}" fill="{colour}"/>'
    return [shape, _text(LEFT + max(width, 1) + 6, y + 12, f"{number:,.{decimals}f}")]


def _text(x, y, text, weight="normal", colour="#222222"):
    return f'<text x="{x}" y="{y}" font-weight="{weight}" fill="{colour}">{text}</text>'
