"""The same job done on CPython with pymodbus and paho, as somebody would on a Raspberry Pi beside the wallbox.

    python tools/compare/cpython_program.py '{"line": "/dev/ttyUSB0", "mqtt_port": 1883, "modbus_port": 1502, "prefix": "", "heartbeat_limit_s": 60}'

asyncio for the bus and the Modbus TCP server, paho's own thread for MQTT. Kind to its packages, as stock_program.py is.
"""

import asyncio
import json
import struct
import sys
import time

import paho.mqtt.client as paho
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.exceptions import ModbusException
from pymodbus.server import ModbusTcpServer

EVSE, METER = 1, 105
SET_CURRENT = 1000
FIRST_REGISTER = 10100
READ_INPUT = 4
ANSWER_S = 0.5


def floats(words):
    return struct.unpack(f">{len(words) // 2}f", struct.pack(f">{len(words)}H", *words))


class Box:
    def __init__(self, settings):
        prefix = settings["prefix"]
        self.root = prefix + "openWB/internal_chargepoint/0/get/"
        self.set_root = prefix + "openWB/set/internal_chargepoint/"
        self.limit_s = settings["heartbeat_limit_s"]
        self.values = (0.0,) * 9
        self.imported_wh = 0
        self.evse = [0] * 8
        self.wanted_a = 0
        self.written_a = None
        self.beat_s = None
        self.told_s = 0.0
        self.mqtt = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.mqtt.on_connect = lambda client, *_: client.subscribe(self.set_root + "#")
        self.mqtt.on_message = self.on_message
        self.mqtt.reconnect_delay_set(1, 5)
        self.mqtt.connect("127.0.0.1", settings["mqtt_port"], keepalive=20)
        self.mqtt.loop_start()
        self.bus = AsyncModbusSerialClient(settings["line"], baudrate=9600, timeout=ANSWER_S, retries=0)
        self.block = ModbusSequentialDataBlock(FIRST_REGISTER, [0] * 200)
        self.context = ModbusServerContext(devices=ModbusDeviceContext(ir=self.block, hr=self.block), single=True)
        self.server = ModbusTcpServer(self.context, address=("127.0.0.1", settings["modbus_port"]))

    def on_message(self, _client, _data, message):
        try:
            if message.topic.endswith("set_current"):
                amperes = float(message.payload)
                self.wanted_a = int(amperes) if 6 <= amperes <= 32 else 0
            elif message.topic.endswith("global_data") and json.loads(message.payload)["heartbeat"] > 0:
                self.beat_s = time.monotonic()
        except (ValueError, KeyError, TypeError):
            pass

    async def run(self):
        await self.bus.connect()
        server = asyncio.create_task(self.server.serve_forever())
        slow_s = 0.0
        while not server.done():
            words = await self.read(self.bus.read_holding_registers(SET_CURRENT, count=8, device_id=EVSE))
            self.evse = words or self.evse
            await self.serve()
            words = await self.read(self.bus.read_input_registers(0, count=18, device_id=METER))
            self.values = floats(words) if words else self.values
            await self.serve()
            if time.monotonic() - slow_s >= 1:
                slow_s = time.monotonic()
                words = await self.read(self.bus.read_input_registers(0x48, count=4, device_id=METER))
                self.imported_wh = int(floats(words)[0] * 1000) if words else self.imported_wh
                await self.serve()
        server.result()

    async def read(self, request):
        """The registers, None when nobody answers or says something else."""
        try:
            answer = await request
        except ModbusException:
            return None
        return None if answer.isError() else answer.registers

    async def serve(self):
        await self.drive()
        await self.fill_registers()
        if time.monotonic() - self.told_s >= 1:
            self.told_s = time.monotonic()
            self.publish()

    async def drive(self):
        alive = self.beat_s is not None and time.monotonic() - self.beat_s <= self.limit_s
        amperes = self.wanted_a if alive else 0
        if amperes != self.written_a:
            if await self.read(self.bus.write_registers(SET_CURRENT, [amperes], device_id=EVSE)) is not None:
                self.written_a = amperes

    async def fill_registers(self):
        power_w = int(sum(self.values[6:9]))
        registers = [power_w >> 16 & 0xFFFF, power_w & 0xFFFF, self.imported_wh >> 16, self.imported_wh & 0xFFFF]
        registers += [int(value * 100) & 0xFFFF for value in self.values[:6]]
        registers += [0, 0, 0, 0, int(self.evse[2] > 1), int(self.evse[2] == 3), (self.written_a or 0) * 100]
        await self.context.async_setValues(1, READ_INPUT, FIRST_REGISTER, registers)

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


async def main():
    await Box(json.loads(sys.argv[1])).run()


if __name__ == "__main__":
    asyncio.run(main())
