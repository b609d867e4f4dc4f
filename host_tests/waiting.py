"""Waiting in real time, for tests with sockets and processes."""

import time

import pytest


def until(condition, what="it", limit_s=10):
    """The first true value of condition(); the test fails when there is none within the limit."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    pytest.fail(f"{what}: not within {limit_s} s")
