"""Draws how a board is wired to a wallbox, as SVG: the board on the left, modules and relays between, EVSE, meter and car right."""

from xml.sax.saxutils import escape

WIDTH = 940
BOARD_X, BOARD_W = 20, 210
MODULE_X, MODULE_W = 330, 150
DEVICE_X, DEVICE_W = 700, 220
ROW, HEAD, GAP = 26, 40, 24
BLUE, RED, BLACK, GREEN, BROWN = "#1f5fa8", "#b3261e", "#333333", "#2e7d32", "#8a5a00"
BUS_X = {"A": 560, "B": 590, "GND": 620}
BUS_COLOUR = {"A": BLUE, "B": GREEN, "GND": BLACK}
STYLE = "text{font:14px sans-serif;fill:#222} .t{font-weight:bold} .s{font-size:12px;fill:#555} .b{fill:#fbfaf5;stroke:#555;stroke-width:1.5}"


class Sheet:
    """Collects what is drawn."""

    def __init__(self):
        self.parts = []
        self.bottom = 0

    def box(self, x, y, width, height, title):
        self.parts.append(f'<rect class="b" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>')
        self.text(x + 12, y + 22, title, "t")
        self.bottom = max(self.bottom, y + height)

    def text(self, x, y, words, kind="", anchor="start"):
        css = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text{css} x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>')

    def wire(self, colour, *points):
        joined = " ".join(f"{x},{y}" for x, y in points)
        self.parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')

    def dot(self, x, y, colour):
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')

    def svg(self, title):
        height = self.bottom + 20
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">'
        parts = [head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
        return "\n".join([*parts, *self.parts, "</svg>"]) + "\n"


def draw(board, about):
    """The SVG text."""
    sheet = Sheet()
    relays = board.get("cp_relays", [])
    bus_y = _bus(sheet, board["rs485"][0], about)
    y = max(bus_y, sheet.bottom) + GAP
    for index, row in enumerate(relays):
        y = _cp_relay(sheet, y, index, row, about) + GAP
    y = _coils(sheet, y, board, about)
    y = _inside(sheet, y, board, about)
    sheet.parts.insert(0, f'<rect class="b" x="{BOARD_X}" y="20" width="{BOARD_W}" height="{max(y, sheet.bottom) - 20}" rx="6"/>')
    sheet.bottom = max(y, sheet.bottom)
    sheet.text(BOARD_X + 12, 42, about["chip"] + " board", "t")
    sheet.text(BOARD_X + 12, 58, about["title"][:34], "s")
    return sheet.svg("Wiring: " + about["title"])


def _pin(about, pin):
    label = about["labels"].get(str(pin))
    return f"GPIO{pin} ({label})" if label else f"GPIO{pin}"


def _bus(sheet, row, about):
    """The RS485 line from the board, or its module, to EVSE and meter. Returns the y where it ends."""
    top = 80
    port = [(about["rs485"][key], name) for key, name in (("a", "A"), ("b", "B"), ("gnd", "GND"))]
    if about["rs485"]["module"] is None:
        right = BOARD_X + BOARD_W
        for index, (label, _) in enumerate(port):
            sheet.text(right - 10, top + index * ROW + 5, "RS485 " + label, anchor="end")
    else:
        right = MODULE_X + MODULE_W
        _module(sheet, top, row, about)
        for index, (label, _) in enumerate(port):
            sheet.text(right - 10, top + index * ROW + 5, label, anchor="end")
    ends = {}
    for device, lines, y in (("EVSE controller", "EVSE-DIN / EVSE-WB", 20), ("Energy meter", "SDM630 or another one", 20 + HEAD + 3 * ROW + 20 + GAP)):
        sheet.box(DEVICE_X, y, DEVICE_W, HEAD + 3 * ROW + 20, device)
        sheet.text(DEVICE_X + 12, y + 38, lines, "s")
        for index, (_, name) in enumerate(port):
            line_y = y + HEAD + 20 + index * ROW
            sheet.text(DEVICE_X + 12, line_y + 5, name)
            ends.setdefault(name, []).append(line_y)
    for index, (_, name) in enumerate(port):
        x, colour, start_y = BUS_X[name], BUS_COLOUR[name], top + index * ROW
        sheet.wire(colour, (right, start_y), (x, start_y))
        sheet.wire(colour, (x, min(start_y, *ends[name])), (x, max(ends[name])))
        for line_y in ends[name]:
            sheet.wire(colour, (x, line_y), (DEVICE_X, line_y))
            sheet.dot(x, line_y, colour)
    return top + 3 * ROW


def _module(sheet, top, row, about):
    """A transceiver module between the board's pins and the line."""
    pins = [(row["tx"], "DI (TXD)", BLUE), (row["rx"], "RO (RXD)", GREEN)]
    if row.get("de") is not None:
        pins.append((row["de"], "DE and /RE", BROWN))
    rows = len(pins) + 2
    sheet.box(MODULE_X, top - HEAD, MODULE_W, HEAD + rows * ROW, about["rs485"]["module"])
    for index, (pin, name, colour) in enumerate(pins):
        y = top + index * ROW
        sheet.text(BOARD_X + BOARD_W - 10, y + 5, _pin(about, pin), anchor="end")
        sheet.text(MODULE_X + 10, y + 5, name)
        sheet.wire(colour, (BOARD_X + BOARD_W, y), (MODULE_X, y))
    for index, (name, colour) in enumerate((("VCC", RED), ("GND", BLACK))):
        y = top + (len(pins) + index) * ROW
        sheet.text(BOARD_X + BOARD_W - 10, y + 5, "GND" if name == "GND" else "3V3 (5V: see notes)", anchor="end")
        sheet.text(MODULE_X + 10, y + 5, name)
        sheet.wire(colour, (BOARD_X + BOARD_W, y), (MODULE_X, y))


def _cp_relay(sheet, y, index, row, about):
    """CP of the EVSE through the contact of a relay to the car. Returns the y below."""
    height = HEAD + 2 * ROW
    contact = row["contact"].upper()
    sheet.box(MODULE_X, y, MODULE_W, height, f"CP relay {index + 1}")
    sheet.box(DEVICE_X, y, DEVICE_W, height, f"Charge point {index + 1}")
    pin_y, com_y, contact_y = y + HEAD + ROW // 2, y + HEAD + 4, y + HEAD + ROW + 6
    sheet.text(BOARD_X + BOARD_W - 10, pin_y + 5, _pin(about, row["pin"]), anchor="end")
    sheet.wire(BROWN, (BOARD_X + BOARD_W, pin_y), (MODULE_X, pin_y))
    sheet.text(MODULE_X + 10, pin_y + 5, "coil")
    for line_y, name, device in ((com_y, "COM", "CP of the EVSE"), (contact_y, contact, "CP of the car")):
        sheet.text(MODULE_X + MODULE_W - 10, line_y + 5, name, anchor="end")
        sheet.text(DEVICE_X + 12, line_y + 5, device)
        sheet.wire(RED, (MODULE_X + MODULE_W, line_y), (DEVICE_X, line_y))
    return y + height


def _coils(sheet, y, board, about):
    """Coils of a phase switch, for boards that have rows of them."""
    for index, row in enumerate(board.get("coils", [])):
        for key, pin in row.items():
            if key == "pin" or key.endswith("_pin"):
                sheet.text(BOARD_X + BOARD_W - 10, y + 5, _pin(about, pin), anchor="end")
                sheet.wire(BROWN, (BOARD_X + BOARD_W, y), (MODULE_X, y))
                name = key.removesuffix("_pin") if key != "pin" else str(row.get("phases", ""))
                sheet.text(MODULE_X + 10, y + 5, f"phase coil {index + 1} {name}".rstrip())
                y += ROW
    return y


def _inside(sheet, y, board, about):
    """What is on the board itself: a list without wires. Returns the y below."""
    lines = []
    if board.get("button"):
        lines.append("button: " + _pin(about, board["button"]["pin"]))
    if board.get("ethernet"):
        lines.append("Ethernet on board")
    if board.get("outputs"):
        lines.append("set at start: GPIO " + ", ".join(str(row["pin"]) for row in board["outputs"]))
    for line in lines:
        sheet.text(BOARD_X + 12, y + 5, line, "s")
        y += ROW
    return y + 10
