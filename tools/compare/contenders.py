"""The three who do the same job, each a process of its own on a line of its own: ours, stock MicroPython packages, packages on CPython."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools import mpy, runtimes
from tools.compare import stock
from tools.compare.line import TimedLine
from tools.desk import boards, process

HERE = Path(__file__).resolve().parent
BOARD = "esp32_generic"
GAP_MS = 5  # ours waits 20 ms between requests unless it is told otherwise; the others wait as long as Modbus demands
ANSWER_LIMIT_S = 5
OURS, STOCK, CPYTHON = "ours", "stock", "cpython"
NAMES = {OURS: "Ladepunkt", STOCK: "umqtt.simple + micropython-modbus", CPYTHON: "pymodbus + paho on CPython"}


class Contender:
    """`start`, let it work, `stop`. `prefix` of its topics; its Modbus TCP server listens at `modbus_port`."""

    def __init__(self, name, mqtt_port, modbus_port, heartbeat_limit_s, folder):
        self.name = name
        self.prefix = name + "/"
        self.modbus_port = modbus_port
        self.line = TimedLine(seed=1)
        self.child = None
        self._folder = Path(folder) / name
        self._log = None
        self._settings = {
            "mqtt_port": mqtt_port, "modbus_port": modbus_port, "prefix": self.prefix, "heartbeat_limit_s": heartbeat_limit_s, "line": self.line.path,
        }  # fmt: skip

    def start(self):
        self._folder.mkdir()
        command, environment = {OURS: self._ours, STOCK: self._stock, CPYTHON: self._cpython}[self.name]()
        self._log = tempfile.TemporaryFile()
        self.line.start()
        self.child = subprocess.Popen(command, cwd=self._folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def stop(self):
        if self.child is not None:
            self.child.kill()
            self.child.wait()
        self.line.stop()

    def check(self):
        """Raises RuntimeError with its last words when it has ended."""
        if self.child.poll() is not None:
            raise RuntimeError(f"{NAMES[self.name]} ended with status {self.child.returncode}: {self._said()[-1500:]}")

    def has_ended(self):
        return self.child.poll() is not None

    def last_words(self):
        lines = self._said().strip().splitlines()
        return lines[-1] if lines else ""

    def live_bytes(self):
        """Of its heap after a collection; None where it has no answer (CPython)."""
        if self.name == CPYTHON:
            return None
        (self._folder / "ask").touch()
        end_s = time.monotonic() + ANSWER_LIMIT_S
        while time.monotonic() < end_s:
            for line in self._said().splitlines():
                if line.startswith("{") and "live_bytes" in line:
                    return json.loads(line)["live_bytes"]
            time.sleep(0.1)
        raise RuntimeError(f"{NAMES[self.name]} did not tell its heap: {self._said()[-500:]}")

    def resident_bytes(self):
        """What the process occupies in this machine's memory; None where there is no /proc."""
        return self._from_proc("status", lambda text: int(text.split("VmRSS:")[1].split()[0]) * 1024)

    def processor_s(self):
        """Processor time it has taken; None where there is no /proc."""

        def taken(text):
            fields = text.rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        return self._from_proc("stat", taken)

    def _from_proc(self, name, read):
        try:
            return read(Path(f"/proc/{self.child.pid}/{name}").read_text())
        except (FileNotFoundError, IndexError):
            return None

    def _said(self):
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def _ours(self):
        mpy.build(self._folder / "mpy", extra=[HERE / "run_ours.py"], public=True)
        board = boards.read(BOARD)
        s = self._settings
        config = {
            "name": "compare", "heartbeat_limit_s": s["heartbeat_limit_s"], "bus": {"gap_ms": GAP_MS}, "page": {"enabled": False},
            "mqtt": {"host": "127.0.0.1", "port": s["mqtt_port"], "prefix": s["prefix"]}, "modbus": {"port": s["modbus_port"]},
            "charge_points": [{"evse": 1, "phases": 3, "meter": {"type": "sdm630", "unit": 105}}],
        }  # fmt: skip
        boards.fit(board, config)
        for file, content in (("config.json", config), ("board.json", board)):
            (self._folder / file).write_text(json.dumps(content))
        path = ":".join((process.STUBS, process.UMQTT, str(self._folder / "mpy"), ".frozen"))
        environment = {"MICROPYPATH": path, "LADEPUNKT_UART%d" % board["rs485"][0]["uart"]: s["line"], "LADEPUNKT_UMQTT": process.UMQTT}
        return [runtimes.micropython(), "-X", f"heapsize={process.HEAP_BYTES}", "-m", "run_ours"], environment

    def _stock(self):
        path = ":".join((process.STUBS, str(stock.build()), ".frozen"))
        command = [runtimes.micropython(), "-X", f"heapsize={process.HEAP_BYTES}", "-m", "stock_program", json.dumps(self._settings)]
        return command, {"MICROPYPATH": path, "LADEPUNKT_UART1": self._settings["line"]}

    def _cpython(self):
        return [sys.executable, HERE / "cpython_program.py", json.dumps(self._settings)], {}
