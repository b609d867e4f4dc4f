"""The console's commands: maintenance at 0 A only, and the local action that clears what is latched."""
import pytest
from service import WAIT_MS, Service

SAYS = "ladepunkt: maintenance: "


class Box:
    """Stands for the gateway and the console."""

    def __init__(self):
        self.lines = []
        self.charges = -1
        self.zero = False
        self.maintained = []
        self.cleared = []

    def take(self, now_ms):
        return self.lines.pop(0) if self.lines else None

    def charging(self):
        return self.charges

    def at_zero(self):
        return self.zero

    def maintain(self, wanted):
        self.maintained.append(wanted)

    def clear(self, now_ms):
        self.cleared.append(now_ms)


@pytest.fixture
def box():
    return Box()


@pytest.fixture
def service(box):
    return Service(box, box)


def test_without_a_line_nothing_happens(box, service, capsys):
    assert not any(service.step(now_ms) for now_ms in range(0, 60000, 1000))
    assert (box.maintained, box.cleared, capsys.readouterr().out) == ([], [], "")


def test_the_loop_is_left_once_0_a_is_confirmed(box, service, capsys):
    box.lines.append(b"maintenance")
    assert not service.step(0)
    assert box.maintained == [True]
    assert not service.step(5000)
    box.zero = True
    assert service.step(5100)
    assert capsys.readouterr().out == SAYS + "waiting for 0 A\n"


def test_a_box_that_charges_refuses(box, service, capsys):
    box.charges, box.zero = 1, True
    box.lines.append(b"maintenance")
    assert not service.step(0)
    assert box.maintained == []
    assert capsys.readouterr().out.startswith(SAYS + "refused: charge point 1 is charging")


def test_a_box_that_charges_can_be_forced(box, service):
    box.charges = 0
    box.lines.append(b"maintenance force")
    assert not service.step(0)
    assert box.maintained == [True]
    box.zero = True
    assert service.step(100)


def test_what_is_not_confirmed_in_time_is_given_up_and_the_box_goes_on(box, service, capsys):
    box.lines.append(b"maintenance")
    assert not service.step(0)
    assert not service.step(WAIT_MS - 1)
    assert box.maintained == [True]
    assert not service.step(WAIT_MS)
    assert box.maintained == [True, False]
    assert SAYS + "0 A is not confirmed; check the EVSE" in capsys.readouterr().out
    box.zero = True
    assert not service.step(WAIT_MS + 1)


def test_what_is_not_confirmed_in_time_is_left_all_the_same_when_forced(box, service, capsys):
    box.lines.append(b"maintenance force")
    assert not service.step(0)
    assert service.step(WAIT_MS)
    assert box.maintained == [True]
    assert "leaving all the same" in capsys.readouterr().out


def test_clear_is_a_local_action(box, service, capsys):
    box.lines.append(b"clear")
    assert not service.step(1234)
    assert box.cleared == [1234]
    assert "cleared" in capsys.readouterr().out


def test_an_unknown_line_is_answered_with_what_there_is(box, service, capsys):
    box.lines.append(b"reboot")
    assert not service.step(0)
    out = capsys.readouterr().out
    assert all(word in out for word in ("unknown", "maintenance", "maintenance force", "clear"))
