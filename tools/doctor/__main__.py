"""python -m tools.doctor: at the box (--port) or over the network (--host). Exit status 1 when something must be fixed."""

import argparse
import sys
import time

from rich.console import Console
from rich.text import Text

from tools import maintenance
from tools.doctor import net, report, status
from tools.doctor.box import Box
from tools.doctor.bus import Scan
from tools.doctor.evse import Evse
from tools.doctor.finding import FIX, HINT, OK, fix, hint, ok
from tools.doctor.meter import Meter

COLOURS = {OK: "green", HINT: "yellow", FIX: "red"}
HEARTBEAT_LIMIT_S = 60


def parser():
    result = argparse.ArgumentParser(
        prog="python -m tools.doctor",
        description="Looks at a box and says what is wrong and what to do. Over USB it asks for maintenance first (0 A; a box that "
        "charges refuses) and scans the line; over the network it only reads.",
    )
    add = result.add_argument
    add("--port", help="the box at USB, for example /dev/ttyUSB0")
    add("--host", help="the box on the network")
    add("--mqtt-port", type=int, default=1883, help="default %(default)s; 0: do not look")
    add("--modbus-port", type=int, default=1502, help="default %(default)s; 0: do not look")
    add("--http-port", type=int, default=80, help="default %(default)s; 0: do not look")
    add("--user", help="of the broker on the box, if it asks for one")
    add("--password")
    add("--force", action="store_true", help="over USB: also end a charging session")
    add("--repair", action="store_true", help="over USB: offer to write what is wrong in the EVSE's EEPROM")
    add("--yes", action="store_true", help="with --repair: do it without asking")
    add("--no-heartbeat", action="store_true", help="do not wait for a controller")
    add("--report", default="doctor-report.json", metavar="FILE", help="where to write the report (default %(default)s)")
    return result


class Doctor:
    """Collects findings and tells each as soon as it is known."""

    def __init__(self, options, console):
        self.options = options
        self.findings = []
        self.details = {}
        self._console = console

    def say(self, text):
        self._console.print(Text(f"      {text}", style="dim"))

    def tell(self, findings):
        for finding in findings:
            self._console.print(Text(finding.line(), style=COLOURS[finding.level]), soft_wrap=True)
        self.findings += findings

    # -- over the network --

    def look_over_network(self):
        options = self.options
        values = {}
        found = None
        if options.http_port:
            found, trouble = status.fetch(options.host, options.http_port)
            if found is None:
                self.tell([trouble])
        count = len(found["charge_points"]) if found else 1
        if options.mqtt_port and not (found and found.get("mqtt", {}).get("mode") == "client"):
            mqtt = net.Mqtt(options.host, options.mqtt_port, options.user, options.password)
            self.tell(net.look_mqtt(mqtt, count))
            values = mqtt.point(0)
            self.details["topics"] = dict(mqtt.values)
            if mqtt.refused is None:
                led_by_modbus = found and any(point.get("leader") == "modbus" for point in found["charge_points"])
                if not options.no_heartbeat and not led_by_modbus:
                    self.tell(net.look_heartbeat(mqtt, HEARTBEAT_LIMIT_S, self.say))
                mqtt.close()
        if options.modbus_port:
            self.tell(net.look_modbus(options.host, options.modbus_port, values))
        if found:
            again, trouble = status.fetch(options.host, options.http_port)
            self.details["status"] = again
            self.tell([trouble] if again is None else status.judge(status.since(found, again)))

    # -- over USB --

    def look_over_usb(self):
        with maintenance.open_port(self.options.port) as stream:
            maintenance.enter(stream, self.options.force, self.say)
            box = Box(stream, time.monotonic).open()
            try:
                self._look_at_box(box)
            finally:
                box.close()
        self.say("the box stays at 0 A until it is reset, or for ten minutes")

    def _look_at_box(self, box):
        about = box.about()
        self.details["box"] = about
        board, config = about["board"], about["config"]
        self.tell(_judge_box(about))
        points = config.get("charge_points") or []
        evses = [point["evse"] for point in points] or board.get("evse_ids", [])
        meters = [point["meter"]["unit"] for point in points if point["meter"].get("unit")]
        line = box.line(board["rs485"][0].get("baud", 9600))
        scan = Scan(line, evses, meters).run(self.say)
        self.tell(scan.findings)
        for unit in scan.evses:
            evse = Evse(line, unit).run()
            self.tell(evse.findings)
            self._offer(evse)
        for unit, where in scan.meters.items():
            self.tell(Meter(line, unit, where).run().findings)

    def _offer(self, evse):
        if not evse.repairs:
            return
        text = ", ".join(f"{register} := {value}" for register, value in evse.repairs.items())
        if not self.options.repair:
            self.say(f"--repair would write to the EEPROM of EVSE {evse.unit}: {text}")
            return
        if not self.options.yes and input(f"      write to the EEPROM of EVSE {evse.unit}: {text}? [y/N] ").strip().lower() != "y":
            self.say("nothing was written")
            return
        trouble = evse.apply()
        what = f"EVSE {evse.unit}, repair"
        self.tell([ok(what, f"written and read back: {text}") if trouble is None else fix(what, trouble, "try it once more")])
        if trouble is None:
            self.findings = [finding for finding in self.findings if not _is_repaired(finding, evse)]


def _is_repaired(finding, evse):
    return finding.what.startswith(f"EVSE {evse.unit},") and any(f"({register})" in finding.what for register in evse.repairs)


def _judge_box(about):
    board, config = about["board"], about["config"]
    findings = [ok("board.json", str(board.get("board"))), ok("system", str(about["system"]))]
    if "unreadable" in config:
        findings.append(fix("config.json", config["unreadable"], "run make configure"))
    else:
        findings.append(ok("config.json", f"{len(config.get('charge_points', []))} charge points"))
    relays = board.get("cp_relays", [])
    if not relays:
        findings.append(hint("second stop", "the board has no CP relay", "no second stop path: if the EVSE hangs only its fuse stops the car"))
    for row, (pin, level) in zip(relays, about["pins"], strict=False):
        open_level = row["active"] if row["contact"] == "nc" else 1 - row["active"]
        open_now = level == open_level
        findings.append(ok(f"CP relay at pin {pin}", "CP is open, as it should be in maintenance" if open_now else "CP is closed"))
    return findings


def main(arguments=None):
    options = parser().parse_args(arguments)
    if bool(options.port) == bool(options.host):
        print("doctor: name the box: --port /dev/ttyUSB0 at USB, or --host ADDRESS on the network", file=sys.stderr)
        return 2
    doctor = Doctor(options, Console(highlight=False))
    try:
        doctor.look_over_usb() if options.port else doctor.look_over_network()
    except maintenance.MaintenanceError as error:
        doctor.tell([fix("the box at " + options.port, str(error), "")])
    report.write(options.report, doctor.findings, doctor.details)
    count = {level: sum(finding.level == level for finding in doctor.findings) for level in COLOURS}
    print(f"doctor: {len(doctor.findings)} checks: {count[OK]} fine, {count[HINT]} hints, {count[FIX]} to be fixed; report in {options.report}")
    return 1 if count[FIX] else 0


if __name__ == "__main__":
    sys.exit(main())
