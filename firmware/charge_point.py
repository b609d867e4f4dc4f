"""One charge point: its EVSE and meter, its image, and the current it is allowed.

Owns the derived facts (plug, phases in use, power, faults) and hands the decision of safety.decide to the EVSE.
"""

from micropython import const

from intents import MQTT, Wish
from points import (
    Image,
    P_CHARGING,
    P_CURRENT_CA,
    P_EVSE_CURRENT_CA,
    P_FAULT_STATE,
    P_FAULT_STR,
    P_FREQUENCY_CHZ,
    P_IMPORTED_WH,
    P_MAX_EVSE_CURRENT_A,
    P_NOTICE,
    P_PHASES_IN_USE,
    P_PLUGGED,
    P_POWER_CW,
    P_POWER_FACTOR_C,
    P_POWER_L_CW,
    P_STATE_STR,
    P_VERSION,
    P_VOLTAGE_CV,
)
from safety import (
    F_CABLE_A,
    F_EVSE,
    F_EVSE_LIMIT_A,
    F_GRID_CA,
    F_HEARTBEAT,
    F_INSTALLATION_CA,
    F_METER,
    F_METER_LOST_CA,
    F_PHASES,
    F_WANTED_CA,
    FACT_COUNT,
    R_EVSE_FAULT,
    R_EVSE_OLD,
    R_EVSE_SILENT,
    R_HEARTBEAT_SLOW,
    R_METER_LOST,
    R_METER_VOLTAGE,
    R_NO_SET_POINT,
    REASON_BITS,
    REASON_COUNT,
    REASON_MASK,
    REASONS,
    decide,
)
from version import VERSION

VEHICLE_PLUGGED = const(2)  # 1002: 2 plugged, 3 and 4 charging
VEHICLE_CHARGING = const(3)
VEHICLE_VENTILATION = const(4)
VEHICLE_FAILURE = const(5)
STATUS_FAULTS = const(0x26)  # 1007: diode check, ventilation missing, RCD

IN_USE_CA = const(300)  # openWB's threshold for a phase in use
STANDBY_CW = const(1000)  # below 10 W a total is published as 0
FREQUENCY_MAX_CHZ = const(10000)  # Eastron lots that report ten times the frequency

NO_FAULT = b"Kein Fehler."
# What openWB shows its user; its own texts are German, too.
FAULTS = {
    R_EVSE_SILENT: b"Die EVSE antwortet nicht: Verdrahtung A/B/GND und Modbus-Adresse pr\xc3\xbcfen.",
    R_EVSE_OLD: b"Die Firmware der EVSE ist \xc3\xa4lter als 8 (Register 1005): EVSE tauschen.",
    R_EVSE_FAULT: b"Die EVSE meldet einen Fehler (Register 1002 oder 1007).",
    R_METER_LOST: b"Der Z\xc3\xa4hler antwortet nicht: Verdrahtung A/B und Modbus-Adresse pr\xc3\xbcfen.",
    R_METER_VOLTAGE: b"Der Z\xc3\xa4hler zeigt weniger als 200 V auf L1.",
}
EVSE_DISABLED = b"Die EVSE ist in Register 2005 abgeschaltet (Bit 13 oder 14): Bit l\xc3\xb6schen."
CABLE_UNKNOWN = b"Kabelkennung (PP) nicht lesbar: es gilt nur die Grenze der Installation."
NO_METER = b"no meter: nothing checks the current"
TWO_DOORS = b"two controllers want current: the lower one is used"


class ChargePoint:
    """Ties a charge point together. `meter` is None where there is none by design."""

    def __init__(self, evse, meter, image, heartbeats, installation_ca, lost_current_ca, phases):
        self.evse = evse
        self.meter = meter
        self.image = image
        self.wish = Wish()
        self.limit_ca = 0
        self.reason = R_NO_SET_POINT
        self.facts = [0] * FACT_COUNT
        self.facts[F_INSTALLATION_CA] = installation_ca
        self.standing = NO_METER if meter is None else None  # the notice while there is nothing newer to say
        self._lost_current_ca = lost_current_ca
        self.facts[F_GRID_CA] = None  # no board reads such an input yet
        self._heartbeats = heartbeats  # by door
        self._ceilings = [0] * REASON_COUNT
        image.value[P_VERSION] = VERSION
        image.value[P_FAULT_STR] = NO_FAULT
        image.value[P_NOTICE] = self.standing
        if meter is None:
            self._without_meter(phases)

    def _without_meter(self, phases):
        """No meter by design: zeros instead of unknown, so that every reader has numbers."""
        for i in range(P_VOLTAGE_CV, P_POWER_CW + 1):
            self.image.value[i] = 0
        self.image.value[P_IMPORTED_WH] = 0
        self.image.value[P_PHASES_IN_USE] = phases

    def leader_alive(self):
        """True while the door of the last set point has a living heartbeat, that is while somebody leads."""
        return self.wish.door >= 0 and self._heartbeats[self.wish.door].reason == 0

    def step(self, now_ms):
        """Input to decision: ages what must age, derives, decides, and tells the EVSE its target."""
        self.evse.age(now_ms)
        if self.meter is not None:
            self.meter.age(now_ms)
            self._derive_meter()
        self._derive_evse()
        self._state_facts(now_ms)
        decision = decide(self.facts, self._ceilings)
        self.limit_ca = decision >> REASON_BITS
        self.reason = decision & REASON_MASK
        self.evse.target_ca = self.limit_ca
        self._say()

    def _state_facts(self, now_ms):
        facts = self.facts
        facts[F_WANTED_CA] = self.wish.current_ca(now_ms)
        facts[F_HEARTBEAT] = self._heartbeats[max(MQTT, self.wish.door)].reason
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

    def faulty(self):
        return self.evse.vehicle_state == VEHICLE_FAILURE or self.evse.status & STATUS_FAULTS != 0

    def _derive_evse(self):
        value = self.image.value
        value[P_EVSE_CURRENT_CA] = self.evse.set_current_ca()
        state = self.evse.vehicle_state
        if 0 < state < VEHICLE_FAILURE:
            value[P_PLUGGED] = 1 if state >= VEHICLE_PLUGGED else 0
        charging = state == VEHICLE_CHARGING or state == VEHICLE_VENTILATION
        value[P_CHARGING] = 1 if charging and self.evse.raw > 0 and not self.evse.heard.expired else 0
        if self.evse.limit_a is not None:
            value[P_MAX_EVSE_CURRENT_A] = self.evse.limit_a or self.evse.cable_a or None

    def _derive_meter(self):
        value = self.image.value
        if self.meter.lost:
            self._forget_meter()
            return
        if value[P_FREQUENCY_CHZ] is not None and value[P_FREQUENCY_CHZ] > FREQUENCY_MAX_CHZ:
            value[P_FREQUENCY_CHZ] //= 10
        total_cw = 0
        phases = 0
        for i in range(3):
            total_cw += self._phase_cw(i)
            if value[P_CURRENT_CA + i] is not None and abs(value[P_CURRENT_CA + i]) > IN_USE_CA:
                phases += 1
        value[P_POWER_CW] = total_cw if total_cw >= STANDBY_CW else 0
        if phases:
            value[P_PHASES_IN_USE] = phases

    def _phase_cw(self, i):
        """One phase's power, 0 while unknown; gives the current of a delivering phase its sign."""
        value = self.image.value
        power_cw = value[P_POWER_L_CW + i]
        current_ca = value[P_CURRENT_CA + i]
        if power_cw is None:
            return 0
        if power_cw < 0 and current_ca is not None and current_ca > 0:
            value[P_CURRENT_CA + i] = -current_ca
        return power_cw

    def _forget_meter(self):
        """A lost meter leaves no old numbers: 0 where a primary needs one, else unknown. Energies stay."""
        value = self.image.value
        for i in range(3):
            value[P_VOLTAGE_CV + i] = None
            value[P_CURRENT_CA + i] = 0
            value[P_POWER_L_CW + i] = None
            value[P_POWER_FACTOR_C + i] = None
        value[P_FREQUENCY_CHZ] = None
        value[P_POWER_CW] = 0

    def _say(self):
        """The reason as text, and the fault that openWB shows."""
        value = self.image.value
        value[P_STATE_STR] = REASONS[self.reason]
        if self.reason == R_HEARTBEAT_SLOW:
            value[P_STATE_STR] = self._heartbeats[max(MQTT, self.wish.door)].slow_text
        if self.wish.contested:
            value[P_NOTICE] = TWO_DOORS
        elif value[P_NOTICE] is TWO_DOORS:
            value[P_NOTICE] = self.standing
        self._say_fault(self._fault())

    def _say_fault(self, fault):
        value = self.image.value
        if fault in FAULTS:
            value[P_FAULT_STATE] = 2
            value[P_FAULT_STR] = FAULTS[fault]
        elif self.evse.disabled() or self._cable_unknown():
            value[P_FAULT_STATE] = 1
            value[P_FAULT_STR] = EVSE_DISABLED if self.evse.disabled() else CABLE_UNKNOWN
        else:
            value[P_FAULT_STATE] = 0
            value[P_FAULT_STR] = NO_FAULT

    def _cable_unknown(self):
        """True when the EVSE shall tell the cable's rating but has none: the installation limit applies alone."""
        ready = not self.facts[F_EVSE] and self.image.value[P_PLUGGED]
        return ready and not self.evse.limit_a and not self.evse.cable_a

    def _fault(self):
        """The most serious fault of the devices, also while something else limits the current."""
        if self.facts[F_EVSE] in FAULTS:
            return self.facts[F_EVSE]
        return self.facts[F_METER]
