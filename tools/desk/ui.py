"""What the desk shows: a live view with keys, or one plain line per second."""

import collections
import os
import select
import sys
import termios
import time
import tty

from tools.desk import boards
from tools.desk.line import FAULTS

EVSE_STATES = {1: "A", 2: "B", 3: "C", 4: "D", 5: "failure"}
KEYS = (
    ("p", "plug / unplug"),
    ("s", "controller: leads / no heartbeat / silent"),
    ("+ -", "set point"),
    ("b", "break the bus"),
    ("r", "restart gateway"),
    ("e", "restart EVSE"),
    ("tab", "next charge point"),
    ("q", "quit"),
)
LOG_LINES = 8


def choose(options):
    """The view for this terminal and these options."""
    if options.headless or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return PlainView(options)
    return LiveView(options)


class PlainView:
    """One line per second on standard output."""

    def __init__(self, options):
        self._seconds = options.seconds
        self._reader_left = False

    def say(self, text):
        try:
            print(text, flush=True)
        except BrokenPipeError:
            self._reader_left = True
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # else the interpreter complains once more at its end

    def run(self, desk):
        """Show the desk until its time is up or somebody wants to leave."""
        started_s = time.monotonic()
        second = 0
        while not self._is_over(started_s):
            second += 1
            if desk.wanted.wait(max(0, started_s + second - time.monotonic())):
                return
            desk.look()
            for line in plain_lines(desk.commands.state(), time.monotonic() - started_s):
                self.say(line)

    def summary(self, desk):
        self.say(summary_line(desk))

    def _is_over(self, started_s):
        return self._reader_left or (self._seconds is not None and time.monotonic() - started_s >= self._seconds)


def plain_lines(state, passed_s):
    """The state of the desk as one line per charge point."""
    firmware = state["firmware"] or {}
    lines = []
    for index in range(max(len(state["cp"]), len(firmware.get("cp", [])))):
        words = ["%5d s" % passed_s, "cp%d" % index]
        if index < len(state["cp"]):
            words += _box_words(state["cp"][index])
        words += _firmware_words(firmware, index)
        words.append("gateway " + state["gateway"])
        lines.append("  ".join(words))
    return lines


def _box_words(point):
    currents = " ".join("%5.2f" % current for current in point["car"]["current_a"])
    words = ["plugged" if point["car"]["plugged"] else "no car ", EVSE_STATES[point["evse"]["state"]]]
    words += ["CP open"] if point["relays"]["cp_open"] else []
    words += ["coil %d" % phases for phases in point["relays"]["coils"]]
    words += ["set %5.2f A" % set_current_a(point), "draws %s A" % currents]
    if point["meter"] is not None:
        words.append("%5d W" % point["meter"]["power_w"])
    return words


def _firmware_words(firmware, index):
    points = firmware.get("cp", [])
    if index >= len(points):
        return ["no report"]
    point = points[index]
    age_ms = point.get("heartbeat_age_ms")
    words = ["heartbeat " + ("none" if age_ms is None else "%d s" % (age_ms // 1000)), "reason: %s" % point.get("state_str")]
    words.append("bus errors %d" % bus_errors(firmware))
    if firmware.get("heap_used"):
        words.append("heap %d %%" % heap_percent(firmware))
    return words


def set_current_a(point):
    """Register 1000 in ampere."""
    raw = point["evse"]["set_current_raw"]
    return raw / 100 if point["evse"]["precise"] else raw


def bus_errors(firmware):
    """Requests of the gateway that got no good answer."""
    keys = ("timeouts", "crc_errors", "wrong_replies")
    return sum(device.get(key, 0) for device in firmware.get("bus", []) for key in keys)


def heap_percent(firmware):
    """How much of the firmware's heap lives."""
    return 100 * firmware["heap_used"] // (firmware["heap_used"] + firmware["heap_free"])


def summary_line(desk):
    """The last line of the desk."""
    state = desk.commands.state()
    words = ["%d s on the desk" % (time.monotonic() - desk.started_s)]
    for index, point in enumerate(state["cp"]):
        energy = "" if point["meter"] is None else ", %d Wh" % point["meter"]["imported_wh"]
        words.append("cp%d set %.2f A%s" % (index, set_current_a(point), energy))
    words.append("gateway restarts %d" % state["restarts"])
    if state["line"] is not None:
        words.append("bus requests %d" % state["line"]["requests"])
    words.append("gateway's bus errors %d" % bus_errors(state["firmware"] or {}))
    return "; ".join(words) + "."


class LiveView:
    """A screen that is redrawn four times a second, with keys."""

    def __init__(self, options):
        self._seconds = options.seconds
        self._log = collections.deque(maxlen=LOG_LINES)
        self._live = None
        self._selected = 0

    def say(self, text):
        if self._live is None:
            print(text, flush=True)
        self._log.append(text)

    def run(self, desk):
        """Show the desk until its time is up or somebody wants to leave."""
        from rich.live import Live

        started_s = time.monotonic()
        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
        try:
            tty.setcbreak(keyboard)
            with Live(self._screen(desk), screen=True, auto_refresh=False) as self._live:
                while not desk.wanted.is_set() and (self._seconds is None or time.monotonic() - started_s < self._seconds):
                    readable, _, _ = select.select([keyboard], [], [], 0.25)
                    if readable:
                        self._keys(desk, os.read(keyboard, 64).decode(errors="replace"))
                    desk.look()
                    self._live.update(self._screen(desk), refresh=True)
        finally:
            self._live = None
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)

    def summary(self, desk):
        self.say(summary_line(desk))

    def _keys(self, desk, keys):
        if not keys:
            desk.wanted.set()  # the terminal is gone
        for key in keys:
            try:
                self._key(desk, key)
            except ValueError as error:
                self.say(str(error))

    def _key(self, desk, key):
        actions = {"p": self._toggle_plug, "b": self._next_fault, "\t": self._next_point}
        if key == "q":
            desk.wanted.set()
        elif key in actions:
            actions[key](desk)
        elif key == "r":
            desk.commands.do({"do": "restart", "what": "gateway"})
        elif key == "e":
            desk.commands.do({"do": "restart", "what": "evse", "cp": self._selected})
        elif key in "s+-" and desk.controller is None:
            self.say("there is no stand-in controller: it was switched off with --no-controller")
        elif key == "s":
            desk.controller.next_mode()
        elif key in "+-":
            desk.controller.set_current(desk.controller.current_a + (1 if key == "+" else -1))

    def _toggle_plug(self, desk):
        points = desk.commands.state()["cp"]
        plugged = bool(points) and points[self._selected]["car"]["plugged"]
        desk.commands.do({"do": "unplug" if plugged else "plug", "cp": self._selected})

    def _next_fault(self, desk):
        points = desk.commands.state()["cp"]
        fault = points[self._selected]["bus"]["evse"] if points else "none"
        following = FAULTS[(FAULTS.index(fault) + 1) % len(FAULTS)]
        desk.commands.do({"do": "bus", "device": "all", "fault": following, "cp": self._selected})

    def _next_point(self, desk):
        self._selected = (self._selected + 1) % len(desk.config["charge_points"])

    def _screen(self, desk):
        from rich.console import Group
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        state = desk.commands.state()
        table = Table.grid(padding=(0, 3))
        for name, *values in self._rows(state):
            table.add_row(Text(name, style="bold"), *[Text(value) for value in values])
        keys = Text("   ".join("%s %s" % key for key in KEYS), style="dim")
        title = "Ladepunkt on the desk: %d s" % (time.monotonic() - desk.started_s)
        return Group(Panel(table, title=title), Panel(Text("\n".join(list(self._log))), title="messages"), keys)

    def _rows(self, state):
        firmware = state["firmware"] or {}
        reports = firmware.get("cp", [])
        count = max(len(state["cp"]), len(reports), 1)
        rows = [["charge point"] + [("> %d" if i == self._selected else "  %d") % i for i in range(count)]]
        if state["cp"]:
            rows += _box_rows(state["cp"])
        rows += _report_rows(reports)
        rows.append(["controller", _controller_text(state["controller"])])
        rows.append(["gateway", _gateway_text(state, firmware)])
        for device in firmware.get("bus", []):
            rows.append(["bus " + str(device.get("name", "")), _device_text(device)])
        return rows


def _box_rows(points):
    return [
        ["car"] + ["plugged in" if p["car"]["plugged"] else "not plugged in" for p in points],
        ["EVSE state"] + [EVSE_STATES[p["evse"]["state"]] + ("" if p["evse"]["powered"] else " (no power)") for p in points],
        ["control pilot"] + [_relay_text(p["relays"]) for p in points],
        ["phase relay"] + [_phases_text(p["relays"]) for p in points],
        ["set current"] + ["%.2f A" % set_current_a(p) for p in points],
        ["current"] + ["  ".join("%5.2f" % a for a in p["car"]["current_a"]) + " A" for p in points],
        ["meter"] + ["none" if p["meter"] is None else "%d W, %.3f kWh" % (p["meter"]["power_w"], p["meter"]["imported_wh"] / 1000) for p in points],
        ["faults of the line"] + ["EVSE %s, meter %s" % (p["bus"]["evse"], p["bus"]["meter"]) for p in points],
    ]


def _relay_text(relays):
    stuck = "" if relays["stuck"] == "none" else " (relay stuck %s)" % relays["stuck"]
    return ("open" if relays["cp_open"] else "closed") + stuck


def _phases_text(relays):
    coils = "".join(", coil %d on" % phases for phases in relays["coils"])
    return "%d phases%s%s" % (relays["phases"], coils, " (stuck)" if relays["phases_stuck"] else "")


def _switch_text(report):
    state, position = report.get("switch"), report.get("position")
    if state is None:
        return "no relay"
    return boards.SWITCH_STATES[state] + ("" if position is None else ", believes %s" % (position or "nothing"))


def _report_rows(reports):
    ages = [report.get("heartbeat_age_ms") for report in reports]
    return [
        ["led by"] + [str(report.get("leader")) for report in reports],
        ["reason"] + [str(report.get("state_str")) for report in reports],
        ["switching"] + [_switch_text(report) for report in reports],
        ["heartbeat age"] + ["none" if age is None else "%.1f s" % (age / 1000) for age in ages],
    ]


def _controller_text(controller):
    if controller is None:
        return "none of ours"
    link = "" if controller["connected"] else " (no connection to the broker)"
    return "%s, %d A%s" % (controller["mode"], controller["current_a"], link)


def _gateway_text(state, firmware):
    heap = ""
    if firmware.get("heap_used"):
        heap = ", heap %d %% used, %d KiB free" % (heap_percent(firmware), firmware["heap_free"] // 1024)
    return "%s, %d restarts%s" % (state["gateway"], state["restarts"], heap)


def _device_text(device):
    return "%d requests, %d timeouts, %d CRC errors, %d wrong replies, %d ms, gap %d ms" % tuple(
        device.get(key, 0) for key in ("requests", "timeouts", "crc_errors", "wrong_replies", "latency_ms", "gap_ms")
    )
