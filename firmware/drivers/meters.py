"""Which energy meters there are, how each is recognised, and where openWB has them. Their tables are loaded when needed.

A new meter is a module with its TABLE, a kind here and a line in table(). A TABLE is a tuple of plans, the one with the longest
blocks first; a plan is (fast blocks, slow blocks); a block is (function, address, registers, rows), for the rows see decoding.
No two blocks of a plan may have the same function and length: a late reply to one would pass as a reply to the other.
"""

from micropython import const

from drivers.decoding import F32, U32
from modbus import READ_HOLDING, READ_INPUT
from points import P_VOLTAGE_CV

# Kept in memory.bin: these numbers never change their meaning.
MPM3PM = const(1)
EASTRON_3P = const(2)
B23 = const(3)
EASTRON_1P = const(4)
KINDS = {"mpm3pm": MPM3PM, "sdm630": EASTRON_3P, "sdm72": EASTRON_3P, "b23": B23, "sdm120": EASTRON_1P, "sdm230": EASTRON_1P}
AUTO = "auto"

# By kind: the block that tells the voltage of L1, of two registers, which every lot answers.
PROBES = (
    None,
    (READ_INPUT, 0x0008, 2, (0, P_VOLTAGE_CV, U32, 10, 1)),
    (READ_INPUT, 0x0000, 2, (0, P_VOLTAGE_CV, F32, 100, 1)),
    (READ_HOLDING, 0x5B00, 2, (0, P_VOLTAGE_CV, U32, 10, 1)),
    (READ_INPUT, 0x0000, 2, (0, P_VOLTAGE_CV, F32, 100, 1)),
)
def candidates(name, unit, i):
    """(kind, unit) of every meter that `name` (of KINDS, or AUTO) may mean on charge point i; openWB's order and units. At boot."""
    if name != AUTO:
        return ((KINDS[name], unit),)
    return ((MPM3PM, unit or 5 + i), (EASTRON_3P, unit or 105 + i), (B23, unit or 201 + i))


def table(kind):
    """The plans of a kind. Episode: the module is loaded when its meter has been found, the others never are."""
    if kind == MPM3PM:
        from drivers.mpm3pm import TABLE
    elif kind == B23:
        from drivers.b23 import TABLE
    elif kind == EASTRON_1P:
        from drivers.eastron_1p import TABLE
    else:
        from drivers.eastron import TABLE
    return TABLE


def longest(plan):
    """The registers of its longest block. Episode."""
    return max([block[2] for part in plan for block in part])
