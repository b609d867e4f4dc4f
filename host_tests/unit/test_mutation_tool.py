"""make mutation: which mutants there are, how they are tried, and that a survivor needs an explanation."""
import importlib
import json
import re
import sys
import time
import types

import pytest
from cosmic_ray.mutating import mutate_code

from tools.mutation import __main__ as command
from tools.mutation import code, fork, mutants, report, runner, tables

pytestmark = pytest.mark.no_cover  # not about the firmware

SOURCE = '''from micropython import const
LIMIT = const(600)
_LEAST = const(6)


class Box:
    def __init__(self):
        self.open = False

    def step(self, now_ms):
        if now_ms > LIMIT and not self.open:
            self.open = True
        return now_ms + 1
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    path = tmp_path / "box.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(mutants, "path_of", lambda name: path)
    return path


def pairs(module="box"):
    return {(mutant.before, mutant.after) for mutant in mutants.mutants_of(module)}


# --- which mutants -------------------------------------------------------------------------------------------------------


def test_every_mutant_is_what_cosmic_ray_makes_of_the_file():
    """The tool undoes each change in one tree, which is ten times as fast; the long way must give the same."""
    source = mutants.path_of("tag").read_text()
    skipped = mutants.enumerations(source.split("\n"))
    expected = set()
    for _, operator in mutants.operators():
        occurrence = 0
        while text := mutate_code(source, operator, occurrence):
            expected.add(text)
            occurrence += 1

    found = {mutant.source for mutant in mutants.mutants_of("tag")}

    expected = {mutants.by_a_tenth(source, text) for text in expected}
    assert found < expected
    assert all(re.search(r"const\(|[=!]= ", mutants.changed(source, text)[0]) for text in expected - found) and skipped


def test_a_condition_a_number_and_a_truth_are_changed(module):
    found = pairs()

    assert ("LIMIT = const(600)", "LIMIT = const( 601)") in found
    assert ("if now_ms > LIMIT and not self.open:", "if now_ms >= LIMIT and not self.open:") in found
    assert ("self.open = True", "self.open = False") in found
    assert ("return now_ms + 1", "return now_ms - 1") in found


def test_no_two_mutants_are_the_same(module):
    found = mutants.mutants_of("box")

    assert len({mutant.source for mutant in found}) == len(found)


def test_names_that_count_up_are_no_numbers():
    lines = ["A = const(0)", "B = const(1)", "C = const(2)", "", "D_MS = const(3)", "E = const(7)", "F = const(8)"]

    assert mutants.enumerations(lines) == {1, 2, 3}


def test_a_limit_in_ms_is_changed_by_a_tenth(module):
    module.write_text("WAIT_MS = const(2000)  # as long as that\nMANY = const(2000)\n")

    assert pairs() == {
        ("WAIT_MS = const(2000)  # as long as that", "WAIT_MS = const(2200)  # as long as that"),
        ("WAIT_MS = const(2000)  # as long as that", "WAIT_MS = const(1800)  # as long as that"),
        ("MANY = const(2000)", "MANY = const( 2001)"),
        ("MANY = const(2000)", "MANY = const( 1999)"),
    }


def test_names_have_no_order_and_numbers_have(module):
    module.write_text("a = state == box.OPEN\nb = state == 2\n")
    found = {after for _, after in pairs()}

    assert {"a = state != box.OPEN", "b = state != 2", "b = state <= 2", "b = state >= 2"} <= found
    assert not found & {"a = state <= box.OPEN", "a = state >= box.OPEN"}


@pytest.mark.parametrize(
    ("operator", "used"),
    [("ReplaceBinaryOperator_Add_Sub", True), ("ReplaceBinaryOperator_Add_Div", False), ("ReplaceBinaryOperator_Add_Mod", False),
     ("ReplaceComparisonOperator_Lt_LtE", True), ("ReplaceComparisonOperator_Lt_Is", False), ("NumberReplacer", True)],
)  # fmt: skip
def test_an_operator_is_used_or_has_a_reason_not_to_be(operator, used):
    assert (tables.why_left_out(operator) is None) is used


def test_every_module_and_test_of_the_table_exists():
    for module, tests in tables.MODULES.items():
        assert mutants.path_of(module).exists()
        for name in tests:
            assert (mutants.ROOT / tables.UNIT / f"{name}.py").exists()


def test_every_machine_is_in_the_table():
    machines = {path.stem for path in (mutants.ROOT / "firmware").glob("*.py") if re.search(r"^TRANSITIONS = \($", path.read_text(), re.MULTILINE)}

    assert machines - set(tables.MODULES) == {"mqtt_states"}  # nothing but the table of mqtt_client


# --- how they are tried --------------------------------------------------------------------------------------------------


def test_a_change_within_a_function_is_one_of_its_code_alone():
    functions, rest = code.functions_of(compile(SOURCE, "box", "exec"))
    changed, same = code.functions_of(compile(SOURCE.replace("+ 1", "+ 2"), "box", "exec"))

    assert rest == same
    assert [name for name in functions if functions[name] != changed[name]] == ["Box.step"]


def test_a_changed_constant_is_more_than_a_function():
    _, rest = code.functions_of(compile(SOURCE, "box", "exec"))
    _, changed = code.functions_of(compile(SOURCE.replace("600", "601"), "box", "exec"))

    assert rest != changed


def test_methods_are_found_where_they_live():
    box = types.ModuleType("box")
    exec(SOURCE, box.__dict__)

    assert set(code.live_functions(box)) == {"Box.__init__", "Box.step"}


def test_the_lines_that_were_reached_are_told():
    box, reached = types.ModuleType("box"), set()
    exec(compile(SOURCE, "box.py", "exec"), box.__dict__)
    box.__reached__ = reached.add
    for name, noting in code.functions_of(code.noting(SOURCE, "box.py"))[0].items():
        code.live_functions(box)[name].__code__ = noting

    assert box.Box().step(5) == 6
    assert reached == {8, 11, 13}


def test_functions_that_were_called_are_known_with_all_their_lines():
    namespace = {}
    exec(compile(SOURCE, "box.py", "exec"), namespace)
    box = namespace["Box"]()

    with code.Called("box.py") as called:
        box.step(5)

    assert called.rows >= {10, 11, 12, 13} and 8 not in called.rows


def test_what_a_child_finds_comes_back_and_an_endless_one_ends():
    assert fork.forked(lambda: 42) == (None, 42)

    def endless():
        while True:
            pass

    assert fork.forked(endless, 1) == (fork.TIMEOUT, None)


def test_a_part_of_the_work_that_is_endless_costs_its_own_limit_and_not_that_of_the_whole():
    def work():
        fork.limit_cpu(0)
        end_s = time.process_time() + 5
        while time.process_time() < end_s:
            pass

    assert fork.forked(work, 60) == (fork.TIMEOUT, None)


def test_trouble_in_a_child_is_told_and_not_taken_for_a_survivor():
    _, found = fork.forked(lambda: 1 // 0)

    assert isinstance(found, RuntimeError) and "ZeroDivisionError" in str(found)


def test_a_test_that_imports_the_module_anew_gets_the_mutant():
    def work():
        runner.import_as("clock", compile("found = LIMIT + 1", "clock.py", "exec"), {"LIMIT": 41})
        sys.modules.pop("clock", None)
        return importlib.import_module("clock").found

    assert fork.forked(work) == (None, 42)


# --- what is said --------------------------------------------------------------------------------------------------------

BEFORE, AFTER = "return now_ms + 1", "return now_ms - 1"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "KEPT", tmp_path / "mutation")
    monkeypatch.setattr(report, "PAGE", tmp_path / "mutation.md")
    return tmp_path


def explain(line, *becomes):
    report.KEPT.mkdir(exist_ok=True)
    explained = [{"line": line, "becomes": becomes, "why": "nobody reads it"}]
    report.path_of("box").write_text(json.dumps({**report.read("box"), "explained": explained}))


def the_mutant(after):
    return next(mutant for mutant in mutants.mutants_of("box") if mutant.after == after)


def test_a_survivor_is_shown_and_counts_until_it_is_explained(module, files, capsys):
    survivor = the_mutant(AFTER)

    assert command.tell("box", [survivor], []) == 1
    assert f"firmware/box.py:13: SURVIVED ReplaceBinaryOperator_Add_Sub\n    - {BEFORE}\n    + {AFTER}\n" in capsys.readouterr().out
    explain(BEFORE, AFTER)
    assert command.tell("box", [survivor], []) == 0


def test_an_explanation_of_what_the_tests_notice_is_stale(module, files):
    explain(BEFORE, AFTER)
    everything = mutants.mutants_of("box")

    assert report.stale("box", everything, []) == []
    assert report.stale("box", everything, [the_mutant(AFTER)]) == [(BEFORE, AFTER, "the tests notice it")]


def test_an_explanation_of_what_is_not_there_is_stale(module, files):
    explain("return now_ms + 7", AFTER)

    assert report.stale("box", mutants.mutants_of("box"), []) == [("return now_ms + 7", AFTER, "there is no such mutant (any more)")]


def run_of(outcomes):
    everything = mutants.mutants_of("box")
    return report.summary("box", everything, list(zip(everything, outcomes)), "2026-01-02")


def test_a_sample_does_not_replace_a_complete_run_of_the_same_file(module, files, monkeypatch):
    monkeypatch.setitem(tables.MODULES, "box", ())
    complete = run_of([runner.KILLED] * 99)
    report.keep("box", complete)

    report.keep("box", run_of([runner.SURVIVED]))

    assert report.last_run("box") == complete
    module.write_text(SOURCE.replace("600", "700"))
    report.keep("box", run_of([runner.SURVIVED]))
    assert report.last_run("box")["tried"] == 1


def test_a_run_during_which_the_file_has_changed_is_not_kept(module, files, monkeypatch, capsys):
    def try_all(_name, _chosen):
        module.write_text(SOURCE.replace("600", "700"))
        return ()

    monkeypatch.setattr(runner, "try_all", try_all)

    options = types.SimpleNamespace(again=False, sample=0, seed=1, verbose=False, write=True)
    assert command.try_module("box", options) == 1 and report.last_run("box") is None
    assert "box.py has changed meanwhile" in capsys.readouterr().out


def test_the_page_tells_what_was_tried_what_lives_and_what_nobody_has_explained(module, files, monkeypatch):
    monkeypatch.setitem(tables.MODULES, "box", ())
    everything = mutants.mutants_of("box")
    report.keep("box", run_of([runner.SURVIVED if mutant.after == AFTER else runner.KILLED for mutant in everything]))
    killed = f"{len(everything) - 1} ({100 * (len(everything) - 1) / len(everything):.1f} %)"

    assert f"| `box` | {len(everything)} | all | {killed} | 0 | 1 | 2026-01-02 |" in report.page()
    assert "**not explained**" in report.page()
    explain(BEFORE, AFTER)
    assert f"| `box` | {len(everything)} | all | {killed} | 1 | 0 | 2026-01-02 |" in report.page()
    assert "nobody reads it" in report.page()


def test_a_sample_is_drawn_from_the_seed(module):
    everything = mutants.mutants_of("box")

    def drawn(seed):
        return command.chosen_of(everything, types.SimpleNamespace(again=False, sample=5, seed=seed), "box")

    assert drawn(1) == drawn(1) != drawn(2)
    assert len(drawn(1)) == 5 and set(map(id, drawn(1))) <= set(map(id, everything))


def test_a_module_is_complete_when_all_of_its_mutants_were_tried(module, files, monkeypatch):
    monkeypatch.setitem(tables.MODULES, "box", ())
    assert not report.is_complete("box")

    report.keep("box", run_of([runner.KILLED]))
    assert not report.is_complete("box")
    report.keep("box", run_of([runner.KILLED] * len(mutants.mutants_of("box"))))
    assert report.is_complete("box")


def test_the_page_is_what_the_kept_runs_say():
    assert report.PAGE.read_text(encoding="utf-8") == report.page(), "run make mutation with --write, or python -m tools.mutation.report"
