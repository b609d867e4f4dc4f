"""Other people's Modbus clients against the real firmware on MicroPython, on a desk with a car plugged in."""

import asyncio
import contextlib
import json
import socket
import time

import pytest
from pymodbus.client import AsyncModbusTcpClient, ModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from host_tests.interop.test_desk import FREE_PORTS, Control, Desk
from tools import node

PACKAGES = {
    "modbus-serial": ("8.0.25", "sha512-T6OHW80k7DtYZF96onavw84IXNu44EW+fybgVftWAGOraL8vTmMZod8w6thOrWj2I2qHC9Gsn2nitVTUDih+6A=="),
    "jsmodbus": ("5.0.0", "sha512-YuJlEoWn06eeV4xgMNw8v+07QEaJcq3x7ROtapk3z1QWmbZJn94JkV2yrxULeWIYSrgbLDivifUL2QFq7m/low=="),
}
JS_SERIAL = """
const Client = require("modbus-serial"), client = new Client(), port = +process.argv[1];
(async () => {
  await client.connectTCP("127.0.0.1", {port});
  client.setID(1);
  client.setTimeout(5000);
  await client.writeRegister(10171, 900);
  const windows = await Promise.all([client.readInputRegisters(10143, 1), client.readHoldingRegisters(10150, 10)]);
  let code = 0;
  try { await client.readInputRegisters(10300, 1); } catch (error) { code = error.modbusCode; }
  await client.writeRegisters(10190, [1]);
  console.log(JSON.stringify({series: windows[0].data, serial: windows[1].buffer.toString("latin1"), code}));
  client.close(() => process.exit(0));
})();
"""
JS_MODBUS = """
const net = require("net"), modbus = require("jsmodbus"), socket = new net.Socket(), client = new modbus.client.TCP(socket, 1);
socket.on("connect", async () => {
  // pipelined: jsmodbus sends all of them before the first answer
  const answers = await Promise.all([10100, 10107, 10114, 10143].map(first => client.readInputRegisters(first, 1)));
  const written = await client.writeSingleRegister(10171, 1100);
  console.log(JSON.stringify({series: answers[3].response.body.valuesAsArray[0], count: answers.length, value: written.response.body.value}));
  socket.end();
});
socket.connect({host: "127.0.0.1", port: +process.argv[1]});
"""


class Box:
    """A desk on which nobody leads. `port`: of Modbus."""

    def __init__(self, folder):
        self._desk = Desk(folder, *FREE_PORTS, "--no-controller", "--runtime", "micropython")
        try:
            self.control = Control(int(self._desk.wait_for(r"control +127\.0\.0\.1:(\d+)", 60)[1]))
            self.port = int(self.control.do("state")["modbus"].rpartition(":")[2])
            self.control.do("car", ramp_down_s=1)
            self.control.do("plug")
            self.control.until(lambda state: state["firmware"]["cp"][0]["plugged"])
        except BaseException:
            self.end()
            raise

    def end(self):
        self._desk.end()

    def draws(self, current_a):
        """Waits until the car does; the state then."""
        return self.control.until(lambda state: abs(state["cp"][0]["car"]["current_a"][0] - current_a) < 0.1)

    def leader(self):
        return self.control.do("state")["cp"][0]["leader"]


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    box = Box(tmp_path_factory.mktemp("modbus"))
    yield box
    box.end()


@contextlib.contextmanager
def pymodbus(port):
    client = ModbusTcpClient("127.0.0.1", port=port, timeout=5)
    assert client.connect()
    try:
        yield client
    finally:
        client.close()


def numbers(client, first, count, kind):
    answer = client.read_input_registers(first, count=count, device_id=1)
    assert not answer.isError(), answer
    return client.convert_from_registers(answer.registers, kind)


def test_pymodbus_leads_and_reads_what_the_car_draws(box):
    with pymodbus(box.port) as client:
        assert not client.write_register(10171, 1350, device_id=1).isError()
        assert numbers(client, 10115, 1, client.DATATYPE.INT16) in (0, 1)
        box.draws(13.5)
        box.control.until(lambda state: state["cp"][0]["leader"] == "modbus")
        time.sleep(2)  # until the meter has been read
        assert numbers(client, 10107, 3, client.DATATYPE.INT16) == [1350] * 3
        assert 9000 < numbers(client, 10100, 2, client.DATATYPE.INT32) < 9600
        assert numbers(client, 10102, 2, client.DATATYPE.UINT32) < 1000000
        assert numbers(client, 10116, 1, client.DATATYPE.INT16) == 1350
        assert numbers(client, 10150, 10, client.DATATYPE.STRING).startswith("ladepunkt-")
        assert client.read_holding_registers(10114, count=2, device_id=1).registers == [1, 1]
        for answer, code in (
            (client.read_input_registers(10300, count=1, device_id=1), 2),
            (client.read_coils(10100, count=1, device_id=1), 2),
            (client.write_register(10100, 1, device_id=1), 2),
            (client.mask_write_register(address=10171, device_id=1), 1),
            (client.read_input_registers(10100, count=1, device_id=9), 2),
        ):
            assert answer.isError() and answer.exception_code == code
        assert not client.write_registers(10190, [1], device_id=1).isError()


def test_several_asynchronous_clients_are_served_at_the_same_time(box):
    async def poll(times):
        client = AsyncModbusTcpClient("127.0.0.1", port=box.port, timeout=5)
        assert await client.connect()
        good = 0
        for _ in range(times):
            answer = await client.read_input_registers(10100, count=17, device_id=1)
            good += not answer.isError() and len(answer.registers) == 17
        client.close()
        return good

    async def all_of_them():
        return await asyncio.gather(*[poll(50) for _ in range(4)])

    assert asyncio.run(all_of_them()) == [50] * 4


def once(port, pdu):
    """E3DC-Control's way: a connection for one request, the header with one receive call, the rest with another."""
    with socket.create_connection(("127.0.0.1", port), 2) as s:
        s.sendall(b"\0\1\0\0" + len(pdu + b"\1").to_bytes(2, "big") + b"\1" + pdu)
        head = s.recv(7)
        assert len(head) == 7 and head[:4] == b"\0\1\0\0" and head[6] == 1
        rest = s.recv(256)
        assert len(rest) == int.from_bytes(head[4:6], "big") - 1, "the whole answer came in one segment"
        return rest


def test_a_raw_client_with_a_connection_per_request_gets_each_answer_in_one_segment(box):
    for set_ca in (1050, 600, 1600):
        write = b"\x06" + (10171).to_bytes(2, "big") + set_ca.to_bytes(2, "big")
        assert once(box.port, b"\x06\x27\xce\0\1") == b"\x06\x27\xce\0\1"
        assert once(box.port, b"\x04\x27\x83\0\1")[:2] == b"\x04\x02"
        assert once(box.port, write) == write
        assert len(once(box.port, b"\x03\x27\x74\0\x7d")) == 252
        box.draws(set_ca / 100)


@pytest.mark.parametrize("script, current_a", [(JS_SERIAL, 9), (JS_MODBUS, 11)], ids=["modbus-serial", "jsmodbus"])
def test_clients_from_npm_lead(box, script, current_a):
    node.install(PACKAGES)
    told = json.loads(node.run(script, box.port))
    box.draws(current_a)
    assert box.leader() == "modbus"
    if current_a == 9:
        assert told["series"] == [1] and told["code"] == 2 and told["serial"].startswith("ladepunkt-")
    else:
        assert told == {"series": 1, "count": 4, "value": 1100}


def test_after_a_restart_of_the_box_the_car_charges_again_without_a_new_set_point(box):
    with pymodbus(box.port) as client:
        client.write_register(10171, 1200, device_id=1)
        numbers(client, 10115, 1, client.DATATYPE.INT16)
        box.draws(12)
    box.control.do("crash", how="exception")
    box.control.until(lambda state: state["gateway"] == "restarting")
    box.control.until(lambda state: state["cp"][0]["leader"] == "none", 40)
    box.control.until(lambda state: state["gateway"] == "running" and state["firmware"]["uptime_s"] < 5, 60)
    box.draws(0)
    assert box.leader() == "none"
    deadline = time.monotonic() + 40
    while box.control.do("state")["cp"][0]["car"]["current_a"][0] < 11.9:
        assert time.monotonic() < deadline
        with contextlib.suppress(ModbusIOException, ConnectionError), pymodbus(box.port) as client:
            client.read_input_registers(10115, count=1, device_id=1)
        time.sleep(0.5)
    assert box.leader() == "modbus"


@pytest.mark.long
def test_a_dashboard_reads_on_while_the_controller_has_died_and_the_car_is_cut_off(box):
    """Both come from 127.0.0.1 unless they bind another address of the loopback network."""

    def read_as(address):
        with socket.create_connection(("127.0.0.1", box.port), 2, source_address=(address, 0)) as s:
            s.sendall(bytes.fromhex("0001 0000 0006 01 04 2774 0002"))
            assert len(s.recv(256)) == 13

    with socket.create_connection(("127.0.0.1", box.port), 2, source_address=("127.0.0.7", 0)) as s:
        s.sendall(bytes.fromhex("0001 0000 0006 01 06 27bb 0640") + bytes.fromhex("0002 0000 0006 01 04 2783 0001"))
        box.draws(16)
        s.sendall(bytes.fromhex("0002 0000 0006 01 04 2783 0001"))
    died = time.monotonic()
    while box.control.do("state")["cp"][0]["evse"]["set_current_raw"]:
        read_as("127.0.0.1")
        time.sleep(0.2)
        assert time.monotonic() - died < 82.5
    assert time.monotonic() - died > 55
    box.control.until(lambda state: state["cp"][0]["leader"] == "none")
