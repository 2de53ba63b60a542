"""The scalar completion problem: closed form, saddle, escape."""

import json

import numpy as np
import pytest

from eckart import experiments
from eckart.experiments import scalar_gradient_field


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """What the command prints as PASS is true for more than one seed, and the figure can be drawn."""
    outcome = experiments.reproduce("scalar-gradient-field", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    if seed == 0:
        assert len(scalar_gradient_field.draw(outcome).axes) == 3


def test_closed_form_solves_the_equation():
    """x' = 2x(a − x) by central differences, also for another a."""
    t, h = np.linspace(0, 2, 9), 1e-5
    for a, c in ((1.0, 0.1), (2.5, 4.0)):
        x = scalar_gradient_field.closed_form(t, a, c)
        slope = (
            scalar_gradient_field.closed_form(t + h, a, c) - scalar_gradient_field.closed_form(t - h, a, c)
        ) / (2 * h)
        np.testing.assert_allclose(slope, 2 * x * (a - x), atol=1e-6)
        assert x[0] == pytest.approx(c)
