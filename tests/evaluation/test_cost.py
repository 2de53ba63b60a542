"""Seconds and memory of a piece of work."""

import sys
import time

import numpy as np
import pytest

from eckart.evaluation import cost


def test_seconds_and_answer():
    """The time is that of the work, and its answer comes through."""
    answer, found = cost.costed(lambda: time.sleep(0.02) or "done")
    assert answer == "done"
    assert 0.02 <= found.seconds < 5


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is known on Linux alone")
def test_memory_is_the_peak_of_this_work_alone():
    """A large fit before must not be charged to a small one after, and freed memory counts."""
    _, large = cost.costed(lambda: np.ones(8_000_000).sum())
    _, small = cost.costed(lambda: np.ones(1000).sum())
    if large.n_bytes is None:
        pytest.skip("the system does not let a process reset its peak")
    assert 60e6 < large.n_bytes < 200e6
    assert small.n_bytes < 30e6


def test_unknown_memory_is_none(monkeypatch):
    """A system that does not tell gives no number, not a wrong one."""
    monkeypatch.setattr(cost, "_fresh_peak", lambda: None)
    assert cost.costed(lambda: None)[1].n_bytes is None
