"""Home Assistant finds the box: one retained message per entity, from a table. Client mode only, and only where it is asked for.

Format: MQTT discovery with its abbreviations. Everything is read-only. Once per connection; each message is an episode.
"""

from micropython import const

from jsontext import escaped
from version import VERSION

_GET = b"~get/"
# The will is 2 with a blank behind it: the same number to a primary, and here no fault but the end of the box.
WILL = b"2 "
_AVAILABLE = b"\"avty_t\":\"~get/fault_state\",\"avty_tpl\":\"{{'offline' if value=='2 'else'online'}}\""

_PLAIN = b"{{value_json}}"
_TEXT = b"{{value_json[:255]if value_json else''}}"  # more is no state to Home Assistant; None would be shown as that word
_POWER = b'"dev_cla":"power","stat_cla":"measurement","unit_of_meas":"W"'
_CURRENT = b'"dev_cla":"current","stat_cla":"measurement","unit_of_meas":"A"'
_VOLTAGE = b'"dev_cla":"voltage","stat_cla":"measurement","unit_of_meas":"V"'
_ENERGY = b'"dev_cla":"energy","stat_cla":"total_increasing","unit_of_meas":"Wh"'
_FREQUENCY = b'"dev_cla":"frequency","stat_cla":"measurement","unit_of_meas":"Hz"'
_COUNT = b'"stat_cla":"measurement"'
_TRUE = b'"pl_on":"true","pl_off":"false"'
_DIAGNOSTIC = b'"ent_cat":"diagnostic"'

_NAME = const(4)  # column of the English name; the German one stands behind it
# component, topic (a digit at its end: that one of a list), template (None: the payload as it is), what else, names
ENTITIES = (
    (b"sensor", b"get/power", _PLAIN, _POWER, b"power", b"Leistung"),
    (b"sensor", b"get/imported", _PLAIN, _ENERGY, b"energy", b"Energie"),
    (b"sensor", b"get/exported", _PLAIN, _ENERGY, b"energy delivered", b"Energie abgegeben"),
    (b"binary_sensor", b"get/plug_state", None, b'"dev_cla":"plug",' + _TRUE, b"car", b"Auto"),
    (b"binary_sensor", b"get/charge_state", None, b'"dev_cla":"battery_charging",' + _TRUE, b"charging", b"l\xc3\xa4dt"),
    (b"sensor", b"get/state_str", _TEXT, _DIAGNOSTIC, b"state", b"Zustand"),
    (b"binary_sensor", b"get/fault_state", b"{{'OFF' if value_json==0 else'ON'}}", b'"dev_cla":"problem",' + _DIAGNOSTIC, b"problem", b"Problem"),
    (b"sensor", b"get/fault_str", _TEXT, _DIAGNOSTIC, b"fault", b"St\xc3\xb6rung"),
    (b"sensor", b"data/set_current", _PLAIN, _CURRENT, b"set point", b"Sollwert"),
    (b"sensor", b"get/evse_current", _PLAIN, _CURRENT, b"EVSE current", b"EVSE-Strom"),
    (b"sensor", b"get/max_evse_current", _PLAIN, _CURRENT, b"highest current", b"H\xc3\xb6chststrom"),
    (b"sensor", b"get/phases_in_use", _PLAIN, _COUNT, b"phases", b"Phasen"),
    (b"sensor", b"get/rfid", _TEXT, None, b"tag", b"Tag"),
    (b"sensor", b"get/frequency", _PLAIN, _FREQUENCY, b"frequency", b"Frequenz"),
    (b"sensor", b"get/currents0", None, _CURRENT, b"current L1", b"Strom L1"),
    (b"sensor", b"get/currents1", None, _CURRENT, b"current L2", b"Strom L2"),
    (b"sensor", b"get/currents2", None, _CURRENT, b"current L3", b"Strom L3"),
    (b"sensor", b"get/voltages0", None, _VOLTAGE, b"voltage L1", b"Spannung L1"),
    (b"sensor", b"get/voltages1", None, _VOLTAGE, b"voltage L2", b"Spannung L2"),
    (b"sensor", b"get/voltages2", None, _VOLTAGE, b"voltage L3", b"Spannung L3"),
    (b"sensor", b"get/powers0", None, _POWER, b"power L1", b"Leistung L1"),
    (b"sensor", b"get/powers1", None, _POWER, b"power L2", b"Leistung L2"),
    (b"sensor", b"get/powers2", None, _POWER, b"power L3", b"Leistung L3"),
)  # fmt: skip


class Discovery:
    """
    Hands out one message after the other: tell(client) until it is done; again() after a new connection.

    roots: of the topics of each charge point, as `<prefix>openWB/internal_chargepoint/0/`. box: text that differs from box
    to box. name: the box's.
    """

    def __init__(self, prefix, roots, box, name, english):
        self._prefix = prefix.encode() + b"/"
        self._roots = [escaped(root.decode()) for root in roots]
        self._box = box
        self._name = escaped(name)
        self._column = _NAME if english else _NAME + 1
        self._next = 0

    def again(self):
        self._next = 0

    def pending(self):
        return self._next < len(self._roots) * len(ENTITIES)

    def tell(self, client):
        """Episode: publishes the next message. What does not fit in a packet is left out, and counted by the packet."""
        cp = self._next // len(ENTITIES)
        row = ENTITIES[self._next % len(ENTITIES)]
        self._next += 1
        thing = row[1][row[1].find(b"/") + 1 :]
        device = self._box + b"_%d" % cp
        topic = self._prefix + row[0] + b"/" + device + b"/" + thing + b"/config"
        client.publish(topic, self._entity(cp, row, device, thing), True)

    def _entity(self, cp, row, device, thing):
        parts = [
            b'{"~":"%s"' % self._roots[cp],
            b'"name":"%s"' % row[self._column],
            b'"uniq_id":"%s_%s"' % (device, thing),
        ]
        topic, template = row[1], row[2]
        if b"0" <= topic[-1:] <= b"2":
            template = b"{{value_json[%s] if value_json else None}}" % topic[-1:]
            topic = topic[:-1]
        parts.append(b'"stat_t":"~%s"' % topic)
        if template is not None:
            parts.append(b'"val_tpl":"%s"' % template)
        if row[3] is not None:
            parts.append(row[3])
        parts.append(_AVAILABLE)
        parts.append(b'"dev":' + self._device(cp, device, row is ENTITIES[0]))
        return b",".join(parts) + b"}"

    def _device(self, cp, device, whole):
        """All entities name the device; one describes it."""
        if not whole:
            return b'{"ids":"%s"}' % device
        name = self._name if len(self._roots) == 1 else self._name + b" %d" % cp
        return b'{"ids":"%s","name":"%s","mf":"Ladepunkt","sw":"%s"}' % (device, name, VERSION)
