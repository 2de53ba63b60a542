"""The experiment ``sgd-or-als``."""

import json

import pytest

from eckart import experiments
from eckart.experiments import sgd_or_als


@pytest.mark.parametrize("seed", [0, 1])
def test_the_quick_run_reproduces(seed):
    """The comparison holds at the small size too, whatever the seed; and it can be drawn."""
    outcome = experiments.reproduce("sgd-or-als", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    figure = sgd_or_als.draw(outcome)
    assert all(axes.get_xlabel() or axes.get_title() for axes in figure.axes)
