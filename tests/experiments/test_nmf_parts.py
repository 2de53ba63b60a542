"""The experiment ``nmf-parts``."""

import json

import pytest

from eckart import experiments
from eckart.experiments import nmf_parts


@pytest.mark.parametrize("seed", [0, 1])
def test_the_quick_run_reproduces(seed):
    """The parts are found at the small size too, whatever the seed; and they can be drawn."""
    outcome = experiments.reproduce("nmf-parts", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    figure = nmf_parts.draw(outcome)
    assert all(axes.get_xlabel() or axes.get_title() for axes in figure.axes)
