"""The numbers of the Modbus door, measured for tools.bench: on 32 bit, and on real sockets beside a pymodbus server.

Rates belong to the machine and its mood: both servers run at the same time, take turns, and are told as a ratio, too.
"""
import contextlib
import json
import math
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools import mpy, runtimes
from tools.bench_broker import free_ports
from tools.desk import broker

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "build" / "bench_modbus"
RUN_MODBUS = ROOT / "host_tests" / "interop" / "run_modbus.py"
START_LIMIT_S = 20
ANSWER_LIMIT_S = 5
TURNS, TURN_S = 6, 0.4  # of each; the best one counts, as whatever else runs here only ever slows it down
CLIENTS = (1, 4)
REQUEST = bytes.fromhex("0001 0000 0006 01 04 2774 0011")  # 10100..10116, as much as anybody polls at once
ANSWER_BYTES = 9 + 34
PYMODBUS = """
import sys
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartTcpServer
block = ModbusSequentialDataBlock(10000, [7] * 400)
StartTcpServer(ModbusServerContext(devices=ModbusDeviceContext(ir=block, hr=block), single=True), address=("127.0.0.1", int(sys.argv[1])))
"""

_WHAT = "10100..10116 by function 4, one request on its way per client, {}; on this machine"
# name: unit, limit (None: none), gated against growth, what it is; as in tools.bench
NAMES = {
    "modbus_request_ops": ("operations", None, True, "of pool and Modbus door for one request of 17 registers, beyond an idle step, 32 bit"),
    "modbus_idle_step_ops": ("operations", None, True, "of both in a step in which nobody asks, three clients connected"),
    "modbus_request_bytes": ("bytes", 0, False, "asked for in all per request"),
    "modbus_requests_per_second_1": ("", None, False, _WHAT.format("one client")),
    "modbus_requests_per_second_4": ("", None, False, _WHAT.format("four clients")),
    "modbus_p50_ms_1": ("ms", None, False, "from request to answer, one client"),
    "modbus_p99_ms_1": ("ms", None, False, "all but the slowest hundredth of them"),
    "modbus_p50_ms_4": ("ms", None, False, "the same with four clients"),
    "modbus_p99_ms_4": ("ms", None, False, "the same with four clients"),
    "modbus_vs_pymodbus_1": ("", None, False, "requests per second, ours over those of a pymodbus server in the same run, one client"),
    "modbus_vs_pymodbus_4": ("", None, False, "the same with four clients"),
}  # fmt: skip


def on_32_bit():
    found = json.loads(runtimes.run_script(ROOT / "host_tests" / "mpy" / "bench_modbus.py", "wasi32", clock="fuel"))
    return {"modbus_request_ops": found["ops"], "modbus_idle_step_ops": found["step_ops"], "modbus_request_bytes": found["bytes"]}


# --- servers of this machine ---


@contextlib.contextmanager
def running(command, port, **options):
    """The process of a server that answers there. RuntimeError when it does not start."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        try:
            end_s = time.monotonic() + START_LIMIT_S
            while not broker.accepts(("127.0.0.1", port)):
                if process.poll() is not None or time.monotonic() > end_s:
                    log.seek(0)
                    raise RuntimeError(f"a Modbus server on port {port}: expected it to listen, found {log.read()[-500:].decode()!r}")
                time.sleep(0.05)
            yield port
        finally:
            process.kill()
            process.wait()


def the_box():
    """run_modbus.py in a process of its own, with the heap and the sockets of an ESP32."""
    mpy.build(FIRMWARE, extra=[RUN_MODBUS])
    ports = free_ports(3)
    settings = json.dumps({"ports": ports, "charge_points": 1})
    path = ":".join(map(str, (runtimes.STUBS, runtimes.UMQTT, FIRMWARE, ROOT, ".frozen")))
    command = [runtimes.micropython(), "-X", "heapsize=160K", "-m", RUN_MODBUS.stem, settings]
    return running(command, ports[1], env={"MICROPYPATH": path})


def pymodbus():
    port = free_ports(1)[0]
    return running([sys.executable, "-c", PYMODBUS, str(port)], port)


# --- who asks them ---


def polled(port, clients):
    """(requests per second, ms from request to answer of each) of so many clients that ask again as soon as they are answered."""
    with contextlib.ExitStack() as stack:
        poll = select.poll()
        by_fd = {}
        for _ in range(clients):
            s = stack.enter_context(socket.create_connection(("127.0.0.1", port), ANSWER_LIMIT_S))
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poll.register(s, select.POLLIN)
            by_fd[s.fileno()] = s
        clock, took_s = time.perf_counter, []
        start_s = clock()
        asked_s = dict.fromkeys(by_fd, start_s)
        for s in by_fd.values():
            s.sendall(REQUEST)
        while clock() - start_s < TURN_S:
            for fd, _ in poll.poll(ANSWER_LIMIT_S * 1000) or _nothing(port):
                s = by_fd[fd]
                answer = s.recv(512)
                if len(answer) != ANSWER_BYTES or answer[7] != 4:
                    raise RuntimeError(f"the server on port {port} answered {answer.hex()!r} in one piece: nothing was measured")
                now_s = clock()
                took_s.append(now_s - asked_s[fd])
                asked_s[fd] = now_s
                s.send(REQUEST)
        return len(took_s) / (clock() - start_s), [1000 * s for s in took_s]


def _nothing(port):
    raise RuntimeError(f"the server on port {port} does not answer within {ANSWER_LIMIT_S} s: nothing was measured")


def side_by_side():
    found = {}
    with the_box() as ours, pymodbus() as theirs:
        for clients in CLIENTS:
            turns = [(polled(ours, clients), polled(theirs, clients)) for _ in range(TURNS)]
            (rate, took_ms), (other, _) = (max(turn[i] for turn in turns) for i in (0, 1))
            took_ms.sort()
            found[f"modbus_requests_per_second_{clients}"] = round(rate)
            found[f"modbus_p50_ms_{clients}"] = round(statistics.median(took_ms), 2)
            found[f"modbus_p99_ms_{clients}"] = round(took_ms[math.ceil(0.99 * len(took_ms)) - 1], 2)
            found[f"modbus_vs_pymodbus_{clients}"] = round(rate / other, 2)
    return found


MEASURES = {
    on_32_bit: ("modbus_request_ops", "modbus_idle_step_ops", "modbus_request_bytes"),
    side_by_side: tuple(name for name in NAMES if name[-2:] in ("_1", "_4")),
}
