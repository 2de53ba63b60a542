"""LeNet-5 on digits."""

import json

import pytest
from tests.shared import shared_file

from eckart import experiments
from eckart.experiments import lenet_mnist


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """A new user, without MNIST, sees it learn; and is told on what."""
    outcome = experiments.reproduce("lenet-mnist", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    assert "scikit-learn" in outcome.notes[0]
    if seed == 0:
        figure = lenet_mnist.draw(outcome)
        assert [bool(axes.get_title()) for axes in figure.axes] == [True, True]


def test_with_a_file():
    """What is read is what is learned from: the note about other digits is gone."""
    outcome = experiments.reproduce("lenet-mnist", quick=True, data=shared_file("images/mnist.npz"))
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    assert outcome.notes == []
    assert outcome.tables[0].title.startswith("1,500 digits")
