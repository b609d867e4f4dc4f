"""The registers of one EVSE-DIN: what they should be, and what to write where they are not. EEPROM is written once, when asked to."""

from tools.doctor.finding import fix, hint, ok
from tools.doctor.frames import ANSWER, READ_HOLDING, REFUSED, TRIES

OLDEST, BROKEN, STATUS_SINCE = 8, 9, 16
NEVER_CHARGES, BOOTLOADER = (1 << 13) | (1 << 14), 1 << 15
STATES = {1: "ready, no car", 2: "car plugged in", 3: "charging", 4: "charging with ventilation"}
LOWEST_A, HIGHEST_A = 6, 32
FIRST = 2000
_DIODE, _VENTILATION, _RCD = 1 << 1, 1 << 2, 1 << 5

# register: name, is it fine, what would be, why it matters
MEMORY = {
    2002: ("minimum current", lambda v: v <= LOWEST_A, lambda v: LOWEST_A, "at 6 A it would not charge"),
    2003: ("analog input", lambda v: v != 0, lambda v: 1, "a voltage at AN decides, set points have no effect"),
    2004: ("current kept by the button", lambda v: v == 0, lambda v: 0, "it comes up with another current than expected"),
    2005: ("configuration", lambda v: not v & (NEVER_CHARGES | BOOTLOADER), lambda v: v & 0x1FFF, "bits 13 to 15 keep it from charging"),
    2006: ("current sharing", lambda v: v == 0, lambda v: 0, "another EVSE would have a say"),
    2007: ("own limit", lambda v: v == 0 or v >= LOWEST_A, lambda v: 0, "below 6 A it never charges"),
}


def judge_firmware(who, firmware):
    what = f"{who}, firmware (1005)"
    if firmware < OLDEST:
        return fix(what, str(firmware), f"{OLDEST} is the oldest that can be used: replace the EVSE")
    if firmware == BROKEN:
        return hint(what, "9, which others found broken", "if it misbehaves, replace it")
    return ok(what, str(firmware))


def judge_memory(who, words, how=""):
    """(findings, {register: value that would put it right}). `words`: {register: value}, any of 2000 and 2002 to 2007."""
    findings, repairs = [], {}
    if FIRST in words:
        findings.append(_judge_power_up(who, words[FIRST], how))
        if words[FIRST]:
            repairs[FIRST] = 0
    for register, (name, fine, wanted, why) in MEMORY.items():
        value = words.get(register)
        if value is None:
            continue
        what = f"{who}, {name} ({register})"
        if not fine(value):
            repairs[register] = wanted(value)
            findings.append(fix(what, f"{value}: {why}", f"set it to {repairs[register]}{how}"))
        else:
            findings.append(_judge_limit(what, value) if register == 2007 else ok(what, str(value)))
    return findings, repairs


def _judge_power_up(who, amperes, how):
    what, todo = f"{who}, current after a power dip (2000)", f"set it to 0{how}: this is what a car gets before the box has started"
    if amperes == 0:
        return ok(what, "0 A")
    return (hint if amperes <= LOWEST_A else fix)(what, f"{amperes} A", todo)


def _judge_limit(what, amperes):
    if amperes == 0:
        return ok(what, "0: as the cable says (PP)")
    if amperes > HIGHEST_A:
        return hint(what, f"{amperes} A, fixed", f"more than {HIGHEST_A} A: set it to what fuse and wires of this box can take")
    return ok(what, f"{amperes} A, fixed: the cable is not asked, which is right for a box with a cable of its own")


class Evse:
    """Reads one controller. `findings` tell what there is, `repairs` is {register: value} that would put it right."""

    def __init__(self, line, unit):
        self.line = line
        self.unit = unit
        self.name = f"EVSE {unit}"
        self.findings = []
        self.repairs = {}

    def run(self):
        reply = self.line.read(self.unit, READ_HOLDING, 1000, 7, TRIES)
        if reply.kind != ANSWER:
            self._fix("registers 1000 to 1006", "can not be read", "it answered before: check the wiring, or this is not an EVSE-DIN")
            return self
        self.findings.append(judge_firmware(self.name, reply.words[5]))
        self._look_at_block(reply.words[5])
        self._look_at_state(reply.words)
        memory = self.line.read(self.unit, READ_HOLDING, FIRST, 8, TRIES)
        if memory.kind == ANSWER:
            words = dict(enumerate(memory.words, FIRST))
            del words[FIRST + 1]  # its unit id
            findings, self.repairs = judge_memory(self.name, words)
            self.findings += findings
        else:
            self._hint("registers 2000 to 2007", "can not be read", "its power-up current is unknown: take 32 A for granted")
        return self

    def apply(self):
        """Writes each of the repairs once and reads it back. Returns what went wrong, as text, or None."""
        for register, value in self.repairs.items():
            self.line.write(self.unit, register, value)
            back = self.line.read(self.unit, READ_HOLDING, register, 1, TRIES)
            if back.kind != ANSWER or back.words != [value]:
                return f"EVSE {self.unit}, register {register}: expected {value}, read back {back.words or back.kind}"
        return None

    def _look_at_block(self, firmware):
        if firmware < STATUS_SINCE:
            return
        reply = self.line.read(self.unit, READ_HOLDING, 1000, 8, TRIES)
        if reply.kind == ANSWER:
            self.findings.append(ok(self._name("8 registers at once"), "answered"))
            if reply.words[7] & (_DIODE | _VENTILATION | _RCD):
                text = ", ".join(t for bit, t in ((_DIODE, "diode check"), (_VENTILATION, "ventilation"), (_RCD, "RCD")) if reply.words[7] & bit)
                self._fix("status (1007)", f"error: {text}", "find the cause; the RCD error is cleared at the box (button held, or `clear`)")
        else:
            why = "refused" if reply.kind == REFUSED else "not answered"
            self._hint("8 registers at once", why, f"firmware {firmware} should answer: the status register stays unknown")

    def _look_at_state(self, words):
        if words[2] == 5:
            self._fix("vehicle state (1002)", "failure", "unplug the car; if it stays, check the pilot wiring and the RCD")
        else:
            self.findings.append(ok(self._name("vehicle state (1002)"), STATES.get(words[2], f"unknown value {words[2]}")))
        if words[0]:
            self._hint("set current (1000)", f"{words[0]} although the box rests at 0 A", "does another controller write to it?")

    def _name(self, what):
        return f"{self.name}, {what}"

    def _fix(self, what, found, todo):
        self.findings.append(fix(self._name(what), found, todo))

    def _hint(self, what, found, todo):
        self.findings.append(hint(self._name(what), found, todo))
