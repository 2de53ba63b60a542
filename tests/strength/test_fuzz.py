"""Damaged files: each loads or is refused with a clear error; none crashes, hangs or fills the memory."""

import sys

import pytest
from tests.strength.fuzzing import run


@pytest.mark.skipif(sys.platform == "win32", reason="limits are set with resource")
@pytest.mark.parametrize("seed", [1])
def test_damaged_files_are_refused(seed):
    """Half-copied and bit-rotten files come in every day, and files from strangers (tools/fuzz.py)."""
    report = run(360, seed)
    assert not report.failures, "\n".join(report.failures)
    assert sum(report.outcomes.values()) == 360
    assert report.outcomes["EckartError"] > 180  # the damage does reach what is checked
