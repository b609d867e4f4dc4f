"""python -m tools.doctor: at the box (--port) or over the network (--host). Exit status 1 when something must be fixed."""

import argparse
import string
import sys
import time

from rich.console import Console
from rich.text import Text
from serial.tools import list_ports

from tools import maintenance
from tools.doctor import net, reach, report, status, usb, words
from tools.doctor.finding import FIX, HINT, OK, fix, ok
from tools.doctor.values import judge_phases, judge_voltages

COLOURS = {OK: "green", HINT: "yellow", FIX: "red"}
ALLOWED = set(string.ascii_letters + string.digits + "-._")
FORCE = "From here: ARGS=--force sends 0 A, opens the CP relay and looks all the same, which is right when the EVSE does not answer"
WHICH = "make doctor HOST=192.168.1.50 on the network, or make doctor PORT=/dev/ttyUSB0 at USB; `make run` prints the line for its own box"


def parser():
    result = argparse.ArgumentParser(
        prog="python -m tools.doctor",
        description="Looks at a box and says what is wrong and what to do. Over USB it asks for maintenance first (0 A; a box that "
        "charges refuses) and scans the line; over the network it only reads.",
    )
    add = result.add_argument
    add("--port", help="the box at USB, for example /dev/ttyUSB0")
    add("--host", type=address, help="the box on the network")
    add("--mqtt-port", type=port_number, default=1883, help="default %(default)s; 0: do not look")
    add("--modbus-port", type=port_number, default=1502, help="default %(default)s; 0: do not look")
    add("--http-port", type=port_number, default=80, help="default %(default)s; 0: do not look")
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
        self._console.print(Text(f"      {text}", style="dim"), soft_wrap=True)

    def tell(self, findings):
        for finding in findings:
            self._console.print(Text(finding.line(), style=COLOURS[finding.level]), soft_wrap=True)
        self.findings += findings

    def withdraw(self, is_gone):
        """What was found and is put right."""
        self.findings = [finding for finding in self.findings if not is_gone(finding)]

    def look_over_network(self):
        options = self.options
        ports = [port for port in (options.mqtt_port, options.modbus_port, options.http_port) if port]
        trouble = reach.judge(options.host, reach.knock_at_all(options.host, ports))
        if trouble:
            self.tell(trouble)
            return
        began_s = time.monotonic()
        found = self._look_at_page() if options.http_port else None
        self.details["status"] = found
        values = self._look_at_mqtt(found)
        if options.modbus_port:
            self._look_at_modbus(found, values)
        if found:
            time.sleep(max(0, began_s + status.BETWEEN_S - time.monotonic()))
            again, trouble = status.fetch(options.host, options.http_port)
            self.details["status"] = again
            self.tell([trouble] if again is None else status.judge(status.since(found, again)) + status.judge_obedience(found, again))
            values = (again or found)["charge_points"]
        for index, point in enumerate(values):
            self.tell(judge_values(f"charge point {index}", point))

    def _look_at_page(self):
        found, trouble = status.fetch(self.options.host, self.options.http_port)
        if found is None:
            self.tell([trouble])
        return found

    def _look_at_mqtt(self, found):
        """The values of the charge points, [{}] where there are none."""
        options = self.options
        count = len(found["charge_points"]) if found else 1
        if found and found.get("mqtt", {}).get("mode") == "client":
            self.tell([ok("MQTT", "the box is a client of a broker elsewhere")])
            return found["charge_points"]
        if not options.mqtt_port:
            return [{}] * count
        mqtt = net.Mqtt(options.host, options.mqtt_port, options.user, options.password)
        self.tell(net.look_mqtt(mqtt, count))
        self.details["topics"] = dict(mqtt.values)
        if mqtt.refused is None:
            led_by_modbus = found and any(point.get("leader") == "modbus" for point in found["charge_points"])
            if not options.no_heartbeat and not led_by_modbus:
                self.tell(net.look_heartbeat(mqtt, net.heartbeat_of(found or {}), self.say))
            mqtt.close()
        return [mqtt.point(index) for index in range(count)]

    def _look_at_modbus(self, found, values):
        doors = found.get("sockets", {}).get("doors") if found else None
        if doors is not None and "modbus" not in [door.get("name") for door in doors]:
            self.tell([ok("Modbus", "switched off (modbus.enabled)")])
            return
        self.tell(net.look_modbus(self.options.host, self.options.modbus_port, values))


def judge_values(name, values):
    """What a charge point says about itself, and whether its measured values can be true."""
    findings = words.judge(name, values) if values.get("fault_state") is not None else []
    voltages, currents, powers = (values.get(key) for key in ("voltages", "currents", "powers"))
    if isinstance(voltages, list) and None not in voltages and not any(voltages):
        findings.append(ok(f"{name}, meter", "none, or nothing read from it yet"))
    elif isinstance(voltages, list) and None not in voltages:
        findings.append(judge_voltages(f"{name}, voltages", voltages))
        if isinstance(currents, list) and isinstance(powers, list) and None not in (*currents, *powers):
            findings.append(judge_phases(f"{name}, phase order", voltages, currents, powers))
    return findings


def address(text):
    """A name or an IP address, also out of a URL. Raises argparse.ArgumentTypeError."""
    host = text.split("://")[-1].strip("/")
    if not host or not set(host) <= ALLOWED:
        raise argparse.ArgumentTypeError(f"{text!r} is no name and no address, expected for example 192.168.1.50; ports have options of their own")
    return host


def port_number(text):
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, expected a number from 1 to 65535, or 0: do not look")
    return int(text)


def boards_there():
    ports = ", ".join(sorted(port.device for port in list_ports.comports() if port.vid))
    return f". At USB there is {ports}" if ports else ""


def agree(text):
    try:
        return input("      " + text).strip().lower() == "y"
    except EOFError:
        return False


def main(arguments=None):
    options = parser().parse_args(arguments)
    if bool(options.port) == bool(options.host):
        print(f"doctor: {'one of the two' if options.port else 'name the box'}: {WHICH}{boards_there()}", file=sys.stderr)
        return 2
    if options.host and not (options.mqtt_port or options.modbus_port or options.http_port):
        print("doctor: nothing to look at: give at least one of MQTT_PORT, MODBUS_PORT and HTTP_PORT", file=sys.stderr)
        return 2
    doctor = Doctor(options, Console(highlight=False))
    try:
        usb.Visit(doctor, options, agree).run() if options.port else doctor.look_over_network()
    except maintenance.NoFloorError as error:
        doctor.tell([fix("the box at " + options.port, str(error), "make flash BOARD=... does that")])
    except maintenance.MaintenanceError as error:
        doctor.tell([fix("the box at " + options.port, str(error), FORCE if "--force" in str(error) and not options.force else "")])
    except OSError as error:
        todo = "check the cable and the power of the board, close other programs that use the port, and run it again"
        doctor.tell([fix(f"the box at {options.port or options.host}", f"gone in the middle of it ({error})", todo)])
    except KeyboardInterrupt:
        print("doctor: stopped" + ("; the box stays at 0 A until it is reset, or for ten minutes" if options.port else ""), file=sys.stderr)
        return 130
    return finish(doctor, options.report)


def finish(doctor, path):
    """Writes the report, sums up; the exit status."""
    trouble = report.write(path, doctor.findings, doctor.details)
    where = f"report in {path}" if trouble is None else f"no report: {trouble}"
    count = {level: sum(finding.level == level for finding in doctor.findings) for level in COLOURS}
    print(f"doctor: {len(doctor.findings)} checks: {count[OK]} fine, {count[HINT]} hints, {count[FIX]} to be fixed; {where}")
    return 1 if count[FIX] else 0


if __name__ == "__main__":
    sys.exit(main())
