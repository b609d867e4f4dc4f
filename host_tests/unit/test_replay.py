"""A life that was recorded at the ports of the gateway decides the same when it is lived again, faults included."""

import io
import json

import pytest

from host_tests.fakes.peer import Client, Listener
from host_tests.fakes.vitals import Vitals
from host_tests.sim import swarm, world
from host_tests.unit import page_bench
from tools import replay
from tools.desk.recorder import recording

LIMIT_CA = 900  # of the grid operator
pytestmark = pytest.mark.no_cover  # not about the firmware


def recorded(monkeypatch, seed, seconds):
    """The lines of a seeded life, and the decisions of its gateways as (limit_ca, reason) of each charge point."""
    file = io.StringIO()
    monkeypatch.setattr(world, "Gateway", recording(world.Gateway, file))
    life = swarm.Swarm(seed)
    life.run(seconds)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("seed", [1, 5])
def test_a_recorded_life_with_its_faults_decides_the_same_again(monkeypatch, seed):
    lines = recorded(monkeypatch, seed, 40)
    play = replay.replay(lines)

    assert play.steps == sum(not line.startswith("{") for line in lines) > 500
    made = [row for line in lines if line.startswith("[") for row in json.loads(line)[2]]
    assert [list(decision[1:]) for decision in play.decisions] == made
    assert len(made) > 5


class GridInput:
    def __init__(self, limits):
        self.limits = limits

    def limited(self):
        return self.limits


def test_a_visitor_of_the_page_and_the_grid_operator_are_lived_again(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(world, "Gateway", recording(world.Gateway, file))
    listener, grid = Listener(), GridInput(False)
    config = {**world.standard_config(mode="broker"), "grid": {"limit_w": 4200, "limit_ca": LIMIT_CA}}
    life = world.World(config=config, page=(listener, page_bench.File(), Vitals()), grid=grid)
    life.plug()
    life.run(15000)
    Client(listener).send(b"GET /status.json HTTP/1.1\r\n\r\n")
    grid.limits = True
    life.run(5000)
    play = replay.replay(file.getvalue().splitlines())

    assert life.gateway.page is not None
    assert [decision[2] for decision in play.decisions][-2:] == [1600, LIMIT_CA]


def test_another_input_is_another_decision(monkeypatch):
    lines = recorded(monkeypatch, 3, 5)
    cut = next(i for i, line in enumerate(lines) if '"bus", "r"' in line)
    now_ms, news, decided = json.loads(lines[cut])
    lines[cut] = json.dumps([now_ms, [row for row in news if row[0] != "bus"], decided])

    with pytest.raises(replay.Differs, match="recorded .* decided"):
        replay.replay(lines)


def test_a_life_cut_off_in_the_middle_of_a_line_is_taken_as_far_as_it_goes(monkeypatch):
    lines = recorded(monkeypatch, 3, 5)
    play = replay.replay([*lines, '[17, [["bus", '])

    assert play.steps > 50


def test_what_is_no_recording_is_refused(tmp_path):
    path = tmp_path / "record"
    path.write_text("17\n")

    with pytest.raises(SystemExit, match="expected a recording"):
        replay.main([str(path)])


def test_the_command_shows_every_decision_and_says_that_all_are_as_recorded(monkeypatch, tmp_path, capsys):
    path = tmp_path / "record"
    path.write_text("\n".join(recorded(monkeypatch, 3, 15)))

    assert replay.main([str(path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "charge point 0:  0.00 A, EVSE does not answer" in told[0]
    assert told[-1].endswith("all as recorded")
