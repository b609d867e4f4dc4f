"""A box for the tests of the floor: boot.py and main.py on real MicroPython as the chip runs them, with the wire, the relays and
what it prints noted, each with its time."""

import json
import os
import re
import select
import subprocess
import threading
import time
import tty

import modbus

from tools.desk.wires import WatchdogLine
from tools.runtimes import STUBS, UMQTT, micropython

FRAME_S = 11 * 10 / 9600  # a pty is faster than the line it stands for
RELAYS = [{"pin": 1, "contact": "nc", "active": 1}, {"pin": 2, "contact": "no", "active": 1}]
BOARD = {"board": "b", "rs485": [{"uart": 1, "tx": 17, "rx": 18}], "evse_ids": [1, 2], "cp_relays": RELAYS}
CONFIG = {"mqtt": {"host": "127.0.0.1", "port": 9}, "modbus": {"enabled": False}, "charge_points": [{"evse": 1, "meter": {"type": "none"}}]}
CP_OPEN = {1: 1, 2: 0}
RUN = "import boot\nimport main\n"


def zero_frame(unit):
    frame = bytearray(11)
    modbus.put_write(frame, unit, 1000, 0)
    return bytes(frame)


class Box:
    """`files` {name: content} lie in the folder of the box, before `compiled`, where the firmware is. Ends with the `with`."""

    def __init__(self, folder, compiled, files=(), heap="320K", cause="PWRON_RESET"):
        self.folder = folder
        self.lines = []  # (time, text)
        self.pins = []  # (time, pin, level)
        self._heard = []  # (time, bytes)
        self._end = threading.Event()
        self._command = [micropython(), "-X", "heapsize=" + heap, "run.py"]
        self._write({"board.json": BOARD, "config.json": CONFIG, "run.py": RUN, **dict(files)})
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._wire = WatchdogLine(str(folder / f"fifo{time.monotonic_ns()}"), lambda *moved: self.pins.append((time.monotonic(), *moved)))
        self._environment = {
            "MICROPYPATH": f"{STUBS}:{UMQTT}:{compiled}:.frozen",
            "LADEPUNKT_UART1": os.ttyname(self._slave),
            "LADEPUNKT_WDT": self._wire.path,
            "LADEPUNKT_RTC": str(folder / "rtc"),
            "LADEPUNKT_RELAYS": "1,2",
            "LADEPUNKT_RESET_CAUSE": cause,
        }

    def __enter__(self):
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(
            list(map(str, self._command)),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._wire.close()
        os.close(self._master)
        os.close(self._slave)

    def zero_frames(self, unit):
        """When 0 A frames to that unit would have left a real line, oldest first."""
        data = b"".join(chunk for _, chunk in self._heard)
        times_s = [heard_s for heard_s, chunk in self._heard for _ in chunk]
        return [times_s[found.end() - 1] + FRAME_S for found in re.finditer(re.escape(zero_frame(unit)), data)]

    def others(self):
        """Bytes on the wire that belong to no 0 A frame."""
        data = b"".join(chunk for _, chunk in self._heard)
        for unit in (1, 2):
            data = data.replace(zero_frame(unit), b"")
        return data

    def relays(self):
        return {pin: level for _, pin, level in self.pins}

    def fed_s(self):
        """When the watchdog was fed last, by the monotonic clock."""
        return self._wire.fed_s

    def was_reset(self):
        """True once the firmware has reset the chip; its process lies still until the `with` ends it."""
        return self._wire.reset

    def text(self):
        return "\n".join(text for _, text in self.lines)

    def saw(self, pattern):
        """When a line with that pattern came, or None."""
        return next((when_s for when_s, text in self.lines if re.search(pattern, text)), None)

    def wait_for(self, condition, what, limit_s=10):
        end_s = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end_s, f"{what}: not within {limit_s} s; it said:\n{self.text()}"
            time.sleep(0.01)

    def wait_end(self, limit_s=10):
        """The exit status."""
        self.wait_for(lambda: self.process.poll() is not None and self._quiet, "its end", limit_s)
        return self.process.returncode

    def _write(self, files):
        for name, content in files.items():
            if isinstance(content, bytes):
                (self.folder / name).write_bytes(content)
            elif content is not None:
                (self.folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
            else:
                (self.folder / name).unlink(missing_ok=True)

    def _listen(self):
        watched = [self._master, self._wire.fd, self.process.stdout]
        unread = b""
        self._quiet = False
        while not self._end.is_set():
            readable, _, _ = select.select(watched, [], [], 0.05)
            now_s = time.monotonic()
            self._quiet = not readable
            if self._master in readable:
                self._heard.append((now_s, os.read(self._master, 512)))
            if self._wire.fd in readable:
                self._wire.read()
            if self.process.stdout in readable:
                chunk = os.read(self.process.stdout.fileno(), 4096)
                if not chunk:
                    watched.remove(self.process.stdout)
                *lines, unread = (unread + chunk).split(b"\n")
                self.lines += [(now_s, line.decode(errors="replace")) for line in lines]
