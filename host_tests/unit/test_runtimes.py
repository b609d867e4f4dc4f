"""The runners: one script, three runtimes, and a 32-bit machine whose clock counts."""
import dataclasses

import pytest

from tools import runtimes, wasi

pytestmark = pytest.mark.no_cover  # not about the firmware


def script(tmp_path, text):
    path = tmp_path / "script.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize("runtime", runtimes.RUNTIMES)
def test_a_script_finds_firmware_stubs_umqtt_and_fakes(tmp_path, runtime):
    text = """
import sys
import clock, machine, umqtt.simple
from drivers import meters
from host_tests.fakes import uart
print(sys.argv[1:], clock.elapsed_ms(3, clock.TICKS_MASK), __name__)
"""
    assert runtimes.run_script(script(tmp_path, text), runtime, ["a", "b"]) == "['a', 'b'] 4 __main__\n"


@pytest.mark.parametrize("runtime", runtimes.RUNTIMES)
def test_a_failing_script_says_why(tmp_path, runtime):
    with pytest.raises(runtimes.ScriptFailed, match="(?s)script.py ended with status 1.*line 2.*ValueError: why"):
        runtimes.run_script(script(tmp_path, "print('before')\nraise ValueError('why')\n"), runtime)


def test_an_unknown_runtime_is_named(tmp_path):
    with pytest.raises(ValueError, match="wasi64"):
        runtimes.run_script(script(tmp_path, ""), "wasi64")


def test_the_heap_is_as_small_as_asked(tmp_path):
    with pytest.raises(runtimes.ScriptFailed, match="MemoryError"):
        runtimes.run_script(script(tmp_path, "x = bytearray(100000)"), "unix64", heap="64K")


def test_32_bit_words_and_no_collection(tmp_path):
    text = """
import gc, sys
import gc as again
before = gc.mem_alloc()
bytearray(1000)
gc.collect(), again.collect()
print(sys.maxsize == 2**31 - 1, gc.mem_alloc() > before)
"""
    assert runtimes.run_script(script(tmp_path, text), "wasi32") == "True True\n"


COUNTING = """
import time
def work(n):
    s = 0
    for i in range(n):
        s += i & 7
    return s
def cost(n):
    start = time.ticks_us()
    work(n)
    return time.ticks_us() - start
work(1)
print(cost(100), cost(100), cost(200))
"""


def test_the_fuel_clock_counts_exactly(tmp_path):
    path = script(tmp_path, COUNTING)

    first = runtimes.run_script(path, "wasi32", clock="fuel")

    assert runtimes.run_script(path, "wasi32", clock="fuel") == first
    hundred, again, two_hundred = map(int, first.split())
    assert hundred == again
    assert 1.9 < two_hundred / hundred < 2.1


def test_virtual_time_only_passes_by_sleeping(tmp_path):
    text = """
import time
start = time.ticks_ms()
for i in range(100000):
    pass
print(time.ticks_diff(time.ticks_ms(), start))
time.sleep_ms(300)
print(time.ticks_diff(time.ticks_ms(), start))
"""
    assert runtimes.run_script(script(tmp_path, text), "wasi32", clock="virtual") == "0\n300\n"


def test_an_endless_loop_is_ended(tmp_path):
    script(tmp_path, "while True:\n    pass\n")
    with pytest.raises(RuntimeError, match="endless loop"):
        wasi.run(["/app/script.py"], dirs={tmp_path: "/app"}, fuel_limit=20_000_000)
    for clock in ("virtual", "real"):
        with pytest.raises(RuntimeError, match="within 0.3 s.*endless loop"):
            wasi.run(["/app/script.py"], dirs={tmp_path: "/app"}, clock=clock, seconds=0.3)


def test_the_exit_status_and_stderr_come_back(tmp_path):
    script(tmp_path, "import sys\nsys.stderr.write('oh')\nprint('hello')\nsys.exit(3)\n")

    result = wasi.run(["/app/script.py"], dirs={tmp_path: "/app"})

    assert (result.code, result.stdout, result.stderr) == (3, "hello\n", "oh")
    assert result.fuel > 100_000
    assert wasi.run(["/app/script.py"], dirs={tmp_path: "/app"}, clock="real") == dataclasses.replace(result, fuel=0)


def test_an_unknown_clock_is_named(tmp_path):
    script(tmp_path, "")
    with pytest.raises(ValueError, match="sun"):
        wasi.run(["/app/script.py"], dirs={tmp_path: "/app"}, clock="sun")


def test_the_command_line_runs_a_script(tmp_path, capsys):
    assert wasi.main([str(script(tmp_path, "import sys\nprint(sys.argv)\n")), "--x", "1"]) == 0
    assert capsys.readouterr().out == "['/app/script.py', '--x', '1']\n"
