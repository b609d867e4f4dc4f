"""A Modbus door with its pool and charge points in virtual time, and clients that dial in over virtual sockets."""

import modbus_server
from clock import TICKS_MASK
from connections import Connections, Door
from intents import MODBUS, NOBODY, Wish
from modbus_door import ModbusDoor
from points import (
    P_CHARGING, P_CURRENT_CA, P_EVSE_CURRENT_CA, P_IMPORTED_WH, P_PLUGGED, P_POWER_CW, P_POWER_L_CW, P_RFID, P_VOLTAGE_CV, Image,
)  # fmt: skip

from host_tests.fakes.peer import Client, Listener

EVCC = "192.168.1.30"
SETTINGS = {
    "enabled": True, "port": 1502, "unit": 1, "controllers": None, "heartbeat_from": "leader", "allow_heartbeat_off": False,
    "actual_current_scale": 100, "idle_s": 120,
}  # fmt: skip


class Point:
    coil = phases = None  # none on this board

    def __init__(self, box):
        self.image = Image()
        self.standing = None
        self.wish = Wish()
        self.coil = self.phases = None  # a board without relays
        self._box = box

    def leader_alive(self):
        return self.wish.door != NOBODY and (self.wish.door != MODBUS or not self._box.door.readers.of(self.wish.sender).reason)


def adu(pdu, transaction=7, unit=1):
    """A request or answer as it stands on the wire. pdu: bytes, or hex text."""
    pdu = bytes.fromhex(pdu) if isinstance(pdu, str) else bytes(pdu)
    return transaction.to_bytes(2, "big") + bytes(2) + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu


def read(first, count=1, function=4):
    return bytes([function]) + first.to_bytes(2, "big") + count.to_bytes(2, "big")


def write(register, value):
    return bytes([6]) + register.to_bytes(2, "big") + (value & 0xFFFF).to_bytes(2, "big")


def write_many(first, *values):
    data = b"".join((value & 0xFFFF).to_bytes(2, "big") for value in values)
    return bytes([16]) + first.to_bytes(2, "big") + len(values).to_bytes(2, "big") + bytes([len(data)]) + data


def split(data):
    """[(transaction, unit, pdu)] of whole answers. ValueError when anything is wrong with the framing."""
    found = []
    while data:
        length = int.from_bytes(data[4:6], "big")
        if data[2:4] != b"\0\0" or len(data) < 6 + length:
            raise ValueError("not whole Modbus answers: %s" % data.hex())
        found.append((int.from_bytes(data[:2], "big"), data[6], bytes(data[7 : 6 + length])))
        data = data[6 + length :]
    return found


def golden_image(value):
    """The values of golden/registers.json."""
    for i, volts_cv in enumerate((23010, 23120, 33500)):
        value[P_VOLTAGE_CV + i] = volts_cv
    for i, current_ca in enumerate((1598, -150, 0)):
        value[P_CURRENT_CA + i] = current_ca
    for i, power_cw in enumerate((367705, -34680, 3276800)):
        value[P_POWER_L_CW + i] = power_cw
    value[P_POWER_CW] = 345670
    value[P_IMPORTED_WH] = 12345678
    value[P_PLUGGED] = value[P_CHARGING] = 1
    value[P_EVSE_CURRENT_CA] = 1598
    value[P_RFID] = b"0004141661"


class Box:
    """`run_ms` steps pool and door; the clock starts 7 s before it wraps. Every transition is checked."""

    def __init__(self, charge_points=1, sockets=10, **settings):
        self.listener = Listener()
        self.modbus = Door("modbus", self.listener, 1)
        doors = [Door("broker", Listener(), 4), self.modbus, Door("page", Listener(), 1, first_to_go=True), Door("spare", None, 1)]
        self.pool = Connections(doors, sockets)
        self.points = [Point(self) for _ in range(charge_points)]
        for point in self.points:
            golden_image(point.image.value)
        self.now_ms = TICKS_MASK - 7000
        self.door = ModbusDoor({**SETTINGS, **settings}, self.points, self.pool, self.modbus, b"ladepunkt-00abcd")
        for session in self.door._sessions:
            self._watch(session)

    def _watch(self, session):
        enter = session._enter

        def checked(state):
            assert (session.state, state) in modbus_server.TRANSITIONS, f"{session.state} to {state}"
            enter(state)

        session._enter = checked

    def step(self, ms=10):
        self.now_ms = (self.now_ms + ms) & TICKS_MASK
        self.pool.step(self.now_ms)
        self.door.step(self.now_ms)
        self.door.readers.check(self.now_ms)

    def run_ms(self, ms, step_ms=10):
        for _ in range(ms // step_ms):
            self.step(step_ms)

    def settle(self, limit=1000):
        """Steps of 0 ms until nothing more can happen at once."""
        for _ in range(limit):
            self.step(0)
            calls = any(slot.peer.readable and not slot.blocked for slot in self.pool.slots if slot.peer)
            if self.door.wait_ms() and not self.listener.backlog and not calls:
                return
        raise AssertionError("the door never comes to rest")

    def dial(self, address=EVCC):
        return Client(self.listener, address)

    def ask(self, client, pdu, unit=1):
        """The PDU of the answer to one request."""
        client.send(adu(pdu, unit=unit))
        self.settle()
        answers = split(client.received)
        client.received = bytearray()
        assert len(answers) == 1 and answers[0][:2] == (7, unit), answers
        return answers[0][2]

    def words(self, client, first, count=1):
        """Registers as numbers; AssertionError when the answer is an exception."""
        answer = self.ask(client, read(first, count))
        assert answer[0] == 4 and len(answer) == 2 + 2 * count, answer.hex()
        return [int.from_bytes(answer[i : i + 2], "big") for i in range(2, len(answer), 2)]

    def ended(self):
        """{reason: count} of what is not 0."""
        return {reason: count for reason, count in enumerate(self.door.ended) if count}
