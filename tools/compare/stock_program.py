"""The same job done with stock packages on MicroPython, as somebody would who reads their examples: umqtt.simple and micropython-modbus.

    micropython -m stock_program '{"mqtt_port": 1883, "modbus_port": 1502, "prefix": "", "heartbeat_limit_s": 60}'

One loop: read EVSE and meter, and after each of them look for MQTT and Modbus TCP, write what has changed, publish once per second. It is kind
to its packages: errors of bus and broker are caught, the set point is looked at after every request and not once per round, one Modbus
request is answered there. When the file `ask` appears in its folder it prints a line with its heap and removes it.
"""

import gc
import json
import os
import sys
import time

import machine
from umqtt.simple import MQTTClient

EVSE, METER = 1, 105
SET_CURRENT = 1000
FIRST_REGISTER = 10100
RECONNECT_MS = 5000
SLOW_MS = 1000


class Uart(machine.UART):
    """The stand-in for the chip's UART on this machine lacks read(), which umodbus uses; the chip has it."""

    def read(self):
        buf = bytearray(256)
        n = self.readinto(buf)
        return bytes(buf[:n]) if n else None


if not hasattr(machine.UART, "read"):
    machine.UART = Uart

import struct

from umodbus.serial import Serial
from umodbus.tcp import ModbusTCP


def floats(words):
    """The numbers of an SDM630: two registers each, high word first."""
    return [struct.unpack(">f", struct.pack(">HH", words[i], words[i + 1]))[0] for i in range(0, len(words), 2)]


class Box:
    def __init__(self, settings):
        prefix = settings["prefix"]
        self.root = prefix + "openWB/internal_chargepoint/0/get/"
        self.set_root = prefix + "openWB/set/internal_chargepoint/"
        self.limit_ms = settings["heartbeat_limit_s"] * 1000
        self.mqtt_port = settings["mqtt_port"]
        self.bus = Serial(uart_id=1, baudrate=9600, pins=(17, 16))
        self.tcp = ModbusTCP()
        self.tcp.bind("127.0.0.1", settings["modbus_port"])
        self.tcp.setup_registers({"IREGS": {"BOX": {"register": FIRST_REGISTER, "len": 17, "val": [0] * 17}}})
        self.values = [0.0] * 9
        self.imported_wh = 0
        self.evse = [0] * 8
        self.wanted_a = 0
        self.written_a = None
        self.alive = False
        self.beat_ms = self.told_ms = self.slow_ms = self.tried_ms = time.ticks_ms()
        self.mqtt = None
        self.cycles = 0
        self.connect()

    def connect(self):
        self.tried_ms = time.ticks_ms()
        try:
            client = MQTTClient(self.root, "127.0.0.1", self.mqtt_port, keepalive=20)
            client.set_callback(self.on_message)
            client.connect()
            client.subscribe(self.set_root + "#")
            self.mqtt = client
        except OSError:
            self.mqtt = None

    def on_message(self, topic, payload):
        try:
            if topic.endswith(b"set_current"):
                amperes = float(payload)
                self.wanted_a = int(amperes) if 6 <= amperes <= 32 else 0
            elif topic.endswith(b"global_data") and json.loads(payload)["heartbeat"] > 0:
                self.beat_ms = time.ticks_ms()
                self.alive = True
        except (ValueError, KeyError, TypeError):
            pass

    def cycle(self):
        self.ask(self.read_evse)
        self.serve()
        self.ask(self.read_meter)
        self.serve()
        if time.ticks_diff(time.ticks_ms(), self.slow_ms) >= SLOW_MS:
            self.slow_ms = time.ticks_ms()
            self.ask(self.read_energy)
            self.serve()
        self.cycles += 1

    def ask(self, read):
        try:
            read()
        except (OSError, ValueError):  # no answer, or a damaged one
            pass

    def read_evse(self):
        self.evse = self.bus.read_holding_registers(EVSE, SET_CURRENT, 8, False)

    def read_meter(self):
        self.values = floats(self.bus.read_input_registers(METER, 0, 18, False))

    def read_energy(self):
        self.imported_wh = int(floats(self.bus.read_input_registers(METER, 0x48, 4, False))[0] * 1000)

    def serve(self):
        if self.mqtt is None:
            if time.ticks_diff(time.ticks_ms(), self.tried_ms) >= RECONNECT_MS:
                self.connect()
        else:
            try:
                self.mqtt.check_msg()
                if time.ticks_diff(time.ticks_ms(), self.told_ms) >= 1000:
                    self.told_ms = time.ticks_ms()
                    self.publish()
                    self.mqtt.ping()
            except OSError:
                self.mqtt = None
        self.drive()
        self.fill_registers()
        self.tcp.process()

    def drive(self):
        if time.ticks_diff(time.ticks_ms(), self.beat_ms) > self.limit_ms:
            self.alive = False
        amperes = self.wanted_a if self.alive else 0
        if amperes != self.written_a:
            try:
                self.bus.write_multiple_registers(EVSE, SET_CURRENT, [amperes], False)
                self.written_a = amperes
            except (OSError, ValueError):
                pass

    def fill_registers(self):
        power_w = int(sum(self.values[6:9]))
        registers = [power_w >> 16 & 0xFFFF, power_w & 0xFFFF, self.imported_wh >> 16, self.imported_wh & 0xFFFF]
        registers += [int(value * 100) & 0xFFFF for value in self.values[:6]]
        registers += [0, 0, 0, 0, int(self.evse[2] > 1), int(self.evse[2] == 3), (self.written_a or 0) * 100]
        self.tcp.set_ireg(FIRST_REGISTER, registers)

    def publish(self):
        values, evse = self.values, self.evse
        told = {
            "voltages": values[0:3], "currents": values[3:6], "powers": values[6:9], "power": sum(values[6:9]), "power_factors": [1.0, 1.0, 1.0],
            "frequency": 50.0, "imported": self.imported_wh, "exported": 0, "phases_in_use": 3, "plug_state": evse[2] > 1, "charge_state": evse[2] == 3,
            "evse_current": self.written_a, "max_evse_current": evse[3], "rfid": None, "rfid_timestamp": None, "serial_number": "1", "vehicle_id": None,
            "soc": None, "soc_timestamp": None, "version": "1", "current_branch": "user", "current_commit": None, "fault_state": 0,
            "fault_str": "no fault", "error_timestamp": None, "state_str": "charging",
        }  # fmt: skip
        for name, value in told.items():
            self.mqtt.publish(self.root + name, json.dumps(value), retain=True)

    def report_if_asked(self):
        try:
            os.remove("ask")
        except OSError:
            return
        gc.collect()
        print(json.dumps({"live_bytes": gc.mem_alloc(), "cycles": self.cycles}))


def main():
    box = Box(json.loads(sys.argv[1]))
    while True:
        box.cycle()
        if box.cycles % 8 == 0:  # about once per second, as often as run_ours.py
            box.report_if_asked()


if __name__ == "__main__":
    main()
