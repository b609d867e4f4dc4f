"""Mutation testing of the firmware with cosmic-ray: small changes, of which the unit tests must notice each.

    python -m tools.mutation [MODULE...] [--sample N] [--seed 1] [--again] [--complete] [--write]

Prints the score of each module and every survivor. Exit status 1 when a survivor has no explanation in
host_tests/golden/mutation/MODULE.json, or an explanation there has no survivor. --write keeps the scores and writes docs/mutation.md;
--again tries only the survivors of the kept run, --complete only modules that were run completely once: their survivors are explained.
"""
import argparse
import random
import sys
import time

from tools.mutation import mutants, report, runner
from tools.mutation.tables import MODULES


def chosen_of(everything, options, module):
    """The mutants to be tried."""
    if options.again:
        kept = report.last_run(module)
        if kept is None or kept["file"] != mutants.digest_of(module):
            sys.exit(f"mutation: {module}: --again: no run of this file is kept: run it without --again, with --write")
        alive = {tuple(survivor) for survivor in kept["survivors"]}
        return [mutant for mutant in everything if (mutant.row, mutant.operator, mutant.before, mutant.after) in alive]
    if options.sample and options.sample < len(everything):
        drawn = random.Random(f"{options.seed} {module}").sample(range(len(everything)), options.sample)
        return [everything[i] for i in sorted(drawn)]
    return everything


def try_module(module, options):
    """How many problems there are with one module."""
    digest = mutants.digest_of(module)
    everything = mutants.mutants_of(module)
    chosen = chosen_of(everything, options, module)
    start_s = time.monotonic()
    results = []
    if chosen:
        for mutant, outcome, how in runner.try_all(module, chosen):
            results.append((mutant, outcome))
            if options.verbose:
                print(f"  {module}:{mutant.row}: {mutant.before!r} -> {mutant.after!r}: {outcome}: {how}", flush=True)
    survivors = [mutant for mutant, outcome in results if outcome == runner.SURVIVED]
    dead = len(results) - len(survivors)
    print(
        f"{module}: {len(results)} of {len(everything)} mutants tried, {dead} killed ({100 * dead / max(1, len(results)):.1f} %), {time.monotonic() - start_s:.0f} s"
    )
    if mutants.digest_of(module) != digest:
        print(f"  {mutants.path_of(module).name} has changed meanwhile: nothing is kept: run it again")
        return 1
    if options.write:
        write(module, everything, results, options)
    return tell(module, survivors, report.stale(module, everything, [mutant for mutant, outcome in results if outcome != runner.SURVIVED]))


def tell(module, survivors, stale):
    """Prints what is wrong; how much that is."""
    left = report.unexplained(module, survivors)
    for mutant in left:
        print(f"  firmware/{module.replace('.', '/')}.py:{mutant.row}: SURVIVED {mutant.operator}\n    - {mutant.before}\n    + {mutant.after}")
    for before, after, problem in stale:
        print(f"  {report.path_of(module).name}: {before!r} -> {after!r}: {problem}: remove the explanation")
    sys.stdout.flush()
    return len(left) + len(stale)


def write(module, everything, results, options):
    today = time.strftime("%Y-%m-%d", time.gmtime())
    if options.again:
        kept = report.last_run(module)
        new = report.summary(module, everything, results, kept["date"])
        new["killed"], new["timeouts"] = kept["killed"] + new["killed"], kept["timeouts"] + new["timeouts"]
        new["tried"] = kept["tried"]
    else:
        new = report.summary(module, everything, results, today)
    report.keep(module, new)
    report.PAGE.write_text(report.page(), encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="default: " + ", ".join(MODULES))
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="N mutants of each module, drawn from the seed; 0 (default): all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="only the survivors of the kept run")
    parser.add_argument("--complete", action="store_true", help="only modules all of whose mutants were tried in the kept run")
    parser.add_argument("--write", action="store_true", help="keep the scores and write docs/mutation.md")
    parser.add_argument("--verbose", action="store_true", help="a line for each mutant: what has become of it, and which test has noticed")
    options = parser.parse_args(arguments)
    for name in options.modules:
        if name not in MODULES:
            parser.error(f"unknown module {name}: use {', '.join(MODULES)}, or add a row to MODULES in tools/mutation/tables.py")
    names = options.modules or MODULES
    if options.complete:
        names = [module for module in names if report.is_complete(module)]
    problems = sum(try_module(module, options) for module in names)
    print(f"mutation: {problems} problems: survivors that nobody has explained, or explanations without a survivor")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
