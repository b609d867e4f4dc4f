"""Runs the unit tests against each mutant of one module, in forked children of one pytest that has collected them all.

A change within functions replaces the code of those functions, wherever they have been imported to; the tests that have run them are
tried, those first that notice most for their time. What changes more (a constant, a default, a class) gets an interpreter in which the module is imported
anew. No file is touched.
"""
import functools
import multiprocessing
import os
import re
import sys
import time
import types

import hypothesis  # here, so that no child has to load it
import pytest

from host_tests.stubs.cpython import install
from tools.mutation import mutants
from tools.mutation.code import REACHED, Called, functions_of, live_functions, noting, rows_of
from tools.mutation.fork import TIMEOUT, as_child, forked, limit_cpu
from tools.mutation.tables import LIMITS, MODULES, UNIT

KILLED, SURVIVED = "killed", "survived"
CPU_LEAST_S = 2
# That a test fails is enough to know: the smallest example for it is not looked for, which takes longer than the test.
hypothesis.settings.register_profile("mutation", phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate), report_multiple_bugs=False)
LEAST_COST_S = 0.01  # of any test, however small
LEFT_OUT = 1 << 30  # the place of a test that is left out
OPTIONS = (
    "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:rerunfailures", "-p", "no:faulthandler",
    "--hypothesis-profile=mutation", "--tb=no", "-o", "addopts=--import-mode=importlib --strict-markers", "-m", "not long",
)  # fmt: skip


def import_as(module, code, names=()):
    """From now on an import of that module of the firmware executes `code`, in which `names` are known."""
    loader = install._FirmwareLoader
    get_code, exec_module = loader.get_code, loader.exec_module

    def execute(this, target):
        if target.__name__ == module:
            vars(target).update(names)
        exec_module(this, target)

    loader.get_code = lambda this, name: code if name == module else get_code(this, name)
    loader.exec_module = execute


class Tests:
    """A plugin of pytest: collects, learns which test runs which lines, and then tries mutant by mutant instead of running the tests."""

    def __init__(self, module, chosen, pipe):
        self.module, self.chosen, self.pipe = module, chosen, pipe
        self.path = mutants.path_of(module)
        self.failed = False
        self.kills = {}
        self.collecting = Called(self.path)

    def pytest_collection(self, session):
        self.collecting.__enter__()

    def pytest_collection_finish(self, session):
        self.collecting.__exit__()

    def pytest_runtest_logreport(self, report):
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session):
        if session.testsfailed:
            self.pipe.send(("trouble", f"{session.testsfailed} errors while its tests are collected"))
            return True
        source = self.path.read_text(encoding="utf-8")
        self.code, self.rest = functions_of(compile(source, str(self.path), "exec"))
        self.source_lines = source.split("\n")
        self.live = live_functions(sys.modules[self.module])
        self.all_noting = noting(source, str(self.path))
        self.noting = {name: code for name, code in functions_of(self.all_noting)[0].items() if name in self.live}
        learnt = [(item, forked(functools.partial(self._learn, item))[1]) for item in session.items if self._belongs(item)]
        # A test that needs the tests before it can not be tried alone: it notices nothing here.
        self.items = [item for item, found in learnt if isinstance(found, tuple)]
        self.reached, self.cpu_s = ([found[i] for _, found in learnt if isinstance(found, tuple)] for i in range(2))
        self.needy = [item.nodeid for item, found in learnt if not isinstance(found, tuple)]
        self.pipe.send(("needy", self.needy))
        for mutant in self.chosen:
            self.pipe.send(("result", mutant, *self._try(mutant)))
        self.pipe.send(("end",))
        return True

    def _belongs(self, item):
        return LIMITS not in item.nodeid or f"[{self.module}." in item.nodeid

    def _run(self, items, cpu_s=None):
        """The index of the first item that fails; None when all pass. cpu_s: what each may take; the process ends at more than that."""
        for i, item in enumerate(items):
            if cpu_s is not None:
                limit_cpu(cpu_s[i])
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=items[i + 1] if i + 1 < len(items) else None)
            if self.failed:
                return i
        return None

    def _learn(self, item):
        """(lines of the functions of the module that a test reaches, CPU seconds), None when it fails: alone, and with no mutant."""
        reached = set()
        vars(sys.modules[self.module])[REACHED] = reached.add
        import_as(self.module, self.all_noting, {REACHED: reached.add})
        for name, code in self.noting.items():
            self.live[name].__code__ = code
        start = time.process_time()
        failed = self._run([item]) is not None
        return None if failed else (reached, time.process_time() - start)

    def _try(self, mutant):
        """(outcome, which way it was tried or who has noticed)."""
        try:
            code = compile(mutant.source, str(self.path), "exec")
        except SyntaxError:
            return KILLED, "does not compile"
        functions, rest = functions_of(code)
        other = [name for name in functions if functions[name] != self.code.get(name)]
        if rest == self.rest and set(functions) == set(self.code) and all(name in self.live for name in other):
            return self._swap(mutant, code, {name: functions[name] for name in other})
        names = self._private_values(code)
        if names is not None:
            return self._set(mutant, code, names)
        return self._anew(mutant)

    def _swap(self, mutant, code, codes):
        rows = {row for name in codes for row in rows_of(self.code[name])}
        if rows & self.collecting.rows:
            return self._anew(mutant)  # a test file has used it while it was imported

        def change():
            for name, new in codes.items():
                self.live[name].__code__ = new

        return self._tests(mutant, code, rows, change)

    def _private_values(self, code):
        """{name: value} of constants whose value is another, when nobody else has a copy of them; None when more changes than that."""
        old = sys.modules[self.module]
        new = types.ModuleType(self.module)
        new.__dict__["__builtins__"] = old.__dict__["__builtins__"]
        try:
            exec(code, new.__dict__)
        except Exception:
            return None
        names = {}
        for name, value in vars(old).items():
            if isinstance(value, (int, bytes, str, tuple)) and not name.startswith("__") and getattr(new, name, None) != value:
                names[name] = getattr(new, name, None)
        if not names or not all(name.startswith("_") for name in names) or any(self._is_default(name) for name in names):
            return None
        return names

    def _is_default(self, name):
        return any(re.search(rf"\bdef .*=\s*{name}\b|^    {name}\b", line) for line in self.source_lines)

    def _set(self, mutant, code, names):
        used = re.compile(r"\b(" + "|".join(names) + r")\b")
        using = {row for row, line in enumerate(self.source_lines, 1) if used.search(line)}
        rows = set()
        for known in self.code.values():
            own = rows_of(known)
            rows |= own if own & using else set()
        if rows & self.collecting.rows:
            return self._anew(mutant)
        return self._tests(mutant, code, rows, lambda: vars(sys.modules[self.module]).update(names))

    def _tests(self, mutant, code, rows, change):
        """Tries the tests that have run one of the rows: with the module changed that is there, and with `code` where a test imports it anew."""
        order = [i for i in range(len(self.items)) if self.reached[i] & rows]
        order.sort(key=lambda i: (mutant.row not in self.reached[i], self._cost(i)))

        def work():
            change()
            import_as(self.module, code)
            self.failed = False
            return self._run([self.items[i] for i in order], [CPU_LEAST_S + 5 * self.cpu_s[i] for i in order])

        timeout, found = forked(work, CPU_LEAST_S + 5 * sum(self.cpu_s[i] for i in order))
        if timeout:
            return TIMEOUT, "in place"
        if found is None:
            return SURVIVED, f"in place, {len(order)} tests"
        if isinstance(found, int):
            self.kills[order[found]] = self.kills.get(order[found], 0) + 1
            return KILLED, self.items[order[found]].nodeid
        return KILLED, repr(found)

    def _cost(self, i):
        """CPU time per mutant that a test may be expected to notice: the cheapest is tried first."""
        return (self.cpu_s[i] + LEAST_COST_S) / (self.kills.get(i, 0) + 1)

    def _anew(self, mutant):
        """In an interpreter that has not imported the firmware yet: only the process that has started this one can fork it."""
        order = sorted(range(len(self.items)), key=self._cost)
        self.pipe.send(("anew", mutant, [self.items[i].nodeid for i in order], self.needy, CPU_LEAST_S + 10 + 5 * sum(self.cpu_s)))
        outcome, killer = self.pipe.recv()
        for i, item in enumerate(self.items):
            if item.nodeid == killer:
                self.kills[i] = self.kills.get(i, 0) + 1
        return outcome, killer


class Fresh:
    """A plugin of pytest: the module is imported from a mutant's source; says which test fails."""

    def __init__(self, module, source, order, needy):
        self.module, self.source = module, source
        self.order = {nodeid: place for place, nodeid in enumerate(order)}
        self.order.update((nodeid, LEFT_OUT) for nodeid in needy)
        self.killer = None
        import_as(module, compile(source, str(mutants.path_of(module)), "exec"))

    def pytest_collection_modifyitems(self, items):
        """The ids of tests may hold numbers of the module: one that is new comes first."""
        items[:] = sorted((item for item in items if self.order.get(item.nodeid, 0) != LEFT_OUT), key=lambda item: self.order.get(item.nodeid, -1))

    def pytest_collectreport(self, report):
        if report.failed:
            self.killer = self.killer or report.nodeid

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.killer = self.killer or report.nodeid


def files_of(module):
    return [f"{UNIT}/{name}.py" for name in (*MODULES[module], LIMITS)]


def try_anew(module, mutant, order, needy, cpu_limit_s):
    """(outcome, who has noticed)."""

    def work():
        plugin = Fresh(module, mutant.source, order, needy)
        status = pytest.main([*OPTIONS, "-x", *files_of(module)], plugins=[plugin])
        return plugin.killer or (None if status == pytest.ExitCode.OK else f"pytest ends with {status}")

    timeout, found = forked(work, cpu_limit_s)
    if timeout:
        return TIMEOUT, "anew"
    return (SURVIVED, "anew") if found is None else (KILLED, str(found))


def try_all(module, chosen):
    """(mutant, outcome, how) of each mutant in `chosen`. This process must not have imported the firmware."""
    ours, theirs = multiprocessing.Pipe()

    def collect_and_try():
        ours.close()
        return int(pytest.main([*OPTIONS, *files_of(module)], plugins=[Tests(module, chosen, theirs)]))

    child = os.fork()
    if not child:
        as_child(collect_and_try, os.open(os.devnull, os.O_WRONLY), None)
    theirs.close()
    try:
        while True:
            kind, *rest = ours.recv()
            if kind == "result":
                yield tuple(rest)
            elif kind == "anew":
                ours.send(try_anew(module, *rest))
            elif kind == "needy":
                for nodeid in rest[0]:
                    print(f"mutation: {nodeid} fails when it runs alone: left out")
            elif kind == "trouble":
                raise SystemExit(f"mutation: {module}: {rest[0]}")
            else:
                return
    except EOFError:
        raise SystemExit(f"mutation: {module}: pytest has ended early: try `pytest {' '.join(files_of(module))}`") from None
    finally:
        ours.close()
        os.waitpid(child, 0)
