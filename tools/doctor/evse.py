"""The registers of one EVSE-DIN: what they should be, and what to write where they are not. EEPROM is written once, when asked to."""

from tools.doctor.finding import fix, hint, ok
from tools.doctor.frames import ANSWER, READ_HOLDING, REFUSED

OLDEST, BROKEN, STATUS_SINCE = 8, 9, 16
NEVER_CHARGES, BOOTLOADER = (1 << 13) | (1 << 14), 1 << 15
STATES = {1: "ready, no car", 2: "car plugged in", 3: "charging", 4: "charging with ventilation"}
_DIODE, _VENTILATION, _RCD = 1 << 1, 1 << 2, 1 << 5


class Evse:
    """Reads one controller. `findings` tell what there is, `repairs` is {register: value} that would put it right."""

    def __init__(self, line, unit):
        self.line = line
        self.unit = unit
        self.findings = []
        self.repairs = {}

    def run(self):
        reply = self.line.read(self.unit, READ_HOLDING, 1000, 7)
        if reply.kind != ANSWER:
            self._fix("registers 1000 to 1006", "can not be read", "check the wiring: it answered before")
            return self
        firmware = self._look_at_firmware(reply.words[5])
        self._look_at_block(firmware)
        self._look_at_state(reply.words)
        memory = self.line.read(self.unit, READ_HOLDING, 2000, 8)
        if memory.kind == ANSWER:
            self._look_at_memory(memory.words)
        else:
            self._hint("registers 2000 to 2007", "can not be read", "its power-up current is unknown: take 32 A for granted")
        return self

    def apply(self):
        """Writes the repairs and reads them back. Returns what went wrong, as text, or None."""
        for register, value in self.repairs.items():
            self.line.write(self.unit, register, value)
            back = self.line.read(self.unit, READ_HOLDING, register, 1)
            if back.kind != ANSWER or back.words != [value]:
                return f"EVSE {self.unit}, register {register}: expected {value}, read back {back.words or back.kind}"
        return None

    def _look_at_firmware(self, firmware):
        if firmware < OLDEST:
            self._fix("firmware (1005)", str(firmware), f"{OLDEST} is the oldest that can be used: replace the EVSE")
        elif firmware == BROKEN:
            self._hint("firmware (1005)", "9, which others found broken", "if it misbehaves, replace it")
        else:
            self.findings.append(ok(self._name("firmware (1005)"), str(firmware)))
        return firmware

    def _look_at_block(self, firmware):
        if firmware < STATUS_SINCE:
            return
        reply = self.line.read(self.unit, READ_HOLDING, 1000, 8)
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

    def _look_at_memory(self, words):
        power_up, _, minimum, analog, button, bits, sharing, limit = words
        self._power_up(power_up)
        self._expect(2002, "minimum current", minimum, minimum <= 6, 6, "at 6 A it would not charge")
        self._expect(2003, "analog input", analog, analog != 0, 1, "a voltage at AN decides, set points have no effect")
        self._expect(2004, "current kept by the button", button, button == 0, 0, "it comes up with another current than expected")
        self._expect(2005, "configuration", bits, not bits & (NEVER_CHARGES | BOOTLOADER), bits & 0x1FFF, "bits 13 to 15 keep it from charging")
        self._expect(2006, "current sharing", sharing, sharing == 0, 0, "another EVSE would have a say")
        self.findings.append(ok(self._name("limit (2007)"), f"{limit} A, fixed" if limit else "as the cable says (PP)"))

    def _power_up(self, amperes):
        what, todo = "current after a power dip (2000)", "set it to 0: this is what a car gets before the box has started"
        if amperes == 0:
            self.findings.append(ok(self._name(what), "0 A"))
            return
        self.repairs[2000] = 0
        if amperes <= 6:
            self._hint(what, f"{amperes} A", todo)
        else:
            self._fix(what, f"{amperes} A", todo)

    def _expect(self, register, name, value, fine, wanted, why):
        what = f"{name} ({register})"
        if fine:
            self.findings.append(ok(self._name(what), str(value)))
            return
        self.repairs[register] = wanted
        self._fix(what, f"{value}: {why}", f"set it to {wanted}")

    def _name(self, what):
        return f"EVSE {self.unit}, {what}"

    def _fix(self, what, found, todo):
        self.findings.append(fix(self._name(what), found, todo))

    def _hint(self, what, found, todo):
        self.findings.append(hint(self._name(what), found, todo))
