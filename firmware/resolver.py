"""Names to addresses, without ever blocking the loop."""

import socket
import sys

import _thread
from micropython import const

_STACK_BYTES = const(6144)


class Resolver:
    """Addresses of names. A numeric address is known at once; a name is looked up by one short-lived thread, as
    getaddrinfo of an absent .local name takes 12 s. At most one thread, however many ask: a second name waits for the first."""

    _busy = False  # of all of them

    def __init__(self):
        self._asked = None
        self._known = None  # the question that _address answers
        self._address = None

    def ask(self, host, port):
        """Start looking up. A name is always looked up anew: it may have moved."""
        self._asked = (host, port)
        self._known = None
        if is_numeric(host):
            self._look_up(self._asked)
        elif not Resolver._busy:
            self._start()

    def answer(self):
        """What connect() takes; None while it is not known yet; False when nobody knows the name."""
        if self._known == self._asked:
            return self._address
        if not Resolver._busy:
            self._start()
        return None

    def _start(self):
        Resolver._busy = True
        try:
            if sys.platform == "esp32":
                _thread.stack_size(_STACK_BYTES)
            _thread.start_new_thread(self._run, (self._asked,))
        except (OSError, RuntimeError, MemoryError):  # no memory for a thread now
            self._address = False
            self._known = self._asked
            Resolver._busy = False

    def _run(self, question):
        self._look_up(question)
        Resolver._busy = False

    def _look_up(self, question):
        try:
            address = socket.getaddrinfo(question[0], question[1], socket.AF_INET, socket.SOCK_STREAM)[0][-1]
        except (OSError, ValueError, IndexError, MemoryError):
            address = False
        self._address = address
        self._known = question  # last: from here on the answer counts


def is_numeric(host):
    """True for four numbers from 0 to 255 with dots between: no name server is needed."""
    parts = host.split(".")
    if len(parts) != 4:
        return False
    for part in parts:
        if not part.isdigit() or int(part) > 255:
            return False
    return True
