"""Every rule of tools.tidy finds its bad example and leaves the good one alone."""
import re
import subprocess
import sys

import pytest

from tools import mpy, runtimes
from tools.tidy import __main__ as tidy_command
from tools.tidy import checks, constructs, frames, imports, names, sizes, texts
from tools.tidy.__main__ import check_sources, project_files
from tools.tidy.finding import Source

pytestmark = pytest.mark.no_cover  # not about the firmware

OWN = {"clock", "text", "bus", "gateway", "board", "app", "drivers.meter"}


def firmware(module, text):
    return Source(f"firmware/{module.replace('.', '/')}.py", text)


def said(findings):
    return [f"{f.line} {f.what}" for f in findings]


def test_a_message_says_where_what_expected_found_and_todo():
    [finding] = imports.check(firmware("bus", "\nimport gateway\n"), OWN)

    assert str(finding) == (
        "firmware/bus.py:2: import direction: expected a module of this layer or below, found gateway; hand the object in from above"
    )


@pytest.mark.parametrize(
    "module, text, expected",
    [
        ("bus", "import clock\nfrom micropython import const\nfrom array import array\n", []),
        ("drivers.meter", "from bus import OK\n", []),
        ("app", "import machine, time\nfrom gateway import Gateway\nimport failsafe\n", []),
        ("failsafe", "def run():\n    import app\n", []),
        ("mqtt_client", "from umqtt.simple import MQTTClient\n", []),
        ("boot", "import machine\nimport failsafe\n", []),
        ("clock", "import bus\n", ["1 import direction"]),
        ("bus", "def f():\n    from drivers import meter\n    import gateway\n", ["3 import direction"]),
        ("gateway", "import board\n", ["1 import direction"]),
        ("boot", "import clock\n", ["1 import direction"]),
        ("failsafe", "import board\n", ["1 import direction"]),
        ("boot", "import app\n", ["1 import direction"]),
        ("net", "import failsafe\n", ["1 import direction"]),
        ("gateway", "import boot\n", ["1 import direction"]),
        ("bus", "import time\n", ["1 edge module"]),
        ("bus", "from machine import UART\n", ["1 edge module"]),
        ("bus", "import struct\n", ["1 foreign module"]),
        ("bus", "from umqtt.simple import MQTTClient\n", ["1 foreign module"]),
        ("nobody_knows", "", ["1 layer"]),
    ],
)
def test_import_direction(module, text, expected):
    assert said(imports.check(firmware(module, text), OWN | {"boot", "failsafe", "drivers"})) == expected


def test_import_cycles():
    good = [firmware("text", "import clock"), firmware("clock", "")]
    floor = [firmware("failsafe", "def run():\n    import app"), firmware("app", "import failsafe")]
    bad = [firmware("text", "import clock"), firmware("clock", "import points"), firmware("points", "import text")]

    assert list(imports.check_cycles(good + floor)) == []
    assert [f.path for f in imports.check_cycles(bad)] == ["firmware/clock.py", "firmware/points.py", "firmware/text.py"]


def test_sizes():
    body = "    x = 1\n" * 59

    assert said(sizes.check(firmware("bus", "def f():\n" + body))) == []
    assert said(sizes.check(firmware("bus", "class A:\n  def f(self):\n    x = 1\n" + body))) == ["2 size of A.f"]
    assert said(sizes.check(firmware("bus", "x = 1\n" * 300))) == []
    assert said(sizes.check(firmware("bus", "x = 1\n" * 301))) == ["1 size of module"]
    assert list(sizes.above_aim(firmware("bus", "x = 1\n" * 201))) == ["firmware/bus.py:1: module has 201 lines"]


@pytest.mark.parametrize(
    "construct, text",
    [
        ("bare except", "try:\n    f()\nexcept:\n    pass"),
        ("catch-all except", "try:\n    f()\nexcept (OSError, Exception):\n    pass"),
        ("assert", "assert x"),
        ("float literal", "x = 0.5"),
        ("float()", "x = float(y)"),
        ("true division", "x = y / 2"),
        ("true division", "x /= 2"),
        ("print", "print(x)"),
    ],
)
def test_constructs_that_are_never_used(construct, text):
    indented = "    " + text.replace("\n", "\n    ")
    anywhere = [text, f"def f():\n    '''An episode.'''\n{indented}"]

    assert [[f.what for f in constructs.check(firmware("bus", t))] for t in anywhere] == [[construct], [construct]]


@pytest.mark.parametrize(
    "module, text", [("config", "assert x"), ("app", "print(x)"), ("app", "try:\n    f()\nexcept Exception:\n    pass")]
)
def test_constructs_some_modules_may_use(module, text):
    assert list(constructs.check(firmware(module, text))) == []


@pytest.mark.parametrize(
    "construct, line",
    [
        ("formatting", "x = '%d' % y"),
        ("formatting", "x = b'%d' % y"),
        ("formatting", "x = '{}'.format(y)"),
        ("formatting", "x = f'{y}'"),
        ("slice read", "g(buf[1:3])"),
        ("tuple return", "return a, b"),
        ("iterator", "for i, x in enumerate(y): pass"),
        ("iterator", "for a, b in zip(x, y): pass"),
        ("dict view", "for k, v in d.items(): pass"),
        ("closure", "g(lambda: 1)"),
        ("closure", "def inner(): pass"),
        ("comprehension", "x = [i for i in y]"),
        ("comprehension", "yield 1"),
        ("star arguments", "g(*y)"),
        ("star arguments", "g(**y)"),
        ("struct.unpack", "x = struct.unpack('H', y)"),
    ],
)
def test_constructs_that_allocate(construct, line):
    steady = f"def step(now_ms):\n    '''Once per step.'''\n    {line}\n"
    episode = f"def dial(now_ms):\n    '''Episode: opens a connection.'''\n    {line}\n"
    in_an_episode_class = f"class Dial:\n    '''Episodes only.'''\n    def f(self):\n        {line}\n"
    marked = f"def step(now_ms):\n    {line}  # once per start-up\n"
    at_boot = f"class A:\n    def __init__(self):\n        {line}\n"

    assert [f.what for f in constructs.check(firmware("bus", steady))] == [construct + " in steady state"]
    for text in (episode, in_an_episode_class, marked, at_boot):
        assert [f.what for f in constructs.check(firmware("bus", text))] == []
    assert list(constructs.check(firmware("board", steady))) == []


@pytest.mark.parametrize(
    "text",
    [
        "def step(now_ms):\n    buf[1:3] = other\n    x = y % 10\n    return 'a'\n",
        "def step(now_ms):\n    if x:\n        raise ValueError('%d' % x)\n",
        "TABLE = [i for i in range(3)]\n",
    ],
)
def test_constructs_that_are_fine(text):
    assert list(constructs.check(firmware("bus", text))) == []


@pytest.mark.parametrize(
    "text, expected",
    [
        ("limit_ms = 3\nself.current_ca = count = 1\nTIMEOUT = 3\nseconds = 2", []),
        ("def WDT(timeout): pass", []),
        ("limit_sec = 3", ["1 unit of a name"]),
        ("self.set_amps = 3", ["1 unit of a name"]),
        ("def f(wait_seconds): pass", ["1 unit of a name"]),
        ("POLL_MILLIS = 3", ["1 unit of a name"]),
        ("self.heartbeat_age = 3", ["1 name without a unit"]),
        ("interval = 3\ninterval = 4", ["1 name without a unit"]),
    ],
)
def test_names_and_units(text, expected):
    assert said(names.check(firmware("bus", text))) == expected


BIG = """
class A:
    def big(self):
        a = b = c = d = e = f = g = h = i = j = k = l = 1
        return a + b + c + d + e + f + g + h + i + j + k + l

    def with_exceptions(self, a, b):
        try:
            try:
                return a[b]
            except KeyError:
                return a
        except IndexError:
            return b

    def small(self):
        return 1


class B:
    def small(self):
        return 2
"""


@pytest.fixture
def big(tmp_path):
    """(project folder, its one firmware source)"""
    source = firmware("bus", BIG)
    (tmp_path / "firmware").mkdir()
    (tmp_path / source.path).write_text(BIG)
    return tmp_path, source


def test_frames_that_go_to_the_heap(big):
    root, source = big

    findings = list(frames.check([source], root, runtimes.micropython(), {}))

    assert said(findings) == ["3 frame of bus.A.big", "7 frame of bus.A.with_exceptions"]
    assert all(int(f.found) > 11 for f in findings)


def test_frames_that_are_allowed_and_rows_nobody_needs(big):
    root, source = big
    allowed = {"bus.A.big": "boot", "*.with_exceptions": "boot", "bus.A.small": "boot", "gone.f": "boot"}

    findings = list(frames.check([source], root, runtimes.micropython(), allowed))

    assert [(f.what, f.found) for f in findings] == [("ALLOWED_BIG_FRAMES", "bus.A.small"), ("ALLOWED_BIG_FRAMES", "gone.f")]


def test_frames_of_the_edge_do_not_count(big):
    root, _ = big
    edge = firmware("board", BIG)
    (root / edge.path).write_text(BIG)

    assert list(frames.check([edge], root, runtimes.micropython(), {})) == []


def test_frames_of_what_does_not_compile(big):
    root, source = big
    (root / source.path).write_text("def f(:\n")

    with pytest.raises(RuntimeError, match="bus.py does not compile"):
        list(frames.check([source], root, runtimes.micropython(), {}))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("def test_a():\n    assert f()\n", []),
        ("def test_a():\n    with pytest.raises(OSError):\n        f()\n", []),
        ("def test_a():\n    check_all(f())\n", []),
        ("def verify(x):\n    assert x\n\ndef twice(x):\n    verify(x)\n\ndef test_a():\n    twice(1)\n", []),
        ("class TestA:\n    def test_a(self):\n        f()\n", ["2 test_a"]),
        ("def helper():\n    f()\n\ndef test_a():\n    helper()\n", ["4 test_a"]),
    ],
)
def test_tests_that_can_not_fail(text, expected):
    assert said(checks.check(Source("host_tests/unit/test_x.py", text))) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("all is well in /var/lib and build/umqtt\n", []),
        ("see /home/" + "somebody/ladepunkt\n", [1]),
        ("\nPATH=/Users/" + "somebody/x\n", [2]),
        ("# TO" + "DO: later\n", [1]),
    ],
)
def test_words(text, expected):
    assert [f.line for f in texts.check_words(Source("README.md", text))] == expected


@pytest.mark.parametrize(
    "path, text, found",
    [
        ("README.md", "[a](docs/a.md) [b](docs/a.md#part) [c](https://host/x.md) [d](#here) see docs/a.md\n", []),
        ("docs/b.md", "[a](a.md) [up](../README.md) [folder](../docs)\n", []),
        ("tools/x.py", "# see a.md and https://host/y.md\n", []),
        ("README.md", "[a](docs/gone.md)\n", ["docs/gone.md"]),
        ("README.md", "[a](docs/gone.png)\n", ["docs/gone.png"]),
        ("tools/x.py", "# see gone.md 5\n", ["gone.md"]),
    ],
)
def test_links(path, text, found):
    paths = {"README.md", "docs", "docs/a.md", "docs/b.md", "tools/x.py"}

    assert [f.found for f in texts.check_links(Source(path, text), paths)] == found


def test_all_rules_are_applied_to_a_project():
    sources = [
        firmware("clock", "import bus\nassert 1\nwait_sec = 1\n" + "x = 1\n" * 300),
        firmware("bus", "import clock\n"),
        Source("host_tests/unit/test_x.py", "def test_a():\n    f()\n"),
        Source("README.md", "[a](gone.md) at /home/" + "somebody/x\n"),
    ]

    found = {f.what for f in check_sources(sources, [s.path for s in sources])}

    assert found == {"import direction", "import cycle", "assert", "unit of a name", "size of module", "test_a", "link", "foreign word"}


def test_the_project_is_listed_without_what_git_ignores(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("build\n")
    (tmp_path / "build").mkdir()
    for name in ("a.py", "build/b.py"):
        (tmp_path / name).write_text("")

    assert project_files(tmp_path) == [".gitignore", "a.py"]


def test_compiling_gives_the_same_tree_of_mpy_files(tmp_path):
    source, dest = tmp_path / "firmware", tmp_path / "mpy"
    (source / "drivers").mkdir(parents=True)
    (source / "a.py").write_text("X = 1\n")
    (source / "drivers" / "b.py").write_text("Y = 2\n")
    dest.mkdir()
    (dest / "stale.mpy").write_bytes(b"old")

    size = mpy.build(dest, source)

    results = sorted(str(p.relative_to(dest)) for p in dest.rglob("*.mpy"))
    assert results == ["a.mpy", "drivers/b.mpy"]
    assert size == sum((dest / name).stat().st_size for name in results) > 0
    assert b"tmp" not in (dest / "a.mpy").read_bytes()
    assert mpy.build(dest, source) == size


def test_compiled_modules_run(tmp_path):
    source, dest = tmp_path / "firmware", tmp_path / "mpy"
    source.mkdir()
    (source / "a.py").write_text("def f():\n    return 41\n")
    mpy.build(dest, source)
    (source / "a.py").unlink()
    script = tmp_path / "script.py"
    script.write_text("import a\nprint(a.f() + 1)\n")

    for runtime in ("unix64", "wasi32"):
        assert runtimes.run_script(script, runtime, firmware=dest) == "42\n"


def test_compiling_says_what_is_wrong(tmp_path):
    (tmp_path / "bad.py").write_text("def f(:\n")

    with pytest.raises(mpy.CompileError, match="(?s)bad.py does not compile.*SyntaxError"):
        mpy.build(tmp_path / "out", tmp_path)


@pytest.mark.parametrize("body, findings, status", [("    return 1\n", 0, 0), ("    assert data\n", 1, 1)])
def test_the_command_reports_every_finding_of_the_project(tmp_path, monkeypatch, capsys, body, findings, status):
    """A project with one module; that this one has no findings is what `make test` begins with."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "clock.py").write_text("def f(data):\n" + body)
    monkeypatch.setattr(tidy_command, "ROOT", tmp_path)
    monkeypatch.setattr(tidy_command.tables, "ALLOWED_BIG_FRAMES", {})

    assert tidy_command.main(["--quiet"]) == status

    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("firmware/clock.py:2: ")]) == findings
    assert re.fullmatch(r"info: all modules as .mpy: \d+ bytes", lines[0])
    assert lines[-1] == f"tidy: 1 files, {findings} finding{'s' if findings != 1 else ''}"

