"""What the scale of attention does before training."""

import json

import pytest

from eckart import experiments
from eckart.experiments import attention_at_init


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """What the command prints as PASS is true for more than one seed, and the figure can be drawn."""
    outcome = experiments.reproduce("attention-at-init", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    if seed == 0:
        assert len(attention_at_init.draw(outcome).axes) == 3
