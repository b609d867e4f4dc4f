"""tools.heap tells what lives and what does not, on a 32-bit MicroPython with a working collector."""
import pytest

from tools import heap

pytestmark = pytest.mark.no_cover  # not about the firmware

EMPTY = "pass"
KEEP = "kept = bytearray(40000)"
DROP = "for i in range(100):\n    bytearray(40000)"


def live(script, files=()):
    result = heap.measure(script, dict(files))
    return result["live"] - result["baseline"]


def test_what_is_kept_counts_and_what_is_dropped_does_not():
    empty = live(EMPTY)

    assert 40000 <= live(KEEP) - empty <= 40500  # and a little for names
    assert live(DROP) - empty <= 500
    assert live(KEEP) == live(KEEP)


def test_pointers_have_32_bits():
    assert 3900 <= live("kept = [None] * 2000") - live("kept = [None] * 1000") <= 4100


def test_modules_come_from_the_given_files(tmp_path):
    (tmp_path / "a.py").write_text("X = 41\n")

    result = heap.measure("import pack.a\nprint(pack.a.X + 1)", {"/lib/pack/a.py": tmp_path / "a.py"})

    assert result["printed"] == ["42"]


def test_the_firmware_is_there_as_mpy():
    files = heap.device_files()

    assert all(path.suffix == ".mpy" for path in files.values())
    result = heap.measure("import clock, umqtt.simple\nprint(clock.__file__)", files)
    assert result["printed"] == ["/lib/clock.mpy"]


def test_a_failing_script_says_why():
    with pytest.raises(heap.HeapError, match="ValueError: why"):
        heap.measure("raise ValueError('why')", {})


def test_missing_node_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(heap.shutil, "which", lambda name: None)

    with pytest.raises(heap.HeapError, match="apt-get install -y nodejs npm"):
        heap.measure(EMPTY, {})


def test_missing_npm_is_named_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(heap, "NPM", tmp_path)
    monkeypatch.setattr(heap.shutil, "which", lambda name: None)

    with pytest.raises(heap.HeapError, match="apt-get install -y nodejs npm"):
        heap.install()
