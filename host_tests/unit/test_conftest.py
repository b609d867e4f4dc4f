"""A skipped test is counted and named; in CI it fails the run."""
import os
import subprocess
import sys

import pytest

from tools.runtimes import ROOT

pytestmark = pytest.mark.no_cover  # not about the firmware

SKIPPING = "import pytest\n\ndef test_skipped():\n    pytest.skip('no broker here')\n\ndef test_good():\n    assert True\n"
EXPECTED_FAILURE = "import pytest\n\n@pytest.mark.xfail(reason='known')\ndef test_a():\n    assert False\n"


@pytest.mark.parametrize(
    "text, ci, code, said",
    [
        (SKIPPING, "", 0, "Skipped: no broker here"),
        (SKIPPING, "true", 1, "every skip is a failure"),
        (EXPECTED_FAILURE, "true", 0, "no test was skipped"),
    ],
)
def test_skips(tmp_path, text, ci, code, said):
    (tmp_path / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "host_tests.conftest", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}

    done = subprocess.run(list(map(str, command)), cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert said in done.stdout
    assert done.returncode == code, done.stdout
