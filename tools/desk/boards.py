"""The board of the gateway on the desk: board.json of one of the project's boards, and what its relays and coils do to the site."""

import json
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "boards")
DEFAULT = "waveshare_s3_relay_6ch"  # has relays: the second way to stop can be seen
STUCK = ("none", "open", "closed")
COILS = (("one_pin", 1), ("three_pin", 3))
# By the numbers of firmware/phases.py.
SWITCH_STATES = (
    "at rest", "stops the charge", "waits for the car", "opens the pilot", "pulse", "waits after the pulse", "interrupts", "closes the pilot", "gave up",
)  # fmt: skip


def names():
    """The boards of the project."""
    return sorted(name for name in os.listdir(FOLDER) if os.path.exists(os.path.join(FOLDER, name, "board.json")))


def read(name):
    with open(os.path.join(FOLDER, name, "board.json"), encoding="utf-8") as file:
        return json.load(file)


def fit(board, config):
    """Change the board to what the bus of this configuration is, as its owner would. Returns a sentence per change."""
    said = []
    units = [point["evse"] for point in config["charge_points"]]
    if not set(units) <= set(board["evse_ids"]):
        board["evse_ids"] = units
        said.append("evse_ids of board.json are %s here, from the configuration" % units)
    baud = config.get("bus", {}).get("baud", 9600)
    if baud != board["rs485"][0].get("baud", 9600):
        board["rs485"][0]["baud"] = baud
        said.append("baud of board.json is %s here, from the configuration" % baud)
    return said


class Relays:
    """The CP relays: `move` when a pin gets a level, `drop` when no pin is driven any more, `stick` for a fault.

    `lock` guards `site`, which is None when the desk drives a real box.
    """

    def __init__(self, board, site, lock):
        self._rows = board.get("cp_relays", [])
        self._site = site
        self._lock = lock
        self._coil = [False] * len(self._rows)
        self._stuck = ["none"] * len(self._rows)
        self._phase_rows = board.get("coils", [])
        self._apply()
        self._drop_coils()

    def pins(self):
        """As the stub of `machine` wants to be told: numbers with commas between."""
        pins = [row["pin"] for row in self._rows]
        pins += [row[key] for row in self._phase_rows for key in ("one_pin", "three_pin", "hold_pin") if row.get(key) is not None]
        return ",".join(map(str, pins))

    def move(self, pin, level):
        for index, row in enumerate(self._rows):
            if row["pin"] == pin:
                self._coil[index] = level == row["active"]
        self._apply()
        for index, row in enumerate(self._phase_rows):
            self._move_coil(index, row, pin, level == row["active"])

    def drop(self):
        self._coil = [False] * len(self._rows)
        self._apply()
        self._drop_coils()

    def _drop_coils(self):
        for index, row in enumerate(self._phase_rows):
            for key in ("one_pin", "three_pin", "hold_pin"):
                self._move_coil(index, row, row.get(key), False)

    def _move_coil(self, index, row, pin, on):
        if self._site is None or pin is None or index >= len(self._site.charge_points):
            return
        point = self._site.charge_points[index]
        with self._lock:
            for key, phases in COILS:
                if row.get(key) == pin:
                    point.energise(phases, on)
            if row.get("hold_pin") == pin and not point.phases_stuck:
                point.phases = row["hold_is"] if on else 4 - row["hold_is"]

    def stick(self, index, how):
        """The contact of one relay stays "open" or "closed" whatever its coil does, or "none". Raises ValueError."""
        if how not in STUCK:
            raise ValueError('"stuck" must be one of ' + ", ".join(STUCK))
        if index >= len(self._rows):
            raise ValueError("this board has no CP relay for charge point %d: choose another one with --board" % index)
        self._stuck[index] = how
        self._apply()

    def stuck(self, index):
        return self._stuck[index] if index < len(self._rows) else "none"

    def is_open(self, index):
        if self._stuck[index] != "none":
            return self._stuck[index] == "open"
        return self._coil[index] == (self._rows[index]["contact"] == "nc")

    def _apply(self):
        if self._site is None:
            return
        with self._lock:
            for index, point in enumerate(self._site.charge_points[: len(self._rows)]):
                point.cp_open = self.is_open(index)
