"""Writes docs/registers.md: what stands in which Modbus register, from the table that the box itself works with.

    python -m tools.registers_page           rewrite it
    python -m tools.registers_page --check   say whether it is stale, exit status 1
"""
import sys
from pathlib import Path

from host_tests.sim import world  # noqa: F401  (puts the firmware on the path)

import modbus_door
import points
import reads
import registers
from tools.safety_page import table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "registers.md"

# What a reader needs to know beside the table, by point: what it is, its unit.
READ = {
    points.P_POWER_CW: ("power", "W; below 10 W it is 0"),
    points.P_IMPORTED_WH: ("energy charged", "Wh"),
    points.P_VOLTAGE_CV: ("voltage L1", "0.01 V"),
    points.P_VOLTAGE_CV + 1: ("voltage L2", "0.01 V"),
    points.P_VOLTAGE_CV + 2: ("voltage L3", "0.01 V"),
    points.P_CURRENT_CA: ("current L1", "0.01 A, negative where the car delivers"),
    points.P_CURRENT_CA + 1: ("current L2", "0.01 A"),
    points.P_CURRENT_CA + 2: ("current L3", "0.01 A"),
    points.P_PLUGGED: ("a car is plugged in", "0 or 1"),
    points.P_CHARGING: ("it charges", "0 or 1"),
    points.P_EVSE_CURRENT_CA: ("set current of the EVSE", "0.01 A; whole ampere with `modbus.actual_current_scale` = 1, as openWB has it"),
    points.P_POWER_L_CW: ("power L1", "W"),
    points.P_POWER_L_CW + 1: ("power L2", "W"),
    points.P_POWER_L_CW + 2: ("power L3", "W"),
    points.P_EXPORTED_WH: ("energy delivered", "Wh"),
    registers.SERIES: ("kind of hardware", "always 1: openWB series 2"),
    registers.SERIAL: ("serial number of the gateway", "20 bytes"),
    points.P_RFID: ("tag", "20 bytes"),
}
UNKNOWN = {0: "0", registers.ALL_ONES: "0xFFFF", registers.BUSY: "exception 6 before the first reading"}
WRITE = {
    registers.W_SET_CURRENT: ("set current", "0.01 A: 0, or 600..3200. 1..599 and negative: 0 A. Above 3200: the old one stays, and `state_str` says why"),
    registers.W_PHASES: ("phases of the next switch", "1 or 3"),
    registers.W_TRIGGER: ("phase switch", "1"),
    registers.W_HEARTBEAT: (
        "heartbeat",
        f"1: the limit is {reads.ENABLED_LIMIT_MS // 1000} s from now on. 0: shown, but without effect, unless `modbus.allow_heartbeat_off` is true",
    ),
    registers.W_CLEAR_TAG: ("forget the tag", "1"),
    registers.W_INTERRUPT: ("interrupt the control pilot", "seconds; above 30 is done as 30"),
    registers.W_UPDATE: ("update", "acknowledged, does nothing"),
}
SETTINGS = {
    "enabled": "false: nobody listens on that port, and its connections are free for others",
    "port": "",
    "unit": "the unit id that is answered",
    "controllers": "addresses that may write, for example `[\"192.168.1.30\"]`; `null`: everybody. Writes of others get exception 1",
    "heartbeat_from": "`leader`: the reads of whoever set the current last (or of one of `controllers`) keep the car charging; `any`: anybody's",
    "allow_heartbeat_off": "true: 10190 = 0 switches the heartbeat off until the next restart. Then nothing stops the car when the controller dies",
    "actual_current_scale": "100: register 10116 in 0.01 A; 1: in whole ampere",
    "idle_s": "who asks nothing for so long is dropped",
}

HEAD = """# Modbus TCP registers

*This page is written by `python -m tools.registers_page` from the table that the box works with. Do not edit it.*

The box answers openWB's Modbus "Rev2.0" on port {port}, unit {unit}, beside MQTT, several clients at the same time. Function 3 and 4 read
the same registers, 6 and 16 write. The second charge point has the same registers 100 higher (102xx).

**Wer steuern darf (kurz):** Wer zuletzt einen Sollstrom geschrieben hat, führt. Sein Lesen ist der Heartbeat: liest er {limit} s lang nichts
(nach 10190 = 1: {enabled} s), geht der Ladepunkt auf 0 A. Ein Dashboard, das nur mitliest, hält niemanden am Laden.

* **Who leads:** the client that wrote the last set current, over Modbus or MQTT. Its reads of 10100 and above are its heartbeat: after
  {limit} s without one ({enabled} s once 10190 = 1 was written) the charge point goes to 0 A. A dashboard that only reads keeps nobody charging.
* **After a restart** of the box the Modbus set current is restored and has effect with the first read of the client that had sent it:
  evcc sends a set current only when it changes. After a power loss it is the one that was last kept while nobody charged.
* **Two words** are one signed number, high word first, always of the same moment. A number that does not fit its register reads 0xFFFF.
* **Texts** have 20 bytes, padded with zeros; what is not ASCII is `?`.
* Registers that are not listed read 0 within 10100..10299; everything else is exception 2. A charge point that is not there reads 0.
* A write that can not be taken is echoed as openWB does; the reason stands in `get/state_str`.

"""


def words(offset, count):
    first = registers.FIRST + offset
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


def kind(count):
    return {1: "int16", 2: "int32"}.get(count, "text")


def read_rows():
    for offset, count, point, _, unknown in registers.REGISTERS:
        name, unit = READ[point]
        yield words(offset, count), kind(count), name, unit, UNKNOWN[unknown]


def write_rows():
    for offset in registers.WRITABLE:
        yield (words(offset, 1), *WRITE[offset])


def setting_rows():
    import config_rows

    for key, _, default, low, high in config_rows.MODBUS:
        values = " or ".join(map(str, low)) if isinstance(low, tuple) else f"{low}..{high}" if isinstance(low, int) and key != "controllers" else ""
        yield f"`{key}`", "null" if default is None else str(default).lower(), values, SETTINGS[key]


def exception_rows():
    yield "1", "a function that there is not, and writes of those who may only read"
    yield "2", "another unit, a register outside, a register that can not be written, functions 1, 2, 5 and 15"
    yield "3", "less than 1 or more than 125 registers (16: 123), a length that does not fit"
    yield "6", "energy that the meter has not told yet"


def page():
    import config_rows

    defaults = {row[0]: row[2] for row in config_rows.MODBUS}
    limits = {"limit": reads.READ_LIMIT_MS // 1000, "enabled": reads.ENABLED_LIMIT_MS // 1000}
    lines = [HEAD.format(port=defaults["port"], unit=defaults["unit"], **limits)]
    lines += ["## To read", "", *table(("register", "type", "what", "unit", "while unknown"), read_rows()), ""]
    lines += ["## To write", "", *table(("register", "what", "value"), write_rows()), ""]
    lines += ["Texts that `state_str` shows:", ""]
    lines += [f"* `{text.decode()}`" for text in (modbus_door.TOO_HIGH, modbus_door.STAYS_ON, modbus_door.OFF)] + [""]
    lines += ["## Exceptions", "", *table(("code", "when"), exception_rows()), ""]
    lines += ['## Settings', "", 'In `config.json`, below `"modbus"`:', "", *table(("key", "default", "values", "what"), setting_rows()), ""]
    return "\n".join(lines)


def main():
    new = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == new:
        print("docs/registers.md is up to date.")
    elif "--check" in sys.argv:
        sys.exit("docs/registers.md is not what the code says: run python -m tools.registers_page and commit the result.")
    else:
        PAGE.write_text(new, encoding="utf-8")
        print("docs/registers.md rewritten: look at the change and commit it.")


if __name__ == "__main__":
    main()
