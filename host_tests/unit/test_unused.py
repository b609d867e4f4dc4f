"""What no module reads is not compiled: literals only, lines stay."""
from tools import consts, mpy, unused

MACHINE = """IDLE = 1
TRANSITIONS = (
    (IDLE, 2),  # a comment
    (2, 1),
)  # fmt: skip
TABLE = (1, 2)
NAMED = (3, 4)
MADE = make()
A = B = (5, 6)


def step(n):
    return TABLE[n]
"""


def dropped(**sources):
    return unused.drop({name: text.replace("IDLE, 2", "1, 2") for name, text in sources.items()}, kept=("floor",))


def test_a_table_that_nobody_reads_goes_and_lines_stay():
    text = dropped(machine=MACHINE)["machine"]

    assert "TRANSITIONS" not in text and "NAMED" not in text and "IDLE" not in text
    assert text.splitlines().index("def step(n):") == MACHINE.splitlines().index("def step(n):")


def test_what_is_read_or_made_stays():
    text = dropped(machine=MACHINE)["machine"]

    assert "TABLE = (1, 2)" in text and "MADE = make()" in text and "A = B = (5, 6)" in text


def test_what_another_module_reads_stays():
    for reader in ("import machine\nmachine.NAMED\n", "from machine import NAMED\n", "getattr(machine, 'NAMED')\n"):
        assert "NAMED = (3, 4)" in dropped(machine=MACHINE, reader=reader)["machine"]


def test_the_floor_stays_as_it_is():
    assert dropped(floor=MACHINE)["floor"] == MACHINE.replace("IDLE, 2", "1, 2")


def test_the_life_cycles_of_the_firmware_do_not_go_to_the_device():
    sources = consts.fold({path.stem: path.read_text() for path in mpy.FIRMWARE.glob("*.py")})

    assert "TRANSITIONS" in sources["broker_session"] and "TRANSITIONS" not in unused.drop(sources)["broker_session"]
