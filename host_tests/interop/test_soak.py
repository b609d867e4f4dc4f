"""A soak in real time: see tools/soak.py. `make soak MINUTES=60` is the same for longer."""

import os

import pytest

from tools import soak

MINUTES = float(os.environ.get("LADEPUNKT_MINUTES", "2"))


@pytest.mark.long
def test_nothing_grows_while_everything_around_the_firmware_is_killed():
    found = soak.run(max(1.5, MINUTES / 4), 1, print)

    assert list(soak.problems(found)) == []
    assert sum(found["faults"].values()) >= 5
