"""The lecture's experiment, every method beside the bound."""

import json

import pytest

from eckart import experiments
from eckart.experiments import matrix_recovery


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """What the command prints as PASS is true for more than one seed, and the figure can be drawn."""
    outcome = experiments.reproduce("matrix-recovery", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    if seed == 0:
        pictures = 1 + 7 * (1 + 2 * 6)  # truth; mask, and output and error of six methods, by share
        assert len(matrix_recovery.draw(outcome).axes) == pictures + 1
