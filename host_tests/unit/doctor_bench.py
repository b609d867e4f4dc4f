"""A line for the doctor's tests: the simulated site behind `exchange`, and what can be wrong with a line."""

import re
from pathlib import Path

from tools.doctor.frames import WRITE_MULTIPLE, Line, with_crc

from host_tests.fakes.site import standard_site

PAGE = Path(__file__).resolve().parents[2] / "docs" / "doctor.md"


def undocumented(text):
    """The checks in what the doctor has said that docs/doctor.md does not name; numbers and addresses do not count."""

    def masked(words):
        return re.sub(r"\d+(\.\d+)*", "#", words)

    page = masked(PAGE.read_text(encoding="utf-8"))
    checks = {masked(line[6:].partition(": ")[0]) for line in text.splitlines() if line[:6] in ("ok    ", "hint  ", "fix   ")}
    # The checks of a device stand there once, and a row may name several of them.
    return {what for what in checks if what not in page and what.rpartition(", ")[2] + "`" not in page}


class BadLine:
    """`silent`, `noisy`, `echoing`, `doubled` (a unit id that two devices answer to) and `speed` are what is wrong with it."""

    def __init__(self, site=None):
        self.site = site or standard_site(1)
        self.silent = False
        self.noisy = False
        self.echoing = False
        self.doubled = None
        self.speed = (9600, "N")
        self.now_ms = 0
        self.site.step(0)

    def line(self):
        return Line(self.exchange)

    def exchange(self, frame, wait_ms, baud, parity):
        self.now_ms += wait_ms
        echo = frame if self.echoing else b""
        if self.noisy:
            return echo + b"\x5a\xff\x00\xa5\x11"
        if self.silent or (baud, parity) != self.speed:
            return echo
        return echo + self._reply(frame)

    def _reply(self, frame):
        unit, function = frame[0], frame[1]
        address = int.from_bytes(frame[2:4], "big")
        payload = [int.from_bytes(frame[7:9], "big")] if function == WRITE_MULTIPLE else int.from_bytes(frame[4:6], "big")
        words = self.site.request(unit, function, address, payload, self.now_ms)
        if words is None:
            return b""
        if isinstance(words, int):
            reply = with_crc(bytes((unit, function | 0x80, words)))
        elif function == WRITE_MULTIPLE:
            reply = with_crc(frame[:6])
        else:
            reply = with_crc(bytes((unit, function, 2 * len(words))) + b"".join(word.to_bytes(2, "big") for word in words))
        return reply[:-3] + b"\x13\x37" if unit == self.doubled else reply
