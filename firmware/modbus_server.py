"""One Modbus TCP client: its requests out of the stream of bytes, each answered in one segment before the next one is looked at.

Facts: Modbus messaging on TCP/IP 1.0b (MBAP header), Modbus application protocol 1.1b3 (PDUs).
"""

from micropython import const

from clock import elapsed_ms
from connections import GONE
from modbus import EXCEPTION_FLAG, READ_HOLDING, READ_INPUT, WRITE_MULTIPLE, word

CLOSED = const(0)
OPEN = const(1)

TRANSITIONS = ((CLOSED, OPEN), (OPEN, CLOSED))

# Why a connection ended: index into ModbusDoor.ended.
BY_PEER = const(0)
EVICTED = const(1)
SILENT = const(2)  # no whole request for modbus.idle_s
STALLED = const(3)  # does not take its answer
NOT_MODBUS = const(4)  # protocol or length that can not be: nothing after it can be trusted
END_COUNT = const(5)

# Exception codes. 6, busy, comes from the registers.
ILLEGAL_FUNCTION = const(1)
ILLEGAL_ADDRESS = const(2)
ILLEGAL_VALUE = const(3)

WRITE_SINGLE = const(6)
READ_MAX = const(125)
WRITE_MAX = const(123)

_HEAD_BYTES = const(6)  # transaction, protocol, length; the length counts from the unit on
_LENGTH_MAX = const(254)
_VALUES_AT = const(13)  # of function 16


class Session:
    """A machine for what happens in one slot while it belongs to Modbus.

        CLOSED --accepted--> OPEN --any end: counted in ModbusDoor.ended--> CLOSED

    A request in pieces is collected in slot.inbound.buf, the answer stands in slot.tx. While the peer has not taken an answer
    nothing more is read from it, so nobody waits for it and nothing queues.
    """

    def __init__(self, slot, owner):
        """owner: the ModbusDoor, which knows what a request means."""
        self.slot = slot
        self.owner = owner
        self.state = CLOSED
        self._buf = None  # where the request stands
        self._have = 0  # bytes of it so far
        self._need = _HEAD_BYTES
        self._data_bytes = 0  # of a read answer, or what a write answer repeats

    def step(self, now_ms):
        """One bounded bite: at most one chunk read and one request answered."""
        slot = self.slot
        if self.state and (slot.door is not self.owner.door or slot.fresh):
            self._enter(CLOSED)
            self.owner.count_end(EVICTED)
        if slot.door is not self.owner.door:
            return
        if slot.fresh:
            self._open(now_ms)
        if slot.tx.start == slot.tx.end:
            self._read(now_ms)
        if self.state and slot.tx.start != slot.tx.end and slot.flush(now_ms) == GONE:
            self._end(BY_PEER)
        if self.state and slot.active_ms != now_ms:
            self._check_times(now_ms)

    def busy(self):
        """True when the next step could do something at once."""
        slot = self.slot
        return self.state == OPEN and not slot.blocked and (slot.at != slot.have or slot.tx.start != slot.tx.end)

    def _open(self, now_ms):
        """Episode."""
        self.owner.episode = True
        self.slot.fresh = False
        self._have = 0
        self._need = _HEAD_BYTES
        self._enter(OPEN)

    def _check_times(self, now_ms):
        if elapsed_ms(now_ms, self.slot.active_ms) >= self.owner.idle_ms:
            self._end(SILENT)
        elif self.slot.stalled(now_ms):
            self._end(STALLED)

    def _end(self, reason):
        self.owner.count_end(reason)
        self._enter(CLOSED)
        self.owner.pool.close(self.slot)

    def _enter(self, state):
        self.state = state

    # -- a request in -------------------------------------------------------------------------------------------------

    def _read(self, now_ms):
        n = self.slot.read()
        if n == GONE:
            self._end(BY_PEER)
        elif n:
            self._collect()
            if not self._need:
                self._end(NOT_MODBUS)
            elif self._have == self._need:
                self.slot.active_ms = now_ms
                self._answer(now_ms)
                self._have = 0
                self._need = _HEAD_BYTES

    def _collect(self):
        """Takes from the chunk, at most up to the end of one request. `_need` is 0 afterwards when it is none of Modbus."""
        slot = self.slot
        if not self._have and not slot.at and slot.have >= _HEAD_BYTES:
            self._buf = slot.chunk  # whole requests, nearly all there are, stay where they are
            self._look_at_head()
            if self._need <= slot.have:
                slot.at = self._have = self._need
                return
            self._need = _HEAD_BYTES
        self._buf = slot.inbound.buf
        while slot.at < slot.have and self._have < self._need:
            self._buf[self._have] = slot.chunk[slot.at]
            slot.at += 1
            self._have += 1
            if self._have == _HEAD_BYTES:
                self._look_at_head()

    def _look_at_head(self):
        length = word(self._buf, 4)
        good = not word(self._buf, 2) and 2 <= length <= _LENGTH_MAX
        self._need = _HEAD_BYTES + length if good else 0

    # -- the answer out -----------------------------------------------------------------------------------------------

    def _answer(self, now_ms):
        """Puts the whole answer into tx."""
        buf = self._buf
        self.owner.requests = (self.owner.requests + 1) & 0xFFFFFF
        code = self._do(buf[7], now_ms) if buf[6] == self.owner.unit else ILLEGAL_ADDRESS
        if code:
            self._refuse(buf[7], code)
        tx = self.slot.tx
        for i in range(7):
            tx.buf[i] = buf[i]  # the high byte of the length among them: of no request it is anything but 0
        tx.buf[5] = 2 + self._data_bytes
        tx.start = 0
        tx.end = 8 + self._data_bytes

    def _refuse(self, function, code):
        self.owner.exceptions = (self.owner.exceptions + 1) & 0xFFFFFF
        out = self.slot.tx.buf
        out[7] = function | EXCEPTION_FLAG
        out[8] = code
        self._data_bytes = 1

    def _do(self, function, now_ms):
        """0, or an exception code. After 0 the answer stands in tx from the function on, with `_data_bytes` behind it."""
        if function == READ_INPUT or function == READ_HOLDING:
            return self._read_registers(now_ms)
        if function == WRITE_SINGLE or function == WRITE_MULTIPLE:
            if not self.owner.may_write(self.slot):
                return ILLEGAL_FUNCTION
            return self._write_registers(function == WRITE_MULTIPLE, now_ms)
        if function == 1 or function == 2 or function == 5 or function == 15:
            return ILLEGAL_ADDRESS  # coils: there is none
        return ILLEGAL_FUNCTION

    def _read_registers(self, now_ms):
        buf = self._buf
        count = word(buf, 10)
        if self._need != 12 or not 1 <= count <= READ_MAX:
            return ILLEGAL_VALUE
        out = self.slot.tx.buf
        out[7] = buf[7]
        out[8] = 2 * count
        self._data_bytes = 1 + 2 * count
        return self.owner.read(self.slot, word(buf, 8), count, now_ms)

    def _write_registers(self, several, now_ms):
        """The answer repeats the function, the address, and the value or the number of registers."""
        buf = self._buf
        count = 1
        if several:
            count = word(buf, 10)
            if self._need != _VALUES_AT + 2 * count or not 1 <= count <= WRITE_MAX or buf[12] != 2 * count:
                return ILLEGAL_VALUE
        elif self._need != 12:
            return ILLEGAL_VALUE
        out = self.slot.tx.buf
        for i in range(7, 12):
            out[i] = buf[i]
        self._data_bytes = 4
        return self.owner.write(self.slot, word(buf, 8), count, buf, _VALUES_AT if several else 10, now_ms)
