"""A half-duplex RS485 line in virtual time: what happens to the bytes when the direction pin moves too early or too late.

    clock = VirtualClock()
    pin = DirectionPin(clock)
    uart = VirtualUart(clock, baud=9600, pin=pin, answer=lambda request: reply_or_None)
    board.machine, board.time = VirtualMachine(uart, pin), clock   (by monkeypatch)

The clock moves when a test says so, and a little with every look at it or at `txdone()`, so that a busy wait ends.
"""

TICKS_MASK = 0x3FFFFFFF
LOOK_US = 20  # what one look at the clock or at txdone costs on an ESP32, roughly


class VirtualClock:
    """Also a stand-in for the module `time`: ticks of microseconds and milliseconds wrap at 2**30."""

    def __init__(self, start_us=0):
        self.now_us = start_us

    def advance(self, us):
        self.now_us += us

    def ticks_us(self):
        self.advance(LOOK_US)
        return self.now_us & TICKS_MASK

    def ticks_ms(self):
        self.advance(LOOK_US)
        return self.now_us // 1000 & TICKS_MASK

    def ticks_diff(self, new, old):
        half = (TICKS_MASK + 1) // 2
        return (new - old + half & TICKS_MASK) - half

    def sleep_ms(self, ms):
        self.advance(ms * 1000)


class DirectionPin:
    """DE and RE of a transceiver: high sends, low listens. `release_late_us` keeps it high longer than it was told."""

    def __init__(self, clock, release_late_us=0):
        self._clock = clock
        self._release_late_us = release_late_us
        self.changes = [(-1, 0)]  # (time in us, level), oldest first; low before everything

    def value(self, level=None):
        if level is None:
            return self.changes[-1][1]
        if not level:
            self._clock.advance(self._release_late_us)
        self.changes.append((self._clock.now_us, 1 if level else 0))

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def level_at(self, time_us):
        return [level for when_us, level in self.changes if when_us <= time_us][-1]

    def high_throughout(self, start_us, end_us):
        fell = any(start_us <= when_us < end_us and not level for when_us, level in self.changes)
        return bool(self.level_at(start_us)) and not fell


class VirtualUart:
    """Transmits n bytes in n * 10 / baud seconds, then lets the other side answer after its turn-around time.

    answer(request) -> reply bytes or None. A request during which the pin was not high does not reach the other side
    (`requests_lost`). A reply whose first bit starts while the pin is still high is destroyed (`replies_destroyed`).
    Without a pin the transceiver finds its direction by itself.
    """

    def __init__(self, clock, baud=9600, pin=None, answer=None, turn_around_us=None):
        self._clock = clock
        self._byte_us = 10 * 1000000 // baud
        self._pin = pin
        self._answer = answer
        # 3.5 characters of silence end a frame: no slave can be faster
        self._turn_around_us = 7 * self._byte_us // 2 if turn_around_us is None else turn_around_us
        self._sending = []  # (start_us, end_us, bytes) not answered yet
        self._arriving = []  # (time of arrival in us, byte), in order
        self.sent = []
        self.sent_end_us = 0
        self.requests_lost = 0
        self.replies_destroyed = 0

    def write(self, buf, offset=None, n=None):
        if n is None:
            offset, n = 0, len(buf) if offset is None else offset
        data = bytes(buf[offset : offset + n])
        start_us = max(self._clock.now_us, self.sent_end_us)
        self.sent_end_us = start_us + n * self._byte_us
        self.sent.append(data)
        self._sending.append((start_us, self.sent_end_us, data))
        return n

    def txdone(self):
        self._clock.advance(LOOK_US)
        return self._clock.now_us >= self.sent_end_us

    def any(self):
        self._settle()
        return sum(1 for when_us, _ in self._arriving if when_us <= self._clock.now_us)

    def readinto(self, buf, n=None):
        waiting = min(self.any(), len(buf) if n is None else n)
        for i in range(waiting):
            buf[i] = self._arriving[i][1]
        del self._arriving[:waiting]
        return waiting or None

    def _settle(self):
        """Decide what became of every request whose answer would have begun by now."""
        while self._sending and self._sending[0][1] + self._turn_around_us <= self._clock.now_us:
            start_us, end_us, request = self._sending.pop(0)
            if self._pin and not self._pin.high_throughout(start_us, end_us):
                self.requests_lost += 1
                continue
            self._begin_reply(request, end_us + self._turn_around_us)

    def _begin_reply(self, request, at_us):
        reply = self._answer(request) if self._answer else None
        if not reply:
            return
        if self._pin and self._pin.level_at(at_us):
            self.replies_destroyed += 1
            return
        for i, byte in enumerate(reply):
            self._arriving.append((at_us + (i + 1) * self._byte_us, byte))


class VirtualMachine:
    """A stand-in for the module `machine` that hands out this UART and this pin, whatever numbers are asked for."""

    def __init__(self, uart, pin):
        self.asked = []  # what the firmware wanted: (positional, named) arguments of UART(...) and Pin(...), in order
        self._uart = uart
        self.Pin = _PinMaker(pin, self.asked)

    def UART(self, *positional, **named):
        self.asked.append((positional, named))
        return self._uart


class _PinMaker:
    IN, OUT = 1, 3

    def __init__(self, pin, asked):
        self._pin = pin
        self._asked = asked

    def __call__(self, *positional, **named):
        self._asked.append((positional, named))
        return self._pin
