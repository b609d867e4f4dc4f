"""An energy meter on the line: finds out which one it is, then reads the blocks of its plan into the image.

The fast blocks are read in every round; one slow block follows every few rounds; a block with a serial number only once.
How long a block may be is learnt: what a meter refuses is asked for in shorter ones. `kind` and `longest` are worth remembering.
"""

from micropython import const

import modbus
from drivers import meters
from drivers.decoding import SERIAL, decode, read
from faults import METER_LOST_MS
from plan import NOTHING, POLL
from points import P_CURRENT_CA, P_POWER_FACTOR_C, P_POWER_L_CW, P_VOLTAGE_CV
from safety import R_METER_LOST, R_METER_STARTING, R_METER_VOLTAGE
from station import OK, TIMEOUT, Station

SILENT_RETRY_MS = const(5000)
SLOW_EVERY = const(5)  # rounds between two slow blocks, once all of them have been read
ACCEPT_CV = const(20000)  # 200 V on L1: below, it is no meter that could guard a charge point
ACCEPT_MAX_CV = const(28000)  # above, another kind of meter answers with something else
NOT_SUPPORTED_MAX = const(3)  # exceptions 1..3: no such function, register or length; above: failed or busy
REFUSALS = const(2)  # failures that mean too long, when the last one is a time-out: before the station counts as silent

PROBING = const(0)
READING = const(1)
TRANSITIONS = ((PROBING, READING), (READING, PROBING))


class Meter:
    """
    PROBING --a candidate tells the voltage of L1--> READING
       ^                                                |
       +-- no block is answered, in none of the plans --+

    Candidates are probed in turn, the remembered one first. It is used from its first plausible reading on; lost after 10 s
    without one. The one that was found stays until the next start.
    """

    def __init__(self, candidates, gap_ms, image, now_ms):
        """candidates: see meters.candidates."""
        self.state = PROBING
        self.kind = 0  # of the meter that was found
        self.longest = 0  # registers of its longest block, once all blocks have been answered
        self.again = False
        self.accepted = False  # has shown 200 V on L1 since start-up
        self.lost = False
        self.low = False  # the last reading was below that
        self._candidates = candidates
        self._at = 0  # which candidate is probed
        self._gap_ms = gap_ms
        self._image = image
        self._table = meters.table(candidates[0][0]) if len(candidates) == 1 else None
        self._known_longest = 0
        self.station = Station(candidates[0][1], gap_ms, SILENT_RETRY_MS // len(candidates))
        self._plan = 0  # index in the table
        self._fast = self._slow = ()
        self._fast_i = 0
        self._slow_i = 0
        self._slow_good = 0  # slow blocks answered since the plan was chosen
        self._rounds = 0  # since the last slow block
        self._in_slow = False
        self._block = None
        self._answered = False  # the fast blocks of this plan have been answered once
        self._refusals = 0  # of a fast block, before that
        image.meter.mark(now_ms)  # a grace of METER_LOST_MS to answer for the first time

    def remember(self, kind, longest):
        """What an earlier life has found. At boot."""
        for i in range(len(self._candidates)):
            if self._candidates[i][0] == kind:
                self._at = i
                self._known_longest = longest

    def _enter(self, state, _now_ms):
        self.state = state

    def reason(self):
        """0 when the meter guards the charge point, else why not. A meter once seen below 200 V stays that until accepted."""
        if self.low and not self.accepted:
            return R_METER_VOLTAGE
        if self.lost:
            return R_METER_LOST
        return 0 if self.accepted else R_METER_STARTING

    def age(self, now_ms):
        """Once per step."""
        self.lost = self._image.meter.check(now_ms, METER_LOST_MS)

    def wants(self, now_ms):
        return NOTHING if self.station.rests(now_ms) else POLL

    def prepare(self, now_ms):
        if self.state == PROBING:
            self.station.unit = self._candidates[self._at][1]
            probe = meters.PROBES[self._candidates[self._at][0]]
            self.station.ask(probe[0], probe[1], probe[2])
            return
        self._block = self._slow[self._slow_i] if self._in_slow else self._fast[self._fast_i]
        self.station.ask(self._block[0], self._block[1], self._block[2])

    def done(self, result, frame, now_ms):
        if self.state == PROBING:
            self._probed(result, frame, now_ms)
            return
        if result == OK:
            self._decode(frame)
        if self._in_slow:
            self._after_slow(result)
        elif result == OK:
            self._after_fast(now_ms)
        else:
            self._fast_i = 0
            self.again = False
            self._fast_refused(result, now_ms)

    # --- which one is it? ---

    def _probed(self, result, frame, now_ms):
        if result == OK and self._fits(frame):
            self._found(now_ms)
        else:
            self._at = (self._at + 1) % len(self._candidates)

    def _fits(self, frame):
        """True when the voltage makes sense; a meter that is the only candidate may show any."""
        probe = meters.PROBES[self._candidates[self._at][0]]
        volts_cv = read(probe[3], frame)
        if 0 <= volts_cv < ACCEPT_CV:
            self.low = True
        return ACCEPT_CV <= volts_cv <= ACCEPT_MAX_CV or len(self._candidates) == 1

    def _found(self, now_ms):
        """Episode: its table is loaded, and the station forgets what others did not answer."""
        self.kind = self._candidates[self._at][0]
        if len(self._candidates) > 1:
            self.station = Station(self._candidates[self._at][1], self._gap_ms, SILENT_RETRY_MS)
            self._candidates = (self._candidates[self._at],)
            self._at = 0
            self._table = meters.table(self.kind)
        i = 0
        while self._known_longest and i + 1 < len(self._table) and meters.longest(self._table[i]) > self._known_longest:
            i += 1
        self._use_plan(i)
        self._enter(READING, now_ms)

    def _use_plan(self, i):
        """Episode."""
        self._plan = i
        plan = self._table[i]
        self._answered = False
        self._fast = plan[0]
        self._slow = plan[1]
        self._fast_i = self._slow_i = self._slow_good = self._rounds = self._refusals = 0
        self._in_slow = False
        self.longest = 0

    # --- is a block too long? ---

    def _fast_refused(self, result, now_ms):
        """Episode where it says: too long. A meter that has answered its fast blocks is disturbed, not asked for too much."""
        self._refusals += 1
        refused = 0 < result <= NOT_SUPPORTED_MAX or result == TIMEOUT and self._refusals >= REFUSALS
        if self._answered or not refused:
            return
        if self._plan + 1 < len(self._table):
            self._use_plan(self._plan + 1)
        else:
            self._known_longest = 0  # what was remembered is no help any more
            self._enter(PROBING, now_ms)

    # --- reading ---

    def _after_fast(self, now_ms):
        self._fast_i += 1
        if self._fast_i < len(self._fast):
            self.again = True
            return
        self._fast_i = 0
        self._answered = True
        self._fill()
        if self._plausible():
            self._image.meter.mark(now_ms)
            self.low = self._image.value[P_VOLTAGE_CV] < ACCEPT_CV
            self.accepted = self.accepted or not self.low
        self._rounds = min(self._rounds + 1, SLOW_EVERY)
        due = self._slow_good < len(self._slow) or self._rounds == SLOW_EVERY
        self._in_slow = due and not self._block_done()
        self.again = self._in_slow

    def _fill(self):
        """Phases that a meter does not have, or has no number for, are 0: a primary does without no number."""
        value = self._image.value
        for i in range(1, 3):
            for point in range(P_VOLTAGE_CV, P_POWER_FACTOR_C, 3):
                if value[point + i] is None:
                    value[point + i] = 0

    def _plausible(self):
        """False when L1 has no numbers: such a meter guards nothing, however well it answers."""
        return self._image.value[P_VOLTAGE_CV] is not None and self._image.value[P_CURRENT_CA] is not None

    def _after_slow(self, result):
        self._in_slow = False
        self.again = False
        self._rounds = 0
        if result == OK:
            self._slow_good = min(self._slow_good + 1, len(self._slow))
            if self._slow_good == len(self._slow) and not self.longest:
                self.longest = meters.longest(self._table[self._plan])
        self._slow_i = (self._slow_i + 1) % len(self._slow)
        if self._block_done():
            self._slow_i = (self._slow_i + 1) % len(self._slow)

    def _block_done(self):
        """True when the next slow block is a serial number that is known already."""
        row = self._slow[self._slow_i][3][0]
        return row[2] == SERIAL and self._image.value[row[1]] is not None

    def _decode(self, frame):
        for row in self._block[3]:
            decode(row, frame, self._image.value)

