"""The page with its pool and a whole gateway behind it in virtual time, and browsers that dial in over virtual sockets."""

import json

import page as page_module
from clock import TICKS_MASK
from connections import Connections, Door
from page import Page
from status import Status

from host_tests.fakes.peer import Client, Listener
from host_tests.fakes.vitals import Vitals
from host_tests.sim.chip import NC
from host_tests.sim.world import World, standard_config

HTML = bytes(range(256)) * 9  # more than three buffers, and not text


class File:
    """The page as Asset hands it out."""

    def __init__(self, data=HTML):
        self.data = data
        self.size = -1 if data is None else len(data)

    def read(self, at, buf):
        part = (self.data or b"")[at : at + len(buf)]
        buf[: len(part)] = part
        return len(part)


class WithPool:
    """A gateway with another pool: it goes on with its own."""

    def __init__(self, gateway, pool):
        self.pool = pool
        self._gateway = gateway

    def __getattr__(self, name):
        return getattr(self._gateway, name)


def watched(enter):
    def checked(visit, state, now_ms):
        assert (visit.state, state) in page_module.TRANSITIONS, f"{visit.state} to {state}"
        enter(visit, state, now_ms)

    return checked


page_module.Visit._enter = watched(page_module.Visit._enter)


class Box:
    """`run_ms` steps pool and page; the clock starts 7 s before it wraps. Every transition is checked."""

    def __init__(self, charge_points=1, mode="broker", file=HTML, sockets=10, meter="sdm630", contact=NC, **config):
        self.world = World(config={**standard_config(charge_points, meter, mode=mode), **config}, contact=contact)
        self.world.step()
        self.gateway = self.world.gateway
        self.listener = Listener()
        self.broker = Door("broker", Listener(), 4)
        self.door = Door("page", self.listener, 1, first_to_go=True)
        self.pool = Connections([self.broker, self.door, Door("spare", None, 1)], sockets)
        self.status = Status(WithPool(self.gateway, self.pool), Vitals())
        self.page = Page(self.pool, self.door, File(file), self.status)
        self.now_ms = TICKS_MASK - 7000

    def step(self, ms=10):
        self.now_ms = (self.now_ms + ms) & TICKS_MASK
        self.pool.step(self.now_ms)
        self.page.step(self.now_ms)
        assert 0 <= self.page.wait_ms(self.now_ms) <= page_module.HEARING_LIMIT_MS

    def run_ms(self, ms, step_ms=10):
        for _ in range(ms // step_ms):
            self.step(step_ms)

    def dial(self, data=b""):
        return Client(self.listener).send(data)

    def ask(self, request, limit_ms=1000):
        """The whole answer to these bytes, once the box says no more."""
        client = self.dial(request)
        self.run_ms(limit_ms)
        return bytes(client.received)

    def get(self, path="/", method="GET", version="HTTP/1.1", headers=""):
        """(status line, {header: value}, body without its chunks) of a request."""
        return parsed(self.ask(f"{method} {path} {version}\r\nHost: box\r\n{headers}\r\n".encode()))

    def status_json(self):
        return json.loads(self.get("/status.json")[2])


def parsed(answer):
    """(status line, {header: value}, body) of an answer. ValueError when its length is not what it says."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    if headers.get("Transfer-Encoding") == "chunked":
        body = joined(body)
    elif "Content-Length" in headers and body and len(body) != int(headers["Content-Length"]):
        raise ValueError("%s bytes announced, %d sent" % (headers["Content-Length"], len(body)))
    return status, headers, body


def joined(chunks):
    """The content of a chunked body. ValueError when it is not one, or has no end."""
    content = b""
    while True:
        size, separator, chunks = chunks.partition(b"\r\n")
        n = int(size, 16)
        if not separator or chunks[n : n + 2] != b"\r\n":
            raise ValueError("no whole chunk: %r" % size)
        if not n:
            if chunks != b"\r\n":
                raise ValueError("something behind the last chunk: %r" % chunks)
            return content
        content += chunks[:n]
        chunks = chunks[n + 2 :]
