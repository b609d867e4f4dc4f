"""Every invariant can fail: firmwares with a fault in them are caught. Here one for each; all of them: make mutants."""

import pytest

from host_tests.sim import (
    faulty_charging, faulty_files, faulty_leads, faulty_sharing, faulty_starts, faulty_stops, faulty_switches, faulty_talking, mutants,
)  # fmt: skip
from host_tests.sim.invariants import SENTENCES
from host_tests.sim.mutants import LOGIC, MUTANTS, TIMING

FIRST = [next(row for row in MUTANTS if row[1] == name) for name in SENTENCES if any(row[1] == name for row in MUTANTS)]
QUICK = next(row for row in MUTANTS if row[1] == "bounded_wait")


def sound_firmware(patch):
    """Nothing is wrong."""


SOUND = (sound_firmware, "cut_off", LOGIC, 1)


@pytest.mark.parametrize("row", FIRST, ids=mutants.name_of)
def test_a_fault_in_the_firmware_is_caught_by_the_invariant_it_breaks(row):
    assert mutants.caught(row) is not None


@pytest.mark.parametrize("name", SENTENCES)
def test_an_invariant_has_three_mutants_and_one_that_keeps_time_wrongly(name):
    kinds = [kind for _, invariant, kind, _ in MUTANTS if invariant == name]

    assert len(kinds) >= 3
    assert TIMING in kinds
    assert set(kinds) <= {LOGIC, TIMING}


def test_no_mutant_is_for_an_invariant_that_does_not_exist():
    assert {invariant for _, invariant, _, _ in MUTANTS} <= set(SENTENCES)


def test_a_mutant_says_in_one_sentence_what_is_wrong_with_it():
    for row in MUTANTS:
        text = row[0].__doc__ or ""
        assert text.endswith(".") and "\n" not in text and ". " not in text, mutants.name_of(row)
    assert len({row[0].__doc__ for row in MUTANTS}) == len(MUTANTS)


def test_no_mutant_is_left_out_of_the_table():
    written = {
        name
        for module in (faulty_charging, faulty_files, faulty_leads, faulty_sharing, faulty_starts, faulty_stops, faulty_switches, faulty_talking)
        for name, function in vars(module).items()
        if getattr(function, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert written == {mutants.name_of(row) for row in MUTANTS}


def test_a_firmware_without_a_fault_survives():
    assert mutants.caught(SOUND, seeds=[1, 2], seconds=30) is None


def test_a_survivor_is_named_and_fails_the_command(capsys):
    status = mutants.report([SOUND, QUICK], [None, (1, 0.1)])

    assert status == 1
    assert "sound_firmware, cut_off, logic, survived" in capsys.readouterr().out


def test_mutants_that_are_all_caught_are_a_success(capsys):
    assert mutants.report([QUICK], [(7, 1.85)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{mutants.name_of(QUICK)}, bounded_wait, {QUICK[2]}, caught in seed 7 after 1.9 s",
        "1 mutants, 1 caught",
    ]


def test_the_break_of_another_invariant_does_not_count():
    assert mutants.life(QUICK[0], 1, 10)[0] == "bounded_wait"
    assert mutants.caught((QUICK[0], "cut_off", LOGIC, 1), seeds=[1], seconds=10) is None


def test_the_firmware_is_mended_after_a_life():
    mutants.life(QUICK[0], 1, 10)

    assert mutants.life(sound_firmware, 1, 10)[0] is None


def test_a_mutant_that_does_not_fit_the_firmware_any_more_is_named():
    def patches_what_is_gone(patch):
        patch.setattr(mutants.swarm.World, "step", None)

    with pytest.raises(RuntimeError, match="patches_what_is_gone.*fit it to the firmware"):
        mutants.life(patches_what_is_gone, 1, 1)


def test_one_that_does_not_fit_fails_the_command_and_leaves_the_others(capsys):
    def search(row):
        raise RuntimeError("no_gap: fit it to the firmware")

    assert mutants.report([SOUND, QUICK], [mutants.tried(search, SOUND), (7, 1.85)]) == 1
    assert "fit it to the firmware\n" in capsys.readouterr().out


def test_the_life_that_shows_a_mutant_soonest_is_found():
    seed, at_s = mutants.soonest(QUICK, seeds=[1, 2, 3])

    assert at_s == min(mutants.life(QUICK[0], seed, 200)[1] for seed in [1, 2, 3])
    assert mutants.life(QUICK[0], seed, 200)[1] == at_s


def test_found_seeds_go_into_the_table():
    text = '    (talking.no_gap, "quiet_line", TIMING, 1),\n    (talking.sleeps_5_s, "bounded_wait", LOGIC, 2),\n'
    rows = [(faulty_talking.no_gap, "quiet_line", TIMING, 1), (faulty_talking.sleeps_5_s, "bounded_wait", LOGIC, 2)]

    assert mutants.with_seeds(text, rows, [(31, 0.5), None]) == text.replace("TIMING, 1)", "TIMING, 31)")


def test_an_unknown_name_is_refused_with_what_there_is():
    with pytest.raises(SystemExit, match="cut_off.*found 'cutoff'"):
        mutants.chosen(["cutoff"])
    assert mutants.chosen(["bounded_wait"]) == [row for row in MUTANTS if row[1] == "bounded_wait"]
