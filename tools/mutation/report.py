"""What was found, what is explained, and docs/mutation.md."""
import json

from tools.mutation import mutants
from tools.mutation.runner import KILLED, SURVIVED, TIMEOUT
from tools.mutation.tables import LEFT_OUT, MODULES, why_left_out

KEPT = mutants.ROOT / "host_tests" / "golden" / "mutation"
PAGE = mutants.ROOT / "docs" / "mutation.md"


def path_of(module):
    """Where the last run of a module is kept ("run"), and why its survivors may live ("explained")."""
    return KEPT / f"{module}.json"


def read(module):
    path = path_of(module)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def last_run(module):
    """None before the first."""
    return read(module).get("run")


def explanations(module):
    """{(line, what it becomes): why the mutant may live}."""
    return {(row["line"], after): row["why"] for row in read(module).get("explained", ()) for after in row["becomes"]}


def unexplained(module, survivors):
    known = explanations(module)
    return [mutant for mutant in survivors if (mutant.before, mutant.after) not in known]


def stale(module, everything, killed):
    """[(line, what it becomes, what is wrong with its explanation)]."""
    there = {(mutant.before, mutant.after) for mutant in everything}
    dead = {(mutant.before, mutant.after) for mutant in killed}
    problems = []
    for key in explanations(module):
        if key not in there:
            problems.append((*key, "there is no such mutant (any more)"))
        elif key in dead:
            problems.append((*key, "the tests notice it"))
    return problems


def summary(module, everything, results, date):
    """What is kept of a run: results is [(mutant, outcome)]."""
    count = {outcome: sum(1 for _, found in results if found == outcome) for outcome in (KILLED, TIMEOUT, SURVIVED)}
    return {
        "file": mutants.digest_of(module),
        "date": date,
        "mutants": len(everything),
        "tried": len(results),
        "killed": count[KILLED],
        "timeouts": count[TIMEOUT],
        "survivors": [[mutant.row, mutant.operator, mutant.before, mutant.after] for mutant, found in results if found == SURVIVED],
    }


def is_complete(module):
    run = last_run(module)
    return run is not None and run["tried"] == run["mutants"]


def keep(module, new):
    """A sample does not take the place of a complete run of the same file."""
    kept = read(module)
    old = kept.get("run")
    if old is None or old["file"] != new["file"] or new["tried"] >= old["tried"]:
        kept = {"run": new, "explained": kept.get("explained", [])}
        KEPT.mkdir(exist_ok=True)
        path_of(module).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# --- the page ------------------------------------------------------------------------------------------------------------

HEAD = """# Would the tests notice?

*This page is written by `make mutation ARGS="--write"` from the last runs. Do not edit it.*

[cosmic-ray](https://cosmic-ray.readthedocs.io) makes one small change at a time to a module of the firmware: `<` becomes `<=`, `and` becomes
`or`, 600 becomes 601, a condition is turned around. Such a change is a **mutant**. The unit tests that belong to the module must fail
with it, which *kills* the mutant; a mutant that never ends is killed, too. A survivor is a gap in the tests, or makes no difference that
matters. Each is listed below with the reason why it may live, and `make mutation` fails when a survivor has none, or a reason no survivor.

| you want | command |
|---|---|
| all mutants of every module; this page | `make mutation ARGS="--write"` |
| those of one module | `make mutation ARGS="safety"` |
| the survivors of the last written run again, after new tests | `make mutation ARGS="--again --write"` |
| a sample of each module, drawn from a seed | `make mutation ARGS="--sample 12 --seed 7"` |
| the same of the modules that were run completely, as in `make test-long` | `make mutation ARGS="--sample 5 --complete"` |

"""


def page():
    found = {module: last_run(module) for module in MODULES}
    lines = [HEAD + "## Score", "", "| module | mutants | tried | killed | survive, explained | survive, unexplained | run | file |", "|" + "---|" * 8]
    totals = [0, 0, 0, 0, 0]
    for module in MODULES:
        if found[module] is None:
            lines.append(f"| `{module}` | | not yet | | | | | |")
            continue
        row = found[module]
        open_ones = [s for s in row["survivors"] if tuple(s[2:]) not in explanations(module)]
        dead = row["killed"] + row["timeouts"]
        numbers = [row["mutants"], row["tried"], dead, len(row["survivors"]) - len(open_ones), len(open_ones)]
        totals = [a + b for a, b in zip(totals, numbers)]
        tried = "all" if row["tried"] == row["mutants"] else f"{row['tried']}"
        lines.append(f"| `{module}` | {row['mutants']} | {tried} | {score(dead, row['tried'])} | {numbers[3]} | {numbers[4]} | {row['date']} | `{row['file']}` |")
    lines.append(f"| **together** | {totals[0]} | {totals[1]} | {score(totals[2], totals[1])} | {totals[3]} | {totals[4]} | | |")
    lines += ["", "The last column is git's name of the file that was mutated: `git hash-object firmware/safety.py` tells whether it is still that one.", ""]
    return "\n".join([*lines, *left_out_lines(), *survivor_lines(found)]).rstrip() + "\n"


def score(dead, tried):
    return f"{dead} ({100 * dead / max(1, tried):.1f} %)"


def left_out_lines():
    reasons = dict(LEFT_OUT)
    reasons["other ReplaceBinaryOperator"] = why_left_out("ReplaceBinaryOperator_Add_Mod")
    reasons["other ReplaceComparisonOperator"] = why_left_out("ReplaceComparisonOperator_Eq_Lt")
    return ["## What is not tried", "", "| operators of cosmic-ray | why |", "|---|---|", *(f"| `{name}` | {why} |" for name, why in reasons.items()), ""]


def survivor_lines(found):
    lines = ["## Survivors"]
    for module in MODULES:
        survivors = found[module]["survivors"] if found[module] else ()
        if not survivors:
            continue
        known = explanations(module)
        lines += ["", f"### {module}", "", "| line | is | may become | why |", "|---|---|---|---|"]
        for row, _, before, after in survivors:
            lines.append(f"| {row} | {code(before)} | {code(after)} | {known.get((before, after), '**not explained**')} |")
    return lines


def code(text):
    return "`` " + text.replace("|", "\\|") + " ``"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
