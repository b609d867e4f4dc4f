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
def _port(baud, parity):
    row = failsafe.board["rs485"][0]
    p = {"N": None, "E": 0, "O": 1}[parity]
    return machine.UART(row["uart"], baudrate=baud, tx=row["tx"], rx=row["rx"], parity=p, timeout=0, rxbuf=512, txbuf=256)
def exchange(frame, wait_ms, baud, parity):
    row = failsafe.board["rs485"][0]
    port = _port(baud, parity)
    de = None if row.get("de") is None else machine.Pin(row["de"], machine.Pin.OUT, value=0)
    buf = bytearray(64)
    while port.readinto(buf): pass
    if de: de(1)
    port.write(bytes.fromhex(frame))
    end = time.ticks_add(time.ticks_ms(), len(frame) * 6000 // baud + 5)
    while not port.txdone() and time.ticks_diff(end, time.ticks_ms()) > 0: pass
    if de: de(0)
    heard, quiet, start = b"", 0, time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < wait_ms and quiet < 30:
        n = port.readinto(buf) or 0
        if n: heard += buf[:n]; quiet = 0
        else:
            time.sleep_ms(5)
            quiet += 5 if heard else 0
    if failsafe.wdt: failsafe.wdt.feed()
    print(json.dumps({"heard": heard.hex()}))
def about():
    import gc, sys
    gc.collect()
    try:
        with open("config.json") as f: config = json.load(f)
    except (OSError, ValueError) as error: config = {"unreadable": str(error)}
    pins = [[r["pin"], machine.Pin(r["pin"]).value()] for r in failsafe.board.get("cp_relays", ())]
    print(json.dumps({"board": failsafe.board, "config": config, "heap_free": gc.mem_free(), "system": sys.version, "pins": pins}))
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
        """board, config (or {"unreadable": ...}), heap_free, system and the pins of the relays, as the box sees them."""
        return json.loads(self._run("about()"))

    def line(self, baud):
        """Its RS485 line."""
        return Line(self._exchange, baud)

    def _exchange(self, frame, wait_ms, baud, parity):
        return bytes.fromhex(json.loads(self._run(f"exchange({frame.hex()!r}, {wait_ms}, {baud}, {parity!r})"))["heard"])

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
