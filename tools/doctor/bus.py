"""Who is on the RS485 line, and does the line itself work? Everything is asked one after the other, the box rests at 0 A."""

from tools.doctor.finding import fix, hint, ok
from tools.doctor.frames import ANSWER, GARBLED, READ_HOLDING, READ_INPUT, REFUSED, TRIES

EVSE_UNITS = (1, 2, 11, 12)  # openWB's, and what most controllers are set to
USUAL = {5: 1, 6: 1, 105: 0, 106: 0, 201: 2, 202: 2}  # where openWB has its meters, and which of _PROBES they answer
METER_UNITS = tuple(USUAL)
SPEEDS = ((19200, "N"), (38400, "N"), (4800, "N"), (2400, "N"), (9600, "E"), (19200, "E"), (38400, "E"), (57600, "N"))
BAD_PERCENT = 5
WIRES = "check A and B (some labels are swapped: exchange them), the common GND, and the supply of the devices"

_FIRMWARE, _VOLTAGE, _B23_VOLTAGE, _MPM_VOLTAGE = 1005, 0x0000, 0x5B00, 0x0008
_PROBES = ((READ_INPUT, _VOLTAGE), (READ_INPUT, _MPM_VOLTAGE), (READ_HOLDING, _B23_VOLTAGE))


class Scan:
    """The result: `evses` and `meters` are unit ids, `findings` what there is to say."""

    def __init__(self, line, wanted_evses=(), wanted_meters=(), name="RS485 line"):
        self.line = line
        self.name = name
        self.evses = []
        self.meters = {}  # unit: (function, address) that it answered
        self.findings = []
        self._wanted_evses = tuple(wanted_evses)
        self._wanted_meters = tuple(wanted_meters)
        self._garbled = []
        self._echo = False

    def run(self, say=lambda text: None):
        self._ask(_both(self._wanted_evses, EVSE_UNITS), _both(self._wanted_meters, METER_UNITS), say)
        if self.evses or self.meters:  # the line works: whoever is missing is asked for again, noise comes and goes
            evses = [unit for unit in self._wanted_evses if unit not in self.evses]
            meters = [unit for unit in self._wanted_meters if unit not in self.meters]
            self._ask(evses, meters, say, TRIES - 1)
        self._judge(say)
        return self

    def _ask(self, evses, meters, say, tries=1):
        for unit in evses:
            say(f"EVSE at unit id {unit}?")
            if self._answers(unit, READ_HOLDING, _FIRMWARE, 1, tries):
                self.evses.append(unit)
        for unit in meters:
            say(f"meter at unit id {unit}?")
            self._find_meter(unit, tries)

    def _find_meter(self, unit, tries):
        for function, address in _PROBES if unit in self._wanted_meters else (_PROBES[USUAL[unit]],):
            if unit in self._garbled:
                return
            if self._answers(unit, function, address, 2, tries):
                self.meters[unit] = (function, address)
                return

    def _answers(self, unit, function, address, count, tries):
        """True when somebody answers with this id, also by refusing. Garbage is asked for again at once."""
        reply = self.line.read(unit, function, address, count, tries)
        if reply.kind == GARBLED:
            reply = self.line.read(unit, function, address, count, TRIES)
        self._echo = self._echo or reply.echo
        if reply.kind == GARBLED and unit not in self._garbled:
            self._garbled.append(unit)
        elif reply.kind == ANSWER and unit in self._garbled:
            self._garbled.remove(unit)
        if reply.kind == REFUSED:
            return function == READ_HOLDING and address == _FIRMWARE
        return reply.kind == ANSWER

    def _judge(self, say):
        found = len(self.evses) + len(self.meters)
        self._judge_line(found, say)
        self.findings.append(
            hint("line echo", "the transceiver returns what it sends", "it works, but tie its /RE to DE to save time on the line")
            if self._echo
            else ok("line echo", "none")
        )
        for unit in self._wanted_evses:
            self._judge_wanted("EVSE", "charge_points[].evse", unit, unit in self.evses)
        for unit in self._wanted_meters:
            self._judge_wanted("meter", "charge_points[].meter.unit", unit, unit in self.meters)
        for unit in self.evses:
            if unit not in self._wanted_evses:
                self.findings.append(hint(f"EVSE at unit id {unit}", "answers, but config.json does not name it", "add it to charge_points"))

    def _judge_line(self, found, say):
        if not found and not self._garbled:
            self._judge_silence(say)
        elif not found:
            self.findings.append(
                fix(self.name, f"only noise, at unit ids {_ids(self._garbled)}", "end the line with 120 ohm at both ends, and " + WIRES)
            )
        else:
            self.findings.append(ok(self.name, f"{found} devices answer at {self.line.baud} 8{self.line.parity}1"))
            for unit in self._garbled:
                todo = "if two devices have this id, take one off the line and give the other a new id; otherwise " + WIRES
                self.findings.append(fix(f"unit id {unit}", "answers, but never with a whole frame: two devices with one id?", todo))

    def _judge_silence(self, say):
        if self._echo:
            todo = "is `de` in board.json the pin of DE and /RE? If it stays on, the transceiver talks over every answer. Otherwise " + WIRES
            self.findings.append(fix(self.name, "the box hears what it sends itself, and nobody else", todo))
            return
        for baud, parity in SPEEDS:
            say(f"anybody at {baud} 8{parity}1?")
            line = self.line.at(baud, parity)
            for unit in _both(self._wanted_evses, (1,)) + _both(self._wanted_meters, (105, 5)):
                for function, address in ((READ_HOLDING, _FIRMWARE), (READ_INPUT, _VOLTAGE)):
                    if line.read(unit, function, address, 1 if function == READ_HOLDING else 2).kind in (ANSWER, REFUSED):
                        todo = f"set the device to {self.line.baud} 8{self.line.parity}1"
                        self.findings.append(fix(self.name, f"unit id {unit} answers at {baud} 8{parity}1 only", todo))
                        return
        self.findings.append(
            fix(self.name, "silence: nobody answers, at any speed", WIRES + "; are tx, rx and de in board.json those of your wiring; a new EVSE-DIN has Modbus off (AN to GND 5 times after power-up)")
        )

    def _judge_wanted(self, kind, key, unit, there):
        what = f"{kind} at unit id {unit}"
        if there:
            self.findings.append(ok(what, "answers"))
        elif unit not in self._garbled:
            others = self.evses if kind == "EVSE" else list(self.meters)
            seen = f"; such devices are at {_ids(others)}: change {key} in config.json" if others else "; " + WIRES
            self.findings.append(fix(what, "config.json names it, but nobody answers", "give the device this id" + seen))


def judge_noise(name, line):
    """When everybody was asked: how many of the answers were damaged."""
    what = f"{name}, damaged answers"
    if not line.damaged:
        return ok(what, f"none of {line.heard}")
    share = 100 * line.damaged // line.heard
    todo = "120 ohm at both ends of the line, GND connected, A and B twisted and away from the mains; or two devices with one id"
    return (fix if share >= BAD_PERCENT else hint)(what, f"{line.damaged} of {line.heard}", todo)


def _both(first, second):
    return tuple(dict.fromkeys((*first, *second)))


def _ids(units):
    return ", ".join(str(unit) for unit in units)


