"""Shifts before and after a layer."""

import json

import pytest

from eckart import experiments
from eckart.experiments import shift_equivariance


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """What the command prints as PASS is true for more than one seed, and the figure can be drawn."""
    outcome = experiments.reproduce("shift-equivariance", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    if seed == 0:
        assert len(shift_equivariance.draw(outcome).axes) == 5
