"""A box at its console: the probe runs there, in maintenance, at 0 A. Everything it says is one JSON object per line."""

import json

from tools.doctor.frames import Line
from tools.maintenance import MaintenanceError

ENTER, LEAVE, RUN, INTERRUPT = b"\r\x01", b"\x02", b"\x04", b"\x03"
READY = b"raw REPL; CTRL-B to exit\r\n>"
REPLY_S = 3.0

# What runs on the box. Its own floor has the board; the firmware's modules are not needed, so it works with any version.
PROBE = """
import failsafe, json, machine, time
def _port(row, baud, parity):
    p = {"N": None, "E": 0, "O": 1}[parity]
    return machine.UART(row["uart"], baudrate=baud, tx=row["tx"], rx=row["rx"], parity=p, timeout=0, rxbuf=512, txbuf=256)
def exchange(line, frame, wait_ms, baud, parity):
    row = failsafe.board["rs485"][line]
    port = _port(row, baud, parity)
    de = None if row.get("de") is None else machine.Pin(row["de"], machine.Pin.OUT, value=0)
    buf = bytearray(64)
    while port.readinto(buf): pass
    if de: de(1)
    sent = bytes.fromhex(frame)
    port.write(sent)
    end = time.ticks_add(time.ticks_ms(), len(frame) * 6000 // baud + 5)
    while not port.txdone() and time.ticks_diff(end, time.ticks_ms()) > 0: pass
    if de: de(0)
    heard, quiet, start = b"", 0, time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < wait_ms and quiet < 30:
        n = port.readinto(buf) or 0
        if n: heard += buf[:n]; quiet = 0
        else:
            time.sleep_ms(5)
            quiet += 0 if sent.startswith(heard) else 5  # an echo is no answer yet
    if failsafe.wdt: failsafe.wdt.feed()
    print(json.dumps({"heard": heard.hex()}))
def _rssi():
    import network
    station = network.WLAN(network.STA_IF)
    return station.status("rssi") if station.isconnected() else None
def _idf():
    import esp32
    return sum([row[1] for row in esp32.idf_heap_info(esp32.HEAP_DATA)])
def _active():
    with open("active.txt") as f: return f.read().split()[0]
def _or_none(get):
    try: return get()
    except Exception: return None
def _level(pin):
    return [pin, machine.Pin(pin).value()]
def about():
    import sys
    try:
        with open("config.json") as f: config = json.load(f)
    except (OSError, ValueError) as error: config = {"unreadable": str(error)}
    board, record = failsafe.board, getattr(failsafe, "record", bytes(16))
    pins = [_level(r["pin"]) for r in board.get("cp_relays", ())]
    coils = [_level(r[k]) for r in board.get("coils", ()) for k in ("one_pin", "three_pin") if r.get(k) is not None]
    print(json.dumps({"board": board, "config": config, "system": sys.version, "pins": pins, "coils": coils, "latched": record[3] & 1,
        "starts": record[11], "active": _or_none(_active), "rssi_dbm": _or_none(_rssi), "idf_free": _or_none(_idf)}))
"""


class Box:
    """`stream`: read(n), write(data), at the prompt of the box (see tools.maintenance.enter). Raises MaintenanceError."""

    def __init__(self, stream, clock):
        self._stream = stream
        self._clock = clock

    def open(self):
        """Takes the raw mode of the REPL and loads the probe."""
        self._stream.write(ENTER)
        self._until(READY)
        self._run(PROBE)
        return self

    def close(self):
        self._stream.write(LEAVE)

    def about(self):
        """board, config (or {"unreadable": ...}), system, pins and levels of relays and coils, and what the floor knows about starts."""
        return self._told("about()")

    def line(self, number, baud):
        """One of its RS485 lines, by its place in board.json."""

        def exchange(frame, wait_ms, baud, parity):
            return bytes.fromhex(self._told(f"exchange({number}, {frame.hex()!r}, {wait_ms}, {baud}, {parity!r})")["heard"])

        return Line(exchange, baud)

    def _told(self, source):
        """The JSON object that it prints."""
        text = self._run(source)
        try:
            return json.loads(text)
        except ValueError as error:
            raise MaintenanceError(f"the box told something else than was asked for, {text[-60:]!r}: reset it and run it again") from error

    def _run(self, source):
        """What it prints. The source goes in small pieces: the chip's buffer for input has 260 bytes."""
        data = source.encode()
        for at in range(0, len(data), 64):
            self._stream.write(data[at : at + 64])
        self._stream.write(RUN)
        self._until(b"OK")
        printed = self._until(b"\x04")
        error = self._until(b"\x04>")
        if error:
            raise MaintenanceError("the box could not do it: " + error.decode("utf-8", "replace").strip().splitlines()[-1])
        return printed.decode("utf-8", "replace").strip()

    def _until(self, end):
        heard = b""
        limit_s = self._clock() + REPLY_S
        while not heard.endswith(end):
            got = self._stream.read(1)
            if got:
                heard += got
            elif self._clock() >= limit_s:
                raise MaintenanceError(f"the box does not answer in raw mode; expected {end!r}, found {heard[-60:]!r}: reset it and run it again")
        return heard[: -len(end)]
