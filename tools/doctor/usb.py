"""A box at USB: asks for maintenance (0 A), scans its lines, looks at every device on them, and repairs an EVSE when asked to."""

import re
import time

from tools import configure, maintenance
from tools.doctor.box import Box
from tools.doctor.bus import Scan, judge_noise
from tools.doctor.evse import Evse
from tools.doctor.finding import fix, hint, ok
from tools.doctor.meter import Meter
from tools.doctor.status import judge_heap, judge_wifi
from tools.flash import FlashError

OLDEST_SYSTEM = (1, 26)


class Visit:
    """`told`: Doctor, who says and keeps what is found. `ask(text)` returns True when somebody agrees."""

    def __init__(self, doctor, options, ask):
        self._doctor = doctor
        self._options = options
        self._ask = ask

    def run(self):
        say = self._doctor.say
        with maintenance.open_port(self._options.port) as stream:
            maintenance.enter(stream, self._options.force, say)
            box = Box(stream, time.monotonic).open()
            try:
                self._look_at_box(box)
            finally:
                box.close()
        say("the box stays at 0 A until it is reset, or for ten minutes")

    def _look_at_box(self, box):
        about = box.about()
        self._doctor.details["box"] = about
        self._doctor.tell(judge_box(about))
        config = usable(about["config"], about["board"])
        for i, row in enumerate(about["board"].get("rs485") or []):
            self._look_at_line(box.line(i, row.get("baud", 9600)), i, row, about["board"], config)

    def _look_at_line(self, line, i, row, board, config):
        points = [point for point in config["charge_points"] if point.get("bus", 0) == i]
        evses = [point["evse"] for point in points] or row.get("evse_ids") or (board.get("evse_ids", [1]) if i == 0 else [])
        types = {point["meter"]["unit"]: point["meter"]["type"] for point in points if point["meter"].get("unit")}
        name = f"RS485 line {i}" if len(board["rs485"]) > 1 else "RS485 line"
        scan = Scan(line, evses, tuple(types), name).run(self._doctor.say)
        self._doctor.tell(scan.findings)
        for unit in scan.evses:
            evse = Evse(line, unit).run()
            self._doctor.tell(evse.findings)
            self._offer(evse)
        for unit, where in scan.meters.items():
            self._doctor.tell(Meter(line, unit, where, types.get(unit)).run().findings)
        if line.heard:
            self._doctor.tell([judge_noise(name, line)])

    def _offer(self, evse):
        if not evse.repairs:
            return
        text = ", ".join(f"{register} := {value}" for register, value in evse.repairs.items())
        if not self._options.repair:
            self._doctor.say(f"ARGS=--repair would write to the EEPROM of EVSE {evse.unit}, once: {text}")
            return
        if not self._options.yes and not self._ask(f"write to the EEPROM of EVSE {evse.unit}: {text}? [y/N] "):
            self._doctor.say("nothing was written")
            return
        trouble = evse.apply()
        what = f"EVSE {evse.unit}, repair"
        self._doctor.tell([ok(what, f"written and read back: {text}") if trouble is None else fix(what, trouble, "try it once more")])
        if trouble is None:
            self._doctor.withdraw(lambda finding: _is_repaired(finding, evse))


def _is_repaired(finding, evse):
    return finding.what.startswith(f"EVSE {evse.unit},") and any(f"({register})" in finding.what for register in evse.repairs)


def usable(config, board):
    """The configuration with all defaults; without any charge point where it can not be used."""
    try:
        return configure.check(config, board)
    except FlashError:
        return {"charge_points": []}


def judge_box(about):
    board, config = about["board"], about["config"]
    findings = [_judge_board(board), _judge_system(str(about["system"])), _judge_config(config, board), *_judge_starts(about)]
    findings += judge_heap({"idf_free": about.get("idf_free")}) + judge_wifi(about.get("rssi_dbm"))
    return findings + _judge_relays(board, about["pins"]) + _judge_coils(board, about.get("coils", []))


def _judge_board(board):
    if not board.get("rs485"):
        return fix("board.json", "names no RS485 line" if board else "missing or unreadable", "make flash BOARD=... PORT=... puts the one of your board there")
    return ok("board.json", str(board.get("board")))


def _judge_system(text):
    version = re.search(r"MicroPython v(\d+)\.(\d+)", text)
    if version and (int(version[1]), int(version[2])) < OLDEST_SYSTEM:
        return fix("MicroPython", text, "older than 1.26: make flash BOARD=... ARGS=\"--image FILE\"")
    return ok("MicroPython", text)


def _judge_config(config, board):
    if "unreadable" in config:
        return fix("config.json", f"can not be read: {config['unreadable']}", "make configure PORT=... asks for everything and writes it")
    try:
        checked = configure.check(config, board)
    except FlashError as error:
        return fix("config.json", str(error).removesuffix(": correct it and run it again"), "make configure PORT=... corrects it")
    count = len(checked["charge_points"])
    return ok("config.json", f"{count} charge point{'s' if count > 1 else ''}")


def _judge_starts(about):
    if about.get("latched"):
        yield fix("starts", "five ended by the watchdog: a boot loop", "make flash PORT=... installs the firmware again; this visit has cleared it")
    elif about.get("starts", 0) >= 3:
        yield hint("starts", f"{about['starts']} in a row came to nothing", "the floor goes back to the version before; its console tells why they ended")
    else:
        yield ok("starts", f"version {about['active']}" if about.get("active") else "fine")


def _judge_relays(board, pins):
    relays = board.get("cp_relays", [])
    findings = []
    if not relays:
        findings.append(hint("second stop", "the board has no CP relay", "no second stop path: if the EVSE hangs only its fuse stops the car"))
    for row, (pin, level) in zip(relays, pins, strict=False):
        what = f"CP relay at pin {pin}"
        if level == (row["active"] if row["contact"] == "nc" else 1 - row["active"]):
            findings.append(ok(what, "CP is open, as it should be in maintenance"))
        else:
            findings.append(fix(what, "CP is closed, expected open in maintenance", "is something else wired to this pin? Check cp_relays in board.json"))
    return findings


def _judge_coils(board, coils):
    """No coil of a phase relay has power while nothing is switched."""
    actives = {row[key]: row["active"] for row in board.get("coils", []) for key in ("one_pin", "three_pin") if row.get(key) is not None}
    return [
        fix(f"coil at pin {pin}", "has power at rest", "switch it off: coils are made for pulses. Is `active` in board.json right?")
        if level == actives[pin]
        else ok(f"coil at pin {pin}", "at rest")
        for pin, level in coils
        if pin in actives
    ]
