"""One charge point: its EVSE and meter, its image, and the current it is allowed.

Owns the derived facts (plug, phases in use, power, faults) and hands the decision of safety.decide to the EVSE.
"""

from micropython import const

import readings
from clock import Latch, elapsed_ms
from cp_relay import CpRelay
from faults import T_CABLE_UNKNOWN, T_EVSE_DISABLED, T_NO_FAULT
from guard import IDLE_CA, OPENS_CP, Guard, highest_ca, implausible
from intents import MQTT, Wish
from points import (
    P_CHARGING,
    P_EVSE_CURRENT_CA,
    P_FAULT_STATE,
    P_FAULT_STR,
    P_MAX_EVSE_CURRENT_A,
    P_NOTICE,
    P_PHASES_IN_USE,
    P_PLUGGED,
    P_STATE_STR,
    P_VERSION,
)
from safety import (
    F_CABLE_A,
    F_EVSE,
    F_EVSE_LIMIT_A,
    F_GRID_CA,
    F_GUARD,
    F_HEARTBEAT,
    F_INSTALLATION_CA,
    F_MAINTENANCE,
    F_METER,
    F_METER_LOST_CA,
    F_PHASES,
    F_PILOT,
    F_SHARED_CA,
    F_SWITCH,
    F_WANTED_CA,
    FACT_COUNT,
    R_EVSE_FAULT,
    R_HEARTBEAT_SLOW,
    R_NO_SET_POINT,
    R_SHARED,
    REASON_BITS,
    REASON_COUNT,
    REASON_MASK,
    REASONS,
    decide,
)
from tag import Tag
from version import VERSION

VEHICLE_PLUGGED = const(2)  # 1002: 2 plugged, 3 and 4 charging
VEHICLE_CHARGING = const(3)
VEHICLE_VENTILATION = const(4)
VEHICLE_FAILURE = const(5)
STATUS_FAULTS = const(0x26)  # 1007: diode check, ventilation missing, RCD
STATUS_RCD = const(0x20)

LOOK_MS = const(100)
FRESH_MS = const(5000)  # a reading older than that proves nothing
PLUG_SETTLE_MS = const(3000)  # after the pilot was closed again the EVSE needs a moment to see the car

NO_METER = b"no meter: nothing checks the current"
SWITCH_WAITS = b"phase switch waits for its cool-down"
TWO_DOORS = b"two controllers want current: the lower one is used"


class ChargePoint:
    """Ties a charge point together. `meter` is None where there is none by design."""

    def __init__(self, evse, meter, image, heartbeats, now_ms):
        self.evse = evse
        self.meter = meter
        self.image = image
        self.relay = CpRelay(None, 0, now_ms)
        self.guard = Guard(0)
        self.coil = None  # its phase relay, where the board has one
        self.phases = None  # the machine that opens the pilot on purpose, where the board has a CP relay; see phases
        self.wish = Wish()
        self.tag = Tag(image)
        self.limit_ca = 0
        self.reason = R_NO_SET_POINT
        self.facts = [0] * FACT_COUNT
        self.standing = NO_METER if meter is None else None  # the notice while there is nothing newer to say
        self.facts[F_GRID_CA] = self.facts[F_SHARED_CA] = None  # set by who is loaded for it: grid, sharing
        self._lost_current_ca = 0
        self._looked_ms = now_ms
        self._opened = Latch()  # when the pilot was last open
        self._heartbeats = heartbeats  # by door
        self._ceilings = [0] * REASON_COUNT
        image.value[P_VERSION] = VERSION
        image.value[P_NOTICE] = self.standing

    def configure(self, installation_ca, lost_current_ca, phases, english):
        """At boot. `phases` counts where there is no meter to tell them; `english`: the language of fault_str."""
        self.facts[F_INSTALLATION_CA] = installation_ca
        self._lost_current_ca = lost_current_ca
        self.speak(english)
        self._say_fault(None)
        if self.meter is None:
            readings.start_without_meter(self.image.value, phases)

    def speak(self, english):
        """At boot: the language of fault_str. The table of faults leaves the memory again."""
        from faults import order, texts_in

        self._faults = order()
        self._texts = texts_in(english)

    def fit(self, relay, guard):
        """At boot: the second stop, and what an earlier life has found."""
        self.relay = relay
        self.guard = guard

    def warn(self, text):
        """At boot: a notice (bytes) that stands while there is nothing newer to say."""
        self.standing = text if self.standing is None else self.standing + b"; " + text
        self.image.value[P_NOTICE] = self.standing

    def leader_alive(self):
        """True while the door of the last set point has a living heartbeat, that is while somebody leads."""
        return self.wish.door >= 0 and self.heartbeat().reason == 0

    def heartbeat(self):
        """The one that counts: of the leader; while nobody leads the newest one of MQTT."""
        return self._heartbeats[max(MQTT, self.wish.door)].of(self.wish.sender)

    def step(self, now_ms):
        """Input to decision: ages what must age, derives, decides, and tells the EVSE its target."""
        self.evse.age(now_ms)
        if self.meter is not None:
            self.meter.age(now_ms)
            if self.meter.lost:
                readings.forget(self.image.value)
            else:
                readings.derive(self.image.value)
        self._derive_evse(now_ms)
        if elapsed_ms(now_ms, self._looked_ms) >= LOOK_MS:
            self._looked_ms = now_ms
            self._look(now_ms)
        self._state_facts(now_ms)
        decision = decide(self.facts, self._ceilings)
        self.limit_ca = decision >> REASON_BITS
        self.reason = decision & REASON_MASK
        self.evse.target_ca = self.limit_ca
        self._say()

    def unshared_ca(self):
        """The limit of the last step if nobody else were on the feeder."""
        lowest_ca = self._ceilings[0]
        for i in range(1, REASON_COUNT):
            if i != R_SHARED:
                lowest_ca = min(lowest_ca, self._ceilings[i])
        return lowest_ca

    def _state_facts(self, now_ms):
        facts = self.facts
        facts[F_WANTED_CA] = self.wish.current_ca(now_ms)
        facts[F_HEARTBEAT] = self.heartbeat().reason
        facts[F_EVSE] = self.evse.reason()
        if not facts[F_EVSE] and self.faulty():
            facts[F_EVSE] = R_EVSE_FAULT
        if self.meter is not None:
            facts[F_METER] = self.meter.reason()
            # only for a meter that was there: else its loss would raise the limit from 0
            facts[F_METER_LOST_CA] = self._lost_current_ca if self.meter.accepted else 0
        facts[F_EVSE_LIMIT_A] = self.evse.limit_a
        facts[F_CABLE_A] = self.evse.cable_a
        facts[F_PHASES] = self.image.value[P_PHASES_IN_USE]
        facts[F_PILOT] = self.relay.reason()
        facts[F_GUARD] = self.guard.reason()
        if self.phases is not None:
            facts[F_SWITCH] = self.phases.reason()
            if self.phases.unknown():
                facts[F_PHASES] = 0

    def faulty(self):
        return self.evse.vehicle_state == VEHICLE_FAILURE or self.evse.status & STATUS_FAULTS != 0

    def at_rest(self):
        """True when nobody charges and no coil moves: 0 A is wanted and confirmed, or the pilot open, and no current is measured."""
        if self.coil is not None and self.coil.is_on:
            return False
        stopped = self.evse.zero_read() or self.relay.is_open()
        return self.limit_ca == 0 and stopped and highest_ca(self.image.value) < IDLE_CA

    def clear(self, now_ms):
        """A local action: what is latched may go; what still lasts will be found again."""
        if self.evse.status & STATUS_RCD:
            self.evse.clear_rcd()
        self.guard.clear(now_ms)
        self.relay.clear()
        if self.phases is not None:
            self.phases.clear()

    # --- what else could be wrong ---

    def _look(self, now_ms):
        """Guard and second stop: they count in seconds, so a look now and then is enough."""
        self._watch_evse(now_ms)
        calm = self.evse.zero_read() and not self.guard.signals
        if self.meter is not None and self.meter.accepted:
            self._watch_meter(now_ms, self.meter_fresh(now_ms))
        if self.meter is not None:
            calm = calm and self.meter_fresh(now_ms) and highest_ca(self.image.value) < IDLE_CA
        unconfirmed = self.limit_ca == 0 and (self.guard.signals or not self.evse.zero_read())
        self.relay.step(now_ms, unconfirmed, calm, self.guard.latched & OPENS_CP != 0)
        if self.phases is not None:
            self.phases.step(now_ms)

    def _watch_evse(self, now_ms):
        evse = self.evse
        self.guard.watch_orders(now_ms, evse)
        if evse.heard.expired:
            self.guard.watch_evse(now_ms, False, False)
            return
        car_seen = VEHICLE_PLUGGED <= evse.vehicle_state <= VEHICLE_VENTILATION
        self.guard.watch_evse(now_ms, evse.status & STATUS_RCD != 0, car_seen and self.relay.is_open())

    def _watch_meter(self, now_ms, fresh):
        """Old readings prove nothing: nothing is signalled then, and no 0 A is set."""
        at_zero = fresh and (self.evse.zero_read() or self.relay.is_open())
        signalled_ca = self.evse.signalled_ca() if fresh and not self.evse.heard.expired else 0
        self.guard.watch_current(now_ms, highest_ca(self.image.value), signalled_ca, at_zero)
        self.guard.watch_voltage(now_ms, implausible(self.image.value), fresh)

    def meter_fresh(self, now_ms):
        if not self.meter.accepted or self.meter.lost:
            return False
        return elapsed_ms(now_ms, self.image.meter.at_ms) < FRESH_MS

    def _derive_evse(self, now_ms):
        value = self.image.value
        value[P_EVSE_CURRENT_CA] = self.evse.set_current_ca()
        # A pilot that we opened is no unplug: what was known stays until the EVSE can see the car again, and was read since.
        if self.relay.is_open():
            self._opened.mark(now_ms)
        settled = self._opened.check(now_ms, PLUG_SETTLE_MS)
        if settled and self.evse.pilot_open:
            self.evse.vehicle_state = 0
        self.evse.pilot_open = not settled
        state = self.evse.vehicle_state
        if settled and 0 < state < VEHICLE_FAILURE:
            value[P_PLUGGED] = 1 if state >= VEHICLE_PLUGGED else 0
        charging = state == VEHICLE_CHARGING or state == VEHICLE_VENTILATION
        value[P_CHARGING] = 1 if charging and self.evse.raw > 0 and not self.evse.heard.expired else 0
        if self.evse.limit_a is not None:
            value[P_MAX_EVSE_CURRENT_A] = self.evse.limit_a or self.evse.cable_a or None

    def _say(self):
        """The reason as text, and the fault that openWB shows."""
        value = self.image.value
        value[P_STATE_STR] = REASONS[self.reason]
        if self.reason == R_HEARTBEAT_SLOW:
            value[P_STATE_STR] = self.heartbeat().slow_text
        if self.phases is not None and self.phases.waits():
            value[P_NOTICE] = SWITCH_WAITS
        elif self.wish.contested:
            value[P_NOTICE] = TWO_DOORS
        elif value[P_NOTICE] is TWO_DOORS or value[P_NOTICE] is SWITCH_WAITS:
            value[P_NOTICE] = self.standing
        self._say_fault(self._fault())

    def _say_fault(self, fault):
        value = self.image.value
        value[P_FAULT_STATE] = 0
        value[P_FAULT_STR] = self._texts[T_NO_FAULT]
        if fault:
            value[P_FAULT_STATE] = 2
            value[P_FAULT_STR] = fault
        elif self.evse.disabled():
            value[P_FAULT_STATE] = 1
            value[P_FAULT_STR] = self._texts[T_EVSE_DISABLED]
        elif self._cable_unknown():
            value[P_FAULT_STATE] = 1
            value[P_FAULT_STR] = self._texts[T_CABLE_UNKNOWN]

    def _cable_unknown(self):
        """True when the EVSE shall tell the cable's rating but has none: the installation limit applies alone."""
        ready = not self.facts[F_EVSE] and self.image.value[P_PLUGGED]
        return ready and not self.evse.limit_a and not self.evse.cable_a

    def _fault(self):
        """The text of the most serious fault, also while something else limits the current; None when there is none."""
        facts = self.facts
        if not (facts[F_GUARD] or facts[F_EVSE] or facts[F_PILOT] or facts[F_METER] or facts[F_SWITCH]):
            return None
        for i in range(len(self._faults)):
            reason = self._faults[i]
            if reason == facts[F_GUARD] or reason == facts[F_EVSE] or reason == facts[F_PILOT] or reason == facts[F_METER]:
                return self._texts[i]
            if reason == facts[F_SWITCH]:
                return self._texts[i]
        return None
