"""Modbus TCP clients that ask for 10100..10116: as fast as they are answered, or once per second; and the bare servers, without the rest of the job."""

import contextlib
import select
import socket
import sys
import threading
import time

from tools import bench_modbus, runtimes
from tools.bench_broker import free_ports
from tools.compare import contenders, stock

CLIENTS = (1, 4)
CONNECT_S = 3
ALONE_TURNS, ALONE_S = 5, 0.3  # see live.FLAT_OUT_TURNS
# Nothing but the server, for who wants to know what it can do when nobody else is served.
UMODBUS_ALONE = """
import sys
import time
from umodbus.tcp import ModbusTCP
server = ModbusTCP()
server.bind("127.0.0.1", int(sys.argv[1]))
server.setup_registers({"IREGS": {"BOX": {"register": 10100, "len": 17, "val": [7] * 17}}})
while True:
    if not server.process():
        time.sleep_ms(1)  # nobody asks: leave the processor to the others
"""


def flat_out(port, clients, seconds):
    """(answers per second, of how many clients the last one came in the second half). Who is hung up on does not come back."""
    with contextlib.ExitStack() as stack:
        poll, by_fd, last_s, answers = select.poll(), {}, {}, 0
        for _ in range(clients):
            try:
                s = stack.enter_context(socket.create_connection(("127.0.0.1", port), CONNECT_S))
            except OSError:
                continue  # who takes no connection answers nobody
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            by_fd[s.fileno()] = s
            poll.register(s, select.POLLIN)
            s.sendall(bench_modbus.REQUEST)
        start_s = time.monotonic()
        end_s = start_s + seconds
        while by_fd and time.monotonic() < end_s:
            for fd, _ in poll.poll(1000 * (end_s - time.monotonic())):
                if _again(by_fd[fd]):
                    answers += 1
                    last_s[fd] = time.monotonic()
                else:
                    poll.unregister(fd)
                    del by_fd[fd]
        served = sum(at_s > start_s + seconds / 2 for at_s in last_s.values())
        return answers / seconds, served


def _again(s):
    """Takes an answer and asks again; False when the server has hung up."""
    try:
        answer = s.recv(512)
        if not answer:
            return False
        if len(answer) != bench_modbus.ANSWER_BYTES or answer[7] != 4:
            raise RuntimeError(f"a Modbus server answered {answer.hex()}: nothing was measured")
        s.sendall(bench_modbus.REQUEST)
        return True
    except ConnectionError:
        return False


class OncePerSecond(threading.Thread):
    """A client as a controller is: connected for so long, asks every second. `late` counts what was not answered within a second."""

    def __init__(self, port, seconds):
        super().__init__(daemon=True)
        self.asked = 0
        self.late = 0
        self._port = port
        self._end_s = time.monotonic() + seconds
        self.start()

    def run(self):
        with socket.socket() as s:
            s.settimeout(1)
            with contextlib.suppress(OSError):  # then it is late every time
                s.connect(("127.0.0.1", self._port))
            while time.monotonic() < self._end_s:
                began_s = time.monotonic()
                self.asked += 1
                try:
                    s.sendall(bench_modbus.REQUEST)
                    self.late += not s.recv(512)
                except OSError:
                    self.late += 1
                time.sleep(max(0, began_s + 1 - time.monotonic()))


def _umodbus_alone():
    port = free_ports(1)[0]
    path = ":".join((str(runtimes.STUBS), str(stock.build()), ".frozen"))
    return bench_modbus.running([runtimes.micropython(), "-X", "heapsize=320K", "-c", UMODBUS_ALONE, str(port)], port, env={"MICROPYPATH": path})


def alone():
    """{contender: {clients: (answers per second, served)}} of the bare servers, which run at the same time and take turns; the best turn counts."""
    servers = {contenders.OURS: bench_modbus.the_box, contenders.STOCK: _umodbus_alone, contenders.CPYTHON: bench_modbus.pymodbus}
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(server()) for name, server in servers.items()}
        turns = [{name: [flat_out(port, n, ALONE_S) for n in CLIENTS] for name, port in ports.items()} for _ in range(ALONE_TURNS)]
    return {name: {n: max(turn[name][i] for turn in turns) for i, n in enumerate(CLIENTS)} for name in servers}


if __name__ == "__main__":
    sys.exit(print(alone()))
