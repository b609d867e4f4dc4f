"""What all tests share: the firmware is importable, and a skip is never silent (in CI it fails)."""
import gc
import os

import pytest
from hypothesis import Phase, settings

from host_tests.stubs.cpython import install

install.install()

# Seeded: the same cases in every run. What explains a failure line by line takes minutes, and is not worth them.
settings.register_profile("ladepunkt", derandomize=True, phases=[phase for phase in Phase if phase is not Phase.explain])
settings.load_profile("ladepunkt")

gc.disable()  # until all tests are collected: they stay
SKIPS_FAIL = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_sessionstart(session):
    if not (install.UMQTT / "umqtt" / "simple.py").exists():
        pytest.exit(f"umqtt.simple is not in {install.UMQTT}: run make setup", returncode=3)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A module with MINUTES grows with them: `make test-long` runs what is `long` and what `scales`, nothing else twice."""
    for item in items:
        if hasattr(getattr(item, "module", None), "MINUTES"):
            item.add_marker("scales")


def pytest_collection_finish():
    """The firmware collects garbage at every start. Looking through thousands of collected tests then took a third of the time of all."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(hookwrapper=True)
def pytest_sessionfinish(session, exitstatus):
    yield
    if SKIPS_FAIL and _skips(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    skips = _skips(config)
    if not skips:
        terminalreporter.write_line("no test was skipped")
        return
    terminalreporter.section(f"{len(skips)} skipped", red=SKIPS_FAIL)
    for report in skips:
        _, _, reason = report.longrepr
        terminalreporter.write_line(f"{report.nodeid}: {reason}")
    if SKIPS_FAIL:
        terminalreporter.write_line("CI: every skip is a failure; install what is missing (make setup)", red=True)


def _skips(config):
    """Reports of skipped tests; an expected failure is not one. A worker process has none: its tests are counted by the main one."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return []
    return [report for report in reporter.stats.get("skipped", []) if not hasattr(report, "wasxfail")]
