"""The network of 1989."""

import json

import numpy as np
import pytest

from eckart import experiments
from eckart.experiments import lecun_1989


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """A new user, without MNIST, sees it learn; and is told on what."""
    outcome = experiments.reproduce("lecun-1989", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    assert "scikit-learn" in outcome.notes[0]
    if seed == 0:
        figure = lecun_1989.draw(outcome)
        assert [bool(axes.get_title()) for axes in figure.axes] == [True, True]


def test_the_input_is_the_papers():
    """16 x 16, from -1 (the background, which the network also puts around the image) to 1."""
    x = lecun_1989._input(np.array([np.zeros((28, 28)), np.full((28, 28), 255)], np.uint8))
    assert x.shape == (2, 1, 16, 16)
    assert x.dtype == np.float32
    assert np.array_equal(x[:, 0, 0, 0], [-1, 1])
