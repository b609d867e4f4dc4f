"""The floor: every start and every end of the firmware is 0 A. Outlives updates, so it imports nothing of ours but `app`.

For an app of any version:
    board, wdt, record  board.json ({}: unreadable), the watchdog, 64 bytes that every reset but a power loss keeps
    save()              seals the record and keeps it; allocates nothing
    cp(i, open)         moves the CP relay of charge point i; False where the board has none
    coil(i, phases)     the phase relay of charge point i: 1 or 3; None: at rest
    stop()              0 A to every EVSE, three times, and CP open; what an exception of app.run leads to
    hold(text)          the same for ever, and says why; what SystemExit of app.run leads to
    maintenance()       the same once, and 10 minutes for whoever is at the console; what the end of app.run leads to

record: 0..2 b"LP1", 3 LATCHED and ASKED, 4 and 5 CP of charge points 0 and 1 (bit 7: open by fault; the rest belongs to the app),
6 age of this life in 10 s (the app counts), 7..10 age + 1 of the lives that the watchdog ended (newest last, 0: none),
11 starts of the chosen version since it last got 10 s old (the app says so), 12..14 zero, 15 check of the bytes before, 16..63 belong
to the app.

active.txt (none: the app lies beside this file) names the folders of versions, the newest first. Three starts in a row that did not
get 10 s old, and the next one is taken, for good.
"""

import gc
import json
import machine
import sys
import time

LATCHED, ASKED = 1, 2  # a boot loop, until a local action; maintenance, until main.py runs again
NO_BOARD = "board.json: expected an object { } as JSON, found %s; copy the one of your board to the device, then reset it"
LOOP = "boot loop: the watchdog has ended five lives within 10 minutes; the console said why, failsafe.maintenance() clears it"

board, wdt, record = {}, None, bytearray(64)
_head, _reply, _ports, _trouble = memoryview(record)[:15], bytearray(64), {}, None
_spare = bytearray(4096)  # given back by stop(), so that an end for lack of memory has some


def _guarded(action, *arguments):
    """What fails is told, and keeps nothing else from being done. Returns the failure as text, or None."""
    try:
        action(*arguments)
    except Exception as error:
        print("ladepunkt: floor:", repr(error))
        return type(error).__name__ + " " + str(error)


def _read_board():
    with open("board.json") as file:
        board.update(json.load(file))


def _check():
    return (sum(_head) ^ 0x5A) & 0xFF


def _read_record():
    record[:] = (machine.RTC().memory() + bytes(64))[:64]
    if record[:3] != b"LP1" or record[15] != _check():
        record[:] = b"LP1" + bytes(61)
    if machine.reset_cause() != machine.SOFT_RESET:
        record[3] &= LATCHED


def save():
    record[15] = _check()
    machine.RTC().memory(record)


def _count_resets():
    """Four known ages at an end by the watchdog make it the fifth; their sum is the time between the five."""
    ended = machine.reset_cause() == machine.WDT_RESET
    fifth = ended and record[7]
    record[7:11] = bytes((record[8], record[9], record[10], min(record[6] + 1, 255)) if ended else 4)
    if fifth and sum(record[7:11]) - 4 <= 60:
        record[3] |= LATCHED
    record[6] = 0
    save()


def cp(i, open):
    rows = board.get("cp_relays", ())
    if i < len(rows):
        coil = open is not None and bool(open) == (rows[i]["contact"] == "nc")
        machine.Pin(rows[i]["pin"], machine.Pin.OUT, value=coil == rows[i]["active"])
    return i < len(rows)


def coil(i, phases, keys=("one_pin", "three_pin", "hold_pin")):
    rows = board.get("coils", ())
    for key in keys if i < len(rows) else ():
        if rows[i].get(key) is not None:
            on = phases is not None and phases == {"one_pin": 1, "three_pin": 3, "hold_pin": rows[i].get("hold_is")}[key]
            machine.Pin(rows[i][key], machine.Pin.OUT, value=on == rows[i]["active"])


def _rest_coils(keys=("one_pin", "three_pin")):
    for i in (0, 1):  # no pulse goes on; what is held is moved at a start only, which is at 0 A
        _guarded(coil, i, None, keys)


def _set_relays(all_open=True):
    for i in (0, 1):
        _guarded(cp, i, all_open or record[4 + i] & 0x80 or None)  # None: no coil is energised


def _set_outputs():
    for row in board.get("outputs", ()):
        machine.Pin(row["pin"], machine.Pin.OUT, value=row["level"])


def _watch(limit_s):
    global wdt
    wdt = machine.WDT(timeout=1000 * (limit_s if isinstance(limit_s, int) and 0 < limit_s <= 600 else 10))


def _open_port(row):
    _ports[row["uart"]] = machine.UART(row["uart"], baudrate=row.get("baud", 9600), tx=row["tx"], rx=row["rx"], timeout=0, rxbuf=512, txbuf=256)


def _open_ports():
    """Takes the UARTs over from whoever had them."""
    for row in board["rs485"]:
        _guarded(_open_port, row)


def _zero(row, unit):
    """Function 16, register 1000 := 0; then the time of a reply, which is dropped: about 60 ms in all at 9600 baud."""
    port, baud = _ports[row["uart"]], row.get("baud", 9600)
    frame, crc = bytearray((unit, 16, 1000 >> 8, 1000 & 0xFF, 0, 1, 2, 0, 0, 0, 0)), 0xFFFF
    for bit in range(72):
        crc ^= 0 if bit % 8 else frame[bit // 8]
        crc = crc >> 1 ^ 0xA001 * (crc & 1)
    frame[9], frame[10] = crc & 0xFF, crc >> 8
    port.readinto(_reply)
    drive = bool if row.get("de") is None else machine.Pin(row["de"], machine.Pin.OUT)  # bool: there is nothing to drive
    drive(1)
    start_us = time.ticks_us()
    port.write(frame)
    while not port.txdone() and time.ticks_diff(time.ticks_us(), start_us) < 110000000 // baud + 2000:
        pass
    drive(0)
    time.sleep_ms(40 + 80000 // baud)
    port.readinto(_reply)
    if wdt:
        wdt.feed()


def _zero_line(row):
    ids = row.get("evse_ids") or board.get("evse_ids")
    for unit in ids if isinstance(ids, list) else [1]:
        _guarded(_zero, row, unit)


def _zero_all():
    for row in board["rs485"]:
        _guarded(_zero_line, row)


def start():
    """boot.py: relays, watchdog, 0 A, and only then how the last life ended."""
    global _trouble
    _trouble = _guarded(_read_board)
    _guarded(_read_record)
    _rest_coils(("one_pin", "three_pin", "hold_pin"))
    _set_relays(record[3])
    _guarded(_watch, 600 if record[3] & ASKED else board.get("watchdog_s"))
    _guarded(_set_outputs)
    _guarded(_open_ports)
    for _ in range(3):
        _guarded(_zero_all)
    _guarded(_count_resets)


def choose():
    """Where `import app` looks first; the path counts even when the file can not be written."""
    try:
        with open("active.txt") as file:
            names = file.read().split()
    except OSError:
        return
    older = record[11] >= 3 and names[1:]
    record[11] = 1 if older else min(record[11] + 1, 255)
    save()
    sys.path.insert(0, (older or names)[0])
    if older:
        print("ladepunkt: floor: three starts of", names[0], "failed: back to", older[0])
        with open("active.txt", "w") as file:
            file.write(older[0])


def run(report=None):
    """main.py: the app, until it ends. `report` is for the app."""
    if record[3] & ASKED:  # main.py runs again
        record[3] &= LATCHED
        save()
        start()
    if _trouble or record[3] & LATCHED:
        hold(NO_BOARD % _trouble if _trouble else LOOP)
    try:
        _guarded(choose)
        import app

        app.run(report)
    except SystemExit as error:
        stop()
        hold(error)
    finally:
        stop()
    maintenance()


def stop():
    global _spare
    _spare = None
    for action in (gc.collect, _rest_coils, _zero_all, _set_relays, _open_ports, _zero_all, _zero_all):
        try:
            _guarded(action)
        except KeyboardInterrupt:  # a tool sends Ctrl-C twice
            pass


def hold(text):
    try:
        while True:
            print("ladepunkt: stays at 0 A:", text)
            for _ in range(10):
                _set_relays()
                _guarded(_zero_all)
                time.sleep_ms(700)
    finally:
        stop()


def maintenance():
    _guarded(_watch, 600)
    stop()
    record[3] = ASKED
    record[7:12] = bytes(5)
    save()
    print("ladepunkt: maintenance: ready")
