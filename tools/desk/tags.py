"""The simulated RDM6300 of the desk: a pty that sends the frames of a tag for as long as it is held there."""

import os
import threading
import tty

from host_tests.fakes.rdm6300 import FRAME_EVERY_MS, frame, uid_of
from tools.desk import rules

NUMBER_END = 1 << 32
HOLD_S = 0.5
HOLD_MAX_S = 60


def fit(board):
    """Give the board a UART for the reader if it has none, as its owner would. Returns a sentence per change."""
    if board.get("rfid"):
        return []
    uarts = [row["uart"] for row in board["rs485"]]
    uart = next(number for number in (2, 1, 0) if number not in uarts)
    taken = {row.get(key) for row in board["rs485"] for key in ("tx", "rx", "de")}
    pins = [pin for pin in range(48, -1, -1) if pin not in taken]
    board["rfid"] = {"uart": uart, "rx": pins[0], "tx": pins[1]}
    return ["a reader of tags listens at UART %d here" % uart]


class TagReader:
    """`path` is what the firmware opens as the reader's UART. `hold` returns at once."""

    def __init__(self):
        self._master_fd, self._slave_fd = os.openpty()
        tty.setraw(self._slave_fd)
        os.set_blocking(self._master_fd, False)
        # The slave end stays open here, so that the reader survives a gateway that restarts.
        self.path = os.ttyname(self._slave_fd)
        self._taken_away = threading.Event()
        self._thread = None

    def hold(self, tag, seconds):
        """The tag (as printed: its number in decimal) comes to the reader and goes after `seconds`. Raises ValueError."""
        if not isinstance(tag, str) or not (tag.isascii() and tag.isdigit()) or len(tag) > 10 or int(tag) >= NUMBER_END:
            raise ValueError('"id" must be the number on a tag as text, for example "0008844356", below 4294967296')
        if not rules.is_number(seconds) or not 0 < seconds <= HOLD_MAX_S:
            raise ValueError('"seconds" must be a number above 0, at most %d' % HOLD_MAX_S)
        self._take_away()
        self._taken_away = threading.Event()
        frames = max(1, int(seconds * 1000) // FRAME_EVERY_MS)
        self._thread = threading.Thread(target=self._send, args=(frame(uid_of(int(tag))), frames), name="tag", daemon=True)
        self._thread.start()

    def stop(self):
        """Harmless when called twice."""
        self._take_away()
        if self._master_fd >= 0:
            os.close(self._master_fd)
            os.close(self._slave_fd)
            self._master_fd = self._slave_fd = -1

    def _take_away(self):
        self._taken_away.set()
        if self._thread is not None:
            self._thread.join()

    def _send(self, data, frames):
        for _ in range(frames):
            try:
                os.write(self._master_fd, data)
            except BlockingIOError:
                pass  # nobody listens: a reader does not wait either
            if self._taken_away.wait(FRAME_EVERY_MS / 1000):
                return
