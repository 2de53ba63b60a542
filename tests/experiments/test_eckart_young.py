"""Eckart and Young on the digits."""

import json

import pytest

from eckart import experiments


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """What the command prints as PASS is true for more than one seed, and the figure can be drawn."""
    outcome = experiments.reproduce("eckart-young", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    assert len(outcome.checks) == 8
    json.dumps(outcome.to_dict())
    if seed == 0:
        assert len(experiments.eckart_young.draw(outcome).axes) == 2
