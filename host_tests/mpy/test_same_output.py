"""Every scenario_*.py prints the same on CPython, on 64-bit MicroPython and on 32-bit MicroPython."""
from pathlib import Path

import pytest

from tools import runtimes

SCENARIOS = sorted(Path(__file__).parent.glob("scenario_*.py"))
LONG = ("scenario_ticks",)  # days pass in it; a wrap of the clock on 32 bit is on the way of every alloc_*.py, too


def test_there_are_scenarios():
    assert SCENARIOS, "no scenario_*.py beside this file: nothing was compared"


@pytest.mark.parametrize("scenario", [pytest.param(path, id=path.stem, marks=[pytest.mark.long] * (path.stem in LONG)) for path in SCENARIOS])
def test_same_output(scenario):
    check_same_output(scenario)


@pytest.mark.long
def test_same_output_after_a_silence_of_26_days():
    check_same_output(Path(__file__).with_name("scenario_ticks.py"), ["26"], seconds=1500)


def check_same_output(scenario, arguments=(), seconds=runtimes.SECONDS):
    expected = runtimes.run_script(scenario, "cpython", arguments, seconds=seconds).splitlines()
    assert expected, "the scenario printed nothing on cpython"

    for runtime in ("unix64", "wasi32"):
        assert runtimes.run_script(scenario, runtime, arguments, seconds=seconds).splitlines() == expected, f"{runtime} differs from cpython"
