"""A life that was recorded at the ports of the gateway decides the same when it is lived again, faults included."""

import io
import json

import pytest

from host_tests.sim import swarm, world
from tools import replay
from tools.desk.recorder import recording

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
