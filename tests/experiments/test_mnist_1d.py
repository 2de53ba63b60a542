"""Who needs the order of the pixels."""

import json

import numpy as np
import pytest

from eckart import experiments
from eckart.experiments import mnist_1d

pytest.importorskip("mnist1d", reason="mnist1d (extra 'demo') is not installed")


@pytest.mark.parametrize("seed", [0, 1])
def test_quick_run_passes(seed):
    """Dense networks do not mind, windows do: true for more than one permutation and start."""
    outcome = experiments.reproduce("mnist-1d", quick=True, seed=seed)
    assert outcome.passed, [check for check in outcome.checks if not check.passed]
    json.dumps(outcome.to_dict())
    if seed == 0:
        figure = mnist_1d.draw(outcome)
        assert [bool(axes.get_title()) for axes in figure.axes] == [True, True]


def test_the_networks_are_the_published_ones():
    """410, 15,210 and 5,210 parameters; the local network has the same windows, with weights of their own."""
    sizes = {name: sum(p.size for p in make(0).parameters()) for name, make in mnist_1d.NETWORKS.items()}
    assert (sizes["logistic"], sizes["MLP"], sizes["CNN"]) == (410, 15_210, 5_210)
    windows = 19 * 25 * 5 + 10 * 25 * 25 * 3 + 5 * 25 * 25 * 3
    assert sizes["local"] == windows + 25 * (19 + 10 + 5) + 1260
    x = np.zeros((2, 1, 40), np.float32)
    assert all(make(0)(x).shape == (2, 10) for make in mnist_1d.NETWORKS.values())
